"""Results, a table and an index that are made up."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from genrekit.batch.index_store import IndexedTrack, IndexManifest
from genrekit.datasets import CorpusInfo, Dataset, Item, make_split
from genrekit.evaluation import Scored
from genrekit.evaluation.results import ScoredFold, run_result, write_run
from genrekit.schema import ModelIdentity

LABELS = ("jazz", "pop", "rock")


def _write_run(path: Path, name: str, wrong: int, seed: int = 0) -> Path:
    """Thirty tracks, of which the first ``wrong`` are told as the next genre."""
    items = tuple(Item(f"track {n}", (LABELS[n % 3],), f"track {n}") for n in range(30))
    dataset = Dataset("made", LABELS, items, CorpusInfo("made", "CC0", "none", "none"))
    split = make_split(dataset, "grouped-kfold", n_folds=3, seed=seed)
    folds = []
    for fold in split.folds:
        rows = dataset.indices(fold.test)
        targets = np.array([row % 3 for row in rows])
        told = np.array([(row + (row < wrong)) % 3 for row in rows])
        scores = np.full((len(rows), 3), 0.1)
        scores[np.arange(len(rows)), told] = 0.8
        groups = tuple(dataset.items[row].group for row in rows)
        folds.append(ScoredFold(tuple(fold.test), Scored(targets, scores, groups)))
    path.parent.mkdir(parents=True, exist_ok=True)
    run = run_result(folds, labels=LABELS, dataset=dataset, split=split, model=name)
    return write_run(run, path)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on one split, and one on another, by a model whose name is meant badly."""
    folder = tmp_path_factory.mktemp("results")
    _write_run(folder / "a" / "run.json", "good", 3)
    _write_run(folder / "b" / "run.json", "bad", 12)
    _write_run(folder / "other.json", "![x](http://example.invalid/x.png) <b>", 5, seed=1)
    (folder / "study.json").write_text('{"something": "else"}')
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two columns, of which one tells genres apart."""
    path = tmp_path_factory.mktemp("tables") / "made up.csv"
    noise = np.random.default_rng(0).normal(0, 1, (24, 2))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "telling_mean", "silent_mean", "label"])
        for row, (a, b) in enumerate(noise.tolist()):
            writer.writerow([f"{row}.wav", a + 5 * (row % 3), b, LABELS[row % 3]])
    return path


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve tracks in two directions, a genre each."""
    folder = tmp_path_factory.mktemp("index")
    paths = [f"{genre}/{number}.mp3" for genre in ("jazz", "rock") for number in range(6)]
    vectors = np.repeat(np.eye(2, 8), 6, axis=0) + np.random.default_rng(0).normal(0, 0.05, (12, 8))
    memory = io.BytesIO()
    np.savez(memory, vectors=vectors.astype(np.float32))
    digest = hashlib.sha256(memory.getvalue()).hexdigest()
    manifest = IndexManifest(
        folder="/nowhere",
        asked_for="default",
        model=ModelIdentity(name="made", version="1.0.0", sha256="0" * 64),
        kind="embedding",
        tracks=tuple(IndexedTrack(path=path, size_bytes=1, modified_ns=1) for path in paths),
        vectors_sha256=digest,
    )
    (folder / "index.json").write_text(manifest.model_dump_json())
    (folder / f"vectors-{digest[:16]}.npz").write_bytes(memory.getvalue())
    return folder
