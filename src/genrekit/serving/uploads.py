"""The body of a request, counted while it arrives and written to files of our own naming."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from genrekit.errors import (
    AudioContentError,
    AudioLimitError,
    BusyError,
    RequestError,
    SlowRequestError,
    quoted,
)
from genrekit.inference import printable
from genrekit.serving.settings import Settings

_log = logging.getLogger(__name__)
_DISK_SECONDS = 30
_FIELDS = 16
_FIELD_BYTES = 1024
_NAME_CHARACTERS = 255
_HEADER_BYTES = 4096
_FILE_FIELDS = frozenset({"file", "files"})
_HOW_TO_SEND = (
    "send audio as the file of a form (curl -F file=@song.mp3), or as the body itself "
    "(curl --data-binary @song.mp3)"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and the name it came with, which is only repeated."""

    path: Path
    name: str


@dataclass(slots=True)
class Body:
    """What a request brought: files and plain fields."""

    files: list[Upload] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def delete(self) -> None:
        """Delete the files that are still where they were put."""
        for upload in self.files:
            upload.path.unlink(missing_ok=True)


async def receive_body(
    request: Request, settings: Settings, folder: Path, *, most_files: int
) -> Body:
    """Receive files into ``folder``; the caller deletes them.

    A body that is not multipart is one file, whatever it says of itself; ``?name=`` may name it.

    Raises
    ------
    RequestError
        If it is malformed or cut off.
    SlowRequestError
        If it takes too long.
    AudioLimitError
        If a file is too large, or there are too many.
    BusyError
        If it cannot be written.
    """
    body = Body()
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    try:
        if kind == b"multipart/form-data":
            await _receive_form(request, boundary, settings, folder, most_files, body)
        else:
            await _receive_raw(request, settings, folder, body)
    except OSError as error:
        body.delete()
        raise no_room(error) from error
    except BaseException:
        body.delete()
        raise
    return body


def no_room(error: OSError) -> BusyError:
    """Return what to say when the disk is full, or will not be written to."""
    _log.error("cannot write: %s", error)
    return BusyError("the server has no room on its disk now; ask again later", _DISK_SECONDS)


async def read_chunks(
    request: Request, settings: Settings, most_bytes: int
) -> AsyncIterator[bytes]:
    """Yield the body piece by piece, with an eye on clock and size.

    Raises
    ------
    RequestError, SlowRequestError, AudioLimitError
        As for `receive_body`.
    """
    promised = request.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > most_bytes:
        raise _too_large(most_bytes, int(promised))
    begin, seen = time.monotonic(), 0
    while True:
        left = begin + settings.upload_seconds - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(settings.idle_seconds, left))):
                message = await request.receive()
        except TimeoutError:
            raise SlowRequestError(
                f"the body did not arrive in time: {seen} bytes after "
                f"{time.monotonic() - begin:.0f} s; send it faster"
            ) from None
        if message["type"] == "http.disconnect":
            raise RequestError("the request ended before its body")
        chunk = message.get("body", b"")
        seen += len(chunk)
        if seen > most_bytes:
            raise _too_large(most_bytes, seen)
        yield chunk
        if not message.get("more_body", False):
            return


async def _receive_raw(request: Request, settings: Settings, folder: Path, body: Body) -> None:
    name = _shown_name(request.query_params.get("name", ""))
    size, head = 0, b""
    with _new_file(folder, name, body) as file:
        async for chunk in read_chunks(request, settings, settings.upload_bytes):
            file.write(chunk)
            size += len(chunk)
            head = head or chunk[:_FIELD_BYTES]
    if not size:
        raise AudioContentError("empty", f"the body is empty; {_HOW_TO_SEND}")
    if size <= _FIELD_BYTES and head.partition(b"=")[0] in (b"file", b"files"):
        raise RequestError(f"the body is a form without a file in it; {_HOW_TO_SEND}")


async def _receive_form(
    request: Request,
    boundary: bytes,
    settings: Settings,
    folder: Path,
    most_files: int,
    body: Body,
) -> None:
    if not boundary:
        raise RequestError("the Content-Type has no boundary; let the client set it")
    form = _Form(body, folder, most_files, settings.upload_bytes)
    spare = (most_files + _FIELDS) * _HEADER_BYTES
    most_bytes = min(most_files * settings.upload_bytes, settings.request_bytes) + spare
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in read_chunks(request, settings, most_bytes):
            parser.write(chunk)
    except FormParserError as error:
        # What the parser says is about its own states.
        raise RequestError(f"the body is not proper multipart/form-data; {_HOW_TO_SEND}") from error
    finally:
        form.close()
    if not form.ended:
        raise RequestError("the body ends before its last boundary; send all of it")


class _Form:
    """Takes what the parser finds; the size of everything is bounded on the way."""

    def __init__(self, body: Body, folder: Path, most_files: int, most_bytes: int) -> None:
        self._body, self._folder = body, folder
        self._most_files, self._most_bytes = most_files, most_bytes
        self._header = [bytearray(), bytearray()]
        self._disposition = b""
        self._file: BinaryIO | None = None
        self._field, self._value = "", bytearray()
        self._size = self._plain = 0
        self._named = False
        self.ended = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return what the parser calls, by its names."""
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._add_to_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_to_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def close(self) -> None:
        """Close the part that is over."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._check_words()
        elif self._field:
            self._body.fields[self._field] = self._value.decode(errors="replace")
        self._field = ""

    def _check_words(self) -> None:
        """Refuse the name of a file in its place: a slip that everybody makes once."""
        words = bytes(self._value)
        if self._named or not 0 < self._size <= _NAME_CHARACTERS or not words.isascii():
            return
        if words.decode().isprintable():
            raise RequestError(
                f"there is the text {quoted(words.decode())} for a file; {_HOW_TO_SEND}"
            )

    def _begin(self) -> None:
        self._disposition, self._value, self._size = b"", bytearray(), 0

    def _begin_header(self) -> None:
        self._header = [bytearray(), bytearray()]

    def _add_to_header(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" in options or name in _FILE_FIELDS:
            seen = len(self._body.files) + 1
            if seen > self._most_files:
                advice = "send them in several requests"
                raise AudioLimitError("files", self._most_files, seen, advice)
            self._named = b"filename" in options
            shown = _shown_name(options.get(b"filename", b"").decode(errors="replace"))
            self._file = _new_file(self._folder, shown, self._body)
            return
        if not name:
            raise RequestError("a part of the form has no name; send audio as file=@song.mp3")
        self._plain += 1
        if self._plain > _FIELDS:
            raise RequestError(f"the form has more than {_FIELDS} fields besides its files")
        self._field = name[:_NAME_CHARACTERS]

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        if self._file is not None:
            if self._size > self._most_bytes:
                raise _too_large(self._most_bytes, self._size)
            self._file.write(data)
            if len(self._value) < _FIELD_BYTES:
                self._value += data[:_FIELD_BYTES]
        elif self._size > _FIELD_BYTES:
            raise RequestError(
                f"the field {quoted(self._field, 60)} has more than {_FIELD_BYTES} bytes; send "
                "audio with a file name, as file=@song.mp3"
            )
        else:
            self._value += data

    def _end(self) -> None:
        self.ended = True


def _new_file(folder: Path, name: str, body: Body) -> BinaryIO:
    handle, path = mkstemp(dir=folder, prefix="upload-")
    body.files.append(Upload(Path(path), name))
    return os.fdopen(handle, "wb")


def _shown_name(name: str) -> str:
    """Return the last part of what was a path somewhere."""
    return printable(name.replace("\\", "/").rsplit("/", 1)[-1])[:_NAME_CHARACTERS]


def _too_large(allowed: int, seen: int) -> AudioLimitError:
    return AudioLimitError("bytes", allowed, seen, "cut the audio, or compress it")
