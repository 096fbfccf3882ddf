"""Unpacking zip and tar files that may be damaged, or made to do harm.

Only plain files and folders below the target are made. Names that lead elsewhere, links, devices
and encrypted entries are refused, and so is an archive that unpacks to more than was expected.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from genrekit.download.part_file import disk_fault
from genrekit.errors import DatasetError

#: What reading a damaged archive raises; bzip2 says OSError, and so does a disk.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)
_COPY_BYTES = 1 << 20

#: Called with the bytes that are written, and with how many there will be.
Written = Callable[[int, int], None]


def unpack(archive: Path, folder: Path, *, most_bytes: int, written: Written) -> None:
    """Unpack ``archive`` into ``folder``, which must exist and be empty.

    Parameters
    ----------
    written : callable
        Called with the bytes written and with all that there are to write (of a tar: its own
        size); the first time before anything is written.

    Raises
    ------
    DatasetError
        If the archive is damaged or harmful, or the disk is full.
    """
    if zipfile.is_zipfile(archive):
        _unpack_zip(archive, folder, most_bytes, written)
    elif tarfile.is_tarfile(archive):
        _unpack_tar(archive, folder, most_bytes, written)
    else:
        raise DatasetError(f"{archive} is neither a zip nor a tar file; delete it and try again")


def _unpack_zip(archive: Path, folder: Path, most_bytes: int, written: Written) -> None:
    try:
        opened = zipfile.ZipFile(archive)
    except _DAMAGED as problem:
        raise _damaged(archive, problem) from problem
    with opened:
        entries = opened.infolist()
        total = sum(entry.file_size for entry in entries)
        _check_total(archive, total, most_bytes)
        for entry in entries:
            _check_zip_entry(archive, entry)
        done = 0
        written(done, total)
        for entry in entries:
            place = folder / _safe(archive, entry.filename)
            if entry.is_dir():
                _make_folder(place)
                continue
            try:
                source = opened.open(entry)
            except _DAMAGED as problem:
                raise _damaged(archive, problem, entry.filename) from problem
            with source:
                for count in _copied(archive, source, place, entry.file_size):
                    done += count
                    written(done, total)


def _unpack_tar(archive: Path, folder: Path, most_bytes: int, written: Written) -> None:
    total = archive.stat().st_size
    done = 0
    try:
        opened = tarfile.open(archive)  # noqa: SIM115
    except _DAMAGED as problem:
        raise _damaged(archive, problem) from problem
    with opened:
        written(done, total)
        while (entry := _next_entry(archive, opened)) is not None:
            place = folder / _safe(archive, entry.name)
            if entry.isdir():
                _make_folder(place)
                continue
            source = opened.extractfile(entry) if entry.isreg() and not entry.issparse() else None
            if source is None:
                raise DatasetError(
                    f"{archive}: {entry.name!r} is a link or a device; such archives are refused"
                )
            _check_total(archive, done + entry.size, most_bytes)
            with source:
                for count in _copied(archive, source, place, entry.size):
                    done += count
                    written(min(done, total), total)


def _next_entry(archive: Path, opened: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return opened.next()
    except _DAMAGED as problem:
        raise _damaged(archive, problem) from problem


def _copied(archive: Path, source: IO[bytes], place: Path, size: int) -> Iterator[int]:
    """Write one entry, block by block; every stated byte must come, and its check sum be right."""
    _make_folder(place.parent)
    copied = 0
    try:
        # Exclusive: no entry replaces an earlier one, not even by a name that differs in case.
        with place.open("xb") as target:
            while block := _read(archive, source, place):
                target.write(block)
                copied += len(block)
                yield len(block)
    except FileExistsError as problem:
        raise _damaged(archive, problem, place.name) from problem
    except OSError as problem:
        raise disk_fault(place, problem) from problem
    if copied != size:
        raise DatasetError(f"{archive} is cut off in {place.name}; delete it and try again")


def _read(archive: Path, source: IO[bytes], place: Path) -> bytes:
    try:
        return source.read(_COPY_BYTES)
    except _DAMAGED as problem:
        raise _damaged(archive, problem, place.name) from problem


def _make_folder(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise disk_fault(place, problem) from problem


def _check_total(archive: Path, total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise DatasetError(
            f"{archive} unpacks to {total:,} bytes, more than the {most_bytes:,} expected at most; "
            "it is refused"
        )


def _check_zip_entry(archive: Path, entry: zipfile.ZipInfo) -> None:
    _safe(archive, entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DatasetError(
            f"{archive}: {entry.filename!r} is a link or a device; such archives are refused"
        )
    if entry.flag_bits & 1:
        raise DatasetError(f"{archive}: {entry.filename!r} is encrypted; expected a plain archive")


def _safe(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    escapes = path.is_absolute() or ".." in path.parts
    if escapes or any(bad in name for bad in ("\\", ":", "\0")):
        raise DatasetError(
            f"{archive}: the name {name!r} leads out of its folder; such archives are refused"
        )
    return path


def _damaged(archive: Path, problem: Exception, entry: str = "") -> DatasetError:
    where = f"{archive}, {entry}" if entry else str(archive)
    return DatasetError(f"{where}: damaged ({problem}); delete the archive and try again")
