"""What data looks like before anything is trained on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrekit.datasets import Dataset, read_columns
from genrekit.errors import DatasetError, MissingExtraError
from genrekit.explain.maps import (
    TSNE_COMPONENTS,
    agreement,
    fit_scaling,
    neighbours,
    principal_components,
    tsne,
)
from genrekit.explain.neighbour_map import FEWEST_ROWS, neighbour_map
from genrekit.features import Extraction, FeatureCache
from genrekit.inference import printable
from genrekit.progress import Progress, silent
from genrekit.schema import Contract, Gtzan57Config

NEIGHBOURS = 5
#: An outlier is farther from its genre's centre than the upper quartile by this many quartile
#: ranges (J. W. Tukey, *Exploratory data analysis*, 1977: "far out").
FAR_OUT = 3.0
_SIGNAL_SHARE = 0.95
_MEAN = re.compile(r"(^|[^a-z])mean([^a-z]|$)", re.IGNORECASE)
_TEMPO = re.compile(r"^(tempo|bpm|tempo_bpm|bpm_mean)$", re.IGNORECASE)


class ColumnNumbers(Contract):
    """One column of a table."""

    name: str
    mean: float
    deviation: float
    minimum: float
    maximum: float
    skewness: float
    between_genres: float = Field(description="share of the variance between genres, 0 to 1")


class Outlier(Contract):
    """A row far from the others of its genre."""

    item: str
    genre: str
    distance: float = Field(description="from the centre of the genre, in deviations")
    column: str = Field(description="which differs most")
    deviations: float = Field(description="of that column, from the genre's mean")


class Exploration(Contract):
    """What was found out about a set."""

    dataset: str
    title: str
    items: int
    recordings: int
    counts: dict[str, int]
    columns: tuple[ColumnNumbers, ...]
    component_shares: tuple[float, ...]
    neighbours_agree: float = Field(description="share of nearest neighbours of the same genre")
    median_tempo: dict[str, float] = Field({})
    outliers: tuple[Outlier, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Explored:
    """The numbers behind the pictures.

    Attributes
    ----------
    dataset : Dataset
        With features, those of its audio if it had none.
    genres : tuple of str
        One for each item; of several the first.
    components, tsne : (n_items, 2) float64
        Maps; ``tsne`` is None for fewer than four items, and without scikit-learn.
    """

    found: Exploration
    dataset: Dataset
    genres: tuple[str, ...]
    components: NDArray[np.float64]
    tsne: NDArray[np.float64] | None
    neighbours: NDArray[np.float64] | None = None


def explore_dataset(
    dataset: Dataset,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Look at a set; of audio the columns of ``gtzan57`` are computed first.

    Parameters
    ----------
    progress : callable, optional
        Called with how far the exploration is.

    Raises
    ------
    DatasetError
        If there is neither audio nor a table, or fewer than two rows.
    """
    notes: tuple[str, ...] = ()
    if dataset.features is None:
        dataset, notes = _described(dataset, workers, cache, progress)
    assert dataset.features is not None
    progress("Columns", 0, 1)
    genres = tuple(item.labels[0] if item.labels else "none" for item in dataset.items)
    scaled = fit_scaling(dataset.features)(dataset.features)
    parts = principal_components(scaled)
    progress("Columns", 1, 1)
    progress("Maps", 0, 1)
    kept = parts.project(scaled, TSNE_COMPONENTS)
    nearest = neighbours(scaled, NEIGHBOURS)
    by_tsne = _by_tsne(kept, seed)
    by_graph = neighbour_map(kept, seed=seed) if len(kept) >= FEWEST_ROWS else None
    found = Exploration(
        dataset=printable(dataset.name),
        title=dataset.info.title,
        items=len(dataset),
        recordings=len(set(dataset.groups())),
        counts=dict(Counter(label for item in dataset.items for label in item.labels)),
        columns=column_numbers(dataset, genres),
        component_shares=tuple(parts.shares[:10].tolist()),
        neighbours_agree=agreement(nearest, _numbers(genres)),
        median_tempo=_median_tempo(dataset, genres),
        outliers=outliers(dataset, genres),
        notes=notes,
    )
    two = np.pad(kept, ((0, 0), (0, max(0, 2 - kept.shape[1]))))[:, :2]
    progress("Maps", 1, 1)
    return Explored(found, dataset, genres, two, by_tsne, by_graph)


def _by_tsne(kept: NDArray[np.float64], seed: int) -> NDArray[np.float64] | None:
    if len(kept) >= 4:
        with suppress(MissingExtraError):  # the other maps need nothing
            return tsne(kept, seed=seed)
    return None


def column_numbers(dataset: Dataset, genres: Sequence[str]) -> tuple[ColumnNumbers, ...]:
    """Each column in numbers, the one that tells genres apart best first."""
    assert dataset.features is not None
    x = dataset.features
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    spread = np.where(deviation > 0, deviation, 1)
    skewness = (((x - mean) / spread) ** 3).mean(axis=0)
    between = _between(((x - mean) / spread), _numbers(genres))
    columns = [
        ColumnNumbers(
            name=printable(name),
            mean=float(mean[place]),
            deviation=float(deviation[place]),
            minimum=float(x[:, place].min()),
            maximum=float(x[:, place].max()),
            skewness=float(skewness[place]),
            between_genres=float(between[place]),
        )
        for place, name in enumerate(dataset.feature_names)
    ]
    return tuple(sorted(columns, key=lambda one: (-one.between_genres, one.name)))


def outliers(dataset: Dataset, genres: Sequence[str]) -> tuple[Outlier, ...]:
    """Rows that are far out among those of their genre, the farthest first.

    The distance is Euclidean along the principal components that hold 95 % of the variance, each
    scaled to deviation 1.
    """
    assert dataset.features is not None
    scaled = fit_scaling(dataset.features)(dataset.features)
    parts = principal_components(scaled)
    count = int(np.searchsorted(np.cumsum(parts.shares), _SIGNAL_SHARE)) + 1
    white = parts.project(scaled, count)
    white = white / np.maximum(white.std(axis=0), np.finfo(float).tiny)
    numbers = _numbers(genres)
    centres = np.array([white[numbers == n].mean(axis=0) for n in range(numbers.max() + 1)])
    means = np.array([scaled[numbers == n].mean(axis=0) for n in range(numbers.max() + 1)])
    distances = np.sqrt(np.square(white - centres[numbers]).sum(axis=1))
    low, high = np.quantile(distances, [0.25, 0.75])
    rows = np.flatnonzero(distances > high + FAR_OUT * (high - low))
    away = scaled - means[numbers]
    return tuple(
        Outlier(
            item=printable(dataset.items[row].item_id),
            genre=genres[row],
            distance=float(distances[row]),
            column=printable(dataset.feature_names[int(np.abs(away[row]).argmax())]),
            deviations=float(away[row][np.abs(away[row]).argmax()]),
        )
        for row in rows[np.argsort(-distances[rows], kind="stable")].tolist()
    )


def mean_columns(names: Sequence[str]) -> list[int]:
    """Positions of columns that are means, or of all if none is called so."""
    return [n for n, name in enumerate(names) if _MEAN.search(name)] or list(range(len(names)))


def tempo_column(names: Sequence[str]) -> int | None:
    """Position of the tempo, if there is one."""
    return next((place for place, name in enumerate(names) if _TEMPO.match(name)), None)


def _median_tempo(dataset: Dataset, genres: Sequence[str]) -> dict[str, float]:
    place = tempo_column(dataset.feature_names)
    if place is None or dataset.features is None:
        return {}
    values, names = dataset.features[:, place], np.asarray(genres)
    return {name: float(np.median(values[names == name])) for name in sorted(set(genres))}


def _between(scaled: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the variance of each column that is between groups (eta squared)."""
    counts = np.bincount(numbers)
    means = np.array([scaled[numbers == number].mean(axis=0) for number in range(len(counts))])
    total = np.square(scaled).sum(axis=0)
    between = (counts[:, np.newaxis] * np.square(means)).sum(axis=0)
    return np.asarray(between / np.where(total > 0, total, 1))


def _numbers(genres: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.asarray(genres), return_inverse=True)[1].astype(np.int64)


def _described(
    dataset: Dataset, workers: int, cache: FeatureCache | None, progress: Progress
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the dataset with columns of its audio; unreadable items are left out, named."""
    notes: list[str] = []

    def leave_out(one: Extraction) -> None:
        notes.append(f"{printable(str(one.path))} is left out: {one.error}")

    def done(number: int, of: int) -> None:
        progress("Describing tracks", number, of)

    done(0, sum(item.path is not None for item in dataset.items))
    read = read_columns(
        dataset, Gtzan57Config(), workers=workers, cache=cache, left_out=leave_out, done=done
    )
    if read is None or len(read) < 2:
        count = 0 if read is None else len(read)
        raise DatasetError(
            f"{dataset.name} has {count} tracks that can be read; expected two or more"
        )
    return read, tuple(notes)
