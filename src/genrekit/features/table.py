"""Tables of features on disk: one row per file, resumed where they were interrupted.

Rows go to a journal beside the table as they are made. The table itself appears, in the order of
the files, when all of them were tried; an interrupted run leaves only the journal, which the next
run of the same front-end continues.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from genrekit.errors import AudioError, ConfigError, MissingExtraError
from genrekit.features.cache import FeatureCache
from genrekit.features.extraction import Extraction, extract, extract_windows
from genrekit.features.frontend import build_frontend, frontend_fingerprint
from genrekit.files import replace_file, replacing
from genrekit.schema import FrontendConfig

TABLE_SUFFIXES = (".csv", ".parquet")

_Rows = dict[str, list[list[str]]]


def write_table(
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
) -> Iterator[Extraction]:
    """Write the features of ``files`` to a ``.csv`` or ``.parquet`` table.

    The table is complete when the iterator is exhausted; its columns are ``filename``, the columns
    of the front-end and, with ``labels``, ``label``.

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

    Yields
    ------
    Extraction
        One per file that an earlier, interrupted run had not finished yet. Files with an error
        get no row.

    Raises
    ------
    ConfigError
        If the suffix is another, or the table exists and ``overwrite`` is not set.
    AudioError
        If not one file could be read.
    """
    _check_output(output, overwrite)
    names = build_frontend(config).feature_names
    columns = ["filename", *(["length"] if window_seconds else []), *names]
    columns += (["track"] if tracks else []) + (["label"] if labels else [])
    journal = output.with_name(f"{output.name}.{frontend_fingerprint(config)[:8]}.partial")
    rows = _resume(journal, columns, window_seconds)
    missing = {name: path for name, path in files.items() if name not in rows}
    with journal.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if journal.stat().st_size == 0:
            writer.writerow(columns)
        if window_seconds:
            extractions = extract_windows(
                missing.values(), config, window_seconds, workers=workers, cache=cache
            )
        else:
            extractions = extract(missing.values(), config, workers=workers, cache=cache)
        for name, extraction in zip(missing, extractions, strict=True):
            if extraction.features is not None:
                known = ([name] if tracks else []) + ([labels[name]] if labels else [])
                parts = extraction.features if window_seconds else [extraction.features]
                rows[name] = [
                    [segment_name(name, number) if window_seconds else name]
                    + [f"{value:.9g}" for value in part]
                    + known
                    for number, part in enumerate(parts)
                ]
                writer.writerows(rows[name])
                file.flush()
            yield extraction
    _finish(journal, output, [columns, *(row for name in files for row in rows.get(name, []))])


def segment_name(name: str, number: int) -> str:
    """Name of a window of a file, as the published tables have it.

    >>> segment_name("blues.00012.wav", 3)
    'blues.00012.3.wav'
    """
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}.{number}{path.suffix}"))


def _file_name(segment: str) -> str:
    path = PurePosixPath(segment)
    return str(path.with_name(f"{path.stem.rpartition('.')[0]}{path.suffix}"))


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix not in TABLE_SUFFIXES:
        raise ConfigError(f"{output}: write a table ending in {' or '.join(TABLE_SUFFIXES)}")
    if not output.parent.is_dir():
        raise ConfigError(f"{output.parent} is not a folder; make it first")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already; choose another name or pass --overwrite")
    if output.suffix == ".parquet":
        _parquet()


def _resume(journal: Path, columns: list[str], window_seconds: float | None) -> _Rows:
    """Rows of an interrupted run; a last line that was cut off is cut away.

    Of windows the last file may lack some, so it is described once more.
    """
    if not journal.exists():
        return {}
    text = journal.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    header, *rows = list(csv.reader(io.StringIO(whole))) or [[]]
    if header != columns:  # made with other options: begin anew
        journal.unlink()
        return {}
    if whole != text:
        journal.write_text(whole, encoding="utf-8")
    found: _Rows = {}
    for row in rows:
        found.setdefault(_file_name(row[0]) if window_seconds else row[0], []).append(row)
    if window_seconds and found:
        found.popitem()
        with journal.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *(row for part in found.values() for row in part)])
    return found


def _finish(journal: Path, output: Path, rows: list[list[str]]) -> None:
    if len(rows) == 1:
        journal.unlink()
        raise AudioError(f"no row for {output}: not one of the files could be read")
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    content = text.getvalue().encode()
    if output.suffix == ".parquet":
        read_csv, write_parquet = _parquet()
        with replacing(output) as file:
            write_parquet(read_csv(io.BytesIO(content)), file)
    else:
        replace_file(output, content)
    journal.unlink()


def _parquet() -> tuple[Callable[..., Any], Callable[..., Any]]:
    try:
        from pyarrow.csv import read_csv
        from pyarrow.parquet import write_table as write_parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "train") from None
    return read_csv, write_parquet
