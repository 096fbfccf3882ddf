"""What a path holds: results, data or embeddings; or a sentence about why it cannot be opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrekit.batch import find_audio
from genrekit.errors import DatasetError, GenreError
from genrekit.evaluation.results import RunResult, read_run

Kind = Literal["runs", "data", "vectors"]

_INDEX = "index.json"
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".npz", ".jsonl", ".ndjson")
_MARK = b'"genrekit-run"'
_HEAD_BYTES = 200
_MOST_RUNS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What was found at some paths.

    Attributes
    ----------
    runs : dict of str to RunResult
        Read, as they are small; named so that no two share a name.
    data, vectors : tuple of Path
        Tables and folders of audio; indexes made by ``genrekit index``. Read when they are shown.
    problems : tuple of str
        A sentence for each path that holds none of these.
    """

    runs: Mapping[str, RunResult]
    data: tuple[Path, ...]
    vectors: tuple[Path, ...]
    problems: tuple[str, ...]


def open_paths(paths: Iterable[Path]) -> Opened:
    """Sort paths by what they hold; what cannot be opened is said and costs nothing else."""
    runs: list[tuple[Path, RunResult]] = []
    found: dict[Kind, list[Path]] = {"data": [], "vectors": []}
    problems = []
    for path in dict.fromkeys(Path(path) for path in paths):
        try:
            kind, files = look(path)
            if kind == "runs":
                runs += [(file, read_run(file)) for file in files]
            else:
                found[kind].append(path)
        except GenreError as problem:
            problems.append(str(problem))
        except OSError as problem:
            problems.append(f"{path} cannot be read: {problem.strerror or problem}")
    return Opened(_named(runs), tuple(found["data"]), tuple(found["vectors"]), tuple(problems))


def look(path: Path) -> tuple[Kind, tuple[Path, ...]]:
    """What a path holds, and for results which files.

    Raises
    ------
    DatasetError
        If it is not there, or nothing that can be shown.
    """
    if not path.exists():
        raise DatasetError(f"{path} is not there; name a results file, a table or a folder")
    if path.is_file():
        return _look_at_file(path)
    if (path / _INDEX).is_file():
        return "vectors", ()
    if files := tuple(_results_in(path)):
        return "runs", files
    if find_audio([path]):
        return "data", ()
    raise DatasetError(
        f"{path} holds neither results, nor audio, nor an index; expected a folder that genrekit "
        "study or index wrote, or one of music"
    )


def _look_at_file(path: Path) -> tuple[Kind, tuple[Path, ...]]:
    if path.suffix == ".json":
        return "runs", (path,)
    if path.suffix.lower() in _TABLES:
        return "data", ()
    raise DatasetError(
        f"{path} is none of what can be shown; expected results (.json) or a table "
        f"({', '.join(_TABLES)})"
    )


def _results_in(folder: Path) -> Iterator[Path]:
    for number, file in enumerate(sorted(folder.rglob("*.json"))):
        if number >= 10 * _MOST_RUNS:
            return
        with file.open("rb") as opened:
            if _MARK in opened.read(_HEAD_BYTES):
                yield file


def _named(runs: list[tuple[Path, RunResult]]) -> dict[str, RunResult]:
    """By the shortest end of the path that no other one has."""
    named: dict[str, RunResult] = {}
    for path, run in runs[:_MOST_RUNS]:
        parts = path.with_suffix("").parts
        names = ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
        alike = [other.with_suffix("").parts for other, _ in runs if other != path]
        name = next(
            (one for one in names if not any(_ends(other, one) for other in alike)), str(path)
        )
        named[name] = run
    return named


def _ends(parts: tuple[str, ...], name: str) -> bool:
    wanted = tuple(name.split("/"))
    return parts[-len(wanted) :] == wanted
