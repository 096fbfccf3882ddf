"""Whether a challenger may take the champion's place, rule by rule."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset
from genrekit.errors import DatasetError
from genrekit.evaluation import (
    Answer,
    RobustnessResult,
    RunResult,
    item_probabilities,
    paired_difference,
)
from genrekit.experiments.pipeline.recipe import Gate
from genrekit.inference import Classifier
from genrekit.schema import Contract, Estimate

_TIMED_ITEMS, _TIMED_ROUNDS = 8, 3


class Verdict(Contract):
    """One rule of a gate, and what was seen."""

    rule: str
    seen: str
    wanted: str
    passed: bool


class GateReport(Contract):
    """All rules; ``difference`` is challenger minus champion, None without a comparison."""

    challenger: str
    champion: str
    difference: Estimate | None = None
    p: float | None = None
    verdicts: tuple[Verdict, ...]
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(one.passed for one in self.verdicts)


def check_gate(
    gate: Gate,
    challenger: RunResult,
    champion: RunResult | None,
    *,
    names: tuple[str, str],
    why_not: str = "",
    first: bool = False,
    size_bytes: int = 0,
    slower: float | None = None,
    robust: tuple[RobustnessResult, RobustnessResult] | None = None,
) -> GateReport:
    """Apply every rule of a gate.

    Parameters
    ----------
    champion : RunResult, optional
        None if it cannot be compared, for the reason ``why_not``.
    first : bool
        Nothing was promoted before, so there need not be a comparison.
    slower : float, optional
        How many times as long a track takes.
    robust : pair of RobustnessResult, optional
        The challenger's and the champion's.
    """
    verdicts = [*_alone(gate, challenger, size_bytes)]
    difference, p = None, None
    if champion is not None:
        difference, p = compared(challenger, champion)
        verdicts += _against(gate, challenger, champion, difference)
        verdicts += _slower(gate, slower)
        verdicts += _robust(gate, robust)
    elif not first:
        verdicts.append(Verdict(rule="compared", seen=why_not, wanted="a comparison", passed=False))
    note = f"There is no champion to compare with: {why_not}" if champion is None and first else ""
    return GateReport(
        challenger=names[0],
        champion=names[1],
        difference=difference,
        p=p,
        verdicts=tuple(verdicts),
        note=note,
    )


def compared(challenger: RunResult, champion: RunResult) -> tuple[Estimate, float]:
    """Difference of accuracies over the same tracks, by whole recordings, and its p-value.

    Raises
    ------
    DatasetError
        If they answered different tracks.
    """
    ours, theirs = _by_item(challenger.answers), _by_item(champion.answers)
    if ours.keys() != theirs.keys():
        raise DatasetError("challenger and champion answered different tracks; begin anew")
    order = sorted(ours)
    groups = [ours[one].group for one in order]
    return paired_difference(_hits(ours, order), _hits(theirs, order), groups)


def _by_item(answers: Sequence[Answer]) -> dict[str, Answer]:
    return {one.item: one for one in answers}


def _hits(answers: Mapping[str, Answer], order: Sequence[str]) -> NDArray[np.float64]:
    return np.array([{*answers[one].true} == {*answers[one].predicted} for one in order], float)


def _alone(gate: Gate, run: RunResult, size_bytes: int) -> Iterator[Verdict]:
    if gate.least_accuracy is not None:
        low = run.result.accuracy.low
        yield Verdict(
            rule="accuracy",
            seen=f"{run.result.accuracy.value:.3f}, at least {low:.3f}",
            wanted=f"at least {gate.least_accuracy:g}",
            passed=low >= gate.least_accuracy,
        )
    if gate.most_bytes is not None:
        yield Verdict(
            rule="size",
            seen=f"{size_bytes} bytes",
            wanted=f"at most {gate.most_bytes}",
            passed=size_bytes <= gate.most_bytes,
        )


def _against(
    gate: Gate, challenger: RunResult, champion: RunResult, difference: Estimate
) -> Iterator[Verdict]:
    yield Verdict(
        rule="not worse",
        seen=f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]",
        wanted=f"at least {-gate.margin:+.3f} at the lower end",
        passed=difference.low >= -gate.margin,
    )
    if gate.genre_margin is None:
        return
    before = {one.genre: one.recall for one in champion.result.per_genre}
    falls = {
        one.genre: one.recall - (before.get(one.genre) or 0.0)
        for one in challenger.result.per_genre
        if one.recall is not None and before.get(one.genre) is not None
    }
    worst = min(falls, key=lambda genre: falls[genre], default="")
    yield Verdict(
        rule="every genre",
        seen=f"{worst} {falls[worst]:+.3f}" if worst else "no genre in common",
        wanted=f"recall falls by at most {gate.genre_margin:g}",
        passed=bool(worst) and falls[worst] >= -gate.genre_margin,
    )


def _slower(gate: Gate, slower: float | None) -> Iterator[Verdict]:
    if gate.slower is not None and slower is not None:
        yield Verdict(
            rule="latency",
            seen=f"{slower:.2f} times as long",
            wanted=f"at most {gate.slower:g} times",
            passed=slower <= gate.slower,
        )


def _robust(
    gate: Gate, robust: tuple[RobustnessResult, RobustnessResult] | None
) -> Iterator[Verdict]:
    if gate.robustness_margin is None or robust is None:
        return
    ours, theirs = ({(one.distortion, one.level): one for one in each.points} for each in robust)
    falls = {
        where: one.accuracy.value - other.accuracy.value
        for where, one in ours.items()
        if one.accuracy is not None
        and (other := theirs.get(where)) is not None
        and other.accuracy is not None
    }
    worst = min(falls, key=lambda where: falls[where], default=("", 0.0))
    yield Verdict(
        rule="robustness",
        seen=f"{worst[0]} {worst[1]:g}: {falls[worst]:+.3f}" if falls else "nothing in common",
        wanted=f"accuracy falls by at most {gate.robustness_margin:g}",
        passed=bool(falls) and falls[worst] >= -gate.robustness_margin,
    )


def times_as_long(challenger: Classifier, champion: Classifier, tested: Dataset) -> float:
    """How many times as much processor time some tracks take, the best of a few rounds each."""
    some = tested.select(range(min(_TIMED_ITEMS, len(tested))))
    seconds = {0: [0.0], 1: [0.0]}
    for _ in range(_TIMED_ROUNDS):
        for number, classifier in enumerate((challenger, champion)):
            began = time.process_time()
            for _ in item_probabilities(classifier, some):
                pass
            seconds[number].append(time.process_time() - began)
    ours, theirs = (min(each[1:]) for each in seconds.values())
    return ours / max(theirs, 1e-9)


def size_of(bundle: Path) -> int:
    """Bytes of a bundle's files."""
    return sum(file.stat().st_size for file in bundle.iterdir())
