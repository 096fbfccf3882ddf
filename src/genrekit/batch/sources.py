"""Where files come from: folders, lists, manifests and globs, read while they are worked on.

Everything here is a generator of paths, absolute and as text, in no particular order: a folder of
a million files is never in memory.
"""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from genrekit.audio import AUDIO_SUFFIXES
from genrekit.errors import AudioNotFoundError, ConfigError, DatasetError
from genrekit.extras import naming_extra

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_LISTS = (".txt", ".m3u", ".m3u8")
_MAGIC = re.compile(r"[*?\[]")
_ROWS_AT_ONCE = 4096
_SUFFIXES = tuple(AUDIO_SUFFIXES)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are read.

    Attributes
    ----------
    column : str
        Of a manifest: where the paths are.
    root : Path, optional
        Paths of lists and manifests that are not absolute are below it. None takes the folder of
        the manifest or list, and the current one for standard input.
    null : bool
        Whether paths on standard input end with a zero byte, as `find -print0` writes them.
    """

    column: str = "path"
    root: Path | None = None
    null: bool = False


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` parts of all paths, by the hash of the path; counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/8``.

        Raises
        ------
        ConfigError
            If it is not like that.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found and 1 <= int(found[1]) <= int(found[2]):
            return cls(int(found[1]), int(found[2]))
        raise ConfigError(f"--shard is {text!r}, expected i/n with i from 1 to n, such as 2/8")

    def __contains__(self, path: str) -> bool:
        digest = hashlib.sha256(os.fsencode(path)).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


def read_sources(
    sources: Sequence[str], options: SourceOptions | None = None, shard: Shard | None = None
) -> Iterator[str]:
    """Yield the path of each file that the sources name.

    Parameters
    ----------
    sources : sequence of str
        A folder (searched for names of audio; links are followed, but never in a circle), a
        manifest (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``), a list (``.txt``, ``.m3u``, or
        ``-`` for standard input), a pattern (``**/*.mp3``), a URL, or a file of audio.
    options : SourceOptions, optional
    shard : Shard, optional
        Only the paths of that part.

    Raises
    ------
    ConfigError, AudioNotFoundError, DatasetError
        At once if a source cannot be what it seems to be; later for a bad row.
    """
    how = options or SourceOptions()
    for source in sources:
        check_source(source)
    found = (path for source in sources for path in _read(source, how))
    return found if shard is None else (path for path in found if path in shard)


def check_source(source: str) -> None:
    """Raise `ConfigError` or `AudioNotFoundError` for a source that names nothing."""
    if source == "":
        raise ConfigError("one of the sources is empty; is a variable of the shell not set?")
    if source == "-" or is_url(source) or os.path.lexists(source):
        return
    if not _MAGIC.search(source):
        raise AudioNotFoundError(
            f"{source} does not exist; name a folder, a manifest, a list, a pattern or a file"
        )


def is_url(source: str) -> bool:
    """Whether a source is a place that fsspec knows, such as ``s3://bucket/music``."""
    return re.match(r"[a-z][a-z0-9+.-]+://", source) is not None


def is_again_readable(sources: Iterable[str]) -> bool:
    """Whether the sources can be read twice: once to count them."""
    return "-" not in sources


def _read(source: str, options: SourceOptions) -> Iterator[str]:
    suffix = Path(source).suffix.lower()
    if source == "-":
        yield from _rooted(_from_stdin(options.null), options.root or Path())
    elif is_url(source):
        from genrekit.batch.storage import list_url

        yield from list_url(source)
    elif Path(source).is_dir():
        yield from walk(Path(source))
    elif not os.path.lexists(source):
        yield from _matching(source)
    elif suffix in _TABLES:
        rows = _from_table(Path(source), suffix, options.column)
        yield from _rooted(rows, options.root or Path(source).parent)
    elif suffix in _LISTS:
        yield from _rooted(_from_list(Path(source)), options.root or Path(source).parent)
    else:
        yield os.path.abspath(source)  # noqa: PTH100 -- links are not followed


def _rooted(paths: Iterable[str], root: Path) -> Iterator[str]:
    base = os.path.abspath(root)  # noqa: PTH100
    for path in paths:
        yield path if is_url(path) else os.path.normpath(os.path.join(base, path))  # noqa: PTH118


# --- folders and patterns -----------------------------------------------------------------------


def walk(folder: Path, wanted: Callable[[str], bool] | None = None) -> Iterator[str]:
    """Files of audio under a folder; hidden ones are skipped.

    Parameters
    ----------
    folder : Path
    wanted : callable, optional
        Told the name of each file; None takes those that are named like audio.
    """
    root = os.path.abspath(folder)  # noqa: PTH100
    is_wanted = _named_like_audio if wanted is None else wanted
    # An explicit stack, because trees may be deeper than Python.
    waiting, linked = [root], _Links(os.path.realpath(root))
    while waiting:
        path = waiting.pop()
        try:
            entries = os.scandir(path)
        except OSError:
            yield path  # working on it says what is wrong
            continue
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    if not entry.is_symlink() or linked.leads_elsewhere(entry.path):
                        waiting.append(entry.path)
                elif is_wanted(entry.name):
                    yield entry.path


class _Links:
    """Which links to folders are followed: those out of the tree, each place once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: set[str] = set()

    def leads_elsewhere(self, path: str) -> bool:
        """Whether what the link leads to is not read anyway."""
        place = os.path.realpath(path)
        inside = place == self._root or place.startswith(self._root.rstrip(os.sep) + os.sep)
        if inside or place in self._seen:
            return False
        self._seen.add(place)
        return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _named_like_audio(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _matching(pattern: str) -> Iterator[str]:
    """Files whose path matches a pattern of the shell; ``**`` stands for any folders."""
    parts = Path(os.path.abspath(pattern)).parts  # noqa: PTH100
    fixed = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
    root = Path(*parts[:fixed])
    if not root.is_dir():
        return
    expression = re.compile(_as_expression(parts[fixed:]))
    start = len(str(root).rstrip(os.sep)) + 1
    for path in walk(root, wanted=lambda name: True):
        if expression.fullmatch(path[start:]):
            yield path


def _as_expression(parts: Sequence[str]) -> str:
    separator = re.escape(os.sep)
    found = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            found += ".*" if last else f"(?:.*{separator})?"
            continue
        one = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
        # A star of fnmatch would cross folders.
        found += one.replace(".*", f"[^{separator}]*") + ("" if last else separator)
    return found


# --- lists and manifests ------------------------------------------------------------------------


def _from_stdin(null: bool) -> Iterator[str]:
    if sys.stdin.isatty():
        raise ConfigError("- reads paths that are sent to it: find Music -name '*.mp3' | genrekit")
    yield from _ended_by(sys.stdin.buffer, b"\0" if null else b"\n")


def _ended_by(file: IO[bytes], end: bytes) -> Iterator[str]:
    if end == b"\n":
        lines: Iterable[bytes] = (line.rstrip(b"\r\n") for line in file)
    else:
        lines = _split(file, end)
    for line in lines:
        if line:
            yield os.fsdecode(line)


def _split(file: IO[bytes], end: bytes) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read1(1 << 16) if hasattr(file, "read1") else file.read(1 << 16):
        *whole, rest = (rest + chunk).split(end)
        yield from whole
    yield rest


def _from_list(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for line in _ended_by(file, b"\n"):
            if not line.startswith("#"):  # what M3U says about the next track
                yield line.removeprefix("\ufeff")


def _from_table(path: Path, suffix: str, column: str) -> Iterator[str]:
    if suffix == ".parquet":
        yield from _from_parquet(path, column)
    elif suffix in (".csv", ".tsv"):
        yield from _from_csv(path, "\t" if suffix == ".tsv" else ",", column)
    else:
        yield from _from_json_lines(path, column)


def _from_csv(path: Path, delimiter: str, column: str) -> Iterator[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        rows = csv.DictReader(file, delimiter=delimiter)
        _check_column(path, column, rows.fieldnames or ())
        for row in rows:
            if row[column]:
                yield row[column]


def _from_json_lines(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row: Any = json.loads(line)
            except ValueError as error:
                raise DatasetError(f"line {number} of {path} is not JSON: {error}") from error
            found = (
                row if isinstance(row, str) else row.get(column) if hasattr(row, "get") else None
            )
            if not isinstance(found, str):
                raise DatasetError(
                    f"line {number} of {path} has no text {column!r}; name the column of paths "
                    "with --column"
                )
            yield found


def _from_parquet(path: Path, column: str) -> Iterator[str]:
    with naming_extra("batch"):
        import pyarrow.parquet as parquet
    with parquet.ParquetFile(path) as file:
        _check_column(path, column, file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column]):
            yield from (one for one in batch.column(0).to_pylist() if one)


def _check_column(path: Path, column: str, there: Iterable[str]) -> None:
    names = list(there)
    if column not in names:
        raise DatasetError(
            f"{path} has no column {column!r} but {', '.join(names[:12])}; name the one of paths "
            "with --column"
        )
