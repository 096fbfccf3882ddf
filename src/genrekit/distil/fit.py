"""Train all layers of a student together, to give the teacher's embedding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genrekit.distil.descent import descend
from genrekit.distil.music import Windows
from genrekit.models import Network
from genrekit.progress import Progress

Rows = NDArray[np.int64]
Target = Callable[[Windows, Rows], Tensor]
_ROWS_AT_ONCE = 32
_SMALLEST = 1e-6


class Student(nn.Module):
    """A network whose scores are the columns of the teacher's embedding.

    Parameters
    ----------
    network : Network
        With as many scores as the embedding has columns.
    centre, spread : (columns,)
        Of the teacher's embedding.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, network: Network, centre: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)

    def forward(self, decibels: Tensor) -> Tensor:
        """Spectrograms (n, bands, frames) to embeddings (n, columns) like the teacher's."""
        (name,) = self.network.shapes
        found: Tensor = self.network({name: decibels}) * self.spread + self.centre
        return found


def train_together(
    student: nn.Module,
    windows: Windows,
    target: Target,
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> None:
    """Adam on the squared error of the embedding, each column by its variance; in place.

    Parameters
    ----------
    student : module
        Spectrograms (n, bands, frames) to embeddings (n, columns).
    target : callable
        The teacher's embeddings of some windows.
    checkpoint : Path
        See `descend`.
    """
    if not steps:
        return
    count = len(windows.mel)
    sample = np.random.default_rng(seed).permutation(count)[:512]
    with torch.no_grad():
        spread = target(windows, sample).std(dim=0).clamp_min(_SMALLEST)

    def loss(generator: np.random.Generator) -> Tensor:
        rows = generator.integers(count, size=batch)
        with torch.no_grad():
            wanted = target(windows, rows)
        error: Tensor = (student(decibels(windows, rows)) - wanted) / spread
        return error.square().mean()

    descend(
        student,
        loss,
        steps=steps,
        rate=rate,
        seed=seed,
        checkpoint=checkpoint,
        stage="all layers",
        progress=progress,
    )


def embed_all(
    embed: Target, windows: Windows, name: str, progress: Progress
) -> NDArray[np.float64]:
    """Embeddings (n, columns) of all windows."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(windows.mel), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(windows.mel)))
            parts.append(embed(windows, rows).double().numpy())
            progress(name, int(rows[-1]) + 1, len(windows.mel))
    return np.concatenate(parts)


def agreement(
    found: NDArray[np.float64], wanted: NDArray[np.float64], files: NDArray[np.int64]
) -> tuple[float, float]:
    """Share of variance explained (R²) per window and per file, the mean over columns.

    As ``sklearn.metrics.r2_score(wanted, found)`` gives it; columns that never change are left out.
    """
    numbers = np.unique(files)
    means = [np.array([x[files == one].mean(axis=0) for one in numbers]) for x in (found, wanted)]
    return _explained(found, wanted), _explained(means[0], means[1])


def _explained(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    variance = wanted.var(axis=0)
    changing = variance > _SMALLEST**2
    error = np.square(found - wanted).mean(axis=0)
    return float(np.mean(1 - error[changing] / variance[changing])) if changing.any() else 0.0


def decibels(windows: Windows, rows: Rows) -> Tensor:
    """See `Windows.decibels`."""
    return torch.from_numpy(windows.decibels(rows))
