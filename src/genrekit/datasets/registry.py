"""The corpora by name, and how one is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from genrekit.catalog import Catalog
from genrekit.datasets.dataset import CorpusInfo, Dataset
from genrekit.datasets.fix_plan import FixPlan, apply_plan, read_plan
from genrekit.datasets.leave_out import drop_tracks
from genrekit.datasets.part_names import with_named_parts
from genrekit.errors import ConfigError

DATASETS = Catalog(
    "datasets",
    {
        "fma": "genrekit.datasets.fma:load",
        "folder": "genrekit.datasets.folder:load",
        "gtzan": "genrekit.datasets.gtzan:load",
        "ismir04": "genrekit.datasets.ismir04:load",
        "jamendo": "genrekit.datasets.jamendo:load",
        "jukebox": "genrekit.datasets.jukebox:load",
        "manifest": "genrekit.datasets.manifest:load",
        "msd": "genrekit.datasets.msd:load",
        "pictures": "genrekit.datasets.pictures:load",
        "table": "genrekit.datasets.table:load",
    },
    group="genrekit.datasets",
)


def load_dataset(
    corpus: str,
    path: Path | None = None,
    *,
    leave_out: str | Path | Sequence[str] | None = None,
    fix: str | Path | FixPlan | None = None,
    **options: Any,
) -> Dataset:
    """Load a corpus by its name in `DATASETS`.

    Parameters
    ----------
    corpus : str
        A name in `DATASETS`, such as ``"gtzan"``, ``"fma"`` or ``"folder"``.
    path : Path, optional
        Where it is; corpora that need none ignore it.
    leave_out : path or sequence of str, optional
        Tracks to keep away, see `drop_tracks`.
    fix : path or FixPlan, optional
        A plan of what to drop and relabel, as an audit writes it; see `apply_plan`. It comes
        before ``leave_out``.
    **options
        Passed to the corpus's ``load``.

    Returns
    -------
    Dataset
        Items that are parts of one recording by their names share a group; see
        `with_named_parts`.

    Raises
    ------
    ConfigError
        If there is no such corpus, it does not know an option, or the plan is none.
    DatasetError
        If the data is missing or malformed, or the plan was made from other data.
    """
    load = DATASETS.get(corpus)
    known = set(signature(load).parameters) - {"path"}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ConfigError(
            f"the dataset {corpus!r} has no option {unknown[0]!r}; it knows {sorted(known)}"
        )
    plan = read_plan(fix) if isinstance(fix, str | Path) else fix
    if plan is not None and "drop_columns" in known:
        # A column with gaps has to go before its table is read.
        options["drop_columns"] = (*options.get("drop_columns", ()), *plan.columns())
    dataset: Dataset = with_named_parts(load(path, **options))
    if plan is not None:
        dataset = apply_plan(dataset, plan)
    return dataset if leave_out is None else drop_tracks(dataset, leave_out)


def corpus_info(corpus: str) -> CorpusInfo:
    """Title, licence, citation, layout and faults of a corpus, without loading it.

    Raises
    ------
    ConfigError
        If there is no such corpus, or its module has no ``INFO``.
    """
    home = DATASETS.get(corpus).__module__
    info = getattr(import_module(home), "INFO", None)
    if not isinstance(info, CorpusInfo):
        raise ConfigError(
            f"the dataset {corpus!r} has no licence: {home} needs a CorpusInfo called INFO beside "
            "its function load"
        )
    return info
