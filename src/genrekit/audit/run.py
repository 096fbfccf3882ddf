"""An audit of a dataset: every check that its kind of data allows, one report."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from genrekit.audit.duplicates import (
    DUPLICATE_KINDS,
    duplicate_findings,
    known_repetitions,
)
from genrekit.audit.examine import EXAMINERS, Examined, Request, medium_of
from genrekit.audit.finding import (
    AuditReport,
    Finding,
    Kind,
    Medium,
    Skipped,
    by_severity,
    own_recording,
    printable,
)
from genrekit.audit.labels import (
    balance_findings,
    check_labels,
    dominance_findings,
    label_counts,
    names_known,
)
from genrekit.audit.table import recording_findings
from genrekit.datasets import Dataset, Pair
from genrekit.errors import MissingExtraError
from genrekit.progress import Progress, silent


def run_audit(
    dataset: Dataset,
    *,
    corpus: str = "",
    data: str = "",
    root: Path | None = None,
    before: Sequence[Finding] = (),
    labels: bool = True,
    workers: int = 1,
    retry_failed: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> AuditReport:
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
    retry_failed : bool
        Whether sound files that could not be read are tried again, though they have not changed.
    seed : int
        Of the folds and models that doubt labels.
    progress : callable
        Called for each file and stage.

    Raises
    ------
    MissingExtraError
        With ``labels``, without scikit-learn: before anything is decoded.
    """
    needs_labels = labels and dataset.task == "single-label"
    if needs_labels and find_spec("sklearn") is None:
        raise MissingExtraError("scikit-learn", "train")
    medium = medium_of(dataset)
    base = "" if root is None else root.as_posix()
    examined = EXAMINERS[medium](
        Request(dataset, needs_labels, workers, base, progress, retry_failed)
    )
    examined.findings += [*before, *recording_findings(dataset)]
    exact: Kind = "identical-rows" if medium == "table" else "exact-duplicate"
    progress("Comparing", 0, 1)
    examined.findings += duplicate_findings(
        dataset,
        examined.contents,
        examined.pairs,
        exact_kind=exact,
        root=base,
        best=examined.quality,
    )
    progress("Comparing", 1, 1)
    _check_labels(dataset, examined)
    progress("Judging labels", 0, 1)
    accuracy = _check_label_quality(dataset, examined, needs_labels, seed, base)
    progress("Judging labels", 1, 1)
    return _report(dataset, examined, corpus, data, medium, accuracy)


def _check_labels(dataset: Dataset, examined: Examined) -> None:
    examined.findings += [*balance_findings(dataset), *dominance_findings(dataset)]
    examined.checks.append("class balance")
    known = names_known(dataset)
    for relation in ("artist", "album"):
        if relation in known:
            examined.checks.append(f"dominant {relation}s")
        else:
            reason = f"no item has an {relation}"
            examined.skipped.append(Skipped(check=f"dominant {relation}s", reason=reason))


def _check_label_quality(
    dataset: Dataset, examined: Examined, needs_labels: bool, seed: int, root: str
) -> float | None:
    rows, label_features = examined.label_rows, examined.label_features
    if not needs_labels or label_features is None:
        reason = (
            f"{dataset.task} data"
            if dataset.task != "single-label"
            else "there are no features to judge them by"
            if needs_labels
            else "not asked for"
        )
        examined.skipped.append(Skipped(check="suspicious labels", reason=reason))
        return None
    checked = check_labels(
        dataset.select(rows),
        label_features,
        pairs=_same(dataset, examined, rows),
        seed=seed,
        root=root,
    )
    if isinstance(checked, Skipped):
        examined.skipped.append(checked)
        return None
    examined.checks.append("suspicious labels")
    examined.findings += checked[0]
    return checked[1]


def _same(dataset: Dataset, examined: Examined, rows: Sequence[int]) -> list[Pair]:
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
    examined: Examined,
    corpus: str,
    data: str,
    medium: Medium,
    accuracy: float | None,
) -> AuditReport:
    findings = by_severity(examined.findings)
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
