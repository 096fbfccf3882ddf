"""An audit of a dataset: every check that its kind of data allows, one report."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Pair
from genrekit.errors import MissingExtraError
from genrekit.evaluation.audit_audio import (
    AudioFacts,
    audio_findings,
    audio_pairs,
    listen,
)
from genrekit.evaluation.audit_duplicates import (
    DUPLICATE_KINDS,
    MOST_ROWS,
    Near,
    duplicate_findings,
    known_repetitions,
    near_rows,
)
from genrekit.evaluation.audit_finding import (
    AuditReport,
    Finding,
    Kind,
    Medium,
    Skipped,
    by_gravity,
    own_recording,
    printable,
)
from genrekit.evaluation.audit_labels import (
    balance_findings,
    dominance_findings,
    judge_labels,
    label_counts,
    names_known,
)
from genrekit.evaluation.audit_pictures import (
    PictureFacts,
    look,
    near_pictures,
    picture_findings,
)
from genrekit.evaluation.audit_table import (
    column_findings,
    recording_findings,
    row_contents,
)


@dataclass(frozen=True, slots=True)
class AuditStep:
    """How far an audit is; the last step carries the report."""

    stage: str
    done: int
    total: int
    report: AuditReport | None = None


@dataclass(slots=True)
class _Examined:
    """What the checks of one kind of data hand to those that all kinds share."""

    findings: list[Finding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    pairs: list[Near] = field(default_factory=list)
    judged: NDArray[np.float64] | None = None
    judged_rows: list[int] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)
    loudness_db: list[float] = field(default_factory=list)


_Steps = Generator[AuditStep, None, _Examined]


def run_audit(
    dataset: Dataset,
    *,
    corpus: str = "",
    data: str = "",
    root: Path | None = None,
    before: Sequence[Finding] = (),
    labels: bool = True,
    workers: int = 1,
    seed: int = 0,
) -> AuditReport:
    """Audit in one call; see `audit_steps`."""
    steps = audit_steps(
        dataset,
        corpus=corpus,
        data=data,
        root=root,
        before=before,
        labels=labels,
        workers=workers,
        seed=seed,
    )
    reports = [step.report for step in steps if step.report is not None]
    return reports[-1]


def audit_steps(
    dataset: Dataset,
    *,
    corpus: str = "",
    data: str = "",
    root: Path | None = None,
    before: Sequence[Finding] = (),
    labels: bool = True,
    workers: int = 1,
    seed: int = 0,
) -> Iterator[AuditStep]:
    """Make every check that the kind of data allows.

    Parameters
    ----------
    corpus, data : str
        Name of the loader, and what the user called the data; for the report alone.
    root : Path, optional
        Files below it are named relative to it.
    before : sequence of Finding
        What loading found already, as `load_table` does.
    labels : bool
        Doubt labels too, which fits models and needs the extra ``train``.
    workers : int
        Processes that decode.
    seed : int
        Of the folds and models that doubt labels.

    Yields
    ------
    AuditStep
        One per file and stage.

    Raises
    ------
    MissingExtraError
        With ``labels``, without scikit-learn: before anything is decoded.
    """
    judge = labels and dataset.task == "single-label"
    if judge and find_spec("sklearn") is None:
        raise MissingExtraError("scikit-learn", "train")
    medium = medium_of(dataset)
    base = "" if root is None else root.as_posix()
    examined = yield from _EXAMINERS[medium](dataset, judge, workers, base)
    examined.findings += [*before, *recording_findings(dataset)]
    exact: Kind = "identical-rows" if medium == "table" else "exact-duplicate"
    yield AuditStep("Comparing", 0, 1)
    examined.findings += duplicate_findings(
        dataset,
        examined.contents,
        examined.pairs,
        exact_kind=exact,
        root=base,
        best=examined.seconds,
    )
    yield AuditStep("Comparing", 1, 1)
    _check_labels(dataset, examined)
    yield AuditStep("Judging labels", 0, 1)
    accuracy = _judge(dataset, examined, judge, seed, base)
    yield AuditStep("Judging labels", 1, 1)
    report = _report(dataset, examined, corpus, data, medium, accuracy)
    yield AuditStep("done", 1, 1, report)


def medium_of(dataset: Dataset) -> Medium:
    """What there is to check: features come first, then the kind of the files."""
    if dataset.features is not None:
        return "table"
    suffixes = {item.path.suffix.lower() for item in dataset.items if item.path is not None}
    if not suffixes:
        return "labels"
    return "pictures" if suffixes == {".png"} else "audio"


# --- one kind of data each ----------------------------------------------------------------------


def _examine_audio(dataset: Dataset, judge: bool, workers: int, root: str) -> _Steps:
    facts: list[AudioFacts] = []
    for fact in listen(dataset, judge=judge, workers=workers):
        facts.append(fact)
        yield AuditStep("Listening", len(facts), len(dataset))
    heard = [row for row, fact in enumerate(facts) if fact.content]
    vectors = {row: fact.vector for row, fact in enumerate(facts) if fact.vector is not None}
    # All silence is alike, and has its own finding.
    loud = [row for row in heard if not any("silent" in text for text in facts[row].warnings)]
    return _Examined(
        findings=list(audio_findings(dataset, facts, root)),
        checks=[
            *("readable", "complete", "silence", "finite samples", "length", "clipping"),
            *("sample rate", "channels", "exact duplicates", "near duplicates"),
        ],
        contents={row: facts[row].content for row in loud},
        pairs=audio_pairs(dataset, facts),
        judged=np.array(list(vectors.values()), dtype=np.float64) if vectors else None,
        judged_rows=list(vectors),
        seconds={row: facts[row].seconds for row in heard},
        loudness_db=[facts[row].loudness_db for row in heard],
    )


def _examine_pictures(dataset: Dataset, judge: bool, workers: int, root: str) -> _Steps:
    facts: list[PictureFacts] = []
    for fact in look(dataset, workers=workers):
        facts.append(fact)
        yield AuditStep("Looking", len(facts), len(dataset))
    seen = [row for row, fact in enumerate(facts) if fact.content]
    examined = _Examined(
        findings=list(picture_findings(dataset, facts, root)),
        checks=["readable", "size", "drawing", "exact duplicates"],
        contents={row: facts[row].content for row in seen},
        judged_rows=seen,
    )
    if seen:
        patterns = np.array([facts[row].pattern for row in seen], dtype=np.float64)
        _pair_rows(examined, dataset, patterns, seen, near_pictures)
        examined.judged = np.array([facts[row].statistics for row in seen], dtype=np.float64)
    return examined


def _examine_table(dataset: Dataset, judge: bool, workers: int, root: str) -> _Steps:
    yield AuditStep("Reading", 1, 1)
    assert dataset.features is not None, "a table has features"
    examined = _Examined(
        findings=list(column_findings(dataset)),
        checks=["missing values", "constant columns", "duplicate columns", "identical rows"],
        contents=row_contents(dataset),
        judged=dataset.features,
        judged_rows=list(range(len(dataset))),
    )
    _pair_rows(examined, dataset, dataset.features, examined.judged_rows, near_rows)
    return examined


def _examine_labels(dataset: Dataset, judge: bool, workers: int, root: str) -> _Steps:
    yield AuditStep("Reading", 1, 1)
    reason = "there is neither audio nor a table of features"
    return _Examined(
        findings=list(audio_findings(dataset, [AudioFacts()] * len(dataset), root)),
        skipped=[Skipped(check="files and duplicates", reason=reason)],
    )


_EXAMINERS = {
    "audio": _examine_audio,
    "pictures": _examine_pictures,
    "table": _examine_table,
    "labels": _examine_labels,
}


def _pair_rows(
    examined: _Examined,
    dataset: Dataset,
    table: NDArray[np.float64],
    rows: Sequence[int],
    near: Callable[[NDArray[np.float64], Sequence[str]], list[Near]],
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
            Near(rows[one.first], rows[one.second], one.evidence) for one in near(table, recordings)
        ]


# --- what all kinds share -----------------------------------------------------------------------


def _check_labels(dataset: Dataset, examined: _Examined) -> None:
    examined.findings += [*balance_findings(dataset), *dominance_findings(dataset)]
    examined.checks.append("class balance")
    known = names_known(dataset)
    for relation in ("artist", "album"):
        if relation in known:
            examined.checks.append(f"dominant {relation}s")
        else:
            reason = f"no item has an {relation}"
            examined.skipped.append(Skipped(check=f"dominant {relation}s", reason=reason))


def _judge(
    dataset: Dataset, examined: _Examined, judge: bool, seed: int, root: str
) -> float | None:
    rows, judged = examined.judged_rows, examined.judged
    if not judge or judged is None:
        reason = (
            f"{dataset.task} data"
            if dataset.task != "single-label"
            else "there are no features to judge them by"
            if judge
            else "not asked for"
        )
        examined.skipped.append(Skipped(check="suspicious labels", reason=reason))
        return None
    verdict = judge_labels(
        dataset.select(rows), judged, pairs=_same(dataset, examined, rows), seed=seed, root=root
    )
    if isinstance(verdict, Skipped):
        examined.skipped.append(verdict)
        return None
    examined.checks.append("suspicious labels")
    examined.findings += verdict[0]
    return verdict[1]


def _same(dataset: Dataset, examined: _Examined, rows: Sequence[int]) -> list[Pair]:
    """Item ids of all that was found to be one recording, of those that are judged."""
    kept = {dataset.items[row].item_id for row in rows}
    return [
        (first.item_id, other.item_id)
        for finding in examined.findings
        if finding.kind in DUPLICATE_KINDS
        for first, other in zip(finding.items, finding.items[1:], strict=False)
        if {first.item_id, other.item_id} <= kept
    ]


def _report(
    dataset: Dataset,
    examined: _Examined,
    corpus: str,
    data: str,
    medium: Medium,
    accuracy: float | None,
) -> AuditReport:
    findings = by_gravity(examined.findings)
    looked = {"exact duplicates", "identical rows"} & set(examined.checks)
    return AuditReport(
        data=printable(data or dataset.name),
        corpus=corpus,
        name=printable(dataset.name),
        title=dataset.info.title,
        medium=medium,
        task=dataset.task,
        items=len(dataset),
        recordings=len({own_recording(item) for item in dataset.items}),
        labels=label_counts(dataset),
        columns=len(dataset.feature_names),
        dataset_fingerprint=dataset.fingerprint,
        findings=findings,
        checks=tuple(examined.checks),
        skipped=tuple(examined.skipped),
        seconds=tuple(round(value, 3) for value in examined.seconds.values()),
        loudness_db=tuple(round(value, 2) for value in examined.loudness_db),
        label_accuracy=accuracy,
        repetitions=known_repetitions(dataset, findings) if looked else None,
    )
