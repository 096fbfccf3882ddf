"""The final table of a run: one row a file, sorted by path, the same whoever made it and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from genrekit.batch.analysis import prediction_of
from genrekit.batch.entry import Entry
from genrekit.batch.run import RunManifest
from genrekit.extras import naming_extra
from genrekit.files import replacing
from genrekit.schema import ModelIdentity, TrackPrediction

Format = Literal["jsonl", "parquet"]
_ROWS_AT_ONCE = 5000

Row = tuple[Entry, TrackPrediction]


def write_table(
    folder: Path, manifest: RunManifest, entries: Iterator[Entry], kind: Format
) -> Path:
    """Write ``results.jsonl`` or ``results.parquet``, in memory that does not grow with it.

    A line of the first is a `TrackPrediction`; the second has its scores as a column for each
    genre, and the kind of reason of those that failed.

    Returns
    -------
    Path

    Raises
    ------
    MissingExtraError
        If Parquet is asked for without pyarrow.
    """
    model = ModelIdentity.model_validate(manifest.settings["model"])
    rows = ((entry, prediction_of(entry, model)) for entry in entries)
    path = folder / f"results.{kind}"
    write: Callable[[Path, Iterator[Row]], None] = (
        _write_parquet if kind == "parquet" else _write_lines
    )
    write(path, rows)
    return path


def _write_lines(path: Path, rows: Iterator[Row]) -> None:
    with replacing(path) as file:
        for _, prediction in rows:
            file.write(prediction.model_dump_json().encode() + b"\n")


def check_format(kind: Format) -> None:
    """Raise `MissingExtraError` before the work if the table cannot be written after it."""
    if kind == "parquet":
        with naming_extra("batch"):
            import pyarrow.parquet  # noqa: F401


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    first = list(islice(rows, _ROWS_AT_ONCE))
    labels = sorted(next((set(answer.scores) for _, answer in first if answer.scores), set()))
    schema = pyarrow.schema(
        [
            ("path", pyarrow.string()),
            ("state", pyarrow.string()),
            ("genre", pyarrow.string()),
            ("genres", pyarrow.list_(pyarrow.string())),
            *((f"score_{label}", pyarrow.float64()) for label in labels),
            ("scores", pyarrow.string()),
            ("seconds", pyarrow.float64()),
            ("warnings", pyarrow.list_(pyarrow.string())),
            ("model", pyarrow.string()),
            ("reason", pyarrow.string()),
            ("error_type", pyarrow.string()),
            ("error", pyarrow.string()),
        ]
    )
    with replacing(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as out:
        while first:
            cells = [_cells(entry, answer, labels) for entry, answer in first]
            out.write_table(pyarrow.Table.from_pylist(cells, schema))
            first = list(islice(rows, _ROWS_AT_ONCE))


def _cells(entry: Entry, answer: TrackPrediction, labels: list[str]) -> dict[str, Any]:
    model, error = answer.model, answer.error
    return {
        "path": entry.path,
        "state": entry.state,
        "genre": answer.genre,
        "genres": list(answer.genres),
        **{f"score_{label}": answer.scores.get(label) for label in labels},
        "scores": json.dumps(answer.scores) if answer.scores else None,
        "seconds": answer.seconds,
        "warnings": list(answer.warnings),
        "model": None if model is None else f"{model.name} {model.version} {model.sha256[:12]}",
        "reason": None if entry.reason is None else entry.reason.kind,
        "error_type": None if error is None else error.type,
        "error": None if error is None else error.message,
    }
