"""Every map of one window that a network can give, each with its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import ConfigError
from genrekit.explain.agreement import rank_correlation as spearman
from genrekit.explain.faithfulness import Without, hiding_patches, measure_faithfulness, verdict
from genrekit.explain.occlusion import PatchGrid, filled_samples, label_number
from genrekit.explain.overlay import narrowed
from genrekit.explain.records import Faithfulness, RandomWeights
from genrekit.extras import naming_extra
from genrekit.inference import Classifier, Window
from genrekit.pages import Heatmap, Section, Table, hertz_ticks

if TYPE_CHECKING:
    from genrekit.models import Network

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


def attribution_maps(
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
    with naming_extra():
        from genrekit.explain import gradients
    label = label_number(classifier, genre)
    inputs = classifier.bundle.features(window.samples)
    own = gradients.load_network(classifier.bundle)
    random = gradients.load_network(classifier.bundle, random_seed=_RANDOM_SEED)
    without = hiding_patches(classifier, window, name, genre, *GRID)
    grid = PatchGrid.of(classifier, window, inputs[name], *GRID)

    def made(
        method: str, pair: Sequence[NDArray[np.float64]], *, signed: bool, gap: float | None = None
    ) -> NetworkMap:
        same = RandomWeights(method=method, correlation=rank_correlation(*pair))
        order = _by_patch(pair[0], grid)
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


def _by_patch(values: NDArray[np.float64], grid: PatchGrid) -> NDArray[np.float64]:
    """Sum of a map in each patch; a coarse map is spread over the array first."""
    n_rows = grid.boxes[-1][0].stop
    rows = np.arange(n_rows) * values.shape[0] // n_rows
    columns = np.arange(grid.whole) * values.shape[1] // grid.whole
    large = values[np.ix_(rows, columns)]
    numbers = range(len(grid.boxes))
    return np.array(
        [sum(large[band, time].sum() for band, time in grid.again([one])) for one in numbers]
    )


def _measured(without: Without, weights: NDArray[np.float64]) -> Faithfulness:
    last = measure_faithfulness(without, weights)
    assert last is not None, "the last step carries the result"
    return last


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's correlation of the sizes in two maps, without their signs; 0 for a flat map."""
    return spearman(np.abs(a), np.abs(b))


def map_sections(
    maps: Sequence[NetworkMap],
    classifier: Classifier,
    window: Window,
    name: str,
    begin_seconds: float = 0.0,
) -> list[Section]:
    """Return the maps below the array that they are of; the audio begins at ``begin_seconds``."""
    if not maps:
        return []
    array = classifier.bundle.features(window.samples)[name]
    begin = begin_seconds + window.start_sample / classifier.sample_rate_hz
    seconds = filled_samples(classifier, window) / classifier.sample_rate_hz
    borders = getattr(classifier.bundle.frontends[name], "borders_hz", None)
    draw = partial(_heat, begin=begin, seconds=seconds, borders_hz=borders)
    charts = [draw(f"Input {name}", array.astype(np.float64), unit=_unit(classifier, name))]
    charts += [_map_chart(draw, one) for one in maps]
    rows = [
        (
            one.method,
            f"{one.faithfulness.gain:+.3f}",
            f"{one.faithfulness.needed:+.3f}",
            "passes" if one.faithfulness.faithful else "fails",
            f"{one.random.correlation:+.2f}",
            "" if one.gap is None else f"{one.gap:+.4f}",
        )
        for one in maps
    ]
    headings = (
        *("method", "gain over random orders", "one random order in twenty reaches", "test"),
        *("like random weights", "gap of the sum"),
    )
    text = (
        "The window that is surest of the genre. A map passes its test where hiding what it points "
        "at does more than hiding at random; one that fails is drawn faded, and says nothing of "
        "the model. A map that looks the same for random weights shows the music and not the "
        "model."
    )
    return [Section("What the network looks at", text, [*charts, Table(headings, rows)])]


def _map_chart(draw: Callable[..., Heatmap], one: NetworkMap) -> Heatmap:
    return draw(
        one.method,
        one.values,
        unit="",
        signed=one.signed,
        verdict=verdict(one.faithfulness),
        faded=not one.faithfulness.faithful,
    )


def _unit(classifier: Classifier, name: str) -> str:
    kind = classifier.bundle.frontends[name].config.kind
    return "decibels" if kind == "mel" else ""


def _heat(
    title: str,
    values: NDArray[np.float64],
    *,
    begin: float,
    seconds: float,
    borders_hz: NDArray[np.floating] | None,
    unit: str,
    signed: bool = False,
    verdict: str = "",
    faded: bool = False,
) -> Heatmap:
    cells = narrowed(values, _PICTURE_COLUMNS)
    count = cells.shape[1]
    times = begin + (np.arange(count) + 0.5) * seconds / count
    rows = np.arange(0.5, len(cells))
    ticks: tuple[tuple[float, str], ...] = ()
    y_title = "row of the input"
    if borders_hz is not None:
        # A coarse map has fewer rows than there are bands.
        places = np.linspace(0, len(cells), len(borders_hz))
        ticks, y_title = hertz_ticks(borders_hz, places), "Hz"
    return Heatmap(
        title,
        cells,
        times,
        rows,
        unit,
        "seconds",
        y_title,
        centred=signed,
        y_ticks=ticks,
        verdict=verdict,
        faded=faded,
    )
