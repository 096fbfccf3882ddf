"""The exploration of a set as a page and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform, decode
from genrekit.datasets import Dataset, Item
from genrekit.errors import AudioError
from genrekit.explain.exploration import Explored, mean_columns, tempo_column
from genrekit.features import FRAMES_PER_SECOND, PITCH_CLASSES, SAMPLE_RATE_HZ, MelFrontend, analyse
from genrekit.inference import printable
from genrekit.pages import (
    Bars,
    Boxes,
    Chart,
    Details,
    Document,
    Heatmap,
    Lines,
    Points,
    Row,
    Section,
    Table,
    hertz_ticks,
    unique,
    write_page,
)
from genrekit.schema import ExcerptConfig, MelConfig

BOXED_COLUMNS = 6
EXAMPLE_SECONDS = 10.0
_PICTURE_COLUMNS = 200
_MOST_CORRELATED = 60
_MOST_LISTED = 200
_EXAMPLE_MEL = MelConfig(n_mels=48)


def write_exploration(explored: Explored, page: Path, *, examples: bool = True) -> tuple[Path, ...]:
    """Write a page, and a PNG of each chart into the folder named like it; return what was written.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    found = explored.found
    sections = exploration_sections(explored, _examples(explored.dataset) if examples else ())
    lead = (
        f"{found.title}: {found.items} items of {found.recordings} recordings, "
        f"{len(found.counts)} genres, {len(found.columns)} columns."
    )
    title = f"A look at {found.dataset}"
    return write_page(Document(title, lead, sections, contents=True), page, page.with_suffix(""))


def exploration_sections(explored: Explored, examples: Sequence[Section] = ()) -> list[Section]:
    """Return what is to be said of a set, ``examples`` among it."""
    sections = [
        _balance(explored),
        _columns(explored),
        _correlation(explored),
        *_tempo(explored),
        *examples,
        _maps(explored),
        _outliers(explored),
    ]
    if explored.found.notes:
        rows = [(note,) for note in explored.found.notes[:_MOST_LISTED]]
        sections.append(Section("Left out", parts=[Table(("file",), rows)]))
    return sections


def _balance(explored: Explored) -> Section:
    ranked = sorted(explored.found.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    chart = Bars(
        "Items of each genre",
        [genre for genre, _ in ranked],
        [count for _, count in ranked],
        "items",
    )
    most, least = ranked[0], ranked[-1]
    text = f"{most[0]} has {most[1]} items, {least[0]} {least[1]}."
    return Section("Balance", text, [chart])


def _columns(explored: Explored) -> Section:
    columns = explored.found.columns
    shown = [one.name for one in columns[:BOXED_COLUMNS]]
    boxes = [boxes_of(explored, name, name) for name in shown]
    rows = [
        (
            one.name,
            *(f"{value:.4g}" for value in (one.mean, one.deviation, one.minimum, one.maximum)),
            f"{one.skewness:.2f}",
            f"{one.between_genres:.2f}",
        )
        for one in columns
    ]
    headings = ("column", "mean", "deviation", "least", "most", "skewness", "between genres")
    text = (
        "The last number is the share of a column's variance that lies between genres: 0 for a "
        "column that says nothing of them alone, 1 for one that says all. Boxes are of the columns "
        "where it is largest."
    )
    table = Details(f"All {len(rows)} columns as a table", parts=[Table(headings, rows)])
    return Section("Columns", text, [Row(boxes), table])


def boxes_of(explored: Explored, name: str, title: str, unit: str = "") -> Boxes:
    """Return a column by its name as an exploration gives it, genre by genre."""
    dataset = explored.dataset
    assert dataset.features is not None
    place = [printable(one) for one in dataset.feature_names].index(name)
    values, genres = dataset.features[:, place], np.asarray(explored.genres)
    groups = {genre: values[genres == genre] for genre in unique(explored.genres)}
    return Boxes(title, groups, unit or name)


def _correlation(explored: Explored) -> Section:
    dataset = explored.dataset
    assert dataset.features is not None
    places = mean_columns(dataset.feature_names)[:_MOST_CORRELATED]
    names = [printable(dataset.feature_names[place]) for place in places]
    cells = correlations(dataset.features[:, places])
    chart = Heatmap(
        "Correlation of the means", cells, names, names, "correlation", centred=True, downwards=True
    )
    pairs = [(abs(cells[a, b]), a, b) for a in range(len(names)) for b in range(a)]
    text = ""
    if pairs:
        _, a, b = max(pairs)
        text = f"{names[a]} and {names[b]} go together most: {cells[a, b]:+.2f}."
    return Section("Correlation", text, [chart])


def correlations(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of columns; zero with a column that never changes."""
    centred = x - x.mean(axis=0)
    sizes = np.sqrt(np.square(centred).sum(axis=0))
    scaled = centred / np.where(sizes > 0, sizes, 1)
    return np.asarray(np.clip(scaled.T @ scaled, -1, 1))


def _tempo(explored: Explored) -> list[Section]:
    place = tempo_column(explored.dataset.feature_names)
    if place is None:
        return []
    name = printable(explored.dataset.feature_names[place])
    medians = explored.found.median_tempo
    slow, fast = min(medians, key=medians.__getitem__), max(medians, key=medians.__getitem__)
    text = f"The median is lowest in {slow} ({medians[slow]:.0f}), highest in {fast} "
    text += f"({medians[fast]:.0f}). Estimates of tempo are often half or double of the beat."
    chart = boxes_of(explored, name, "Tempo by genre", "beats per minute")
    return [Section("Tempo", text, [chart])]


def _maps(explored: Explored) -> Section:
    names = [printable(item.item_id) for item in explored.dataset.items]
    shares = explored.found.component_shares
    titles = [
        f"component {number} ({share:.0%} of the variance)"
        for number, share in enumerate([*shares, 0.0][:2], start=1)
    ]
    x, y = explored.components.T
    charts: list[Chart] = [
        Points("Principal components", x, y, explored.genres, names, *titles),
        Bars(
            "Variance of the components",
            [f"{number}" for number in range(1, len(shares) + 1)],
            shares,
            "share of the variance",
        ),
    ]
    for place, (title, drawn) in enumerate(
        (("t-SNE", explored.tsne), ("Neighbour graph, as UMAP draws it", explored.neighbours)),
        start=1,
    ):
        if drawn is not None:
            x, y = drawn.T
            charts.insert(place, Points(title, x, y, explored.genres, names, "", ""))
    text = (
        f"Of a track's nearest neighbours among all columns {explored.found.neighbours_agree:.0%} "
        "have its genre. In t-SNE and in the map of the neighbour graph, neighbours are near each "
        "other; how far apart clusters are says nothing."
    )
    return Section("Maps", text, charts)


def _outliers(explored: Explored) -> Section:
    rows = [
        (one.item, one.genre, f"{one.distance:.1f}", one.column, f"{one.deviations:+.1f}")
        for one in explored.found.outliers[:_MOST_LISTED]
    ]
    headings = ("item", "genre", "distance", "column that differs most", "deviations")
    text = f"{len(explored.found.outliers)} items are far out among those of their genre."
    return Section("Outliers", text, [Table(headings, rows)] if rows else [])


# --- examples -----------------------------------------------------------------------------------


def _examples(dataset: Dataset) -> list[Section]:
    """Waveform, spectrogram and chroma of the first readable track of each genre."""
    folds = []
    for genre in dataset.labels:
        for item in dataset.items:
            if genre not in item.labels or item.path is None:
                continue
            waveform = _decoded(item)
            if waveform is not None:
                name = f"{genre}: {printable(item.item_id)}, {waveform.seconds:.0f} s"
                folds.append(Details(name, parts=example_charts(genre, waveform)))
                break
    text = "The first track of each genre that can be read: waveform, spectrogram and chroma."
    return [Section("Examples", text, folds)] if folds else []


def _decoded(item: Item) -> Waveform | None:
    assert item.path is not None
    part = ExcerptConfig(start_seconds=item.start_seconds, duration_seconds=EXAMPLE_SECONDS)
    try:
        return decode(item.path, sample_rate_hz=SAMPLE_RATE_HZ, excerpt=part)
    except AudioError:
        return None  # the next one serves as well; what cannot be read is for the audit to say


def example_charts(genre: str, waveform: Waveform) -> list[Chart]:
    """Three pictures of a few seconds of audio at 22050 Hz."""
    samples = waveform.samples
    highest = _columns_of(samples[np.newaxis], np.max)[0]
    lowest = _columns_of(samples[np.newaxis], np.min)[0]
    times = _times(len(highest), waveform.seconds)
    frontend = MelFrontend(_EXAMPLE_MEL)
    mel_db = _columns_of(frontend(samples), np.mean)
    clip = analyse(samples)
    chroma = _columns_of(clip.chroma, np.mean)
    chroma_seconds = clip.chroma.shape[1] / FRAMES_PER_SECOND
    extremes = {"highest sample": highest, "lowest sample": lowest}
    borders = frontend.borders_hz
    return [
        Lines(f"Waveform, {genre}", times, extremes, "seconds", "amplitude", between=True),
        Heatmap(
            f"Mel spectrogram, {genre}",
            mel_db,
            _times(mel_db.shape[1], waveform.seconds),
            np.arange(0.5, len(mel_db)),
            "dB",
            "seconds",
            "Hz",
            y_ticks=hertz_ticks(borders, np.arange(float(len(borders)))),
        ),
        Heatmap(
            f"Chroma, {genre}",
            chroma,
            _times(chroma.shape[1], chroma_seconds),
            PITCH_CLASSES,
            "strength",
            "seconds",
            "pitch class",
        ),
    ]


def _columns_of(
    rows: NDArray[np.floating], how: Callable[..., NDArray[np.float64]]
) -> NDArray[np.float64]:
    """At most `_PICTURE_COLUMNS` columns, each of as many as fall into it."""
    count = min(_PICTURE_COLUMNS, rows.shape[1])
    parts = np.array_split(np.asarray(rows, np.float64), count, axis=1)
    return np.stack([how(part, axis=1) for part in parts], axis=1)


def _times(count: int, seconds: float) -> NDArray[np.float64]:
    return np.asarray((np.arange(count) + 0.5) * seconds / count)
