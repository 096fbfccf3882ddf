"""``genrekit audit``: what is wrong with data, before a model learns it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import Jobs, Reading, RetryFailed, reads_data
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genrekit.audit import AuditReport, Finding, Kind
    from genrekit.datasets import Dataset

_SHOWN = 3


@reads_data
def audit(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA ...", help="Folders, tables, or what holds some.")
    ],
    report: Annotated[Path | None, typer.Option(help="Write a page with plots: .html.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the findings as Markdown.")] = None,
    fix: Annotated[
        Path | None, typer.Option(help="Write a plan that loading applies: .yaml.")
    ] = None,
    accept_relabels: Annotated[
        bool, typer.Option("--accept-relabels", help="Accept doubted labels in the plan, unheard.")
    ] = False,
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="Doubt labels too (needs the extra train).")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the model that doubts labels.")] = 0,
    jobs: Jobs = None,
    retry_failed: RetryFailed = False,
    as_json: Annotated[bool, typer.Option("--json", help="One AuditReport a line.")] = False,
    *,
    reading: Reading,
) -> None:
    """Find what is wrong with data: files, duplicates, labels, balance, tables.

    A folder that holds several sets has all of them audited. No file is ever changed.
    """
    from genrekit.audit import run_audit
    from genrekit.terminal import print_json_line, progress_bars
    from genrekit.workers import cores

    sets = [one for path in data for one in _sets(path, reading.corpus)]
    if fix is not None and len(sets) > 1:
        raise ConfigError(f"a plan is for one set, and there are {len(sets)}; name one of them")
    reports = []
    for name, path, called in sets:
        dataset, before = _load(name, path, reading.options(path, name))
        with progress_bars() as progress:
            done = run_audit(
                dataset,
                corpus=name,
                data=called,
                root=path if path.is_dir() else path.parent,
                before=before,
                labels=labels,
                workers=jobs or cores(),
                retry_failed=retry_failed,
                seed=seed,
                progress=progress,
            )
        reports.append(done)
        if as_json:
            print_json_line(reports[-1])
        else:
            _show(reports[-1])
    _write(reports, report, output, fix, accept_relabels)


def _sets(path: Path, corpus: str | None) -> list[tuple[str, Path, str]]:
    """Corpus, path and name of every set at ``path``."""
    from genrekit.datasets import find_corpora

    found = [(corpus, path)] if corpus else find_corpora(path)
    return [
        (name, place, place.name if place == path else place.relative_to(path).as_posix())
        for name, place in found
    ]


def _load(corpus: str, path: Path, options: dict[str, Any]) -> tuple[Dataset, tuple[Finding, ...]]:
    from inspect import signature

    from genrekit.audit import load_table
    from genrekit.datasets import DATASETS, load_dataset

    if corpus == "table":
        return load_table(path, **options)
    known = signature(DATASETS.get(corpus)).parameters
    if "audio" in known:
        options = {"audio": "optional"} | options  # what is absent is a finding
    if "unreadable" in known:
        options = {"unreadable": "keep"} | options  # and so is what cannot be read
    return load_dataset(corpus, path, **options), ()


def _write(
    reports: Sequence[AuditReport],
    page: Path | None,
    output: Path | None,
    fix: Path | None,
    accept_relabels: bool,
) -> None:
    from genrekit.audit import make_plan, render_audits_markdown
    from genrekit.datasets import render_plan
    from genrekit.reports import render_audits_html
    from genrekit.terminal import errors, plain

    if page is not None:
        page.write_text(render_audits_html(reports), encoding="utf-8")
    if output is not None:
        command = f"genrekit audit DATA --output {output.as_posix()}"
        output.write_text(render_audits_markdown(reports, command), encoding="utf-8")
    if fix is not None:
        plan = make_plan(reports[0], accept_relabels=accept_relabels)
        fix.write_text(render_plan(plan), encoding="utf-8")
    for written in filter(None, (page, output, fix)):
        errors().print(f"written to {plain(written)}")


# --- in the terminal ----------------------------------------------------------------------------


def _show(report: AuditReport) -> None:
    from rich.table import Table
    from rich.text import Text

    from genrekit.terminal import plain, results

    columns = f", {report.columns} columns" if report.columns else ""
    head = f" ({report.medium}): {report.items} items, {len(report.labels)} labels{columns}"
    results().print(Text.assemble((plain(report.data), "bold"), head))
    table = Table(box=None, header_style="dim", pad_edge=True)
    table.add_column("")
    table.add_column("found", justify="right")
    table.add_column("what")
    table.add_column("such as", overflow="fold")
    for kind, count in report.counts().items():
        table.add_row(*_row(report, kind, count))
    results().print(table if report.findings else "  nothing was found")
    for line in _remarks(report):
        results().print(Text(f"  {plain(line)}", style="dim"))


def _row(report: AuditReport, kind: Kind, count: int) -> tuple[Any, ...]:
    from rich.text import Text

    from genrekit.audit import KINDS
    from genrekit.terminal import plain

    info = KINDS[kind]
    style = {"error": "bold red", "warning": "yellow", "note": "cyan"}[info.severity]
    messages = [finding.message for finding in report.findings if finding.kind == kind]
    more = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
    examples = "\n".join(plain(text) for text in [*messages[:_SHOWN], *more])
    return Text(info.severity, style=style), str(count), info.title, Text(examples)


def _remarks(report: AuditReport) -> Iterator[str]:
    if report.repetitions is not None and (known := report.repetitions.summary()):
        yield known
    if report.label_accuracy is not None:
        yield f"labels are doubted by a model of out-of-fold accuracy {report.label_accuracy:.2f}"
    for one_check in report.skipped:
        yield f"not checked: {one_check.check} ({one_check.reason})"
