"""Several models on one test set: ranked, tested in pairs, grouped by what can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import (
    ALPHA,
    N_RESAMPLES,
    NAIVE_WARNING,
    Answer,
    Friedman,
    McNemar,
    RunResult,
    TTest,
    bootstrap_means,
    by_recording,
    corrected_t_test,
    friedman,
    gap_sentence,
    holm,
    letters,
    mcnemar,
    naive_t_test,
    of_different_data,
    on_shared_recordings,
    sign_flip_p,
    smallest_gap,
)
from genrekit.pages import Ranks
from genrekit.schema import Contract, Estimate

#: Folds from which on Friedman's test is made: with fewer ranks say little.
FEWEST_FOLDS = 5

#: The last one is in files of earlier versions only.
Test = Literal["mcnemar-mid-p", "sign-flip", "paired-bootstrap"]


class RankedModel(Contract):
    """One model; those that share a letter cannot be told apart."""

    name: str
    accuracy: Estimate
    macro_f1: Estimate
    log_loss: float
    letters: str


class PairTest(Contract):
    """Two models; the first has the higher accuracy, and a difference is first minus second.

    Parameters
    ----------
    p, p_holm : float
        Of the test that decides, and adjusted for how many pairs there are.
    sign_flip_p : float
        Of signs flipped by recording; where tracks are independent it is McNemar's mid-p.
    mcnemar : McNemar, optional
        None where tracks are not independent.
    corrected_t, naive_t : TTest, optional
        Over folds; None where models were not fitted in folds.
    """

    first: str
    second: str
    difference: Estimate
    p: float
    p_holm: float
    different: bool
    sign_flip_p: float
    mcnemar: McNemar | None = None
    corrected_t: TTest | None = None
    naive_t: TTest | None = None


class Comparison(Contract):
    """What can be said of several models that were tested on the same tracks.

    Parameters
    ----------
    pairing : str
        For results of different data: how many recordings are in all of it. Empty otherwise.
    """

    dataset: str
    protocol: str
    leaky: bool
    split_fingerprint: str
    unit: Literal["track", "segment"]
    items: int
    recordings: int
    folds: int
    test: Test
    models: tuple[RankedModel, ...]
    pairs: tuple[PairTest, ...]
    friedman: Friedman | None = None
    disagreement: float | None = None
    smallest_gap: float | None = None
    sentence: str
    notes: tuple[str, ...] = ()
    pairing: str = ""


def compare(
    runs: Sequence[RunResult], names: Sequence[str] | None = None, *, seed: int = 0
) -> Comparison:
    """Compare results of one split.

    Results of different data are paired on the recordings that are in all of it, where their
    split is the same (`on_shared_recordings`).

    Pairs are decided by McNemar's mid-p test where every track counts once, else by signs flipped
    by recording, both adjusted by Holm for the number of pairs. Neither has a floor, so that any
    number of models can differ.

    Parameters
    ----------
    runs : sequence of RunResult
        Two or more.
    names : sequence of str, optional
        What the models are called; None takes their own names.
    seed : int
        Of the bootstrap that makes intervals.

    Raises
    ------
    ConfigError
        If there are fewer than two, or two have one name.
    DatasetError
        If they are of different splits, units, label sets or tracks, or of data that has no
        recording in common.
    """
    names = [run.result.model for run in runs] if names is None else list(names)
    if len(runs) < 2:
        raise ConfigError(f"there is {len(runs)} result; a comparison needs at least two")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ConfigError(f"two results are called {repeated[0]!r}; give them different names")
    shared = on_shared_recordings(runs, names) if of_different_data(runs) else None
    if shared is not None:
        runs = shared.runs
    else:
        for run, name in zip(runs[1:], names[1:], strict=True):
            refuse_unlike(runs[0], run, names[0], name)
    order = sorted(range(len(runs)), key=lambda one: -runs[one].result.accuracy.value)
    runs, names = [runs[one] for one in order], [names[one] for one in order]
    keys = sorted(_key(answer) for answer in runs[0].answers)
    hits = np.array([_hits(run, keys) for run in runs])
    groups = _groups(runs[0], keys)
    folds = np.array([fold for _, _, fold in keys])
    pairs, test = _pairs(runs, names, hits, groups, folds, seed)
    found = _comparison(runs, names, hits, groups, folds, pairs, test)
    if shared is None:
        return found
    return found.model_copy(update={"dataset": shared.dataset, "pairing": shared.note})


def refuse_unlike(first: RunResult, second: RunResult, name: str, other: str) -> None:
    """Raise `DatasetError` with the reason why two results cannot be compared, if there is one."""
    one, two = first.result, second.result
    both = f"{name} and {other} cannot be compared"
    if one.dataset_fingerprint != two.dataset_fingerprint:
        raise DatasetError(
            f"{both}: they were tested on different data ({one.dataset}, {one.items} {one.unit}s; "
            f"{two.dataset}, {two.items} {two.unit}s)"
        )
    if set(one.labels) != set(two.labels):
        strange = sorted(set(one.labels) ^ set(two.labels))
        raise DatasetError(f"{both}: they know different labels; only one knows {strange[0]!r}")
    if one.split_fingerprint != two.split_fingerprint:
        raise DatasetError(
            f"{both}: they were tested by different splits ({one.protocol} "
            f"{one.split_fingerprint[:8]}, {two.protocol} {two.split_fingerprint[:8]}); test both "
            "by one (genrekit split, then evaluate --split)"
        )
    if one.unit != two.unit:
        raise DatasetError(f"{both}: one counts {one.unit}s, the other {two.unit}s")
    if Counter(map(_key, first.answers)) != Counter(map(_key, second.answers)):
        raise DatasetError(
            f"{both}: there are {len(first.answers)} and {len(second.answers)} answers, and not of "
            "the same tracks; was one of them stopped, or edited?"
        )


# --- one pair -----------------------------------------------------------------------------------


def _pairs(
    runs: Sequence[RunResult],
    names: Sequence[str],
    hits: NDArray[np.bool_],
    groups: Sequence[str],
    folds: NDArray[np.int64],
    seed: int,
) -> tuple[tuple[PairTest, ...], Test]:
    # A recording that the corpus has under two labels counts as two tracks, as everywhere.
    different = {(answer.group, answer.true) for answer in runs[0].answers}
    independent = runs[0].result.unit == "track" and len(different) == len(groups)
    test: Test = "mcnemar-mid-p" if independent else "sign-flip"
    places = list(combinations(range(len(runs)), 2))
    gaps = np.array([hits[one].astype(np.float64) - hits[two] for one, two in places])
    intervals = bootstrap_means(gaps, groups, n_resamples=N_RESAMPLES, seed=seed)
    flipped = map(sign_flip_p, by_recording(gaps, groups)[0])
    found = [
        _pair(runs[0], hits[list(pair)], folds, independent)
        | {"difference": difference, "sign_flip_p": p}
        for pair, difference, p in zip(places, intervals, flipped, strict=True)
    ]
    p_values = [one["mcnemar"].mid_p if one["mcnemar"] else one["sign_flip_p"] for one in found]
    return tuple(
        PairTest(
            first=names[first],
            second=names[second],
            p=p,
            p_holm=adjusted,
            different=adjusted <= ALPHA,
            **one,
        )
        for (first, second), one, p, adjusted in zip(
            places, found, p_values, holm(p_values), strict=True
        )
    ), test


def _pair(
    run: RunResult,
    hits: NDArray[np.bool_],
    folds: NDArray[np.int64],
    independent: bool,
) -> dict[str, Any]:
    """Return the tests of one pair, but for the one that flips signs."""
    found: dict[str, Any] = {"mcnemar": mcnemar(hits[0], hits[1]) if independent else None}
    if len(run.folds) > 1:
        by_fold = [[float(one[folds == fold].mean()) for fold in np.unique(folds)] for one in hits]
        share = _test_share(run)
        found["corrected_t"] = corrected_t_test(by_fold[0], by_fold[1], share)
        found["naive_t"] = naive_t_test(by_fold[0], by_fold[1])
    return found


def _test_share(run: RunResult) -> float:
    return sum(fold.test for fold in run.folds) / max(1, sum(fold.train for fold in run.folds))


# --- all of them --------------------------------------------------------------------------------


def _comparison(
    runs: Sequence[RunResult],
    names: Sequence[str],
    hits: NDArray[np.bool_],
    groups: Sequence[str],
    folds: NDArray[np.int64],
    pairs: tuple[PairTest, ...],
    test: Test,
) -> Comparison:
    different = np.zeros((len(runs), len(runs)), dtype=bool)
    for (first, second), pair in zip(combinations(range(len(runs)), 2), pairs, strict=True):
        different[first, second] = pair.different
    result = runs[0].result
    disagreement = float(np.median([_disagreement(hits[[a, b]]) for a, b in _all_pairs(runs)]))
    independent = test == "mcnemar-mid-p"
    return Comparison(
        dataset=result.dataset,
        protocol=result.protocol,
        leaky=any(run.result.leaky for run in runs),
        split_fingerprint=result.split_fingerprint,
        unit=result.unit,
        items=len(groups),
        recordings=len(set(groups)),
        folds=len(runs[0].folds),
        test=test,
        models=tuple(
            RankedModel(
                name=name,
                accuracy=run.result.accuracy,
                macro_f1=run.result.macro_f1,
                log_loss=run.result.log_loss,
                letters=letter,
            )
            for run, name, letter in zip(runs, names, letters(different), strict=True)
        ),
        pairs=pairs,
        friedman=_friedman(runs, hits, folds),
        disagreement=disagreement,
        smallest_gap=smallest_gap(len(groups), disagreement) if independent else None,
        sentence=_sentence(groups, disagreement, pairs, independent),
        notes=_notes(runs, independent),
    )


def _sentence(
    groups: Sequence[str], disagreement: float, pairs: Sequence[PairTest], independent: bool
) -> str:
    if independent:
        return gap_sentence(len(groups), disagreement)
    widest = max(pair.difference.high - pair.difference.low for pair in pairs) / 2
    return (
        f"On {len(set(groups))} recordings, differences are known to about {100 * widest:.1f} "
        "points (bootstrap over recordings, 95 %): a smaller gap is no evidence."
    )


def _friedman(
    runs: Sequence[RunResult], hits: NDArray[np.bool_], folds: NDArray[np.int64]
) -> Friedman | None:
    if len(runs) < 3 or len(runs[0].folds) < FEWEST_FOLDS:
        return None
    return friedman(np.array([hits[:, folds == fold].mean(axis=1) for fold in np.unique(folds)]))


def _notes(runs: Sequence[RunResult], independent: bool) -> tuple[str, ...]:
    notes = []
    if runs[0].result.leaky:
        notes.append(
            "LEAKY: things of one recording are trained on and tested, so the accuracies flatter, "
            "and models that remember flatter most."
        )
    if len({run.result.fitted_on for run in runs}) > 1:
        notes.append("The models were not fitted on the same parts of the split.")
    if not independent:
        notes.append(
            "Recordings count several times, so McNemar's test does not hold; pairs are decided by "
            "signs flipped by recording."
        )
    if runs[0].folds and len(runs[0].folds) > 1:
        notes.append(NAIVE_WARNING)
        notes.append(
            "Folds share training tracks, so Friedman's test over them is optimistic; the "
            "corrected t-test allows for it."
        )
    if len({label for answer in runs[0].answers for label in answer.true}) == 1:
        notes.append("All tracks are of one genre: this is a recall, and no comparison of genres.")
    return tuple(notes)


def _all_pairs(runs: Sequence[RunResult]) -> list[tuple[int, int]]:
    return list(combinations(range(len(runs)), 2))


def _disagreement(hits: NDArray[np.bool_]) -> float:
    return float((hits[0] != hits[1]).mean())


def _key(answer: Answer) -> tuple[str, tuple[str, ...], int]:
    return answer.item, tuple(sorted(answer.true)), answer.fold


def _hits(run: RunResult, keys: Sequence[tuple[str, tuple[str, ...], int]]) -> NDArray[np.bool_]:
    """Whether each answer is right, in the order of ``keys``."""
    answers = sorted(run.answers, key=_key)
    assert [_key(answer) for answer in answers] == list(keys), "checked before"
    return np.array([answer.right for answer in answers])


def _groups(run: RunResult, keys: Sequence[tuple[str, tuple[str, ...], int]]) -> list[str]:
    return [answer.group for answer in sorted(run.answers, key=_key)]


def ranks_chart(found: Comparison, ranked: Friedman) -> Ranks:
    """Return the critical-difference diagram."""
    names = [model.name for model in found.models]
    leaky = " LEAKY" if found.leaky else ""
    return Ranks(f"Mean ranks over folds, {found.protocol}{leaky}", names, ranked)
