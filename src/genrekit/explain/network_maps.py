"""Every map of one window that a network can give, each with its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import ConfigError, MissingExtraError
from genrekit.explain.charts import Heat
from genrekit.explain.faithfulness import Without, measure
from genrekit.explain.occlusion import boxes_of, filled_samples, hush, label_number
from genrekit.explain.overlay import narrowed
from genrekit.explain.page import Section, Sheet
from genrekit.explain.records import Faithfulness, RandomWeights
from genrekit.inference import Classifier, Window

if TYPE_CHECKING:
    from genrekit.models.module import Network

_RANDOM_SEED = 1
_PICTURE_COLUMNS = 240
#: Patches along frequency and time by whose order maps are compared.
GRID = (6, 10)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMap:
    """A map of the input of a network.

    Attributes
    ----------
    method : str
    values : (n_rows, n_frames) or (patch_rows, patch_columns) float64
    signed : bool
        Whether values below zero speak against the genre.
    gap : float, optional
        Of integrated gradients: by how much they miss the difference of logits.
    random : RandomWeights
        Compared with the same method on random weights.
    faithfulness : Faithfulness
        Of the order of patches that it gives.
    """

    method: str
    values: NDArray[np.float64]
    signed: bool
    gap: float | None
    random: RandomWeights
    faithfulness: Faithfulness


def network_maps(
    classifier: Classifier, window: Window, name: str, genre: str
) -> tuple[NetworkMap, ...]:
    """Integrated gradients, Grad-CAM and attention, as far as the network has them.

    Returns
    -------
    tuple of NetworkMap

    Raises
    ------
    BundleError, ConfigError
        If the bundle has no gradients.
    MissingExtraError
        Without torch.
    """
    try:
        from genrekit.explain import gradients
    except ModuleNotFoundError:
        raise MissingExtraError("torch", "train") from None
    label = label_number(classifier, genre)
    inputs = classifier.bundle.features(window.samples)
    own = gradients.load_network(classifier.bundle)
    random = gradients.load_network(classifier.bundle, random_seed=_RANDOM_SEED)
    without = hiding_patches(classifier, window, name, genre)

    def made(
        method: str, pair: Sequence[NDArray[np.float64]], *, signed: bool, gap: float | None = None
    ) -> NetworkMap:
        same = RandomWeights(method=method, correlation=rank_correlation(*pair))
        order = _by_patch(pair[0], inputs[name].shape)
        return NetworkMap(method, pair[0], signed, gap, same, _measured(without, order))

    def maps() -> Iterator[NetworkMap]:
        (found, gap), (by_chance, _) = (
            gradients.integrated_gradients(one, inputs, label) for one in (own, random)
        )
        pair = [found[name], by_chance[name]]
        yield made("Integrated gradients", pair, signed=True, gap=gap)
        drawers: tuple[tuple[str, Callable[[Network], NDArray[np.float64]]], ...] = (
            ("Grad-CAM", lambda one: gradients.grad_cam(one, inputs, label)),
            ("Attention", lambda one: gradients.attention_map(one, inputs)),
        )
        for method, draw in drawers:
            try:
                drawn = [draw(one) for one in (own, random)]
            except ConfigError:
                continue  # the architecture has none
            yield made(method, drawn, signed=False)

    return tuple(maps())


def hiding_patches(classifier: Classifier, window: Window, name: str, genre: str) -> Without:
    """Probability of the genre with some patches of a `GRID` hushed."""
    label = label_number(classifier, genre)
    features = classifier.bundle.features(window.samples)
    boxes = boxes_of(features[name].shape, *GRID)

    def without(hidden: NDArray[np.int64]) -> float:
        array = hush(features[name], [boxes[number] for number in hidden.tolist()])
        rows = {key: x[np.newaxis] for key, x in {**features, name: array}.items()}
        return float(classifier.predict_features(rows)[0, label])

    return without


def _by_patch(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Sum of a map in each patch; a coarse map is spread over the array first."""
    rows = np.arange(shape[0]) * values.shape[0] // shape[0]
    columns = np.arange(shape[1]) * values.shape[1] // shape[1]
    large = values[np.ix_(rows, columns)]
    return np.array([large[band, time].sum() for band, time in boxes_of(shape, *GRID)])


def _measured(without: Without, weights: NDArray[np.float64]) -> Faithfulness:
    *_, last = measure(without, weights)
    assert last is not None, "the last step carries the result"
    return last


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's correlation of the sizes in two maps, without their signs; 0 for a flat map."""
    x, y = _ranks(a), _ranks(b)
    if min(np.ptp(x), np.ptp(y)) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of sizes; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(np.abs(values).ravel(), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def map_sections(
    maps: Sequence[NetworkMap],
    classifier: Classifier,
    window: Window,
    name: str,
    begin_seconds: float = 0.0,
) -> list[Section]:
    """The maps below the array that they are of; the audio begins at ``begin_seconds``."""
    if not maps:
        return []
    array = classifier.bundle.features(window.samples)[name]
    begin = begin_seconds + window.start_sample / classifier.sample_rate_hz
    seconds = filled_samples(classifier, window) / classifier.sample_rate_hz
    charts = [_heat(f"Input {name}", array.astype(np.float64), begin, seconds, signed=False)]
    charts += [_heat(one.method, one.values, begin, seconds, signed=one.signed) for one in maps]
    rows = [
        (
            one.method,
            f"{one.faithfulness.gain:+.3f}",
            f"{one.random.correlation:+.2f}",
            "" if one.gap is None else f"{one.gap:+.4f}",
        )
        for one in maps
    ]
    headings = ("method", "gain over random orders", "like random weights", "gap of the sum")
    text = (
        "The window that is surest of the genre. A gain above zero says that hushing what a map "
        "points at does more than hushing at random; a map that looks the same for random weights "
        "shows the music and not the model."
    )
    return [Section("What the network looks at", text, [*charts, Sheet(headings, rows)])]


def _heat(
    title: str, values: NDArray[np.float64], begin: float, seconds: float, *, signed: bool
) -> Heat:
    cells = narrowed(values, _PICTURE_COLUMNS)
    count = cells.shape[1]
    times = begin + (np.arange(count) + 0.5) * seconds / count
    rows = np.arange(1.0, len(cells) + 1)
    return Heat(title, cells, times, rows, "", "seconds", "row", centred=signed)
