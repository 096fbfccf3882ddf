"""What there is to learn from: tables of all tracks, and the audio of some of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split, drop_tracks, load_dataset, make_split
from genrekit.errors import DatasetError
from genrekit.features import build_frontend
from genrekit.features.cache import FeatureCache
from genrekit.training.box.hearing import COLUMNS, SNIPPET_WAYS, TESTED, WAYS, Heard, hear, heard_of
from genrekit.training.box.recipe import BoxRecipe
from genrekit.training.prepare import Step

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

#: Columns that say how loud a file is, which is no property of a genre and changes with every copy.
_LEVEL_COLUMNS = ("rms_mean", "rms_var", "mfcc1_mean")
_FEATURES = tuple(f"layer{layer}_{number:03d}" for layer in range(5) for number in range(32))
_N_TAGS = 50
_TAGS = tuple(f"X_{number:03d}" for number in range(_N_TAGS))
# Of a tag's probability, which is published in single precision.
_LEAST = 1e-5


@dataclass(frozen=True, slots=True)
class Material:
    """Rows of the tables, and clips.

    Attributes
    ----------
    tracks : Dataset
        The Kaggle table; everything by row goes by its order.
    published : (n_tracks, 210) float64
        160 features of Choi's network, and 50 tags as log-odds; NaN where nobody published them.
    columns : (n_tracks, 50) float64
    clips, snippets : Dataset
        The audio.
    clip_rows, snippet_rows : (n,) int
        The track of each.
    heard, snippets_heard : mapping of str to Heard
        All of them, by way of hearing.
    shippable : (n_tracks,) bool
        Not of a recording that is left out.
    """

    tracks: Dataset
    published: Array
    columns: Array
    clips: Dataset
    clip_rows: Rows
    heard: Mapping[str, Heard]
    snippets: Dataset
    snippet_rows: Rows
    snippets_heard: Mapping[str, Heard]
    shippable: NDArray[np.bool_]

    @property
    def targets(self) -> Rows:
        """Genre of each track."""
        return self.tracks.targets()

    @property
    def recordings(self) -> Rows:
        """Number of the recording of each track."""
        return np.unique(np.array(self.tracks.groups(), object), return_inverse=True)[1]

    @property
    def fault_filtered(self) -> Split:
        """The published split of the tracks."""
        return make_split(self.tracks, "fault-filtered")

    def rows_of(self, ids: tuple[str, ...]) -> Rows:
        """Rows of tracks."""
        places = {item.item_id: row for row, item in enumerate(self.tracks.items)}
        return np.array([places[one] for one in ids], np.int64)


def column_places() -> Rows:
    """Where the columns that are used lie in what the front-end gives."""
    names = build_frontend(COLUMNS).feature_names
    return np.array([i for i, name in enumerate(names) if name not in _LEVEL_COLUMNS], np.int64)


def gather(
    recipe: BoxRecipe, *, cache: FeatureCache, workers: int
) -> Generator[Step, None, Material]:
    """Read the tables and describe the audio.

    Raises
    ------
    DatasetError
        If the tables do not hold the same tracks, or a clip's track is in none of them.
    """
    tracks = load_dataset("table", recipe.columns)
    published = load_dataset("table", recipe.published)
    clips = load_dataset("gtzan", recipe.music / "clips")
    snippets = load_dataset("gtzan", recipe.music / "snippets")
    by_id = {item.item_id: row for row, item in enumerate(published.items)}
    missing = [item.item_id for item in tracks.items if item.item_id not in by_id]
    if missing:
        raise DatasetError(f"{recipe.published} has no row of {missing[0]}")
    order = [by_id[item.item_id] for item in tracks.items]
    heard, snippets_heard = yield from _hear(clips, snippets, cache, workers)
    kept = {item.item_id for item in drop_tracks(tracks, recipe.leave_out).items}
    return Material(
        tracks=tracks,
        published=np.hstack([_chosen(published, _FEATURES)[order], _tags(recipe, tracks)]),
        columns=_chosen(tracks, _column_names()),
        clips=clips,
        clip_rows=_rows(tracks, clips),
        heard=heard,
        snippets=snippets,
        snippet_rows=_rows(tracks, snippets),
        snippets_heard=snippets_heard,
        shippable=np.array([item.item_id in kept for item in tracks.items]),
    )


def _tags(recipe: BoxRecipe, tracks: Dataset) -> Array:
    """Mean log-odds (n_tracks, 50) of the tags over the frames of a recording, or NaN."""
    tables = [load_dataset("table", path) for path in recipe.tags]
    places = {group: place for place, group in enumerate(dict.fromkeys(tracks.groups()))}
    sums, counts = np.zeros((len(places), _N_TAGS)), np.zeros((len(places), 1))
    for table in tables:
        frames = [places[group] for group in table.groups()]
        probable = _chosen(table, _TAGS).clip(_LEAST, 1 - _LEAST)
        np.add.at(sums, frames, np.log(probable / (1 - probable)))
        np.add.at(counts, frames, 1)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    found: Array = means[[places[group] for group in tracks.groups()]]
    return found


def all_columns(tracks: Dataset) -> Array:
    """All columns (n_tracks, 53) that the front-end gives, levels too, from the table."""
    return _chosen(tracks, build_frontend(COLUMNS).feature_names)


def _column_names() -> tuple[str, ...]:
    names = build_frontend(COLUMNS).feature_names
    return tuple(names[place] for place in column_places())


def _hear(
    clips: Dataset, snippets: Dataset, cache: FeatureCache, workers: int
) -> Generator[Step, None, tuple[dict[str, Heard], dict[str, Heard]]]:
    """Hear everything in all its ways, by the same processes."""
    parts = tuple(
        (ways, [item.path for item in dataset.items if item.path is not None])
        for ways, dataset in (((*WAYS, *TESTED), clips), (SNIPPET_WAYS, snippets))
    )
    sounds = [(file, way) for ways, files in parts for way in ways for file in files]
    rows = yield from hear(sounds, cache=cache, workers=workers)
    # Rows leave the queue as they are put together: all of them take 2 GB.
    clips_heard, snippets_heard = (
        {way: heard_of([rows.popleft() for _ in files]) for way in ways} for ways, files in parts
    )
    return clips_heard, snippets_heard


def _chosen(dataset: Dataset, names: tuple[str, ...]) -> Array:
    places = {name: number for number, name in enumerate(dataset.feature_names)}
    if dataset.features is None or not set(names) <= set(places):
        raise DatasetError(f"{dataset.name} lacks columns; expected {names[0]} to {names[-1]}")
    return dataset.features[:, [places[name] for name in names]]


def _rows(tracks: Dataset, audio: Dataset) -> Rows:
    places = {item.item_id: row for row, item in enumerate(tracks.items)}
    unknown = [item.item_id for item in audio.items if item.item_id not in places]
    if unknown:
        raise DatasetError(f"the table has no row of {unknown[0]}")
    return np.array([places[item.item_id] for item in audio.items], np.int64)
