"""Labelled feature rows: what a table holds already, and what audio becomes, window by window."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.bundles import window_features, window_samples
from genrekit.datasets import Dataset, Item
from genrekit.errors import AudioContentError, AudioError, DatasetError
from genrekit.features import (
    FeatureCache,
    Numbers,
    RowWriter,
    build_frontend,
    cache_key,
    frontend_fingerprint,
    joined,
    taken,
)
from genrekit.inference import cut_windows
from genrekit.schema import ExcerptConfig, FrontendConfig, WindowConfig
from genrekit.training.augment_waveform import CODE_VERSION, WaveformChange, changed, draw_change
from genrekit.training.backbone import Backbone
from genrekit.training.settings import WaveformAugment
from genrekit.workers import WorkerDied, ordered_map

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Features with their targets.

    Attributes
    ----------
    x : (n, columns) or (n, bands, frames) float32
        In the order of the front-end's ``feature_names``.
    y : (n,) int64
        Positions in the labels of the dataset; for multi-label (n, n_labels) zeros and ones.
    items, groups : (n,) object
        Item id and recording of each row; an item of audio has a row for each of its windows.
    more : mapping of str to float32 array
        What further front-ends make of the same rows, by name.
    copies : Rows, optional
        Rows of changed copies of these items, under the ids of what they were made from. They are
        beside the rows, and only `with_copies` brings them in: nothing else can score them.
    """

    x: Numbers
    y: NDArray[np.int64]
    items: NDArray[np.object_]
    groups: NDArray[np.object_]
    more: Mapping[str, Numbers] = field(default_factory=dict)
    copies: Rows | None = None

    def __len__(self) -> int:
        return len(self.y)

    def of(self, item_ids: Iterable[str]) -> Rows:
        """Return the rows of these items."""
        return self.where(np.isin(self.items.astype(str), list(item_ids)))

    def without_groups(self, groups: Iterable[str]) -> Rows:
        """Return the rows of all other recordings."""
        return self.where(~np.isin(self.groups.astype(str), list(groups)))

    def digests(self) -> dict[str, str]:
        """Digest of the numbers of each item, by item id."""
        found = {item_id: hashlib.sha256() for item_id in self.items}
        for item_id, row in zip(self.items, self.x, strict=True):
            found[item_id].update(row.tobytes())
        return {str(item_id): digest.hexdigest() for item_id, digest in found.items()}

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the rows where ``chosen`` (n,) is true."""
        x, *others = (taken(array, chosen) for array in (self.x, *self.more.values()))
        more = dict(zip(self.more, others, strict=True))
        items = self.items[chosen]
        copies = None if self.copies is None else self.copies.of(items.astype(str))
        return Rows(x, self.y[chosen], items, self.groups[chosen], more, copies)

    def with_copies(self) -> Rows:
        """Return the rows and the copies of them, to fit on."""
        if self.copies is None or not len(self.copies):
            return self
        other = self.copies
        return Rows(
            joined(self.x, other.x),
            np.concatenate([self.y, other.y]),
            np.concatenate([self.items, other.items]),
            np.concatenate([self.groups, other.groups]),
            {name: joined(array, other.more[name]) for name, array in self.more.items()},
        )


def table_rows(dataset: Dataset, feature_names: Sequence[str]) -> Rows:
    """Rows of a table, its columns matched by name to those of a front-end.

    Raises
    ------
    DatasetError
        If a column is missing.
    """
    if dataset.features is None:
        raise DatasetError(f"{dataset.name} is not a table of features")
    known = set(dataset.feature_names)
    missing = [name for name in feature_names if name not in known]
    if missing:
        raise DatasetError(
            f"{dataset.name} lacks {len(missing)} of the {len(feature_names)} columns of the "
            f"front-end: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}; name the "
            "front-end that the table was made with, or take all of its columns: --set "
            "frontend.kind=columns"
        )
    x = dataset.columns(feature_names).astype(np.float32)
    _check_finite(np.nan_to_num(x, nan=0.0) if dataset.gaps else x, dataset.items)
    return _rows(x, _targets(dataset), dataset.items)


@dataclass(frozen=True, slots=True, eq=False)
class ItemWindows:
    """Features (windows, columns) of one item of audio, or why there are none."""

    item: Item
    features: NDArray[np.float32] | None
    error: AudioError | None = None


def audio_windows(
    dataset: Dataset,
    config: FrontendConfig | Backbone,
    *,
    excerpt: ExcerptConfig,
    windows: WindowConfig,
    workers: int = 1,
    cache: FeatureCache | None = None,
    augment: WaveformAugment | None = None,
    seed: int = 0,
) -> Iterator[ItemWindows]:
    """Decode, cut and describe every item, exactly as `Classifier` will.

    Parameters
    ----------
    config : FrontendConfig or Backbone
        What describes a window.
    augment : WaveformAugment, optional
        How items with ``augmented_from`` are changed after decoding.
    seed : int
        Of these changes.

    Yields
    ------
    ItemWindows
        One for each item, in order. An unreadable file is one with its error.
    """
    one = partial(
        _item_windows,
        config=config,
        excerpt=excerpt,
        windows=windows,
        cache=cache,
        augment=augment,
        seed=seed,
    )
    for outcome in ordered_map(one, dataset.items, workers=workers):
        if isinstance(outcome, WorkerDied):
            item = outcome.argument
            yield ItemWindows(item, None, AudioError(f"{item.path}: decoding killed its process"))
        else:
            yield outcome


class Gathering:
    """What one front-end makes of all items, gathered as it comes.

    Parameters
    ----------
    path : Path
        The file that rows are kept in once there are more than ``limit_bytes`` of them.
    """

    def __init__(self, path: Path, limit_bytes: float = math.inf) -> None:
        self._writer = RowWriter(path, limit_bytes)
        self.counts: list[int] = []
        self.errors: list[AudioError | None] = []

    def add(self, outcome: ItemWindows) -> None:
        """Take the next item.

        Raises
        ------
        DatasetError
            If a number is not finite.
        """
        self.errors.append(outcome.error)
        self.counts.append(0 if outcome.features is None else len(outcome.features))
        if outcome.features is not None:
            _check_finite(outcome.features, [outcome.item] * len(outcome.features))
            self._writer.add(outcome.features)

    def rows_of(self, good: NDArray[np.bool_]) -> Numbers:
        """Return the rows of those items."""
        rows = self._writer.finish()
        return rows if good.all() else taken(rows, np.repeat(good, self.counts))


def readable_by_all(dataset: Dataset, found: Mapping[str, Gathering]) -> tuple[Dataset, Rows]:
    """Return the items that every front-end could read, and their rows; the others are warned of.

    Parameters
    ----------
    found : mapping of str to Gathering
        By front-end name; the first one gives ``Rows.x``, the others ``Rows.more``.

    Raises
    ------
    DatasetError
        If not one could be read.
    """
    first, *others = found.values()
    errors = [
        _first_error(of_item) for of_item in zip(*(g.errors for g in found.values()), strict=True)
    ]
    for item, error in zip(dataset.items, errors, strict=True):
        if error is not None and item.augmented_from is None:
            logger.warning("left out %s: %s", item.item_id, error)
    good = np.array([error is None for error in errors])
    if not good.any():
        raise DatasetError(f"{dataset.name}: not one of {len(errors)} files could be read")
    kept = dataset.select(np.flatnonzero(good))
    counts = [count for count, error in zip(first.counts, errors, strict=True) if error is None]
    items = [item for item, count in zip(kept.items, counts, strict=True) for _ in range(count)]
    rows = _rows(first.rows_of(good), np.repeat(_targets(kept), counts, axis=0), items)
    more = {name: g.rows_of(good) for name, g in zip(list(found)[1:], others, strict=True)}
    return kept, replace(rows, more=more)


def _first_error(errors: Sequence[AudioError | None]) -> AudioError | None:
    return next((error for error in errors if error is not None), None)


def _check_finite(x: NDArray[np.float32], items: Sequence[Item]) -> None:
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0][:2]
        raise DatasetError(f"{items[row].item_id}: feature {column} is beyond float32")


def _targets(dataset: Dataset) -> NDArray[np.int64]:
    return dataset.targets() if dataset.task == "single-label" else dataset.target_matrix()


def _rows(x: Numbers, y: NDArray[np.int64], items: Sequence[Item]) -> Rows:
    return Rows(
        x,
        y,
        np.array([item.item_id for item in items], object),
        np.array([item.group for item in items], object),
    )


# Building a front-end (filter banks) costs more than using it once.
_frontend = lru_cache(maxsize=4)(build_frontend)


def _item_windows(
    item: Item,
    *,
    config: FrontendConfig | Backbone,
    excerpt: ExcerptConfig,
    windows: WindowConfig,
    cache: FeatureCache | None,
    augment: WaveformAugment | None,
    seed: int,
) -> ItemWindows:
    if item.path is None:
        raise DatasetError(f"{item.item_id} has neither audio nor features")
    part = item.excerpt or excerpt
    change = None
    if augment is not None and item.augmented_from is not None:
        change = draw_change(augment, item.item_id, seed)
    try:
        if cache is None:
            return ItemWindows(item, _compute(item.path, config, part, windows, change))
        key = cache_key(item.path, part, _fingerprint(config, windows, change))
        features = cache.get(key)
        if features is None:
            features = _compute(item.path, config, part, windows, change)
            cache.put(key, features)
        return ItemWindows(item, features)
    except (AudioError, OSError) as error:
        reason = error if isinstance(error, AudioError) else AudioError(str(error))
        return ItemWindows(item, None, reason)


def _fingerprint(
    config: FrontendConfig | Backbone, windows: WindowConfig, change: WaveformChange | None
) -> str:
    own = config.fingerprint if isinstance(config, Backbone) else frontend_fingerprint(config)
    text = own + windows.model_dump_json()
    if change is not None:
        text += f"{CODE_VERSION}{change.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()


def _compute(
    path: Path,
    config: FrontendConfig | Backbone,
    excerpt: ExcerptConfig,
    windows: WindowConfig,
    change: WaveformChange | None,
) -> NDArray[np.float32]:
    waveform = decode(path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt)
    if any(note.startswith("silent") for note in waveform.warnings):
        raise AudioContentError("silent", f"{path} is silent; nothing can be learnt from it")
    if waveform.seconds < windows.minimum_seconds:
        raise AudioError(
            f"{path} has {waveform.seconds:.2f} s, less than the {windows.minimum_seconds} s wanted"
        )
    samples = waveform.samples
    if change is not None:
        samples = changed(samples, change, config.sample_rate_hz)
    length, hop = window_samples(windows, config.sample_rate_hz)
    cut = cut_windows([samples], length=length, hop=hop)
    if isinstance(config, Backbone):
        return np.stack([config.embed(window.samples) for window in cut])
    name: str = config.kind
    frontends = {name: _frontend(config)}
    return np.stack([window_features(window.samples, frontends, windows)[name] for window in cut])
