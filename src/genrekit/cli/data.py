"""Data named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Pair
    from genrekit.evaluation.alike import Alike

_MANIFESTS = (".jsonl", ".ndjson")


def open_dataset(data: Path, corpus: str | None = None, leave_out: Path | None = None) -> Dataset:
    """Load ``data``; a folder is audio, JSON lines are a manifest, other files tables."""
    from genrekit.datasets import load_dataset

    if corpus is None:
        file = "manifest" if data.suffix in _MANIFESTS else "table"
        corpus = "folder" if data.is_dir() else file
    return load_dataset(corpus, data, leave_out=leave_out)


def open_pairs(file: Path | None) -> tuple[Pair, ...]:
    """Near duplicates from ``file``, if there is one."""
    from genrekit.datasets import read_pairs

    return () if file is None else read_pairs(file)


def hear(dataset: Dataset) -> Alike:
    """Decode all audio of the dataset, under a progress bar, and find what sounds alike."""
    from genrekit.cli.console import cores, track
    from genrekit.evaluation.alike import alike, listen
    from genrekit.features import FeatureCache

    heard = listen(dataset, workers=cores(), cache=FeatureCache.default())
    return alike(dataset, tuple(track(heard, len(dataset), "Listening")))
