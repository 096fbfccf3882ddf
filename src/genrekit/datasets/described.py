"""Audio as a table: the columns of a vector front-end in the place of files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from genrekit.datasets.dataset import Dataset
from genrekit.errors import ConfigError, DatasetError
from genrekit.features import WHOLE_TRACK, Extraction, FeatureCache, build_frontend, extract
from genrekit.progress import Progress, silent
from genrekit.schema import FrontendConfig, Gtzan57Config

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
    if not hasattr(build_frontend(config), "columns"):
        raise ConfigError(
            f"the front-end {config.kind!r} gives no vector; expected gtzan57 or descriptors"
        )
    for item in dataset.items:
        if item.path is None:
            raise DatasetError(f"{item.item_id} names no audio; is it a row of a table?")
    found = read_columns(
        dataset,
        config,
        workers=workers,
        cache=cache,
        left_out=lambda one: logger.warning("%s is left out: %s", one.path, one.error),
        done=lambda done, of: progress("computing features", done, of),
    )
    if found is None:
        raise DatasetError(f"{dataset.name} has no track that can be read")
    return found


def read_columns(
    dataset: Dataset,
    config: FrontendConfig,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
    left_out: Callable[[Extraction], None],
    done: Callable[[int, int], None],
) -> Dataset | None:
    """Compute the columns of the items that have audio; as `with_features`.

    Parameters
    ----------
    left_out : callable
        Called with each file that cannot be read.
    done : callable
        Called with how many files are done, of how many.

    Returns
    -------
    Dataset or None
        The items that could be read, with their ``features``; None if no item could.
    """
    there = [row for row, item in enumerate(dataset.items) if item.path is not None]
    sources = [
        (item.path, item.excerpt or WHOLE_TRACK) for item in dataset.items if item.path is not None
    ]
    rows, features = [], []
    described = extract(sources, config, workers=workers, cache=cache)
    for number, (row, one) in enumerate(zip(there, described, strict=True), start=1):
        if one.features is None:
            left_out(one)
        else:
            rows.append(row)
            features.append(one.features)
        done(number, len(sources))
    if not rows:
        return None
    return replace(
        dataset.select(rows),
        features=np.asarray(features, np.float64),
        feature_names=build_frontend(config).feature_names,
    )
