"""One address to one file, over a network that breaks, stalls and lies.

The bytes so far lie in ``<file>.part``, and ``<file>.part.json`` says which edition they are of, so
a later call goes on where this one stopped. The file appears under its own name only when it is
complete and its checksum, where one is published, is right. Ours, as pooch begins again where a
transfer broke off, and does not ask whether the edition is still the same.
"""

from __future__ import annotations

import http.client
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from genrekit.download.part_file import PartFile, PartNote, disk_fault
from genrekit.download.web import (
    AgainError,
    BeyondEndError,
    content_length,
    content_range,
    open_url,
    validator,
)
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

#: Bytes that are here, and how many there will be, if that is known.
Progress = Iterator[tuple[int, int | None]]

_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to bear with a server.

    Parameters
    ----------
    stall_seconds : float
        A connection without a byte for so long is given up.
    attempts : int
        Tries in a row that bring less than ``worthwhile_bytes``.
    first_wait_seconds, longest_wait_seconds : float
        Wait after a failed try; it doubles from one to the next.
    """

    stall_seconds: float = 60.0
    attempts: int = 8
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    worthwhile_bytes: int = 1 << 20

    def wait_seconds(self, failures: int, asked_for: float) -> float:
        """Wait after so many failures in a row, or as long as the server asks for."""
        doubled = self.first_wait_seconds * 2.0 ** (failures - 1)
        return min(max(doubled, asked_for), self.longest_wait_seconds)


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of the size of a file before it is fetched."""

    most_bytes: int
    exact_bytes: int | None = None

    def check(self, url: str, total: int | None) -> None:
        """Refuse a file of another size."""
        if total is not None and self.exact_bytes not in (None, total):
            raise DatasetError(
                f"{url}: the server announces {total:,} bytes, expected {self.exact_bytes:,}: it "
                "has another file"
            )
        if total is not None and total > self.most_bytes:
            raise DatasetError(
                f"{url}: {total:,} bytes are more than the {self.most_bytes:,} expected at most"
            )


def fetch(
    url: str,
    file: Path,
    size: Size,
    *,
    checksum: str | None = None,
    retries: RetryPolicy = RetryPolicy(),
) -> Progress:
    """Fetch ``url`` to ``file``, going on from an earlier try.

    Parameters
    ----------
    checksum : str, optional
        As published, such as ``"sha1:2fd4e1..."``.

    Yields
    ------
    (int, int or None)
        Bytes that are here, and how many there will be, if that is known.

    Raises
    ------
    DatasetError
        If the server has something else or cannot be reached, or the disk is full; what came so
        far is kept wherever it can be used.
    ConfigError
        If the address is none of http or https.
    """
    part = PartFile(file, url, checksum)
    try:
        for done in part.recall():
            yield done, part.note.total_bytes
        for last_chance in (False, True):
            yield from _with_retries(part, size, retries)
            if part.finish():
                return
            # Two editions may have met in one part; then a fresh start helps.
            if last_chance or not part.resumed:
                break
            logger.warning("%s: not the published checksum; starting over", url)
            part.restart(PartNote(url=url))
    except OSError as problem:
        raise disk_fault(part.path, problem) from problem
    raise DatasetError(
        f"{url}: the server sent {part.seen_sum}, published is {checksum}; nothing of it was kept"
    )


def _with_retries(part: PartFile, size: Size, retries: RetryPolicy) -> Progress:
    url = part.note.url
    failures = 0
    while True:
        before = part.done
        try:
            yield from _attempt(part, size, retries.stall_seconds)
            return
        except AgainError as problem:
            useful = part.done - before >= retries.worthwhile_bytes
            failures = 1 if useful else failures + 1
            if failures >= retries.attempts:
                raise DatasetError(
                    f"{url}: {problem}; that was try {failures} in a row. {part.done:,} bytes are "
                    f"kept in {part.path}, and the same command goes on from there"
                ) from problem
            wait = retries.wait_seconds(failures, problem.wait_seconds)
            logger.warning("%s: %s; trying again in %.1f s", url, problem, wait)
            time.sleep(wait)
            part.resumed = part.done > 0


# --- one request --------------------------------------------------------------------------------


def _attempt(part: PartFile, size: Size, stall_seconds: float) -> Progress:
    if part.done and not part.trusted:
        part.restart(PartNote(url=part.note.url))
    try:
        response = open_url(part.note.url, _resume_headers(part), stall_seconds)
    except BeyondEndError as problem:
        agreed = part.checksum or part.note.total_bytes in (None, part.done)
        if agreed and problem.total_bytes == part.done:
            return
        part.restart(PartNote(url=part.note.url))
        raise AgainError("the server's file is shorter than it said before") from problem
    with response:
        total = _accept(part, size, response)
        yield part.done, total
        # Unbuffered: what counts as done has been handed to the system.
        with part.path.open("ab", buffering=0) as stream:
            for data in _blocks(response, part, total, stall_seconds):
                part.append(stream, data)
                if total is None:
                    Size(size.most_bytes).check(part.note.url, part.done)
                yield part.done, total
            os.fsync(stream.fileno())
    wanted = size.exact_bytes if total is None else total
    if wanted is not None and part.done < wanted:
        raise AgainError(f"the connection broke off after {part.done:,} of {wanted:,} bytes")


def _resume_headers(part: PartFile) -> dict[str, str]:
    if not part.done:
        return {}
    condition = {"If-Range": part.note.validator} if part.note.validator else {}
    return {"Range": f"bytes={part.done}-", **condition}


def _blocks(
    response: http.client.HTTPResponse, part: PartFile, total: int | None, stall_seconds: float
) -> Iterator[bytes]:
    while total is None or part.done < total:
        wanted = _READ_BYTES if total is None else min(_READ_BYTES, total - part.done)
        try:
            data = response.read1(wanted)
        except TimeoutError as problem:
            raise AgainError(f"no bytes for {stall_seconds:g} s") from problem
        except (OSError, http.client.HTTPException) as problem:
            raise AgainError(f"the connection broke off ({problem!r})") from problem
        if not data:
            return
        yield data


def _accept(part: PartFile, size: Size, response: http.client.HTTPResponse) -> int | None:
    """Check what the server is about to send; return how many bytes the whole file has."""
    url, headers = part.note.url, response.headers
    if headers.get("Content-Encoding", "identity") != "identity":
        raise DatasetError(f"{url}: the server encodes the file although asked not to")
    if headers.get("Content-Type", "").startswith("text/html"):
        raise DatasetError(
            f"{url}: the server sent a web page instead of the file; does your network ask you to "
            "sign in, or has the file moved?"
        )
    if response.status == http.client.PARTIAL_CONTENT:
        total = _continued(part, headers)
        size.check(url, total)
        return total
    # Whole, because it was asked for, has changed, or the server knows no ranges.
    total = content_length(headers)
    size.check(url, total)
    part.restart(PartNote(url=url, validator=validator(headers), total_bytes=total))
    return total


def _continued(part: PartFile, headers: Message) -> int | None:
    start, total = content_range(headers)
    old, new = part.note, validator(headers)
    changed = bool(new and old.validator and new != old.validator)
    resized = total is not None and old.total_bytes not in (None, total)
    if not part.done or start != part.done or changed or resized:
        part.restart(PartNote(url=old.url))
        raise AgainError("the server went on with another file or at another place")
    return old.total_bytes if total is None else total
