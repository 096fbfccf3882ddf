"""Models side by side on live traffic: what a log of answers and feedback lets one say.

Sources
-------
R. Johari, P. Koomen, L. Pekelis and D. Walsh, "Peeking at A/B tests", KDD 2017.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from genrekit.errors import DatasetError
from genrekit.evaluation import share_by_group, wilson
from genrekit.monitoring.arm_pairs import (
    FEWEST,
    SenderRatio,
    ShadowPair,
    SplitPair,
    sender_ratios,
    shadow_pairs,
    shown_time,
    split_pairs,
)
from genrekit.monitoring.drift import Drift
from genrekit.monitoring.prediction_log import Key, Log, LoggedAnswer, LoggedModel, key_of
from genrekit.schema import UNKNOWN, Contract, Estimate

#: Share of the judged answers that one sender should not pass.
_LOUD = 0.2
_QUIET = 0.2
PEEKING = (
    "A p-value holds for one look, planned before: whoever looks again and again and stops at the "
    "first good number finds differences between equal models (Johari et al., 2017)."
)


class ArmNumbers(Contract):
    """One model in one place.

    Parameters
    ----------
    name : str
        Of the arm; with the model where the arm had several.
    answers, senders : int
        All answers, and who asked.
    unknown : Estimate
        Share of answers that are ``unknown``, with a Wilson interval.
    judged : int
        Answers with feedback that says whether they are right; an ``unknown`` is not.
    accuracy : Estimate, optional
        Of those, with a Wilson interval; None if there are none.
    accuracy_by_sender : Estimate, optional
        The same by a bootstrap over senders, where some judged several answers.
    analysis_ms, wall_ms : tuple of float
        Median and 95th percentile: what the worker took, and that with the wait before it.
    """

    name: str
    arm: str
    model: str
    version: str
    sha256: str
    shadow: bool
    answers: int
    senders: int
    unknown: Estimate
    judged: int
    accuracy: Estimate | None = None
    accuracy_by_sender: Estimate | None = None
    analysis_ms: tuple[float, float]
    wall_ms: tuple[float, float]


class ArmsReport(Contract):
    """What a log says of the models in it."""

    since: str
    until: str
    answers: int
    judged: int
    experiment: str
    arms: tuple[ArmNumbers, ...]
    ratios: tuple[SenderRatio, ...]
    splits: tuple[SplitPair, ...]
    shadows: tuple[ShadowPair, ...]
    drift: dict[str, Drift | None]
    notes: tuple[str, ...]


def report_arms(log: Log, *, seed: int = 0) -> ArmsReport:
    """Everything that a log lets one say.

    Parameters
    ----------
    seed : int
        Of the bootstrap.

    Raises
    ------
    DatasetError
        If there are no answers.
    """
    answers = log.answers
    if not answers:
        raise DatasetError("there are no answers in the log, or none so late")
    names = _names(answers, log.models)
    experiment = next((one.experiment for one in reversed(answers) if one.assigned), "")
    truths = {one.id: one for one in answers if one.is_right is not None}
    grouped = _grouped(answers)
    arms = tuple(_numbers(names[key], key, log, ones, truths) for key, ones in grouped.items())
    assigned = {
        names[key]: [one for one in ones if one.assigned and one.experiment == experiment]
        for key, ones in grouped.items()
        if not key[2]
    }
    ratios = tuple(sender_ratios(log))
    splits = split_pairs({name: ones for name, ones in assigned.items() if ones}, seed)
    shadows = _shadow_pairs(answers, names, seed)
    return ArmsReport(
        since=shown_time(answers[0].at),
        until=shown_time(answers[-1].at),
        answers=sum(one.shadow_of is None for one in answers),
        judged=len(truths),
        experiment=experiment,
        arms=arms,
        ratios=ratios,
        splits=splits,
        shadows=shadows,
        drift=drift_of(log),
        notes=tuple(_notes(answers, arms, ratios, splits, shadows)),
    )


def drift_of(log: Log) -> dict[str, Drift | None]:
    """How far answers and inputs moved from each model's reference; None where it has none."""
    names = _names(log.answers, log.models)
    return {
        names[key]: log.tallies[key].drift() if key in log.tallies else None
        for key in _grouped(log.answers)
    }


# --- arms ---------------------------------------------------------------------------------------


def _grouped(answers: Iterable[LoggedAnswer]) -> dict[Key, list[LoggedAnswer]]:
    """Answers by arm and model: those that were given first, in the order of their beginning."""
    found: dict[Key, list[LoggedAnswer]] = defaultdict(list)
    for one in answers:
        found[key_of(one)].append(one)
    return dict(sorted(found.items(), key=lambda item: item[0][2]))


def _names(answers: Iterable[LoggedAnswer], models: Mapping[str, LoggedModel]) -> dict[Key, str]:
    keys = dict.fromkeys(key_of(one) for one in answers)
    arms = Counter((arm, shadow) for arm, _, shadow in keys)
    both = Counter(arm for arm, _ in arms)
    return {
        key: key[0]
        + (f" ({_model(key[1], models)})" if arms[key[0], key[2]] > 1 else "")
        + (" as shadow" if key[2] and both[key[0]] > 1 else "")
        for key in keys
    }


def _model(sha256: str, models: Mapping[str, LoggedModel]) -> str:
    model = models.get(sha256)
    return sha256[:8] if model is None else f"{model.name} {model.version}, {sha256[:8]}"


def _numbers(
    name: str,
    key: Key,
    log: Log,
    answers: Sequence[LoggedAnswer],
    truths: Mapping[str, LoggedAnswer],
) -> ArmNumbers:
    model = log.models.get(key[1])
    judged = [(one, hit) for one in answers if (hit := _hit(one, truths)) is not None]
    hits = np.array([hit for _, hit in judged], np.float64)
    senders = [one.sender for one, _ in judged]
    several = len(set(senders)) < len(senders)
    return ArmNumbers(
        name=name,
        arm=key[0],
        model=model.name if model else "",
        version=model.version if model else "",
        sha256=key[1],
        shadow=key[2],
        answers=len(answers),
        senders=len({one.sender for one in answers}),
        unknown=wilson(sum(one.genre == UNKNOWN for one in answers), len(answers)),
        judged=len(judged),
        accuracy=wilson(int(hits.sum()), len(hits)) if len(hits) else None,
        accuracy_by_sender=share_by_group(hits, senders) if several else None,
        analysis_ms=_percentiles([one.analysis_ms for one in answers]),
        wall_ms=_percentiles([one.wall_ms for one in answers]),
    )


def _hit(answer: LoggedAnswer, truths: Mapping[str, LoggedAnswer]) -> bool | None:
    """Whether an answer is right; None where nobody said."""
    if answer.shadow_of is None:
        return answer.is_right
    truth = truths.get(answer.shadow_of)
    if truth is None or truth.true_genre is None:
        return None
    return truth.true_genre in answer.genres


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    half, most = np.percentile(values, (50, 95))
    return float(half), float(most)


def _shadow_pairs(
    answers: Sequence[LoggedAnswer], names: Mapping[Key, str], seed: int
) -> tuple[ShadowPair, ...]:
    given = {one.id: one for one in answers if one.shadow_of is None}
    pairs: dict[tuple[str, str], list[tuple[LoggedAnswer, LoggedAnswer]]] = defaultdict(list)
    for one in answers:
        answer = given.get(one.shadow_of or "")
        if answer is not None:
            pairs[names[key_of(answer)], names[key_of(one)]].append((answer, one))
    return shadow_pairs(pairs, seed)


# --- what to beware of --------------------------------------------------------------------------


def _notes(
    answers: Sequence[LoggedAnswer],
    arms: Sequence[ArmNumbers],
    ratios: Sequence[SenderRatio],
    splits: Sequence[SplitPair],
    shadows: Sequence[ShadowPair],
) -> Iterator[str]:
    for ratio in ratios:
        if ratio.mismatch:
            seen = ", ".join(f"{arm} {count}" for arm, count in ratio.senders.items())
            yield (
                f"SENDERS WERE NOT ASSIGNED AS SET since {ratio.since} ({seen}; p "
                f"{ratio.p:.1g}): something loses or repeats some of them, and no comparison of "
                "these arms can be trusted until it is found."
            )
    given = [one for one in answers if one.shadow_of is None]
    judged = [one for one in given if one.is_right is not None]
    if not judged:
        yield "Nobody said what is right, so nothing is known of accuracy."
        return
    if len(judged) < _QUIET * len(given):
        yield (
            f"Only {100 * len(judged) / len(given):.1f} % of the answers were judged. Who judges "
            "is not a random choice: wrong answers may well be told more often than right ones."
        )
    loudest, count = Counter(one.sender for one in judged).most_common(1)[0]
    if count > _LOUD * len(judged) and len(judged) >= FEWEST:
        yield (
            f"One sender ({loudest[:6]}) gave {100 * count / len(judged):.0f} % of the feedback; "
            "the numbers are largely about it."
        )
    left_out = sum(pair.left_out for pair in shadows)
    if left_out:
        yield (
            f"{left_out} times feedback says right or wrong without the genre. Pairs with shadows "
            "leave it out: of a wrong answer one would not know whether the shadow had it right."
        )
    if any(arm.accuracy_by_sender for arm in arms):
        yield (
            "Some senders judged several answers, which are not independent evidence: quote the "
            "accuracy by sender and the tests by sender; Wilson's intervals are too narrow."
        )
    if splits or any(pair.p is not None for pair in shadows):
        yield PEEKING
