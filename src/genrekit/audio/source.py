"""A path, bytes or a binary stream to one seekable file, without ever blocking on a path."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, BinaryIO, cast

from genrekit.audio.limits import Meter
from genrekit.errors import AudioContentError, AudioLimitError, AudioNotFoundError, ConfigError

Source = Path | str | bytes | bytearray | memoryview | BinaryIO

_CHUNK_BYTES = 1 << 20
_IN_MEMORY_BYTES = 16 << 20
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_source(source: Source, meter: Meter) -> BinaryIO:
    """Open audio for reading, at its beginning; the caller closes it.

    Parameters
    ----------
    source : path, bytes or binary stream
        A path must name a regular file; its name is never looked at. A stream is copied from
        where it stands, and left open.
    meter : Meter
        Bounds the size, and the time a stream may take.

    Raises
    ------
    AudioNotFoundError
        If there is no readable regular file.
    AudioContentError
        If there are zero bytes.
    AudioLimitError
        If there are too many bytes, or copying a stream takes too long.
    ConfigError
        If ``source`` is none of the three.
    """
    if isinstance(source, (str, os.PathLike)):
        return _open_path(source, meter)
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_size(len(source), meter)
        return io.BytesIO(source)
    if hasattr(source, "read"):
        return _copy_stream(source, meter)
    raise ConfigError(
        f"audio cannot come from a {type(source).__name__}; give a path, bytes or a binary stream"
    )


def open_file(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a regular file for reading, never waiting for a pipe; the caller closes it.

    Raises
    ------
    AudioNotFoundError
        If there is no readable regular file.
    """
    try:
        _refuse_special(path, Path(path).stat())
        # A file that becomes a pipe after the look at it must not block either.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    file = os.fdopen(descriptor, "rb")
    try:
        _refuse_special(path, os.fstat(descriptor))
    except BaseException:
        file.close()
        raise
    return file


def _open_path(path: str | os.PathLike[str], meter: Meter) -> BinaryIO:
    file = open_file(path)
    try:
        _check_size(os.fstat(file.fileno()).st_size, meter)
    except BaseException:
        file.close()
        raise
    return file


def _refuse_special(path: str | os.PathLike[str], status: os.stat_result) -> None:
    for is_kind, name in _KINDS:
        if is_kind(status.st_mode):
            raise AudioNotFoundError(f"{os.fspath(path)} is {name}, expected an audio file")


def _unreadable(path: str | os.PathLike[str], error: OSError | ValueError) -> AudioNotFoundError:
    reason = error.strerror if isinstance(error, OSError) else error
    return AudioNotFoundError(f"{os.fspath(path)!r} cannot be read: {reason}")


def _check_size(size: int, meter: Meter) -> None:
    if size == 0:
        raise AudioContentError("empty", "the file has zero bytes; get it again")
    if size > meter.limits.bytes:
        raise AudioLimitError("bytes", meter.limits.bytes, size, "cut it, or raise the limit")


def _copy_stream(stream: BinaryIO, meter: Meter) -> BinaryIO:
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
    try:
        _copy_bytes(stream, cast(IO[bytes], copy), meter)
    except OSError as error:
        copy.close()
        raise AudioNotFoundError(f"the stream cannot be read: {error}") from error
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


def _copy_bytes(stream: BinaryIO, copy: IO[bytes], meter: Meter) -> None:
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        if not isinstance(chunk, bytes):
            raise ConfigError("the stream gives text, not bytes; open it in binary mode")
        size += len(chunk)
        _check_size(size, meter)
        meter.check_time()
        copy.write(chunk)
    _check_size(size, meter)
    copy.seek(0)
