"""Pieces of a file, one behind the other, as a file of their own."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import BinaryIO


class Spliced:
    """A readable file of bytes that are given and of stretches of another file.

    Parameters
    ----------
    file : binary file
        Where the stretches are.
    pieces : sequence of bytes or (begin, end)
        In order.
    """

    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | tuple[int, int]]) -> None:
        self._file = file
        self._pieces = [piece for piece in pieces if _size(piece)]
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + _size(piece))
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere; before the beginning is an error."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to byte {base + offset}")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""
        left = max(self._starts[-1] - self._position, 0)
        left = left if size is None or size < 0 else min(left, size)
        parts = []
        while left > 0:
            part = self._read_piece(left)
            if not part:
                break
            parts.append(part)
            left -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_piece(self, size: int) -> bytes:
        number = bisect_right(self._starts, self._position) - 1
        inside = self._position - self._starts[number]
        piece = self._pieces[number]
        if isinstance(piece, bytes):
            return piece[inside : inside + size]
        self._file.seek(piece[0] + inside)
        return self._file.read(min(size, piece[1] - piece[0] - inside))


def _size(piece: bytes | tuple[int, int]) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
