"""A report in one call: read, say, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrekit.errors import ConfigError
from genrekit.pages import save_document
from genrekit.reports.answer import KnownLeak
from genrekit.reports.document import ReportDocument, make_document
from genrekit.reports.groups import groups_of
from genrekit.reports.inputs import read_inputs
from genrekit.reports.latex import render_latex
from genrekit.reports.listening import example_sounds
from genrekit.reports.methods import bibtex, cited
from genrekit.schema import Contract, Estimate

SUFFIXES = (".html", ".md", ".tex")
FIGURES = ("png", "svg", "pdf")


class ReportedGroup(Contract):
    """Results that are compared with each other, best first, and why they stand apart."""

    protocol: str
    leaky: bool
    dataset: str
    split_fingerprint: str
    fitted_on: str
    items: int
    unit: str
    models: tuple[str, ...]
    accuracy: Estimate
    apart: str


class Report(Contract):
    """What a report says, and the files that it was written to.

    Parameters
    ----------
    answer : str
        What it opens with.
    groups : tuple of ReportedGroup
        The strictest protocol first; ``accuracy`` is that of the first model.
    skipped : tuple of str
        JSON files of folders that are not results.
    """

    title: str
    answer: str
    groups: tuple[ReportedGroup, ...]
    leaks: tuple[KnownLeak, ...]
    files: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def report(
    results: str | Path | Sequence[str | Path],
    out: str | Path | Sequence[str | Path] = (),
    *,
    title: str = "",
    figures: str = "png",
    audio: str | Path | None = None,
    audio_licence: str = "",
) -> Report:
    """Make a report of results files, saved models, and folders that hold them.

    Parameters
    ----------
    results : path or sequence of paths
        What ``evaluate -o``, ``train --results``, ``study``, ``robustness``, ``compare``, ``audit
        --json``, ``explain --json`` and ``tune --json`` write, and ``history.jsonl``.
    out : path or sequence of paths
        Files to write: ``.html`` (one file that needs nothing else), ``.md`` (its figures in a
        folder beside it), ``.tex`` (tables, methods, and a ``.bib`` beside it).
    figures : {"png", "svg", "pdf"}
        Of the Markdown.
    audio : path, optional
        Folder with the tracks; the page then plays a few. Nothing is embedded without it.
    audio_licence : str
        By which that audio may be passed on; wanted with ``audio``, and shown with each player.

    Returns
    -------
    Report
        What the report says.

    Raises
    ------
    DatasetError
        If something cannot be read, is not a result, or was edited.
    ConfigError
        If a file to write has another suffix, or audio has no licence.
    MissingExtraError
        Without plotly or matplotlib.
    """
    files = [Path(one) for one in ([out] if isinstance(out, str | Path) else out)]
    for file in files:
        if file.suffix not in SUFFIXES:
            raise ConfigError(
                f"{file} is not a report; name a file that ends in .html, .md or .tex"
            )
    if figures not in FIGURES:
        raise ConfigError(f"figures can be {', '.join(FIGURES)}, and not {figures!r}")
    inputs = read_inputs([results] if isinstance(results, str | Path) else results)
    groups = groups_of(inputs)
    sounds = None if audio is None else example_sounds(groups, Path(audio), audio_licence)
    document = make_document(inputs, groups, title=title, sounds=sounds)
    written = [path for file in files for path in write_document(document, file, figures)]
    return Report(
        title=document.title,
        answer=document.lead.replace("**", ""),
        groups=_reported(document),
        leaks=document.leaks,
        files=tuple(str(path) for path in written),
        skipped=tuple(str(path) for path in inputs.skipped),
    )


def _reported(document: ReportDocument) -> tuple[ReportedGroup, ...]:
    return tuple(
        ReportedGroup(
            protocol=one.protocol,
            leaky=one.leaky,
            dataset=one.dataset,
            split_fingerprint=one.split_fingerprint,
            fitted_on=one.fitted_on,
            items=one.items,
            unit=one.unit,
            models=tuple(entry.name for entry in group.entries),
            accuracy=one.accuracy,
            apart=group.apart,
        )
        for group in document.groups
        for one in (group.best.run.result,)
    )


def write_document(document: ReportDocument, file: Path, figures: str = "png") -> list[Path]:
    """Write a page, Markdown or LaTeX, as the name of the file says; return what was written."""
    if file.suffix != ".tex":
        return save_document(document, file, figures)
    file.write_text(render_latex(document), encoding="utf-8")
    # What the paragraph on methods cites, for BibTeX.
    if not cited(document.methods):
        return [file]
    references = file.with_suffix(".bib")
    references.write_text(bibtex(document.methods), encoding="utf-8")
    return [file, references]
