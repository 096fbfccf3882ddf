"""Tables of features on disk: one row per file, resumed where they were interrupted.

Rows go to a journal beside the table as they are made. The table itself appears, in the order of
the files, when all of them were tried; an interrupted run leaves only the journal, which the next
run of the same front-end continues.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genrekit.errors import AudioError, ConfigError, MissingExtraError
from genrekit.features.cache import FeatureCache
from genrekit.features.extract import Extraction, extract
from genrekit.features.frontend import build_frontend, frontend_fingerprint
from genrekit.files import replace_file, replacing
from genrekit.schema import FrontendConfig

TABLE_SUFFIXES = (".csv", ".parquet")

_Rows = dict[str, list[str]]


def write_table(
    files: Mapping[str, Path],
    config: FrontendConfig,
    output: Path,
    *,
    labels: Mapping[str, str] | None = None,
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
    columns = ["filename", *build_frontend(config).feature_names] + (["label"] if labels else [])
    journal = output.with_name(f"{output.name}.{frontend_fingerprint(config)[:8]}.partial")
    rows = _resume(journal, columns)
    missing = {name: path for name, path in files.items() if name not in rows}
    with journal.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if journal.stat().st_size == 0:
            writer.writerow(columns)
        extractions = extract(missing.values(), config, workers=workers, cache=cache)
        for name, extraction in zip(missing, extractions, strict=True):
            if extraction.features is not None:
                label = [labels[name]] if labels else []
                rows[name] = [name, *(f"{value:.9g}" for value in extraction.features), *label]
                writer.writerow(rows[name])
                file.flush()
            yield extraction
    _finish(journal, output, [columns, *(rows[name] for name in files if name in rows)])


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix not in TABLE_SUFFIXES:
        raise ConfigError(f"{output}: write a table ending in {' or '.join(TABLE_SUFFIXES)}")
    if not output.parent.is_dir():
        raise ConfigError(f"{output.parent} is not a folder; make it first")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already; choose another name or pass --overwrite")
    if output.suffix == ".parquet":
        _parquet()


def _resume(journal: Path, columns: list[str]) -> _Rows:
    """Rows of an interrupted run; a last line that was cut off is cut away."""
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
    return {row[0]: row for row in rows}


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
