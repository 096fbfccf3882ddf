"""Whether what is said to matter does: deletion and insertion curves.

Source: V. Petsiuk, A. Das and K. Saenko, "RISE: randomized input sampling for explanation of
black-box models", BMVC 2018. A good explanation loses the genre soon when what matters is hidden
first (small area), and finds it soon when that is heard first (large area). Both areas mean little
alone, as they depend on how sure the model is; random orders of the same pieces are the measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.explain.masking import Listened, Piece, hidden_scores
from genrekit.explain.occlusion import label_number
from genrekit.explain.records import Curve, Faithfulness

STEPS = 10
RANDOM_ORDERS = 3
#: Probability of the genre with the parts hidden whose numbers are given.
Without = Callable[[NDArray[np.int64]], float]


def curve(without: Without, order: NDArray[np.int64], *, insertion: bool = False) -> Curve:
    """Hide parts in ``order``, or hear them in that order while the rest is hidden.

    Parameters
    ----------
    without : callable
        Numbers of hidden parts to the probability of the genre.
    order : (n_parts,) int

    Returns
    -------
    Curve
        At `STEPS` + 1 shares of the parts, or at each if they are fewer.
    """
    counts = np.unique(np.linspace(0, len(order), STEPS + 1).round().astype(int))
    values = [without(order[count:] if insertion else order[:count]) for count in counts]
    shares = counts / len(order)
    area = float(np.trapezoid(values, shares))
    return Curve(shares=tuple(shares.tolist()), probabilities=tuple(values), area=area)


def measure(
    without: Without, weights: NDArray[np.float64], *, seed: int = 0
) -> Iterator[Faithfulness | None]:
    """Compare the order that ``weights`` give with random ones.

    Parameters
    ----------
    weights : (n_parts,) float64
        How much each part is said to matter.

    Yields
    ------
    Faithfulness or None
        Nothing but progress, `N_MEASURED` times in all; the last is the result.
    """
    order = np.argsort(-weights, kind="stable")
    generator = np.random.default_rng(seed)
    randoms = [generator.permutation(len(order)) for _ in range(RANDOM_ORDERS)]
    kinds = []
    for insertion in (False, True):
        own = curve(without, order, insertion=insertion)
        yield None
        others = []
        for one in randoms:
            others.append(curve(without, one, insertion=insertion))
            yield None
        kinds.append((own, _mean(others)))
    (deletion, by_chance), (insertion_curve, found_by_chance) = kinds
    yield Faithfulness(
        deletion=deletion,
        insertion=insertion_curve,
        random_deletion=by_chance,
        random_insertion=found_by_chance,
        gain=by_chance.area - deletion.area + insertion_curve.area - found_by_chance.area,
    )


#: How often `measure` yields.
N_MEASURED = 2 * (1 + RANDOM_ORDERS) + 1


def hiding_seconds(track: Listened, cut: Sequence[Piece], genre: str) -> Without:
    """Probability of the genre with some pieces of a track hidden."""
    label = label_number(track.classifier, genre)

    def without(hidden: NDArray[np.int64]) -> float:
        if not len(hidden):
            return float(track.probabilities[label])
        return float(hidden_scores(track, [cut[number] for number in hidden.tolist()])[label])

    return without


def _mean(curves: Sequence[Curve]) -> Curve:
    values = np.mean([one.probabilities for one in curves], axis=0)
    return Curve(
        shares=curves[0].shares,
        probabilities=tuple(values.tolist()),
        area=float(np.mean([one.area for one in curves])),
    )
