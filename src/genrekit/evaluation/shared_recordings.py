"""Results of different data on the recordings that are in all of it: a table against pictures.

Two models of one corpus are often tested on different files of it, some of which one lacks. Where
the split is the same for the recordings that are in both, they are compared on these.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from genrekit.errors import DatasetError
from genrekit.evaluation.run import Answer, RunResult
from genrekit.evaluation.scored import Scored
from genrekit.evaluation.scoring import count

#: Protocols that give each recording its part whatever else is in the data.
SAME_PARTS = ("all-test", "cross-corpus", "fault-filtered", "official")
_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,4}$")
_MOST_NAMED = 3

#: A recording as all data have it: its name and its genre.
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shared:
    """Results on the recordings that all data have.

    Attributes
    ----------
    runs : tuple of RunResult
        In the order they were given; all answer for the same recordings, by the same names.
    dataset : str
        The names of all data.
    note : str
        How many recordings that are, and of how many in each data set.
    """

    runs: tuple[RunResult, ...]
    dataset: str
    note: str


def of_different_data(runs: Sequence[RunResult]) -> bool:
    """Whether results were tested on more than one data set."""
    return len({run.result.dataset_fingerprint for run in runs}) > 1


def on_shared_recordings(runs: Sequence[RunResult], names: Sequence[str]) -> Shared:
    """Count results of different data again, on the recordings that are in all of it.

    Recordings are known by their names (without folder and suffix where that is enough) and their
    genres. Their split has to be the same: one protocol, and folds that keep the same of them
    together.

    Raises
    ------
    DatasetError
        With the reason why they cannot be paired: another protocol, other folds, segments, several
        genres a track, or no recording in common.
    """
    for run, name in zip(runs, names, strict=True):
        _refuse_unlike(runs[0], run, names[0], name)
    by_key = _by_key(runs)
    common = set.intersection(*(set(one) for one in by_key))
    if not common:
        raise DatasetError(_nothing(runs, names))
    for one, run, name in zip(by_key[1:], runs[1:], names[1:], strict=True):
        _refuse_other_folds(by_key[0], one, common, runs[0], run, f"{names[0]} and {name}")
    reference = {key: by_key[0][key] for key in sorted(common)}
    counted = tuple(_restricted(run, one, reference) for run, one in zip(runs, by_key, strict=True))
    data = " and ".join(dict.fromkeys(run.result.dataset for run in runs))
    return Shared(counted, data, _note(runs, by_key, len(common)))


def _refuse_unlike(first: RunResult, second: RunResult, name: str, other: str) -> None:
    one, two = first.result, second.result
    both = f"{name} and {other} cannot be compared: they were tested on different data"
    if "multi-label" in (one.task, two.task):
        raise DatasetError(f"{both}, and their tracks have several genres")
    if "segment" in (one.unit, two.unit):
        raise DatasetError(f"{both}, and segments of different data are not the same; use tracks")
    if set(one.labels) != set(two.labels):
        strange = sorted(set(one.labels) ^ set(two.labels))
        raise DatasetError(f"{both}, and know different labels; only one knows {strange[0]!r}")
    if (one.protocol, one.leaky) != (two.protocol, two.leaky):
        raise DatasetError(
            f"{both} ({one.dataset}, {two.dataset}) by different splits ({one.protocol}, "
            f"{two.protocol}); recordings that are in both are paired where the split is the same"
        )
    if not (first.answers and second.answers):
        raise DatasetError(f"{both}, and one of them has no answers to pair")


# --- recordings ---------------------------------------------------------------------------------


def _by_key(runs: Sequence[RunResult]) -> list[dict[_Key, tuple[Answer, ...]]]:
    """Return the answers for each recording in each result, by its common name."""
    short = all(_tell_apart(run) for run in runs)
    return [_answers_by_key(run, short=short) for run in runs]


def _tell_apart(run: RunResult) -> bool:
    """Whether recordings keep different names without their folders."""
    long = {(_name(one.group, short=False), one.true) for one in run.answers}
    return max(Counter((PurePosixPath(name).name, true) for name, true in long).values()) == 1


def _answers_by_key(run: RunResult, *, short: bool) -> dict[_Key, tuple[Answer, ...]]:
    found: dict[_Key, list[Answer]] = defaultdict(list)
    for one in run.answers:
        found[_name(one.group, short=short), one.true[0]].append(one)
    return {key: tuple(sorted(some, key=lambda one: one.fold)) for key, some in found.items()}


def _name(group: str, *, short: bool) -> str:
    path = PurePosixPath(group)
    name = _SUFFIX.sub("", path.name)
    return name if short else path.with_name(name).as_posix() if path.name else group


def _nothing(runs: Sequence[RunResult], names: Sequence[str]) -> str:
    data = " and ".join(dict.fromkeys(run.result.dataset for run in runs))
    examples = ", ".join(dict.fromkeys(run.answers[0].group for run in runs))
    return (
        f"{' and '.join(names[:_MOST_NAMED])} cannot be compared: they were tested on different "
        f"data, and no recording with the same genre is in all of {data} (they are called "
        f"{examples}, ...); expected recordings of one name in each"
    )


def _refuse_other_folds(
    first: Mapping[_Key, tuple[Answer, ...]],
    second: Mapping[_Key, tuple[Answer, ...]],
    common: set[_Key],
    one: RunResult,
    two: RunResult,
    both: str,
) -> None:
    """Raise `DatasetError` unless the common recordings are split the same way."""
    protocol = one.result.protocol
    data = f"of {one.result.dataset} and {two.result.dataset}"
    folds = max(answer.fold for answer in one.answers)
    if protocol in SAME_PARTS and folds == 0:
        return
    if folds == 0 and set(first) != set(second):
        raise DatasetError(
            f"{both} cannot be compared: they were tested on different data, and {protocol} tests "
            f"other recordings {data}: {len(common)} are in both, and what one tests the other may "
            "be trained on"
        )
    if not _split_equally([(first[key], second[key]) for key in common]):
        raise DatasetError(
            f"{both} cannot be compared: they were tested on different data, and the folds of "
            f"{protocol} {data} assign their {len(common)} common recordings otherwise; test both "
            "by published parts (fault-filtered, official)"
        )


def _split_equally(pairs: Sequence[tuple[tuple[Answer, ...], tuple[Answer, ...]]]) -> bool:
    """Whether folds of one are folds of the other, by another number at most."""
    there: dict[int, int] = {}
    back: dict[int, int] = {}
    for ours, theirs in pairs:
        if len(ours) != len(theirs):
            return False
        for one, two in zip(ours, theirs, strict=True):
            if there.setdefault(one.fold, two.fold) != two.fold:
                return False
            if back.setdefault(two.fold, one.fold) != one.fold:
                return False
    return True


# --- numbers ------------------------------------------------------------------------------------


def _restricted(
    run: RunResult,
    by_key: Mapping[_Key, tuple[Answer, ...]],
    reference: Mapping[_Key, tuple[Answer, ...]],
) -> RunResult:
    """Return the result of some recordings only, called as in ``reference`` and in its folds."""
    answers = tuple(_renamed(by_key, reference))
    number = {label: place for place, label in enumerate(run.result.labels)}
    folds = np.array([one.fold for one in answers])
    share = sum(one.test for one in run.folds) / max(1, sum(one.train for one in run.folds))
    scored = Scored(
        np.array([number[one.true[0]] for one in answers]),
        np.array([_as_predicted(one, number) for one in answers]),
        tuple(one.group for one in answers),
        folds if len(np.unique(folds)) > 1 else None,
    )
    numbers = count(scored, labels=run.result.labels, unit="track", share=share)
    result = run.result.model_copy(update=numbers)
    sizes = run.folds if len(run.folds) == len(np.unique(folds)) else ()
    return RunResult(result=result, folds=sizes, seed=run.seed, answers=answers)


def _renamed(
    by_key: Mapping[_Key, tuple[Answer, ...]], reference: Mapping[_Key, tuple[Answer, ...]]
) -> Iterator[Answer]:
    for key, theirs in reference.items():
        for answer, other in zip(by_key[key], theirs, strict=True):
            name = {"item": other.group, "group": other.group, "fold": other.fold}
            yield answer.model_copy(update=name)


def _as_predicted(answer: Answer, number: Mapping[str, int]) -> list[float]:
    """Probabilities whose largest is what was told, though rounding may have made ties."""
    given = list(answer.probabilities)
    predicted = number[answer.predicted[0]]
    if given.index(max(given)) != predicted:
        given[predicted] = max(given) + 1e-9
    return given


def _note(runs: Sequence[RunResult], by_key: Sequence[Mapping[_Key, object]], common: int) -> str:
    data = {
        run.result.dataset_fingerprint: f"{len(one)} of {run.result.dataset}"
        for run, one in zip(runs, by_key, strict=True)
    }
    named = set.intersection(*({name for name, _ in one} for one in by_key))
    other = len(named - {name for name, _ in set.intersection(*map(set, by_key))})
    left_out = f" {other} more have another genre in each, and are left out." if other else ""
    return (
        f"Different data, paired by recording: {common} are tested in all "
        f"({', '.join(data.values())}).{left_out} All numbers here are of these."
    )
