"""Labelled feature rows: what a table holds already, and what audio becomes, window by window."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.bundles import window_features, window_samples
from genrekit.datasets import Dataset, Item
from genrekit.errors import AudioError, DatasetError
from genrekit.features import build_frontend, frontend_fingerprint
from genrekit.features.cache import FeatureCache, cache_key
from genrekit.inference import cut_windows
from genrekit.parallel import WorkerDied, ordered_map
from genrekit.schema import ExcerptConfig, FrontendConfig, WindowConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Features with their targets.

    Attributes
    ----------
    x : (n, columns) or (n, bands, frames) float32
        In the order of the front-end's ``feature_names``.
    y : (n,) int64
        Positions in the labels of the dataset.
    items, groups : (n,) object
        Item id and recording of each row; an item of audio has a row for each of its windows.
    more : mapping of str to float32 array
        What further front-ends make of the same rows, by name.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    items: NDArray[np.object_]
    groups: NDArray[np.object_]
    more: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y)

    def of(self, item_ids: Iterable[str]) -> Rows:
        """The rows of these items."""
        return self.where(np.isin(self.items.astype(str), list(item_ids)))

    def without_groups(self, groups: Iterable[str]) -> Rows:
        """The rows of all other recordings."""
        return self.where(~np.isin(self.groups.astype(str), list(groups)))

    def digests(self) -> dict[str, str]:
        """Digest of the numbers of each item, by item id."""
        found = {item_id: hashlib.sha256() for item_id in self.items}
        for item_id, row in zip(self.items, self.x, strict=True):
            found[item_id].update(row.tobytes())
        return {str(item_id): digest.hexdigest() for item_id, digest in found.items()}

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows where ``chosen`` (n,) is true."""
        more = {name: array[chosen] for name, array in self.more.items()}
        return Rows(self.x[chosen], self.y[chosen], self.items[chosen], self.groups[chosen], more)


def table_rows(dataset: Dataset, feature_names: Sequence[str]) -> Rows:
    """Rows of a table, its columns matched by name to those of a front-end.

    Raises
    ------
    DatasetError
        If a column is missing.
    """
    if dataset.features is None:
        raise DatasetError(f"{dataset.name} is no table of features")
    position = {name: number for number, name in enumerate(dataset.feature_names)}
    missing = [name for name in feature_names if name not in position]
    if missing:
        raise DatasetError(
            f"{dataset.name} lacks {len(missing)} of the {len(feature_names)} columns of the "
            f"front-end: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}; name the "
            "front-end that the table was made with"
        )
    x = dataset.features[:, [position[name] for name in feature_names]].astype(np.float32)
    return _rows(x, dataset.targets(), dataset.items)


@dataclass(frozen=True, slots=True)
class ItemWindows:
    """Features (windows, columns) of one item of audio, or why there are none."""

    item: Item
    features: NDArray[np.float32] | None
    error: AudioError | None = None


def audio_windows(
    dataset: Dataset,
    config: FrontendConfig,
    *,
    excerpt: ExcerptConfig,
    windows: WindowConfig,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[ItemWindows]:
    """Decode, cut and describe every item, exactly as `Classifier` will.

    Yields
    ------
    ItemWindows
        One for each item, in order. An unreadable file is one with its error.
    """
    one = partial(_item_windows, config=config, excerpt=excerpt, windows=windows, cache=cache)
    for outcome in ordered_map(one, dataset.items, workers=workers):
        if isinstance(outcome, WorkerDied):
            item = outcome.argument
            yield ItemWindows(item, None, AudioError(f"{item.path}: decoding killed its process"))
        else:
            yield outcome


def readable(dataset: Dataset, outcomes: Sequence[ItemWindows]) -> tuple[Dataset, Rows]:
    """The items that could be read, and their rows; the others are warned of.

    Raises
    ------
    DatasetError
        If not one could be read.
    """
    for outcome in outcomes:
        if outcome.error is not None:
            logger.warning("left out %s: %s", outcome.item.item_id, outcome.error)
    good = [number for number, outcome in enumerate(outcomes) if outcome.features is not None]
    if not good:
        raise DatasetError(f"{dataset.name}: not one of {len(outcomes)} files could be read")
    kept = dataset.select(good)
    blocks = [outcomes[number].features for number in good]
    arrays = [block for block in blocks if block is not None]
    counts = [len(block) for block in arrays]
    items = [item for item, count in zip(kept.items, counts, strict=True) for _ in range(count)]
    return kept, _rows(np.concatenate(arrays), np.repeat(kept.targets(), counts), items)


def readable_by_all(
    dataset: Dataset, outcomes: Mapping[str, Sequence[ItemWindows]]
) -> tuple[Dataset, Rows]:
    """As `readable`, for items that every front-end could read.

    Parameters
    ----------
    outcomes : mapping of str to sequence of ItemWindows
        By front-end name; the first one gives ``Rows.x``, the others ``Rows.more``.
    """
    found = [_without_failed(of_item) for of_item in zip(*outcomes.values(), strict=True)]
    kept, rows = readable(dataset, [of_item[0] for of_item in found])
    more = {}
    for number, name in enumerate(outcomes):
        blocks = [of_item[number].features for of_item in found]
        if number:
            more[name] = np.concatenate([block for block in blocks if block is not None])
    return kept, replace(rows, more=more)


def _without_failed(of_item: Sequence[ItemWindows]) -> list[ItemWindows]:
    """What front-ends made of one item; nothing of any, if one of them failed."""
    error = next((one.error for one in of_item if one.error is not None), None)
    if error is None:
        return list(of_item)
    return [replace(one, features=None, error=error) for one in of_item]


def _rows(x: NDArray[np.float32], y: NDArray[np.int64], items: Sequence[Item]) -> Rows:
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DatasetError(f"{items[row].item_id}: feature {column} is beyond float32")
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
    config: FrontendConfig,
    excerpt: ExcerptConfig,
    windows: WindowConfig,
    cache: FeatureCache | None,
) -> ItemWindows:
    if item.path is None:
        raise DatasetError(f"{item.item_id} has neither audio nor features")
    part = _excerpt_of(item, excerpt)
    try:
        if cache is None:
            return ItemWindows(item, _compute(item.path, config, part, windows))
        key = cache_key(item.path, part, _fingerprint(config, windows))
        features = cache.get(key)
        if features is None:
            features = _compute(item.path, config, part, windows)
            cache.put(key, features)
        return ItemWindows(item, features)
    except (AudioError, OSError) as error:
        reason = error if isinstance(error, AudioError) else AudioError(str(error))
        return ItemWindows(item, None, reason)


def _excerpt_of(item: Item, excerpt: ExcerptConfig) -> ExcerptConfig:
    if item.start_seconds is None and item.end_seconds is None:
        return excerpt
    start = item.start_seconds or 0.0
    duration = None if item.end_seconds is None else item.end_seconds - start
    return ExcerptConfig(start_seconds=start, duration_seconds=duration)


def _fingerprint(config: FrontendConfig, windows: WindowConfig) -> str:
    text = frontend_fingerprint(config) + windows.model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()


def _compute(
    path: Path, config: FrontendConfig, excerpt: ExcerptConfig, windows: WindowConfig
) -> NDArray[np.float32]:
    waveform = decode(path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt)
    if waveform.seconds < windows.minimum_seconds:
        raise AudioError(
            f"{path} has {waveform.seconds:.2f} s, less than the {windows.minimum_seconds} s wanted"
        )
    length, hop = window_samples(windows, config.sample_rate_hz)
    name: str = config.kind
    frontends = {name: _frontend(config)}
    cut = cut_windows([waveform.samples], length=length, hop=hop)
    return np.stack([window_features(window.samples, frontends, windows)[name] for window in cut])
