"""Audio as a table: the columns of a vector front-end in the place of files."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genrekit.datasets.dataset import Dataset, Item
from genrekit.errors import ConfigError, DatasetError
from genrekit.features import FeatureCache, build_frontend, extract
from genrekit.progress import Progress, silent
from genrekit.schema import ExcerptConfig, FrontendConfig, Gtzan57Config

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


def with_features(
    dataset: Dataset,
    config: FrontendConfig | None = None,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
) -> Dataset:
    """Compute the columns of every item of audio, so that the dataset is a table.

    Parameters
    ----------
    dataset : Dataset
        A table is returned as it is.
    config : FrontendConfig, optional
        A front-end of one vector; the 57 columns of the published table by default.
    workers : int
        Processes to use.
    cache : FeatureCache, optional
        Where columns are kept for the next time.
    progress : callable
        Called with the stage, and how many of its items are done, of how many.

    Returns
    -------
    Dataset
        ``features`` has a row for each item that can be read; others are left out with a warning.

    Raises
    ------
    ConfigError
        If the front-end does not give one vector.
    DatasetError
        If an item names no audio, or none can be read.
    """
    if dataset.features is not None:
        return dataset
    config = Gtzan57Config() if config is None else config
    frontend = build_frontend(config)
    if not hasattr(frontend, "columns"):
        raise ConfigError(
            f"the front-end {config.kind!r} gives no vector; expected gtzan57 or descriptors"
        )
    sources = [_source(item) for item in dataset.items]
    found = extract(sources, config, workers=workers, cache=cache)
    rows, features = [], []
    for row, one in enumerate(found):
        if one.features is None:
            logger.warning("%s is left out: %s", one.path, one.error)
        else:
            rows.append(row)
            features.append(one.features)
        progress("computing features", row + 1, len(sources))
    if not rows:
        raise DatasetError(f"{dataset.name} has no track that can be read")
    return replace(
        dataset.select(rows),
        features=np.asarray(features, np.float64),
        feature_names=frontend.feature_names,
    )


def _source(item: Item) -> tuple[Path, ExcerptConfig]:
    if item.path is None:
        raise DatasetError(f"{item.item_id} names no audio; is it a row of a table?")
    start = item.start_seconds or 0.0
    duration = None if item.end_seconds is None else item.end_seconds - start
    return item.path, ExcerptConfig(start_seconds=start, duration_seconds=duration)
