"""Checksums as corpora publish them: lists of files, and the sums of files on disk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from genrekit.errors import DatasetError

_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
_LINE = re.compile(r"([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}) [ *]?(\S.*)")
_BLOCK_BYTES = 1 << 20


def read_sums(file: Path) -> dict[str, str]:
    """Read a list as ``sha1sum`` or ``sha256sum`` write it.

    Returns
    -------
    dict
        Path as listed to its checksum, such as ``"sha1:2fd4e1..."``.

    Raises
    ------
    DatasetError
        With file and line, if the list is missing or malformed.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(f"{file} is not readable as a list of checksums: {problem}") from problem
    sums = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise DatasetError(
                f"{file}, line {number}: {line[:60]!r} is not a checksum and path; is the file cut "
                "off? Get it again"
            )
        sums[found[2]] = f"{_ALGORITHMS[len(found[1])]}:{found[1]}"
    return sums


def new_hash(checksum: str) -> hashlib._Hash:
    """Return a running hash of the algorithm that ``checksum`` names."""
    return hashlib.new(checksum.partition(":")[0], usedforsecurity=False)


def named_sum(checksum: str, running: hashlib._Hash) -> str:
    """Return the sum so far, written as ``checksum`` is."""
    return f"{checksum.partition(':')[0]}:{running.hexdigest()}"


def feed(file: Path, running: hashlib._Hash | None) -> Iterator[int]:
    """Add the bytes of ``file`` to a hash; yield how many were read, block by block."""
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            if running is not None:
                running.update(block)
            yield len(block)


def has_sum(file: Path, checksum: str) -> bool:
    """Whether the bytes of ``file`` have ``checksum``."""
    running = new_hash(checksum)
    for _ in feed(file, running):
        pass
    return named_sum(checksum, running) == checksum
