"""Tables of features of many files: what was described is not described again.

The numbers of each file go to the journal of a run beside the table, which is written whole when
all files were tried. A run that was stopped goes on; one in which files failed remembers them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.batch.entry import Entry
from genrekit.batch.run import Run, open_run
from genrekit.batch.work import work_through
from genrekit.errors import AudioError
from genrekit.features import (
    Extraction,
    FeatureCache,
    check_table,
    extract,
    extract_windows,
    feature_columns,
    feature_rows,
    frontend_fingerprint,
    save_table,
)
from genrekit.schema import FrontendConfig
from genrekit.workers import LONG_LIMITS

_KIND = "features"


def write_features(
    files: Mapping[str, Path],
    config: FrontendConfig,
    output: Path,
    *,
    labels: Mapping[str, str] | None = None,
    window_seconds: float | None = None,
    tracks: bool = False,
    workers: int = 1,
    cache: FeatureCache | None = None,
    overwrite: bool = False,
    retry_failed: bool = False,
) -> Iterator[Extraction]:
    """Write the features of ``files`` to a ``.csv`` or ``.parquet`` table.

    The table is complete when the iterator is exhausted; its columns are ``filename``, the columns
    of the front-end and, with ``labels``, ``label``. The run beside it, ``x.csv.run``, goes then,
    unless files failed.

    Parameters
    ----------
    files : Mapping[str, Path]
        Name in the table to file.
    config : FrontendConfig
        A front-end that gives one vector per track.
    labels : Mapping[str, str], optional
        Name in the table to label.
    window_seconds : float, optional
        A row for each window of so many seconds, as in the published ``features_3_sec.csv``:
        ``song.wav`` becomes ``song.0.wav``, ``song.1.wav`` and so on, and a column ``length`` has
        the samples of each. What is left at the end counts if it is nearly a window.
    tracks : bool
        Add a column ``track`` with the name of the file, for windows of files whose names do not
        say it.
    workers : int
        Processes; 1 is this one.
    retry_failed : bool
        Whether files that failed are tried again, though they have not changed.

    Yields
    ------
    Extraction
        One per file that an earlier, interrupted run had not finished yet, as they finish, and one
        for each that failed then. Files with an error get no row.

    Raises
    ------
    ConfigError
        If the suffix is another, or the table exists and ``overwrite`` is not set.
    BusyError
        If another process writes the same table.
    AudioError
        If not one file could be read.
    """
    check_table(output, overwrite=overwrite)
    folder = output.with_name(f"{output.name}.run")
    settings = {"frontend": frontend_fingerprint(config), "window_seconds": window_seconds}
    names = {str(path.absolute()): name for name, path in files.items()}
    passed: list[str] = []
    with open_run(folder, _KIND, settings, redo=True) as run:
        for entry in work_through(
            run,
            names,
            Described(config, window_seconds, cache),
            workers=workers,
            limits=LONG_LIMITS,
            retry_failed=retry_failed,
            supervised=False,
            skipped=passed.append,
        ):
            yield _extraction(entry)
        found = _entries(run, names)
        yield from (_extraction(one) for one in map(found.get, passed) if one and one.reason)
        columns = feature_columns(
            config, windows=window_seconds is not None, tracks=tracks, labels=labels is not None
        )
        rows: list[list[str]] = []
        for path, name in names.items():
            known = ([name] if tracks else []) + ([labels[name]] if labels else [])
            numbers = _numbers(found.get(path))
            rows += feature_rows(name, numbers, known, windows=window_seconds is not None)
        save_table(output, columns, rows)
    if all(one.reason is None for one in found.values()):
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Described:
    """The rows of a file: a text of numbers each, as they stand in the table."""

    config: FrontendConfig
    window_seconds: float | None
    cache: FeatureCache | None

    def __call__(self, path: str) -> list[str]:
        """Describe one file, or look it up."""
        if self.window_seconds is None:
            (done,) = extract([Path(path)], self.config, cache=self.cache)
        else:
            (done,) = extract_windows(
                [Path(path)], self.config, self.window_seconds, cache=self.cache
            )
        if done.features is None:
            raise done.error or AudioError(f"{path} has no features")
        return [" ".join(f"{value:.9g}" for value in row) for row in np.atleast_2d(done.features)]


def _entries(run: Run, names: Mapping[str, str]) -> dict[str, Entry]:
    return {entry.file: entry for entry in run.entries() if entry.file in names}


def _numbers(entry: Entry | None) -> list[list[str]]:
    rows = entry.value if entry is not None else None
    return [str(row).split(" ") for row in rows] if isinstance(rows, list) else []


def _extraction(entry: Entry) -> Extraction:
    if entry.reason is not None:
        return Extraction(Path(entry.file), None, AudioError(entry.reason.message))
    rows = [[float(one) for one in row] for row in _numbers(entry)]
    return Extraction(Path(entry.file), np.array(rows, np.float32))
