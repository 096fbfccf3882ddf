"""What an audit says: findings, graded, with the items they are about, and the report of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from pydantic import Field

from genrekit.datasets import Dataset, Item, parse_name
from genrekit.schema import Contract, Estimate, Sha256, Task

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Medium = Literal["audio", "pictures", "table", "labels"]

Kind = Literal[
    "unreadable",
    "truncated",
    "silent",
    "non-finite",
    "one-recording-two-labels",
    "unknown-recordings",
    "missing-values",
    "decimal-comma",
    "exact-duplicate",
    "identical-rows",
    "too-short",
    "clipped",
    "odd-rate",
    "odd-channels",
    "odd-size",
    "odd-drawing",
    "constant-column",
    "duplicate-column",
    "near-duplicate",
    "consecutive-parts",
    "class-imbalance",
    "dominant-artist",
    "dominant-album",
    "suspicious-label",
    "audio-absent",
]


class KindInfo(NamedTuple):
    """How grave a kind of finding is, what it is called, and what to do about it."""

    severity: Severity
    title: str
    advice: str


#: Every kind, gravest first.
KINDS: dict[Kind, KindInfo] = {
    "unreadable": KindInfo(
        "error", "Cannot be read", "get the file again, or drop it: training would stop at it"
    ),
    "truncated": KindInfo("error", "Cut off or damaged", "get the file again, or drop it"),
    "silent": KindInfo("error", "Silent", "drop it: there is no sound in it"),
    "non-finite": KindInfo("error", "Samples that are not numbers", "export the file again"),
    "one-recording-two-labels": KindInfo(
        "error",
        "One recording under several labels",
        "at least one label is wrong: listen, relabel, and keep one; until then drop all of them",
    ),
    "unknown-recordings": KindInfo(
        "error",
        "Nobody can say which rows are one recording",
        "it cannot be split honestly: name the column of recordings, or use a table that has one",
    ),
    "missing-values": KindInfo(
        "error", "Missing values", "drop the column, or compute the features of these items again"
    ),
    "decimal-comma": KindInfo("error", "Numbers that count as text", "write decimals with a point"),
    "exact-duplicate": KindInfo("error", "The same audio or picture, exactly", "keep one"),
    "identical-rows": KindInfo("error", "Rows with equal features", "keep one"),
    "too-short": KindInfo("warning", "Much shorter than the others", "get the whole, or drop it"),
    "clipped": KindInfo(
        "warning", "Clipped", "get a better copy; keep it only if the others are clipped too"
    ),
    "odd-rate": KindInfo(
        "warning",
        "Another sample rate than most",
        "a model can learn the rate in place of the music: convert all files to the lowest one",
    ),
    "odd-channels": KindInfo(
        "warning", "Mono among stereo, or the other way", "fold all of them to mono"
    ),
    "odd-size": KindInfo("warning", "Another size than most", "draw these pictures again"),
    "odd-drawing": KindInfo(
        "warning",
        "Drawn otherwise than most",
        "a model can learn the drawing in place of the music: draw all pictures in one way",
    ),
    "constant-column": KindInfo("warning", "Columns that never change", "drop them"),
    "duplicate-column": KindInfo("warning", "Columns that repeat another", "keep one"),
    "near-duplicate": KindInfo(
        "warning",
        "Nearly the same: an excerpt, re-encoding or version",
        "keep one, or keep them on one side of every split",
    ),
    "consecutive-parts": KindInfo(
        "warning",
        "Parts of one recording under names of their own",
        "keep them on one side of every split: genrekit split DATA --by track,fingerprint",
    ),
    "class-imbalance": KindInfo(
        "warning",
        "Unbalanced labels",
        "judge by macro F1, and weight or resample inside the training folds",
    ),
    "dominant-artist": KindInfo(
        "warning", "An artist dominates a label", "split by artist, or cap the tracks of each"
    ),
    "dominant-album": KindInfo(
        "warning", "An album dominates a label", "split by album, or cap the tracks of each"
    ),
    "suspicious-label": KindInfo(
        "note", "Labels worth a second listen", "listen; it is a suspicion, not a proof"
    ),
    "audio-absent": KindInfo(
        "note", "Items without audio", "put the audio in its place to have it checked too"
    ),
}
_ORDER = {kind: position for position, kind in enumerate(KINDS)}


class FoundItem(Contract):
    """An item that a finding is about."""

    item_id: str
    file: str | None = None
    recording: str
    labels: tuple[str, ...] = ()


class Finding(Contract):
    """One thing that is wrong, or may be.

    Parameters
    ----------
    message : str
        What was seen, in one sentence.
    items : tuple of FoundItem
        The one to keep comes first, where there is one.
    columns : tuple of str
        Of a table.
    proposed : str, optional
        The label that a suspicious item seems to have.
    evidence : dict
        Numbers, named with their unit.
    """

    kind: Kind
    severity: Severity
    message: str
    items: tuple[FoundItem, ...] = ()
    columns: tuple[str, ...] = ()
    proposed: str | None = None
    evidence: dict[str, float] = Field({}, description="numbers, named with their unit")
    advice: str


class Skipped(Contract):
    """A check that could not be made, and why."""

    check: str
    reason: str


class KnownRepetitions(Contract):
    """What the duplicate checks found of the repetitions that are known of a corpus.

    The checks do not use that knowledge. ``further`` are pairs that they found besides.
    """

    exact_known: int
    exact_found: int
    near_known: int
    near_found: int
    recall: Estimate | None = None
    missed: tuple[tuple[str, str], ...] = ()
    further: tuple[tuple[str, str], ...] = ()

    def summary(self) -> str:
        """How many were found, with the interval; empty where none are known."""
        if self.recall is None:
            return ""
        found, total = self.exact_found + self.near_found, self.exact_known + self.near_known
        one = self.recall
        return (
            f"of {total} known repetitions {found} were found: {one.value:.2f} "
            f"[{one.low:.2f}, {one.high:.2f}]"
        )


class AuditReport(Contract):
    """All that an audit found, gravest first.

    Parameters
    ----------
    data : str
        What was audited, as the user named it.
    labels : dict
        Items of each label.
    seconds, loudness_db : tuple of float
        Of every file that could be read, for the plots; root mean square in dB of full scale.
    checks : tuple of str
        Checks that were made, so that "nothing found" can be told from "not looked for".
    label_accuracy : float, optional
        Of the out-of-fold model that judged the labels.
    """

    data: str
    corpus: str
    name: str
    title: str
    medium: Medium
    task: Task
    items: int
    recordings: int
    labels: dict[str, int]
    columns: int = 0
    dataset_fingerprint: Sha256
    findings: tuple[Finding, ...] = ()
    checks: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    seconds: tuple[float, ...] = ()
    loudness_db: tuple[float, ...] = ()
    label_accuracy: float | None = None
    repetitions: KnownRepetitions | None = None

    def counts(self) -> dict[Kind, int]:
        """Group the findings by kind, gravest first; kinds without one are left out."""
        kinds = [finding.kind for finding in self.findings]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}


def make_finding(
    kind: Kind,
    message: str,
    items: Iterable[FoundItem] = (),
    *,
    columns: Sequence[str] = (),
    proposed: str | None = None,
    evidence: Mapping[str, float] = MappingProxyType({}),
) -> Finding:
    """Make a finding with the severity and the advice of its kind."""
    info = KINDS[kind]
    return Finding(
        kind=kind,
        severity=info.severity,
        message=printable(message),
        items=tuple(items),
        columns=tuple(columns),
        proposed=proposed,
        evidence=dict(evidence),
        advice=info.advice,
    )


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort gravest first; findings of one kind keep their order."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.kind]))


def own_recording(item: Item) -> str:
    """Return an item's recording by its names, without what is known of repetitions.

    GTZAN's loader puts known repetitions in one group; an audit has to find them by itself.
    """
    name = parse_name(item.item_id)
    return item.group if name is None else name.track


def found(dataset: Dataset, rows: Iterable[int], root: str = "") -> tuple[FoundItem, ...]:
    """Return the items at ``rows``, their files named below the folder ``root``."""
    return tuple(_found(dataset.items[row], root) for row in rows)


def below(text: str, root: str) -> str:
    """``text`` with paths below ``root`` made relative to it."""
    return text.replace(f"{root.rstrip('/')}/", "") if root else text


def printable(text: str) -> str:
    """``text`` with bytes of file names that are not UTF-8 escaped: JSON cannot hold them."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _found(item: Item, root: str) -> FoundItem:
    return FoundItem(
        item_id=printable(item.item_id),
        file=None if item.path is None else printable(below(item.path.as_posix(), root)),
        recording=printable(own_recording(item)),
        labels=tuple(map(printable, item.labels)),
    )
