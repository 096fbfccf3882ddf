"""Whether several ways of hiding say the same, and what they say together.

What a model does without some seconds depends on what it gets in their place: silence is news of
its own, noise is another, and a cut makes the track shorter. Each way of hiding therefore shifts
all losses by about the same; without that shift, what the ways have in common is of the music.
Kendall's coefficient of concordance measures whether there is anything in common (M. G. Kendall and
B. B. Smith, "The problem of m rankings", Annals of Mathematical Statistics 10, 1939).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, stdtr

from genrekit.explain.records import Agreement, Span
from genrekit.schema import SegmentScore, Task

Losses = NDArray[np.float64]

#: Chance that ways of hiding that have nothing in common are taken to agree.
LEVEL = 0.05
#: A change of log-odds below this is a rounding error, or too small to matter.
SMALLEST_LOSS = 0.01
_SMALLEST = np.finfo(np.float64).tiny
_CLOSEST = np.finfo(np.float64).eps


def log_odds(probabilities: NDArray[np.float64], label: int, task: Task) -> float:
    """Logarithm of the odds of one label.

    Parameters
    ----------
    probabilities : (n_labels,) float64
        Of single-label models, what the other labels have is added up: next to one, the
        difference from one would be a rounding error.
    """
    yes = max(float(probabilities[label]), _SMALLEST)
    others = float(np.delete(probabilities, label).sum())
    no = others if task == "single-label" and len(probabilities) > 1 else max(1 - yes, _CLOSEST)
    return float(np.log(yes) - np.log(max(no, _SMALLEST)))


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """What several ways of hiding say together.

    Attributes
    ----------
    losses : (n_parts,) float64
        The mean over the ways, of each without its usual loss.
    evidence : (n_parts,) bool
        Whether all ways agree on the sign, and the loss is more than nothing.
    agreement : Agreement
    """

    losses: Losses
    evidence: NDArray[np.bool_]
    agreement: Agreement


def combine(by_way: Losses, ways: Sequence[str]) -> Combined:
    """Take the usual loss from each way of hiding, and average what is left.

    The usual loss is the median: a few seconds that matter do not move it.

    Parameters
    ----------
    by_way : (n_ways, n_parts) float64
        Losses of log-odds.
    ways : sequence of str
        How parts were hidden.
    """
    centred = by_way - np.median(by_way, axis=1, keepdims=True)
    losses = centred.mean(axis=0)
    signs = np.sign(centred)
    evidence = (np.abs(losses) >= SMALLEST_LOSS) & (signs == signs[0]).all(axis=0)
    concordance, chance = concordance_of(by_way)
    measured = len(by_way) > 1
    enough = bool(evidence.any()) and (not measured or chance < LEVEL)
    agreement = Agreement(
        ways=tuple(ways),
        concordance=concordance if measured else None,
        p_value=chance if measured else None,
        largest=float(np.abs(losses).max()),
        enough=enough,
    )
    return Combined(losses, evidence & enough, agreement)


def concordance_of(by_way: Losses) -> tuple[float, float]:
    """Kendall's W of rows (n_ways, n_parts), and the chance of one as large.

    1 says that all ways rank the parts alike, 0 that they have nothing in common. The chance is
    by the chi-squared distribution that ``n_ways (n_parts - 1) W`` nearly has.
    """
    n_ways, n_parts = by_way.shape
    if n_parts < 2:
        return 0.0, 1.0
    ranks = np.stack([ranks_of(row) for row in by_way])
    sums = ranks.sum(axis=0)
    _, counts = zip(*(np.unique(row, return_counts=True) for row in by_way), strict=True)
    ties = sum(float((one**3 - one).sum()) for one in counts)
    spread = 12 * float(((sums - sums.mean()) ** 2).sum())
    most = n_ways**2 * (n_parts**3 - n_parts) - n_ways * ties
    if most <= 0:
        return 0.0, 1.0
    concordance = min(1.0, spread / most)
    return concordance, float(chdtrc(n_parts - 1, n_ways * (n_parts - 1) * concordance))


def ranks_of(values: Losses) -> Losses:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def rank_correlation(a: Losses, b: Losses) -> float:
    """Spearman's correlation; 0 where one of both is flat."""
    x, y = ranks_of(a), ranks_of(b)
    if min(np.ptp(x), np.ptp(y)) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def correlation_chance(correlation: float, independent: float) -> float:
    """Chance of a correlation that far from 0, either way, among so many independent pairs."""
    freedom = independent - 2
    if freedom < 1:
        return 1.0
    size = min(abs(correlation), 1 - 1e-12)
    t = size * np.sqrt(freedom / (1 - size**2))
    return float(2 * stdtr(freedom, -t))


# --- in words -----------------------------------------------------------------------------------

_WORDS = {
    "cut": "cutting out",
    "silence": "silence",
    "noise": "noise",
    "quiet": "hushing",
    "usual": "levelling",
}


def verdict(found: Agreement) -> str:
    """Return what stands above a map: whether there is evidence in it, and by what measure."""
    if found.largest < SMALLEST_LOSS:
        return "No evidence: the answer stays the same whatever is hidden"
    ways = _listed([_WORDS.get(way, way) for way in found.ways])
    if found.concordance is None or found.p_value is None:
        return f"Hidden in one way only ({ways}): whether others agree is not measured"
    measured = f"Kendall's W {found.concordance:.2f}, {chance(found.p_value)}"
    if found.enough:
        return f"{ways[:1].upper()}{ways[1:]} agree ({measured})"
    return f"No evidence: {ways} do not agree ({measured})"


def chance(p: float) -> str:
    """Return a p-value as it is read."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def beside_time_line(
    spans: Sequence[Span], line: Sequence[SegmentScore], genre: str
) -> tuple[float, float] | None:
    """Rank correlation of what seconds say alone with what is lost without them, and its chance.

    Stretches of the line overlap, so only so many of them count as lie side by side. None where
    fewer than three do.
    """
    if not line or len(spans) < 3:
        return None
    own = np.log(np.maximum([one.scores[genre] for one in line], _SMALLEST))
    middles = [(one.start_seconds + one.end_seconds) / 2 for one in line]
    alone = np.interp([(one.start_seconds + one.end_seconds) / 2 for one in spans], middles, own)
    whole = line[-1].end_seconds - line[0].start_seconds
    independent = min(len(spans), whole / (line[0].end_seconds - line[0].start_seconds))
    correlation = rank_correlation(np.array([one.loss for one in spans]), alone)
    if independent < 3:
        return None
    return correlation, correlation_chance(correlation, independent)


def line_note(found: tuple[float, float] | None, genre: str) -> str:
    """Whether the time line and what hiding found say the same."""
    if found is None:
        return ""
    correlation, p = found
    measured = f"rank correlation {correlation:+.2f}, {chance(p)}"
    if p >= LEVEL:
        return (
            f"Whether the seconds that sound like {genre} when they are scored alone are "
            f"those that it loses most by cannot be told here ({measured}): do not take the time "
            "line for support of the hidden seconds, nor the other way round."
        )
    if correlation < 0:
        return (
            f"The time line and the hidden seconds contradict each other ({measured}): seconds "
            f"that sound like {genre} alone are those that the track is {genre} without. Believe "
            "neither before you have listened."
        )
    return (
        f"Seconds that sound like {genre} when they are scored alone are also those that it loses "
        f"most by ({measured})."
    )
