"""Checking a copy of a corpus against its index: all there, readable, and as published.

Headers are read and checksums computed where they are published; the audio is not decoded. What is
wrong with the sound itself is for ``genrekit audit``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES, probe
from genrekit.datasets import DATASETS, load_dataset
from genrekit.download.checksums import has_sum
from genrekit.download.expected import EXPECTATIONS, Expected, Fault, items_of
from genrekit.errors import AudioError, DatasetError
from genrekit.progress import Progress, silent

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class CheckedCopy:
    """What a copy was found to be.

    Attributes
    ----------
    files : int
        How many were looked at.
    faults : tuple of Fault
        Those of the index, then those of the files in their order.
    """

    files: int
    faults: tuple[Fault, ...]


def verify_copy(
    corpus: str, path: Path, *, checksums: bool = True, progress: Progress = silent
) -> CheckedCopy:
    """Check a copy, file by file.

    Parameters
    ----------
    corpus : str
        A name in `DATASETS`.
    checksums : bool
        Whether to compute checksums where they are published, which reads every byte.
    progress : callable
        Called with the stage, the files that are checked and how many there are.

    Raises
    ------
    ConfigError
        If there is no such corpus.
    DatasetError
        If there is nothing at ``path``.
    """
    DATASETS.get(corpus)
    if not path.exists():
        raise DatasetError(f"there is no {path}")
    faults: list[Fault] = []
    expected: list[Expected] = []
    try:
        for found in _expected(corpus, path):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                expected.append(found)
    except DatasetError as error:
        faults.append(Fault("index", path, str(error)))
    progress("reading the index", 1, 1)
    for done, thing in enumerate(expected, start=1):
        faults += _faults(thing, checksums)
        progress("checking files", done, len(expected))
    return CheckedCopy(len(expected), tuple(faults))


def _expected(corpus: str, path: Path) -> Iterator[Expected | Fault]:
    if corpus in EXPECTATIONS:
        yield from EXPECTATIONS[corpus](path)
        return
    yield from items_of(load_dataset(corpus, path))
    if path.is_file():
        yield Expected(path)


def _faults(expected: Expected, checksums: bool) -> Iterator[Fault]:
    file, known = expected.file, bool(expected.known_fault)
    because = f" ({expected.known_fault})" if known else ""
    try:
        if not file.is_file():
            yield Fault("missing", file, f"listed, but not there{because}")
            return
        if not file.stat().st_size:
            yield Fault("empty", file, f"0 bytes{because}", known)
            return
        if checksums and expected.checksum and not has_sum(file, expected.checksum):
            yield Fault("checksum", file, "not the published bytes; get the file again")
        for kind, message in _unreadable(expected):
            yield Fault(kind, file, f"{message}{because}", known)
    except OSError as problem:
        yield Fault("unreadable", file, str(problem))


def _unreadable(expected: Expected) -> Iterator[tuple[str, str]]:
    """Kind and message of what is wrong with the file as audio, picture or analysis."""
    file = expected.file
    try:
        if file.suffix.lower() in AUDIO_SUFFIXES:
            seconds = probe(file).seconds
            if expected.seconds and seconds is not None:
                shortest, longest = expected.seconds
                if not shortest <= seconds <= longest:
                    yield (
                        "length",
                        f"{seconds:.1f} s; expected {shortest:g} to {longest:g} s",
                    )
        elif file.suffix.lower() == ".png":
            yield from _png_faults(file)
        elif file.suffix == ".h5":
            from genrekit.datasets import read_msd_track

            read_msd_track(file)
    except (AudioError, DatasetError) as error:
        yield "unreadable", str(error)


def _png_faults(file: Path) -> Iterator[tuple[str, str]]:
    with file.open("rb") as stream:
        start = stream.read(len(_PNG_START))
        stream.seek(-min(len(_PNG_END), file.stat().st_size), os.SEEK_END)
        end = stream.read()
    if start != _PNG_START:
        yield "unreadable", f"begins with {start!r}: no PNG picture"
    elif end != _PNG_END:
        yield "unreadable", "the picture is cut off"
