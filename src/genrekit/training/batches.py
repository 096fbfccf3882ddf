"""Arrays to batches of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrekit.features import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What a network learns from, or is judged by.

    Attributes
    ----------
    inputs : mapping of str to float32 array or DiskRows
        By front-end name, rows on axis 0.
    shares : (n, genres) float32
        How much of each genre a row is: one for the genre of a single-label row, or for each of a
        multi-label one.
    """

    inputs: Mapping[str, Numbers]
    shares: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.shares)

    @property
    def genres(self) -> NDArray[np.int64] | None:
        """The genre (n,) of each row, if every row is one genre and nothing else."""
        found = self.shares.argmax(axis=1)
        ones = self.shares[np.arange(len(found)), found] == 1
        return found if ones.all() and np.count_nonzero(self.shares) == len(found) else None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input without the axis of rows."""
        return {name: array.shape[1:] for name, array in self.inputs.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of examples as tensors.

    Attributes
    ----------
    genres : (n,) int64 Tensor, optional
        What ``shares`` say, where every row is one genre: losses are found faster from it.
    """

    inputs: dict[str, Tensor]
    shares: Tensor
    genres: Tensor | None = None


def batches(
    examples: Examples,
    batch_size: int,
    *,
    device: torch.device,
    order: NDArray[np.int64] | None = None,
) -> Iterator[Batch]:
    """All rows once, in batches of nearly equal size: a last one of a single row has no variance.

    Parameters
    ----------
    order : (n,) int64, optional
        Numbers of the rows; None takes them as they come.
    """
    rows = np.arange(len(examples)) if order is None else order
    genres = examples.genres
    for chosen in np.array_split(rows, count_batches(len(rows), batch_size)):
        inputs = {name: _tensor(array[chosen], device) for name, array in examples.inputs.items()}
        whole = None if genres is None else _tensor(genres[chosen], device)
        yield Batch(inputs, _tensor(examples.shares[chosen], device), whole)


def epoch_order(
    examples: Examples, generator: np.random.Generator, *, oversample: bool = False
) -> NDArray[np.int64]:
    """Numbers of all rows in the random order of an epoch.

    Parameters
    ----------
    oversample : bool
        Draw rows of smaller genres again, until every genre has as many as the largest. A row of
        several genres counts for the rarest of them.
    """
    if not oversample:
        return generator.permutation(len(examples))
    totals = examples.shares.sum(axis=0)
    rarest = np.where(examples.shares > 0, totals, np.inf).argmin(axis=1)
    of_genre = [np.flatnonzero(rarest == genre) for genre in np.unique(rarest)]
    most = max(len(rows) for rows in of_genre)
    more = [generator.choice(rows, most - len(rows)) for rows in of_genre]
    return generator.permutation(np.concatenate([*of_genre, *more]))


def count_batches(n_rows: int, batch_size: int) -> int:
    """Batches that `batches` makes."""
    return -(-n_rows // batch_size)


def _tensor(array: NDArray[np.float32] | NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device)
