"""A report as sections, before it is a page of any kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from genrekit import __version__
from genrekit.errors import DatasetError
from genrekit.pages import (
    AudioClip,
    Details,
    Document,
    Dots,
    Facts,
    Part,
    Section,
    Table,
    calibration,
    counted,
    interval,
    leaky_parts,
    marked_leaky,
)
from genrekit.reports.answer import KnownLeak, facts_of, lead_of, leaks_of, says_top
from genrekit.reports.best_model import (
    confusion_section,
    examples_section,
    genre_section,
    mistakes_section,
    sureness_section,
)
from genrekit.reports.comparing import evidence_text, full_columns, pair_folds
from genrekit.reports.further import (
    data_sections,
    importance_sections,
    learning_sections,
    robustness_sections,
    searched_sections,
    training_sections,
)
from genrekit.reports.groups import PROTOCOL_NOTES, Entry, Group, headline
from genrekit.reports.inputs import Inputs
from genrekit.reports.methods import Statement, methods_of, methods_section
from genrekit.reports.rankings import ranking_section

_DIGITS = 16


@dataclass(frozen=True, slots=True, eq=False)
class ReportDocument(Document):
    """A report that can be written as LaTeX, too.

    Attributes
    ----------
    lead : str
        The answer.
    groups : tuple of Group
        Results that can be compared, the strictest protocol first; empty if there are none.
    """

    groups: tuple[Group, ...] = ()
    leaks: tuple[KnownLeak, ...] = ()
    methods: tuple[Statement, ...] = ()


def make_document(
    inputs: Inputs,
    groups: tuple[Group, ...],
    *,
    title: str = "",
    sounds: Mapping[str, AudioClip] | None = None,
) -> ReportDocument:
    """Say everything that the inputs allow to be said.

    Parameters
    ----------
    groups : tuple of Group
        What `groups_of` made of the inputs.
    sounds : mapping of str to AudioClip, optional
        Audio by the id of its track.

    Raises
    ------
    DatasetError
        If nothing was read that there is something to say of.
    """
    leaks = leaks_of(groups, inputs)
    further = [
        *learning_sections(inputs),
        *training_sections(inputs),
        *robustness_sections(inputs),
        *importance_sections(inputs),
        *searched_sections(inputs),
        *data_sections(inputs, leaks),
    ]
    if not groups and not further:
        kinds = ", ".join(sorted({source.kind for source in inputs.sources}))
        raise DatasetError(
            f"there is nothing to report in what was read ({kinds}): name the results files as well"
        )
    methods = methods_of(groups, inputs)
    sections = [
        *_about_models(groups, leaks, sounds or {}),
        *further,
        *([methods_section(methods)] if methods else []),
        _origin(inputs, groups),
    ]
    return ReportDocument(
        title=title or _title(inputs, groups),
        lead=lead_of(groups, leaks, inputs) if groups else "",
        sections=tuple(sections),
        groups=groups,
        leaks=leaks,
        methods=methods,
        foot=f"Made by genrekit {__version__} from {counted(len(inputs.sources), 'file')}.",
        contents=True,
    )


def _title(inputs: Inputs, groups: Sequence[Group]) -> str:
    if not groups:
        return "What was measured"
    datasets = list(dict.fromkeys(group.best.run.result.dataset for group in groups))
    entries = [entry for group in groups for entry in group.entries]
    models = {entry.run.result.model for entry in entries}
    what = groups[0].best.name if len(models) == 1 else counted(len(models), "model")
    return f"{what} on {' and '.join(datasets)}"


def _about_models(
    groups: Sequence[Group], leaks: Sequence[KnownLeak], sounds: Mapping[str, AudioClip]
) -> Iterator[Section]:
    if not groups:
        return
    facts: Facts = facts_of(groups, leaks)
    yield Section("", parts=[facts])
    first, best = groups[0], groups[0].best
    leaky = best.run.result.leaky or any(leak.first for leak in leaks)
    models = [_models(first, "The models" if len(first.entries) > 1 else "The numbers")]
    yield from marked_leaky(models) if leaky else models
    if len(groups) > 1:
        yield _protocols(groups)
    found = (
        genre_section(best),
        confusion_section(best),
        ranking_section(best),
        mistakes_section(best),
        examples_section(best, sounds),
        sureness_section(first),
    )
    sections = [section for section in found if section is not None]
    yield from marked_leaky(sections) if leaky else sections


# --- tables -------------------------------------------------------------------------------------

_HEADINGS = ("model", "group", "accuracy", "macro F1", "top 3", "log loss", "calibration error")
_SEVERAL = ("model", "group", "all right", "macro F1", "micro F1", "mAP", "ROC-AUC")


def models_table(group: Group, title: str = "") -> Table:
    """All models of a group with their numbers, best first."""
    letters = (
        {} if group.comparison is None else {m.name: m.letters for m in group.comparison.models}
    )
    several = group.best.run.result.multi_label is not None
    rows = [
        [one.name, letters.get(one.name, ""), *(_ranked(one) if several else _single(one))]
        for one in group.entries
    ]
    return full_columns(_SEVERAL if several else _HEADINGS, rows, title)


def _single(entry: Entry) -> list[str]:
    one, metrics = entry.run.result, entry.run.metrics
    return [
        interval(one.accuracy),
        interval(one.macro_f1),
        interval(metrics.top3) if metrics is not None and says_top(entry) else "",
        f"{one.log_loss:.3f}",
        calibration(one),
    ]


def _ranked(entry: Entry) -> list[str]:
    one = entry.run.result
    several = one.multi_label
    if several is None:
        return [interval(one.accuracy), interval(one.macro_f1), "", "", ""]
    return [
        interval(one.accuracy),
        interval(one.macro_f1),
        interval(several.micro_f1),
        interval(several.mean_average_precision),
        "" if several.roc_auc is None else interval(several.roc_auc),
    ]


def _models(group: Group, title: str) -> Section:
    found = group.comparison
    parts: list[Part] = []
    if len(group.entries) > 1:
        parts.append(_dots(group))
    parts.append(models_table(group))
    parts += _segments(group)
    lines = [_protocol_text(group)]
    if found is not None:
        lines += [found.sentence, evidence_text(found)]
        lines += [note for note in found.notes if "t-test" not in note]
        parts += pair_folds(found)
    return Section(title, "\n".join(lines), parts)


def _dots(group: Group) -> Dots:
    found = group.comparison
    letters = {} if found is None else {model.name: model.letters for model in found.models}
    names = [
        f"{one.name} ({letters[one.name]})" if one.name in letters else one.name
        for one in group.entries
    ]
    estimates = [headline(one.run) for one in group.entries]
    what = _headline_name([group])
    return Dots(f"{what.capitalize()}, {group.title}", names, estimates, what)


def _headline_name(groups: Sequence[Group]) -> str:
    """Return what the numbers are that models are ranked by."""
    names = {"single-label": "accuracy", "multi-label": "mean average precision"}
    return " or ".join(dict.fromkeys(names[group.best.run.result.task] for group in groups))


def _segments(group: Group) -> list[Part]:
    """Return the same scores counted segment by segment, where recordings have several."""
    rows = [
        [one.name, interval(beneath.accuracy), interval(beneath.macro_f1), str(beneath.items)]
        for one in group.entries
        if (beneath := one.run.segment_result) is not None
    ]
    if not rows:
        return []
    table = Table(("model", "accuracy", "macro F1", "segments"), rows)
    return [Details("Counted segment by segment", parts=[table])]


def _protocol_text(group: Group) -> str:
    one = group.best.run.result
    note = PROTOCOL_NOTES.get(one.protocol)
    leaky = " **LEAKY**" if one.leaky else ""
    return (
        f"Protocol {one.protocol}{leaky}{f': {note}' if note else ''}. Tested are "
        f"{counted(one.items, one.unit)} of {one.dataset}."
    )


def _protocols(groups: Sequence[Group]) -> Section:
    """All groups side by side, and each further one with the reason why it stands apart."""
    entries = [(group, entry) for group in groups for entry in group.entries]
    names = list(dict.fromkeys(entry.run.result.model for _, entry in entries))
    what = _headline_name(groups)
    chart = Dots(
        f"{what.capitalize()} by protocol",
        [entry.name for _, entry in entries],
        [headline(entry.run) for _, entry in entries],
        what,
        [_grouped(group) for group, _ in entries],
    )
    parts: list[Part] = [chart]
    for group in groups[1:]:
        text = f"Not compared with the numbers above: {group.apart}.\n{_protocol_text(group)}"
        inner: list[Part] = [models_table(group), *_segments(group)]
        if group.comparison is not None:
            text += f"\n{evidence_text(group.comparison)}"
            inner += pair_folds(group.comparison)
        best, many = group.best, counted(len(group.entries), "model")
        summary = f"{group.title}: {best.name} {interval(headline(best.run))}"
        inner = leaky_parts(inner) if best.run.result.leaky else inner
        parts.append(
            Details(f"{summary}, best of {many}" if many != "1 model" else summary, text, inner)
        )
    text = (
        f"{counted(len(groups), 'set')} of tests, {counted(len(names), 'model')}. Numbers of "
        "different tests say nothing about which model is better, so each set stands alone; what "
        "differs between them is what the protocol is worth."
    )
    return Section("All tests side by side", text, parts)


def _grouped(group: Group) -> str:
    one = group.best.run.result
    return f"{group.title} ({counted(one.items, one.unit)})"


# --- where it comes from ------------------------------------------------------------------------


def _origin(inputs: Inputs, groups: Sequence[Group]) -> Section:
    rows = []
    for group in groups:
        one = group.best.run.result
        rows.append(
            [
                group.title,
                one.dataset,
                one.dataset_fingerprint[:_DIGITS],
                one.split_fingerprint[:_DIGITS],
                ", ".join(f"{name} {number}" for name, number in sorted(one.versions.items())),
            ]
        )
    hashes = [
        [entry.name, sha256[:_DIGITS]]
        for group in groups
        for entry in group.entries
        if (sha256 := entry.run.result.bundle_sha256) is not None
    ]
    bundles = [
        [
            f"{one.name} {one.version}",
            one.architecture,
            f"{one.provenance.tracks} tracks of {one.provenance.dataset}",
            one.provenance.data_licence,
        ]
        for _, one in inputs.bundles
    ]
    files = Table(("file", "holds"), [[source.path.name, source.kind] for source in inputs.sources])
    headings = ("tests", "data", "fingerprint of the data", "of the split", "versions")
    parts: list[Part] = [Table(headings, rows)] if rows else []
    parts += [Table(("tested model", "hash"), hashes)] if hashes else []
    about = ("saved model", "architecture", "fitted on", "licence of the data")
    parts += [Table(about, bundles)] if bundles else []
    parts.append(Details(f"{counted(len(inputs.sources), 'file')} read", parts=[files]))
    return Section("Where the numbers come from", "", parts)
