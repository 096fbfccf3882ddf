"""What a path holds: results, data or embeddings; or a sentence about why it cannot be opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrekit.batch import find_audio
from genrekit.errors import DatasetError, GenreError
from genrekit.reports import read_inputs

Kind = Literal["results", "data", "vectors"]

_INDEX = "index.json"
_RESULTS = (".json", ".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".npz", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What was found at some paths.

    Attributes
    ----------
    results : tuple of Path
        What ``genrekit report`` takes: results files, studies, histories, and folders of them.
    data, vectors : tuple of Path
        Tables and folders of audio; indexes made by ``genrekit index``.
    problems : tuple of str
        A sentence for each path that holds none of these.
    """

    results: tuple[Path, ...]
    data: tuple[Path, ...]
    vectors: tuple[Path, ...]
    problems: tuple[str, ...]


def open_paths(paths: Iterable[Path]) -> Opened:
    """Sort paths by what they hold; what cannot be opened is said and costs nothing else."""
    found: dict[Kind, list[Path]] = {"results": [], "data": [], "vectors": []}
    problems = []
    for path in dict.fromkeys(Path(path) for path in paths):
        try:
            found[look(path)].append(path)
        except GenreError as problem:
            problems.append(str(problem))
        except OSError as problem:
            problems.append(f"{path} cannot be read: {problem.strerror or problem}")
    results, data, vectors = (tuple(found[kind]) for kind in ("results", "data", "vectors"))
    return Opened(results, data, vectors, tuple(problems))


def look(path: Path) -> Kind:
    """Return what a path holds.

    Raises
    ------
    DatasetError
        If it is not there, or nothing that can be shown.
    """
    if not path.exists():
        raise DatasetError(f"{path} is not there; name a results file, a table or a folder")
    return _look_into(path) if path.is_dir() else _look_at(path)


def _look_into(folder: Path) -> Kind:
    if (folder / _INDEX).is_file():
        return "vectors"
    if _has_results(folder):
        return "results"
    if find_audio([folder]):
        return "data"
    raise DatasetError(
        f"{folder} holds neither results, nor audio, nor an index; expected a folder that genrekit "
        "study or index wrote, or one of music"
    )


def _look_at(file: Path) -> Kind:
    suffix = file.suffix.lower()
    if suffix in _RESULTS and (suffix not in _TABLES or _has_results(file)):
        read_inputs([file])  # says what is wrong with it
        return "results"
    if suffix in _TABLES:
        return "data"
    raise DatasetError(
        f"{file} is none of what can be shown; expected results (.json) or a table "
        f"({', '.join(_TABLES)})"
    )


def _has_results(path: Path) -> bool:
    try:
        read_inputs([path])
    except DatasetError:
        return False
    return True
