"""Tables of features: their columns and rows, and the file that holds them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from genrekit.errors import AudioError, ConfigError
from genrekit.extras import naming_extra
from genrekit.features.frontend import build_frontend
from genrekit.files import replace_file, replacing
from genrekit.schema import FrontendConfig

TABLE_SUFFIXES = (".csv", ".parquet")


def feature_columns(
    config: FrontendConfig, *, windows: bool = False, tracks: bool = False, labels: bool = False
) -> list[str]:
    """Names of the columns: ``filename``, those of the front-end, and what is added.

    Parameters
    ----------
    config : FrontendConfig
        A front-end that gives one vector per track.
    windows : bool
        Rows are windows, and ``length`` has the samples of each.
    tracks, labels : bool
        The last columns are ``track`` and ``label``.
    """
    names = build_frontend(config).feature_names
    columns = ["filename", *(["length"] if windows else []), *names]
    return columns + (["track"] if tracks else []) + (["label"] if labels else [])


def feature_rows(
    name: str, numbers: Iterable[Sequence[str]], known: Sequence[str], *, windows: bool
) -> list[list[str]]:
    """Make the rows of one file, of which ``known`` stands behind the numbers."""
    return [
        [segment_name(name, number) if windows else name, *row, *known]
        for number, row in enumerate(numbers)
    ]


def segment_name(name: str, number: int) -> str:
    """Name of a window of a file, as the published tables have it.

    >>> segment_name("blues.00012.wav", 3)
    'blues.00012.3.wav'
    """
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}.{number}{path.suffix}"))


def check_table(output: Path, *, overwrite: bool = False) -> None:
    """Raise `ConfigError` if a table cannot be written there, or may not be replaced."""
    if output.suffix not in TABLE_SUFFIXES:
        raise ConfigError(f"{output}: write a table ending in {' or '.join(TABLE_SUFFIXES)}")
    if not output.parent.is_dir():
        raise ConfigError(f"{output.parent} is not a folder; make it first")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already; choose another name or pass --overwrite")
    if output.suffix == ".parquet":
        _parquet()


def save_table(output: Path, columns: list[str], rows: list[list[str]]) -> None:
    """Write a table whole.

    Raises
    ------
    AudioError
        If it has no row.
    """
    if not rows:
        raise AudioError(f"no row for {output}: not one of the files could be read")
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    content = text.getvalue().encode()
    if output.suffix == ".parquet":
        read_csv, write_parquet = _parquet()
        with replacing(output) as file:
            write_parquet(read_csv(io.BytesIO(content)), file)
    else:
        replace_file(output, content)


def _parquet() -> tuple[Callable[..., Any], Callable[..., Any]]:
    with naming_extra():
        from pyarrow.csv import read_csv
        from pyarrow.parquet import write_table as write_parquet
    return read_csv, write_parquet
