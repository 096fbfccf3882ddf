"""What corpus a path looks like, so that nobody has to name it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from genrekit.audio import AUDIO_SUFFIXES
from genrekit.datasets.cells import (
    ARCHIVE_SUFFIX,
    ARRAY_NAMES,
    PARQUET_SUFFIXES,
    sniff_delimiter,
)
from genrekit.datasets.gtzan import SUFFIXES as GTZAN_SUFFIXES
from genrekit.datasets.gtzan_facts import parse_name
from genrekit.datasets.manifest import COLUMNS, PATH_COLUMNS
from genrekit.datasets.table import ID_COLUMNS, LABEL_COLUMNS
from genrekit.errors import DatasetError

#: A table that says less in numbers is a list of files, not of features.
FEWEST_NUMBERS = 5
#: The folder of pictures in the archive that GTZAN is mostly got as.
PICTURES = "images_original"
_TEXT_SUFFIXES = frozenset({".csv", ".tsv"})
_LONGEST_HEADER = 1 << 20
#: Columns of a list of files that may hold numbers.
_NO_FEATURES = frozenset(COLUMNS)


def corpus_of(path: Path) -> str:
    """Return the name in `DATASETS` of what lies at ``path``.

    Files are manifests if they name audio, tables otherwise; folders are told by the files that a
    corpus is published with, and else by pictures or audio in folders of labels.

    Raises
    ------
    DatasetError
        If there is nothing at the path, it is a single recording, or a folder that looks like no
        corpus.
    """
    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        raise DatasetError(f"there is neither a file nor a folder {path}")
    name = _of_folder(path)
    if name is None:
        raise DatasetError(
            f"{path} looks like no corpus: expected folders of labels with audio or pictures in "
            "them, or the files of a published corpus; name it with --corpus"
        )
    return name


def find_corpora(path: Path) -> list[tuple[str, Path]]:
    """All sets at or below ``path``, with their corpora.

    A folder that is not a corpus is searched: its folders, and its tables that have labels and
    numbers. What is neither is passed over.

    Raises
    ------
    DatasetError
        If nothing is found.
    """
    if path.is_file():
        return [(_of_file(path), path)]
    sets = list(_below(path)) if path.is_dir() else []
    if not sets:
        corpus_of(path)
        raise DatasetError(f"there is no set in {path}")
    return sets


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    name = _of_folder(folder)
    if name == "pictures" and (folder / PICTURES).is_dir():
        name = None  # an archive that may hold the audio beside its pictures
    if name is not None:
        yield name, folder
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_file():
            if _is_set(entry):
                yield "table", entry
        elif entry.is_dir() and name is None:
            yield from _below(entry)


def _of_file(file: Path) -> str:
    if file.suffix.lower() in {".jsonl", ".ndjson"}:
        return "manifest"
    if file.suffix.lower() in {*PARQUET_SUFFIXES, ARCHIVE_SUFFIX}:
        return "table"
    if file.suffix.lower() in AUDIO_SUFFIXES:
        raise DatasetError(
            f"{file} is one recording, not a data set; expected a folder of labels with audio in "
            "them, a table or a manifest"
        )
    rows = _rows(file, 2)
    header = [name.lower() for name in rows[0]]
    if len(rows) < 2:
        return "manifest" if "path" in header and len(header) <= FEWEST_NUMBERS + 3 else "table"
    cells = dict(zip(header, rows[1], strict=False))
    numbers = [c for name, c in cells.items() if name not in _NO_FEATURES and is_number(c)]
    named = next((cells[name] for name in PATH_COLUMNS if name in cells), "")
    if len(numbers) >= FEWEST_NUMBERS:
        return "table"
    audio = Path(named).suffix.lower() in AUDIO_SUFFIXES
    listed = audio and (not numbers or (file.parent / named).is_file())
    return "manifest" if listed or "path" in cells else "table"


def _of_folder(folder: Path) -> str | None:
    # Others call their own list of tracks tracks.csv, too.
    named = [(folder / name).is_file() for name in ("tracks.csv", "genres.csv")]
    if all(named) or (folder / "fma_metadata" / "tracks.csv").is_file():
        return "fma"
    if any(folder.glob("metadata/*/tracklist.csv")):
        return "ismir04"
    if any(folder.glob("autotagging_genre*.tsv")):
        return "jamendo"
    if any(folder.glob("*.cls")):
        return "msd"
    if (folder / PICTURES).is_dir() or _labels_with(folder, frozenset({".png"})) > 1:
        return "pictures"
    if _labels_with(folder, AUDIO_SUFFIXES) > 1:
        return "gtzan" if _all_gtzan(folder) else "folder"
    return "folder" if _deep_labels(folder) else None


def _labels_with(folder: Path, suffixes: frozenset[str]) -> int:
    """How many folders have files of these kinds directly in them."""
    return sum(
        any(_is_one(entry, suffixes) for entry in child.iterdir()) for child in _folders(folder)
    )


def _deep_labels(folder: Path) -> bool:
    """Whether the folders are labels with, say, albums in them.

    Folders that all have the same folders in them are several sets with the same labels.
    """
    inside = [
        {grandchild.name for grandchild in _folders(child)}
        for child in _folders(folder)
        if any(_is_one(entry, AUDIO_SUFFIXES) for entry in child.rglob("*"))
    ]
    if len(inside) < 2:
        return False
    shared = sum(len(one & other) for one in inside for other in inside if one is not other)
    return shared == 0


def _folders(folder: Path) -> list[Path]:
    return [
        entry
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    ]


def _is_one(entry: Path, suffixes: frozenset[str]) -> bool:
    return entry.suffix.lower() in suffixes and not entry.name.startswith(".")


def _all_gtzan(folder: Path) -> bool:
    files = [entry for entry in folder.glob("*/*") if _is_one(entry, AUDIO_SUFFIXES)]
    names = [parse_name(file.name) for file in files]
    return all(
        name is not None and name.segment is None and file.suffix.lower() in GTZAN_SUFFIXES
        for name, file in zip(names, files, strict=True)
    )


def _is_set(file: Path) -> bool:
    suffix = file.suffix.lower()
    if suffix == ARCHIVE_SUFFIX:
        return _has_labelled_arrays(file)
    return suffix in _TEXT_SUFFIXES and _has_labels_and_numbers(file)


def _has_labelled_arrays(file: Path) -> bool:
    try:
        with ZipFile(file) as archive:
            names = [Path(name).stem.lower() for name in archive.namelist()]
    except (OSError, BadZipFile):
        return False
    return len(names) > 1 and bool(
        {ARRAY_NAMES.get(name, name) for name in names} & {*LABEL_COLUMNS}
    )


def _has_labels_and_numbers(file: Path) -> bool:
    rows = _rows(file, 2)
    header = {name.lower() for name in rows[0]}
    if len(rows) < 2 or not header & {*LABEL_COLUMNS}:
        return False
    aside = {*LABEL_COLUMNS, *ID_COLUMNS}
    cells = zip(rows[0], rows[1], strict=False)
    numbers = [cell for name, cell in cells if name.lower() not in aside and is_number(cell)]
    return len(numbers) >= FEWEST_NUMBERS


def _rows(file: Path, count: int) -> list[list[str]]:
    """Return the first rows as cells, decimals with a point; one empty row if not text."""
    with file.open("rb") as stream:
        lines = [stream.readline(_LONGEST_HEADER) for _ in range(count + 1)]
    text = [line.decode("utf-8-sig", errors="replace").strip() for line in lines if line.strip()]
    text = text[1:] if text and text[0].lower().startswith("sep=") else text[:count]
    if not text:
        return [[]]
    mark = sniff_delimiter(text[0])
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text, delimiter=mark)]
    except csv.Error:
        return [[]]
    if mark != ";":
        return rows
    return [rows[0], *([cell.replace(",", ".") for cell in row] for row in rows[1:])]


def is_number(text: str) -> bool:
    """Whether a cell reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
