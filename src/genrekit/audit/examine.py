"""What each kind of data is checked for: sound files, pictures, tables, and bare labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from genrekit.audit.duplicates import MOST_ROWS, NearPair, near_rows
from genrekit.audit.finding import Finding, Medium, Skipped, own_recording
from genrekit.audit.pictures import PictureFacts, measure_pictures, near_pictures, picture_findings
from genrekit.audit.recordings import (
    AudioFacts,
    audio_findings,
    audio_pairs,
    consecutive_findings,
    quality,
)
from genrekit.audit.remembered import measure_audio
from genrekit.audit.table import column_findings, row_contents
from genrekit.datasets import Dataset
from genrekit.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is checked, and how.

    Attributes
    ----------
    dataset : Dataset
    needs_labels : bool
        Whether what labels are judged by is measured, too.
    workers : int
        Processes that decode.
    root : str
        The folder that findings name files from; empty for none.
    progress : callable
    retry_failed : bool
        Whether sound files that could not be read are tried again, though they have not changed.
    """

    dataset: Dataset
    needs_labels: bool
    workers: int
    root: str
    progress: Progress
    retry_failed: bool = False


@dataclass(slots=True, eq=False)
class Examined:
    """What the checks of one kind of data hand to those that all kinds share."""

    findings: list[Finding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    pairs: list[NearPair] = field(default_factory=list)
    label_features: NDArray[np.float64] | None = None
    label_rows: list[int] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)
    quality: dict[int, float] = field(default_factory=dict)
    loudness_db: list[float] = field(default_factory=list)


def medium_of(dataset: Dataset) -> Medium:
    """Return what there is to check: features come first, then the kind of the files."""
    if dataset.features is not None:
        return "table"
    suffixes = {item.path.suffix.lower() for item in dataset.items if item.path is not None}
    if not suffixes:
        return "labels"
    return "pictures" if suffixes == {".png"} else "audio"


# --- one kind of data each ----------------------------------------------------------------------


def _examine_audio(asked: Request) -> Examined:
    dataset = asked.dataset
    facts = measure_audio(
        dataset,
        needs_labels=asked.needs_labels,
        workers=asked.workers,
        retry_failed=asked.retry_failed,
        done=lambda count: asked.progress("Listening", count, len(dataset)),
    )
    decodable = [row for row, fact in enumerate(facts) if fact.content]
    vectors = {row: fact.vector for row, fact in enumerate(facts) if fact.vector is not None}
    # All silence is alike, and has its own finding.
    loud = [row for row in decodable if not any("silent" in text for text in facts[row].warnings)]
    return Examined(
        findings=[
            *audio_findings(dataset, facts, asked.root),
            *consecutive_findings(dataset, facts, asked.root),
        ],
        checks=[
            *("readable", "complete", "silence", "finite samples", "length", "clipping"),
            *("sample rate", "channels", "exact duplicates", "near duplicates"),
            "consecutive parts",
        ],
        contents={row: facts[row].content for row in loud},
        pairs=audio_pairs(dataset, facts),
        label_features=np.array(list(vectors.values()), dtype=np.float64) if vectors else None,
        label_rows=list(vectors),
        seconds={row: facts[row].seconds for row in decodable},
        quality={row: quality(dataset.items[row], facts[row]) for row in decodable},
        loudness_db=[facts[row].loudness_db for row in decodable],
    )


def _examine_pictures(asked: Request) -> Examined:
    dataset, facts = asked.dataset, list[PictureFacts]()
    for fact in measure_pictures(dataset, workers=asked.workers):
        facts.append(fact)
        asked.progress("Looking", len(facts), len(dataset))
    seen = [row for row, fact in enumerate(facts) if fact.content]
    examined = Examined(
        findings=list(picture_findings(dataset, facts, asked.root)),
        checks=["readable", "size", "drawing", "exact duplicates"],
        contents={row: facts[row].content for row in seen},
        label_rows=seen,
    )
    if seen:
        patterns = np.array([facts[row].pattern for row in seen], dtype=np.float64)
        _pair_rows(examined, dataset, patterns, seen, near_pictures)
        examined.label_features = np.array(
            [facts[row].statistics for row in seen], dtype=np.float64
        )
    return examined


def _examine_table(asked: Request) -> Examined:
    dataset = asked.dataset
    asked.progress("Reading", 1, 1)
    assert dataset.features is not None, "a table has features"
    examined = Examined(
        findings=list(column_findings(dataset)),
        checks=["missing values", "constant columns", "duplicate columns", "identical rows"],
        contents=row_contents(dataset),
        label_features=dataset.features,
        label_rows=list(range(len(dataset))),
    )
    _pair_rows(examined, dataset, dataset.features, examined.label_rows, near_rows)
    return examined


def _examine_labels(asked: Request) -> Examined:
    dataset = asked.dataset
    asked.progress("Reading", 1, 1)
    reason = "there is neither audio nor a table of features"
    return Examined(
        findings=list(audio_findings(dataset, [AudioFacts()] * len(dataset), asked.root)),
        skipped=[Skipped(check="files and duplicates", reason=reason)],
    )


EXAMINERS = {
    "audio": _examine_audio,
    "pictures": _examine_pictures,
    "table": _examine_table,
    "labels": _examine_labels,
}


def _pair_rows(
    examined: Examined,
    dataset: Dataset,
    table: NDArray[np.float64],
    rows: Sequence[int],
    near: Callable[[NDArray[np.float64], Sequence[str]], list[NearPair]],
) -> None:
    recordings = [own_recording(dataset.items[row]) for row in rows]
    if len(set(recordings)) < 2:
        reason = "nobody can say which rows are one recording, and its segments are alike"
        examined.skipped.append(Skipped(check="near duplicates", reason=reason))
    elif len(rows) > MOST_ROWS:
        reason = f"{len(rows)} rows; every row is compared with every other up to {MOST_ROWS}"
        examined.skipped.append(Skipped(check="near duplicates", reason=reason))
    else:
        examined.checks.append("near duplicates")
        examined.pairs = [
            NearPair(rows[one.first], rows[one.second], one.evidence)
            for one in near(table, recordings)
        ]
