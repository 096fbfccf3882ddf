"""Changes of a file as few replaced stretches of bytes, so that everything else stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from genrekit.errors import TagError

#: More than this in one tag is taken for damage; pictures of tens of megabytes are known.
LARGEST_TAG_BYTES = 1 << 27
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Splice:
    """``length`` bytes from ``start`` on are replaced by ``data``."""

    start: int
    length: int
    data: bytes

    @property
    def growth(self) -> int:
        """By how many bytes the file becomes longer."""
        return len(self.data) - self.length


def damaged(what: str) -> TagError:
    """Return the error for a file that is not what its own sizes say."""
    return TagError("damaged", f"{what}; nothing is written into a file like that")


def cannot(what: str) -> TagError:
    """Return the error for a file that has no place for a genre."""
    return TagError("cannot_be_tagged", what)


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of an open file, read at will; positions count from its first byte.

    Attributes
    ----------
    file : binary file
        Opened for reading, with ``seek``.
    base, size : int
        Where the stretch begins in the file, and its length in bytes.
    """

    file: IO[bytes]
    base: int
    size: int

    def at(self, start: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``start`` on.

        Raises
        ------
        TagError
            If they are not all there, or more than any tag has.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise damaged(
                f"{length} bytes are said to be at {start}, and there are {self.size} in all"
            )
        if length > LARGEST_TAG_BYTES:
            raise damaged(f"a tag of {length} bytes is larger than any that is known")
        self.file.seek(self.base + start)
        found = self.file.read(length)
        if len(found) < length:
            raise damaged(f"only {len(found)} of {length} bytes could be read")
        return found

    def peek(self, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start`` on: fewer, or none, behind the end."""
        start = max(start, 0)
        length = min(length, self.size - start)
        return self.at(start, length) if length > 0 else b""

    def part(self, start: int, size: int) -> View:
        """Return a stretch of this stretch."""
        if start < 0 or size < 0 or start + size > self.size:
            raise damaged(f"a part of {size} bytes at {start} does not fit into {self.size} bytes")
        return View(self.file, self.base + start, size)


def whole(file: IO[bytes]) -> View:
    """Return the view of all of a file."""
    return View(file, 0, file.seek(0, 2))


def shifted(splices: Iterable[Splice], by: int) -> list[Splice]:
    """Return the same changes, in a file where they begin ``by`` bytes later."""
    return [Splice(one.start + by, one.length, one.data) for one in splices]


def ordered(splices: Iterable[Splice]) -> list[Splice]:
    """By position, insertions first; what changes nothing is left out.

    Raises
    ------
    ValueError
        If two of them overlap.
    """
    found = sorted((one for one in splices if one.length or one.data), key=_place)
    for one, following in pairwise(found):
        if one.start + one.length > following.start:
            raise ValueError(f"{one.start}+{one.length} overlaps {following.start}")
    return found


def _place(one: Splice) -> tuple[int, int]:
    return one.start, one.length


def effective(view: View, splices: Iterable[Splice]) -> list[Splice]:
    """Without the bytes at both ends of each that stay what they are."""
    kept = []
    for one in ordered(splices):
        old, new = view.at(one.start, one.length), one.data
        most = min(len(old), len(new))
        left = next((i for i in range(most) if old[i] != new[i]), most)
        right = next((i for i in range(most - left) if old[-1 - i] != new[-1 - i]), most - left)
        if left + right < max(len(old), len(new)):
            kept.append(
                Splice(one.start + left, len(old) - left - right, new[left : len(new) - right])
            )
    return kept


def inverse(view: View, splices: Sequence[Splice]) -> list[Splice]:
    """Return what turns the changed file back into that of ``view``; ``splices`` are in order."""
    found, moved = [], 0
    for one in splices:
        found.append(Splice(one.start + moved, len(one.data), view.at(one.start, one.length)))
        moved += one.growth
    return found


def applied(view: View, splices: Sequence[Splice]) -> Iterator[bytes]:
    """Yield the changed file, in pieces of at most a megabyte besides what is new; in order."""
    position = 0
    for one in [*splices, Splice(view.size, 0, b"")]:
        while position < one.start:
            piece = view.at(position, min(_COPY_BYTES, one.start - position))
            position += len(piece)
            yield piece
        position = one.start + one.length
        if one.data:
            yield one.data


def changed_pieces(path: Path, splices: Sequence[Splice]) -> Iterator[bytes]:
    """Yield the changed file as `applied` gives it; the file is closed when all of it was taken."""
    with path.open("rb") as file:
        yield from applied(whole(file), splices)
