"""Runs that are made up: a dataset, a split, and models that are right as often as they should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from genrekit.datasets import CorpusInfo, Dataset, Item, Split, make_split
from genrekit.evaluation import Tracks
from genrekit.evaluation.results import FoldSize, RunResult, ScoredFold, run_result

GENRES = ("jazz", "pop", "rock")


def made_dataset(n_tracks: int = 120, per_track: int = 1, name: str = "made") -> Dataset:
    items = tuple(
        Item(f"{track}.{part}", (GENRES[track % 3],), f"track {track}")
        for track in range(n_tracks)
        for part in range(per_track)
    )
    return Dataset(name, GENRES, items, CorpusInfo("title", "licence", "citation", "homepage"))


def made_run(
    share: float,
    seed: int,
    *,
    name: str = "model",
    dataset: Dataset | None = None,
    split: Split | None = None,
    labels: tuple[str, ...] = GENRES,
) -> RunResult:
    """A model that is right on ``share`` of the tracks, tested in five folds unless said."""
    dataset = dataset or made_dataset()
    split = split or make_split(dataset, "grouped-kfold", n_folds=5)
    generator = np.random.default_rng(seed)
    folds = []
    for fold in split.folds:
        rows = dataset.indices(fold.test)
        targets = np.array([labels.index(dataset.items[row].labels[0]) for row in rows])
        scores = generator.dirichlet(np.ones(len(labels)), len(rows))
        right = generator.random(len(rows)) < share
        scores[np.arange(len(rows))[right], targets[right]] += 2
        wrong = np.flatnonzero(~right)
        scores[wrong, (targets[wrong] + 1) % len(labels)] += 2
        scores /= scores.sum(axis=1, keepdims=True)
        groups = tuple(dataset.items[row].group for row in rows)
        size = FoldSize(train=len(fold.train), test=len(fold.test)) if fold.train else None
        folds.append(ScoredFold(tuple(fold.test), Tracks(targets, scores, groups), size))
    return run_result(folds, labels=labels, dataset=dataset, split=split, model=name)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., RunResult]:
    """``make_run(share_right, seed, name=..., dataset=..., split=..., labels=...)``."""
    return made_run


@pytest.fixture(scope="session")
def make_data() -> Callable[..., Dataset]:
    """``make_data(n_tracks, per_track)``."""
    return made_dataset
