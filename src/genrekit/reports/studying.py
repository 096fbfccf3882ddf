"""A study with its report: what ``genrekit study`` and ``genrekit.study`` do."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from genrekit.datasets import load_dataset
from genrekit.experiments import Study, complete_study, write_study
from genrekit.models import ClassicalConfig
from genrekit.progress import Progress, silent
from genrekit.reports.write import report
from genrekit.training import ProtocolConfig
from genrekit.workers import cores

logger = logging.getLogger(__name__)


def study(
    path: str | Path,
    out: str | Path | None = None,
    *,
    models: Sequence[ClassicalConfig] | None = None,
    protocols: Sequence[ProtocolConfig] | None = None,
    checks: bool = True,
    learning_curve: bool = False,
    importance: bool = True,
    seed: int = 0,
    workers: int | None = None,
    keep: Path | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Study:
    """Study a table of features from beginning to end.

    Parameters
    ----------
    path : str or Path
        CSV, TSV or Parquet; what genrekit knows of GTZAN's tables is recognised.
    out : str or Path, optional
        Folder for the reports, the results files and the figures; None writes nothing.
    models, protocols, checks, learning_curve, importance, seed
        As for `complete_study`.
    workers : int, optional
        Processes that fit; None takes all cores. With more than one the calling script needs the
        usual ``if __name__ == "__main__":``.
    keep : Path, optional
        As for `run_study`.
    progress : callable
        Called with the stage, and how many of its steps are done, of how many.
    **options
        How to read the table, such as ``label_column="genre"``.

    Raises
    ------
    DatasetError
        If the table cannot be read, or does not fit a protocol.
    """
    file = Path(path)
    dataset = load_dataset("table", file, **options)
    found = complete_study(
        dataset,
        models=models,
        protocols=protocols,
        checks=checks,
        learning_curve=learning_curve,
        importance=importance,
        seed=seed,
        workers=workers or cores(),
        keep=keep,
        progress=progress,
    )
    if out is not None:
        write_study_report(found, Path(out), file.stem)
    return found


def write_study_report(found: Study, out: Path, name: str, command: str = "") -> tuple[Path, ...]:
    """Write all that `write_study` does, and NAME.html with the report of it.

    Returns
    -------
    tuple of Path
        The pages: NAME.md, and NAME.html if plotly and matplotlib are installed.
    """
    page = write_study(found, out, name, command)
    if find_spec("plotly") is None or find_spec("matplotlib") is None:
        logger.warning("there is no %s.html, as plotly is not installed (genrekit[report])", name)
        return (page,)
    html = out / f"{name}.html"
    title = f"{len({cell.result.model for cell in found.result.cells})} models on {name}"
    report([out / f"{name}.json", out / f"{name}.runs"], html, title=title)
    return page, html
