"""Two models on live traffic: apart, each with senders of its own, or on the same files.

Sources
-------
R. Kohavi, D. Tang and Y. Xu, "Trustworthy online controlled experiments", Cambridge University
Press 2020; A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments",
KDD 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation import (
    ALPHA,
    McNemar,
    apart_p,
    difference_of_shares,
    gap_sentence,
    holm,
    mcnemar,
    paired_difference,
    share_by_group,
    shares_p,
    smallest_gap_apart,
    wilson,
)
from genrekit.monitoring.prediction_log import Log, LoggedAnswer
from genrekit.schema import Contract, Estimate

#: Judged answers of an arm below which nothing is said of it.
FEWEST = 30
#: Shares of senders are called wrong below this p-value (Fabijan et al.).
RATIO_ALPHA = 0.0005
Test = Literal["two-shares", "welch-by-sender", "sign-flip-by-sender", "mcnemar-mid-p"]


def shown_time(seconds: float) -> str:
    """As ``2026-11-21 16:50 UTC``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


class SplitPair(Contract):
    """Two arms that senders were assigned to; the difference is first minus second."""

    first: str
    second: str
    judged: tuple[int, int]
    difference: Estimate
    test: Test
    p: float
    p_holm: float
    enough: bool
    different: bool
    sentence: str


class ShadowPair(Contract):
    """A model that answered and one that got the same; the difference is first minus second.

    Parameters
    ----------
    pairs : int
        Files that both analysed.
    agreement : Estimate
        Share of them of which both say the same.
    judged, left_out : int
        Pairs whose genre feedback tells, and those where it only says right or wrong: of these one
        knows less of the shadow when the answer was wrong, so they would flatter the answer.
    """

    first: str
    second: str
    pairs: int
    agreement: Estimate
    judged: int
    left_out: int
    difference: Estimate | None = None
    mcnemar: McNemar | None = None
    test: Test | None = None
    p: float | None = None
    p_holm: float | None = None
    enough: bool = False
    different: bool = False
    sentence: str = ""


class SenderRatio(Contract):
    """Whether senders were assigned as set; if not, nothing else can be trusted."""

    since: str
    experiment: str
    shares: dict[str, float]
    senders: dict[str, int]
    p: float
    mismatch: bool


# --- senders that were assigned -----------------------------------------------------------------


def sender_ratios(log: Log) -> Iterator[SenderRatio]:
    """One for each stretch of time with shares of its own, if it has enough senders."""
    ends = [one.at for one in log.splits[1:]] + [float("inf")]
    for split, end in zip(log.splits, ends, strict=False):
        during = [one for one in log.answers if one.assigned and split.at <= one.at < end]
        senders = {arm: len({o.sender for o in during if o.arm == arm}) for arm in split.shares}
        total = sum(senders.values())
        expected = [total * share for share in split.shares.values()]
        # Below, a chi-squared is none.
        if len(senders) < 2 or min(expected) < 5:
            continue
        from scipy.special import chdtrc

        seen = np.array(list(senders.values()), np.float64)
        statistic = float(((seen - expected) ** 2 / expected).sum())
        p = float(chdtrc(len(senders) - 1, statistic))
        yield SenderRatio(
            since=shown_time(split.at),
            experiment=split.experiment,
            shares=split.shares,
            senders=senders,
            p=p,
            mismatch=p < RATIO_ALPHA,
        )


def split_pairs(
    assigned: Mapping[str, Sequence[LoggedAnswer]], seed: int = 0
) -> tuple[SplitPair, ...]:
    """Every two arms that senders were assigned to, by what was judged."""
    judged = {
        name: [one for one in ones if one.is_right is not None] for name, ones in assigned.items()
    }
    judged = {name: ones for name, ones in judged.items() if ones}
    accuracy = {
        name: sum(one.is_right is True for one in ones) / len(ones) for name, ones in judged.items()
    }
    pairs = [
        (first, second) if accuracy[first] >= accuracy[second] else (second, first)
        for first, second in combinations(judged, 2)
    ]
    found = [_difference_of(judged[first], judged[second], seed) for first, second in pairs]
    adjusted = holm([p for _, p, _ in found]) if found else ()
    return tuple(
        _split_pair(first, second, judged, difference, p, p_holm, test)
        for (first, second), (difference, p, test), p_holm in zip(
            pairs, found, adjusted, strict=True
        )
    )


def _split_pair(
    first: str,
    second: str,
    judged: Mapping[str, Sequence[LoggedAnswer]],
    difference: Estimate,
    p: float,
    p_holm: float,
    test: Test,
) -> SplitPair:
    totals = len(judged[first]), len(judged[second])
    share = float(np.mean([bool(one.is_right) for name in (first, second) for one in judged[name]]))
    enough = min(totals) >= FEWEST
    gap = smallest_gap_apart(totals, share)
    sentence = (
        f"With {totals[0]} and {totals[1]} judged answers a gap under {100 * gap:.1f} points is no "
        f"evidence ({100 * ALPHA:g} %, every answer by somebody else)."
    )
    if not enough:
        sentence += f" Fewer than {FEWEST} of either are none in any case."
    return SplitPair(
        first=first,
        second=second,
        judged=totals,
        difference=difference,
        test=test,
        p=p,
        p_holm=p_holm,
        enough=enough,
        different=enough and p_holm <= ALPHA,
        sentence=sentence,
    )


def _difference_of(
    first: Sequence[LoggedAnswer], second: Sequence[LoggedAnswer], seed: int
) -> tuple[Estimate, float, Test]:
    """Difference of two accuracies; answers of one sender are not independent."""
    hits = [np.array([bool(one.is_right) for one in ones], np.float64) for ones in (first, second)]
    senders = [[one.sender for one in ones] for ones in (first, second)]
    if all(len(set(ones)) == len(ones) for ones in senders):
        shares = [(int(one.sum()), len(one)) for one in hits]
        difference = difference_of_shares(wilson(*shares[0]), wilson(*shares[1]))
        return difference, shares_p(shares[0], shares[1]), "two-shares"
    one, other = (
        share_by_group(own, of, seed=seed + number)
        for number, (own, of) in enumerate(zip(hits, senders, strict=True))
    )
    difference = difference_of_shares(one, other)
    p = apart_p(hits[0], hits[1], (senders[0], senders[1]))
    return difference.model_copy(update={"method": "newcombe-by-sender"}), p, "welch-by-sender"


# --- shadows ------------------------------------------------------------------------------------


def shadow_pairs(
    pairs: Mapping[tuple[str, str], Sequence[tuple[LoggedAnswer, LoggedAnswer]]], seed: int = 0
) -> tuple[ShadowPair, ...]:
    """Every two models by the files that both analysed.

    Parameters
    ----------
    pairs : mapping of (str, str) to pairs of LoggedAnswer
        By the names of both: what was answered, and what the shadow said.
    """
    found = [_shadow_pair(*names, both, seed) for names, both in pairs.items()]
    tested = [pair.p for pair in found if pair.p is not None]
    adjusted = iter(holm(tested) if tested else ())
    return tuple(pair if pair.p is None else _adjusted(pair, next(adjusted)) for pair in found)


def _adjusted(pair: ShadowPair, p_holm: float) -> ShadowPair:
    different = pair.enough and p_holm <= ALPHA
    return pair.model_copy(update={"p_holm": p_holm, "different": different})


def _shadow_pair(
    first: str, second: str, both: Sequence[tuple[LoggedAnswer, LoggedAnswer]], seed: int
) -> ShadowPair:
    labelled = [(one, other) for one, other in both if one.true_genre is not None]
    found = ShadowPair(
        first=first,
        second=second,
        pairs=len(both),
        agreement=wilson(sum(one.genre == other.genre for one, other in both), len(both)),
        judged=len(labelled),
        left_out=sum(one.is_right is not None and one.true_genre is None for one, _ in both),
    )
    if not labelled:
        return found
    hits = np.array(
        [[one.true_genre in one.genres, one.true_genre in other.genres] for one, other in labelled]
    ).T
    return found.model_copy(update=_paired(hits, [one.sender for one, _ in labelled], seed))


def _paired(hits: NDArray[np.bool_], senders: Sequence[str], seed: int) -> dict[str, object]:
    alone = len(set(senders)) == len(senders)
    table = mcnemar(hits[0], hits[1])
    difference, p = paired_difference(
        hits[0].astype(np.float64), hits[1].astype(np.float64), senders, seed=seed
    )
    test: Test = "mcnemar-mid-p" if alone else "sign-flip-by-sender"
    return {
        "difference": difference.model_copy(update={"method": "bootstrap-by-sender"}),
        "mcnemar": table,
        "test": test,
        "p": table.mid_p if alone else p,
        "enough": len(senders) >= FEWEST,
        "sentence": gap_sentence(len(senders), float((hits[0] != hits[1]).mean())),
    }
