"""Whether what is said to matter does: deletion and insertion curves.

Source: V. Petsiuk, A. Das and K. Saenko, "RISE: randomized input sampling for explanation of
black-box models", BMVC 2018. A good explanation loses the genre soon when what matters is hidden
first (small area), and finds it soon when that is kept first (large area). Both areas mean little
alone, as they depend on how sure the model is; random orders of the same pieces are the measure,
and an order is said to be faithful only where it does better than one more random order would in
nineteen of twenty cases (a prediction interval by Student's t).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from genrekit.explain.masking import Piece, PredictedTrack, hidden_scores
from genrekit.explain.occlusion import PATCH_WAYS, PatchGrid, hidden_patches, label_number
from genrekit.explain.records import Curve, Faithfulness
from genrekit.inference import Classifier, Window

STEPS = 6
RANDOM_ORDERS = 5
LEVEL = 0.05
# Less than this is a rounding error of the model's.
SMALLEST_GAIN = 1e-4
#: Probability of the genre with the parts hidden whose numbers are given.
Without = Callable[[NDArray[np.int64]], float]


def curve(without: Without, order: NDArray[np.int64], *, insertion: bool = False) -> Curve:
    """Hide parts in ``order``, or keep them in that order while the rest is hidden.

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


def measure_faithfulness(
    without: Without,
    weights: NDArray[np.float64],
    *,
    seed: int = 0,
    each: Callable[[int], None] = lambda done: None,
) -> Faithfulness:
    """Compare the order that ``weights`` give with random ones.

    Parameters
    ----------
    weights : (n_parts,) float64
        How much each part is said to matter.
    each : callable, optional
        Called after every curve with how many of `N_MEASURED` there are.
    """
    order = np.argsort(-weights, kind="stable")
    generator = np.random.default_rng(seed)
    randoms = [generator.permutation(len(order)) for _ in range(RANDOM_ORDERS)]
    own, chance = [], []
    for insertion in (False, True):
        curves = []
        for one in (order, *randoms):
            curves.append(curve(without, one, insertion=insertion))
            each(insertion * (1 + RANDOM_ORDERS) + len(curves))
        own.append(curves[0])
        chance.append(curves[1:])
    # Found soon and lost soon, of each random order.
    found = np.array([b.area - a.area for a, b in zip(*chance, strict=True)])
    gain = own[1].area - own[0].area - float(found.mean())
    needed = float(found.std(ddof=1) * np.sqrt(1 + 1 / RANDOM_ORDERS))
    needed *= float(stdtrit(RANDOM_ORDERS - 1, 1 - LEVEL))
    return Faithfulness(
        deletion=own[0],
        insertion=own[1],
        random_deletion=_mean(chance[0]),
        random_insertion=_mean(chance[1]),
        gain=gain,
        needed=needed,
        faithful=gain > max(needed, SMALLEST_GAIN),
    )


def verdict(found: Faithfulness) -> str:
    """Return what stands above a map: whether hiding what it points at does more than chance."""
    says = "Passes" if found.faithful else "Fails"
    return (
        f"{says} its test of faithfulness: gain {found.gain:+.3f} over random orders, of which "
        f"one in twenty reaches {found.needed:+.3f}"
    )


#: Curves that `measure_faithfulness` takes.
N_MEASURED = 2 * (1 + RANDOM_ORDERS)


def hiding_seconds(tracks: Sequence[PredictedTrack], cut: Sequence[Piece], genre: str) -> Without:
    """Probability of the genre with some pieces hidden, the mean over ways of hiding them.

    Parameters
    ----------
    tracks : sequence of PredictedTrack
        One track, with a way of hiding each.
    """
    label = label_number(tracks[0].classifier, genre)

    def without(hidden: NDArray[np.int64]) -> float:
        if not len(hidden):
            return float(tracks[0].probabilities[label])
        gone = [cut[number] for number in hidden.tolist()]
        return float(np.mean([hidden_scores(track, gone)[label] for track in tracks]))

    return without


def hiding_patches(
    classifier: Classifier, window: Window, name: str, genre: str, rows: int, columns: int
) -> Without:
    """Probability of the genre with some patches of an input hidden, the mean over both ways."""
    label = label_number(classifier, genre)
    features = classifier.bundle.features(window.samples)
    grid = PatchGrid.of(classifier, window, features[name], rows, columns)

    def without(hidden: NDArray[np.int64]) -> float:
        boxes = grid.again(hidden.tolist())
        arrays = [hidden_patches(features[name], boxes, way) for way in PATCH_WAYS]
        inputs = {key: np.repeat(x[np.newaxis], len(arrays), 0) for key, x in features.items()}
        inputs[name] = np.stack(arrays)
        return float(classifier.predict_features(inputs)[:, label].mean())

    return without


def _mean(curves: Sequence[Curve]) -> Curve:
    values = np.mean([one.probabilities for one in curves], axis=0)
    return Curve(
        shares=curves[0].shares,
        probabilities=tuple(values.tolist()),
        area=float(np.mean([one.area for one in curves])),
    )
