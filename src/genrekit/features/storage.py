"""Rows of numbers that may be larger than memory: in it while they are few, else in a file."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from genrekit.errors import TrainingError

Floats = NDArray[np.float32]


class DiskRows:
    """Some rows of an array on disk, in an order of their own; read when they are asked for.

    Parameters
    ----------
    source : (n, ...) float32
        A memory map.
    chosen : (m,) int64, optional
        Numbers of the rows; None takes all.
    """

    def __init__(self, source: Floats, chosen: NDArray[np.int64] | None = None) -> None:
        self.source = source
        self.chosen = np.arange(len(source)) if chosen is None else chosen

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (len(self.chosen), *self.source.shape[1:])

    @property
    def ndim(self) -> int:
        """As of an array."""
        return self.source.ndim

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Iterator[Floats]:
        return (np.asarray(self.source[number]) for number in self.chosen)

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> Floats:
        """Rows as an array in memory."""
        return np.array(self.source[self.chosen[rows]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows in memory."""
        return self[:].astype(dtype or np.float32, copy=False)


#: What front-ends made of rows, in memory or on disk.
Numbers = Floats | DiskRows


def taken(array: Numbers, chosen: NDArray[np.bool_]) -> Numbers:
    """Take the rows of ``array`` where ``chosen`` (n,) is true; what is on disk stays there."""
    if isinstance(array, DiskRows):
        return DiskRows(array.source, array.chosen[chosen])
    return array[chosen]


def joined(one: Numbers, other: Numbers) -> Numbers:
    """Join the rows of both; of one array on disk, if they are."""
    if isinstance(one, DiskRows) and isinstance(other, DiskRows) and one.source is other.source:
        return DiskRows(one.source, np.concatenate([one.chosen, other.chosen]))
    return np.concatenate([np.asarray(one), np.asarray(other)])


class RowWriter:
    """Blocks of rows to one array, which moves to a file when it passes a limit.

    Parameters
    ----------
    path : Path
        The ``.npy`` file, made when it is needed.
    limit_bytes : float
    """

    def __init__(self, path: Path, limit_bytes: float) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._blocks: list[Floats] = []
        self._bytes = 0
        self._shape: tuple[int, ...] = ()
        self._on_disk = False

    def add(self, block: Floats) -> None:
        """Append rows (n, ...).

        Raises
        ------
        TrainingError
            If the file cannot be written.
        """
        self._blocks.append(block)
        self._bytes += block.nbytes
        self._shape = block.shape[1:]
        if self._bytes > self._limit_bytes:
            with _room(self._path):
                self._spill()

    def finish(self) -> Numbers:
        """All rows.

        Raises
        ------
        TrainingError
            If the file cannot be written.
        """
        if not self._on_disk:
            return np.concatenate(self._blocks)
        with _room(self._path), self._path.open("r+b") as file:
            file.write(self._header())
        return DiskRows(np.load(self._path, mmap_mode="r", allow_pickle=False))

    def _spill(self) -> None:
        if not self._on_disk:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(self._header())
            self._on_disk = True
        with self._path.open("ab") as file:
            for block in self._blocks:
                file.write(np.ascontiguousarray(block, "<f4").data)
        self._blocks.clear()

    def _header(self) -> bytes:
        """Numpy leaves room in it, so that its length does not depend on the number of rows."""
        cells = math.prod(self._shape)
        shape = (self._bytes // (4 * cells) if cells else 0, *self._shape)
        header = io.BytesIO()
        npy.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        return header.getvalue()


@contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"the rows to train on cannot be kept in {path}: {error.strerror or error}; make room "
            "there, or raise training.rows_in_memory_mb if memory has it"
        ) from error
