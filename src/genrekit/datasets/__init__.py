"""Corpora: one file each, all turned into `Dataset`, and splits that keep recordings together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genrekit.catalog import Catalog
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item, track_digest
from genrekit.datasets.splits import Fold, Split, make_split

__all__ = [
    "DATASETS",
    "CorpusInfo",
    "Dataset",
    "Fold",
    "Item",
    "Split",
    "load_dataset",
    "make_split",
    "track_digest",
]

DATASETS = Catalog(
    "datasets",
    {
        "folder": "genrekit.datasets.folder:load",
        "gtzan": "genrekit.datasets.gtzan:load",
        "jukebox": "genrekit.datasets.jukebox:load",
        "table": "genrekit.datasets.table:load",
    },
    group="genrekit.datasets",
)


def load_dataset(corpus: str, path: Path | None = None, **options: Any) -> Dataset:
    """Load a corpus by its name in `DATASETS`.

    Parameters
    ----------
    corpus : str
        ``"gtzan"``, ``"folder"``, ``"table"``, ``"jukebox"`` or a name added by an entry point.
    path : Path, optional
        Where it is; corpora that need none ignore it.
    **options
        Passed to the corpus's ``load``.

    Raises
    ------
    ConfigError
        If there is no such corpus, or it does not know an option.
    DatasetError
        If the data is missing or malformed.
    """
    return DATASETS.get(corpus)(path, **options)
