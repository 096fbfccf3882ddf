"""A manifest: CSV or JSON lines that name audio files, labels, and who belongs together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from genrekit.catalog import near_matches
from genrekit.datasets.cells import read_cells
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.fold import PARTS
from genrekit.datasets.gtzan_facts import official_part, parse_name, recording_of
from genrekit.datasets.presence import Need, existing
from genrekit.datasets.rows import number_at
from genrekit.errors import DatasetError

INFO = CorpusInfo(
    title="Manifest",
    licence="That of the files; ask their owner",
    citation="None; name the source of the files",
    homepage="None: a list of your own",
    layout=(
        "CSV, TSV, Parquet or JSON lines (.jsonl), a row an item: path (below the manifest's "
        "folder, or absolute), label or labels (several, with ';' in CSV), and as wanted id, "
        "artist, album, group, start, end (seconds), split (train, valid, test)"
    ),
    obtain="Write one with any editor or spreadsheet",
)

COLUMNS = (
    "path",
    "label",
    "labels",
    "id",
    "artist",
    "album",
    "group",
    "start",
    "end",
    "split",
)
#: What the columns that every manifest needs are called by others, if ours is not there.
PATH_COLUMNS = ("path", "filename", "file", "file_name", "filepath", "file_path")
LABEL_COLUMNS = ("label", "genre", "class")
LABEL_SEPARATOR = ";"

_JSON_SUFFIXES = (".jsonl", ".ndjson")


class Names(NamedTuple):
    """What columns are called in a file, by our names, and which of them are passed over."""

    called: Mapping[str, str]
    ignored: tuple[str, ...]

    def ours(self, file: Path, header: Sequence[str]) -> dict[str, str]:
        """Our name of each column of ``header`` that is not passed over.

        Raises
        ------
        DatasetError
            If a column that was named is not there, or one that is there is unknown.
        """
        lower = {column.lower(): column for column in header}
        found: dict[str, str] = {}
        for ours, named in self.called.items():
            if named.lower() not in lower:
                raise DatasetError(
                    f"{file} has no column {named!r} ({ours}_column); it has: {', '.join(header)}"
                )
            found[lower[named.lower()]] = ours
        for ours, guesses in (("path", PATH_COLUMNS), ("label", LABEL_COLUMNS)):
            there = [guess for guess in guesses if guess in lower and lower[guess] not in found]
            taken = ours in found.values() or (ours == "label" and "labels" in lower)
            if there and not taken:
                found[lower[there[0]]] = ours
        passed = {name.lower() for name in self.ignored} | set(found.values())
        passed |= {"labels"} if "label" in self.called else set()
        for column in header:
            if column not in found and column.lower() not in passed and column:
                found[column] = column.lower()
        free = {column: ours for column, ours in found.items() if ours not in COLUMNS}
        return {c: ours for c, ours in found.items() if c not in free or "*" not in passed}


class _Entry(NamedTuple):
    """One row as text; ``labels`` cut apart."""

    line: int
    cells: Mapping[str, str]
    labels: tuple[str, ...]


def load(
    path: Path | None,
    *,
    audio: Need = "required",
    audio_folder: Path | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    group_column: str | None = None,
    path_column: str | None = None,
    ignore: Sequence[str] = (),
) -> Dataset:
    """Load the items of a manifest; the files are not decoded.

    A column ``labels`` makes it multi-label, ``label`` single-label. An item's id is its path,
    with its times where several items are cut from one file; its group is the path without the
    suffix, so that segments of a file stay together. Files named like GTZAN's are grouped by
    recording, and know the fault-filtered split where there is no column ``split``.

    Parameters
    ----------
    path : Path
        The manifest, see `INFO`.
    audio : {"required", "optional"}
        Whether a missing file is an error; an item whose file is absent has no path.
    audio_folder : Path, optional
        What relative paths are relative to; None takes the manifest's folder.
    label_column, id_column, group_column, path_column : str, optional
        What the columns are called in this file. Without a name, a label is also looked for in
        `LABEL_COLUMNS`, and the audio in `PATH_COLUMNS`.
    ignore : sequence of str
        Columns to pass over, ``*`` for all that are unknown. Unknown columns are an error
        otherwise: a misspelt ``artist`` would let artists leak across a split unseen.

    Raises
    ------
    DatasetError
        With file, line and column of what is wrong.
    """
    if path is None:
        raise DatasetError(f"a manifest needs a path; expected {INFO.layout}")
    read = _json_entries if path.suffix in _JSON_SUFFIXES else _table_entries
    called = {
        "label": label_column,
        "id": id_column,
        "group": group_column,
        "path": path_column,
    }
    names = Names({ours: named for ours, named in called.items() if named}, tuple(ignore))
    entries = list(read(path, names))
    multi = "labels" in entries[0].cells
    items = [_item(path, entry) for entry in entries]
    named = Counter(item.item_id for item in items)
    items = [item if named[item.item_id] == 1 else _timed(item) for item in items]
    _refuse_repeated(path, entries, items)
    folder = path.parent if audio_folder is None else audio_folder
    files = {
        item.item_id: folder / _path(entry) for item, entry in zip(items, entries, strict=True)
    }
    paths = existing(files, audio, corpus=str(path), hint="repair the column path")
    return Dataset(
        name=path.name,
        labels=tuple(sorted({label for item in items for label in item.labels})),
        items=tuple(replace(item, path=paths.get(item.item_id)) for item in items),
        info=INFO,
        task="multi-label" if multi else "single-label",
    )


# --- rows ---------------------------------------------------------------------------------------


def _table_entries(file: Path, names: Names) -> Iterator[_Entry]:
    cells = read_cells(file)
    ours = names.ours(file, cells.header)
    _check_columns(file, list(ours.values()))
    columns = {
        name: cells.numbers(column) if name in ("start", "end") else cells.column(column)
        for column, name in ours.items()
    }
    for number, line in enumerate(cells.lines):
        values = {name: column[number] for name, column in columns.items()}
        text = values.get("labels")
        labels = [values["label"]] if text is None else text.split(LABEL_SEPARATOR)
        yield _entry(file, line, values, labels)


def _json_entries(file: Path, names: Names) -> Iterator[_Entry]:
    if not file.is_file():
        raise DatasetError(f"there is no manifest {file}")
    lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    first: list[str] | None = None
    for line, content in enumerate(lines, start=1):
        if not content.strip():
            continue
        read = _json_object(file, line, content)
        ours = names.ours(file, list(read))
        values = {name: read[column] for column, name in ours.items()}
        if first is None:
            first = list(values)
        elif ("labels" in values) != ("labels" in first):
            raise DatasetError(f"{file}, line {line}: some rows have labels and some label")
        _check_columns(file, list(values), line)
        labels = values.pop("labels", None)
        if labels is not None and not isinstance(labels, list):
            raise DatasetError(f"{file}, line {line}: labels is {labels!r}, expected a list")
        cells = {name: "" if value is None else str(value) for name, value in values.items()}
        chosen = [cells["label"]] if labels is None else [str(label) for label in labels]
        yield _entry(file, line, cells if labels is None else {**cells, "labels": ""}, chosen)
    if first is None:
        raise DatasetError(f"{file} has no rows")


def _json_object(file: Path, line: int, content: bytes) -> dict[str, object]:
    try:
        values = json.loads(content.decode("utf-8"))
    except ValueError as problem:
        raise DatasetError(
            f"{file}, line {line}: {problem}; expected one JSON object in UTF-8, or is the file "
            "cut off?"
        ) from problem
    if not isinstance(values, dict):
        raise DatasetError(f"{file}, line {line}: expected a JSON object, not {values!r:.40}")
    return values


def _check_columns(file: Path, header: Sequence[str], line: int | None = None) -> None:
    where = str(file) if line is None else f"{file}, line {line}"
    if "path" not in header:
        raise DatasetError(
            f"{where} has no column path; it has {', '.join(header)}; name the one with the audio "
            "files in path_column"
        )
    if ("label" in header) == ("labels" in header):
        raise DatasetError(
            f"{where} needs either a column label or a column labels; it has {', '.join(header)}; "
            "name the one with the genres in label_column (--label)"
        )
    for name in header:
        if name not in COLUMNS:
            near = near_matches(name, COLUMNS, most=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise DatasetError(
                f"{where}: unknown column {name!r}; {hint}known: {', '.join(COLUMNS)}; name "
                f"others in ignore (--ignore {name}, or --ignore '*' for all that are unknown)"
            )


def _entry(file: Path, line: int, cells: Mapping[str, str], labels: Sequence[str]) -> _Entry:
    stripped = [label.strip() for label in labels]
    if not stripped or not all(stripped):
        raise DatasetError(f"{file}, line {line}: a blank label")
    if not cells["path"].strip():
        raise DatasetError(f"{file}, line {line}: the path is blank")
    return _Entry(line, cells, tuple(dict.fromkeys(stripped)))


# --- items --------------------------------------------------------------------------------------


def _item(file: Path, entry: _Entry) -> Item:
    text = {name: value.strip() for name, value in entry.cells.items()}
    name = _path(entry)
    gtzan = parse_name(name)
    start = _seconds(file, entry.line, "start", text.get("start"))
    end = _seconds(file, entry.line, "end", text.get("end"))
    if end is not None and end <= (start or 0.0):
        raise DatasetError(
            f"{file}, line {entry.line}: end {end:g} is not after start {start or 0:g}"
        )
    part = text.get("split", official_part(gtzan.track) if gtzan else None) or None
    if part is not None and part.lower() not in PARTS:
        raise DatasetError(
            f"{file}, line {entry.line}, column split: {part!r}; expected train, valid or test"
        )
    return Item(
        item_id=text.get("id") or name,
        labels=entry.labels,
        group=text.get("group")
        or (recording_of(gtzan.track) if gtzan else PurePosixPath(name).with_suffix("").as_posix()),
        start_seconds=start,
        end_seconds=end,
        artist=text.get("artist") or None,
        album=text.get("album") or None,
        split=PARTS[part.lower()] if part else None,
    )


def _path(entry: _Entry) -> str:
    return entry.cells["path"].strip().replace("\\", "/")


def _seconds(file: Path, line: int, column: str, text: str | None) -> float | None:
    if not text:
        return None
    seconds = number_at(file, line, column, text)
    if seconds < 0:
        raise DatasetError(f"{file}, line {line}, column {column}: {seconds:g} is negative")
    return seconds


def _timed(item: Item) -> Item:
    end = "" if item.end_seconds is None else f"{item.end_seconds:g}"
    return replace(item, item_id=f"{item.item_id}#{item.start_seconds or 0:g}-{end}")


def _refuse_repeated(file: Path, entries: Sequence[_Entry], items: Sequence[Item]) -> None:
    lines: dict[str, int] = {}
    for entry, item in zip(entries, items, strict=True):
        if item.item_id in lines:
            raise DatasetError(
                f"{file}, lines {lines[item.item_id]} and {entry.line} are both {item.item_id}; "
                "drop one, or tell them apart with start and end, or id"
            )
        lines[item.item_id] = entry.line
