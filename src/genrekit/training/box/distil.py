"""Teach the listener, block by block, to say what its teacher says.

Knowledge distillation through all layers (Romero et al., "FitNets", ICLR 2015): each block begins
with random weights and learns, by gradient descent on random cuts, to answer what the listener
heard so far with what the teacher makes of what it heard itself. No label of a genre is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from genrekit.models.listener import (
    DEVIATION_DB,
    FRAMES,
    MAPS,
    MEANS,
    POOLS,
    Listener,
    bordered,
    levelled,
    pooled,
    summary,
)
from genrekit.training.box.teacher import Teacher

#: Pooled frames, and windows, of one step of each block: about the same work in each.
_WIDTHS, _BATCHES = (16, 16, 8, 4, 1), (6, 6, 12, 24, 128)
_RATE = 0.03
_ROWS_AT_ONCE = 8
#: Deviation in decibels of the random filters, and bands that a window is moved by.
_FILTER_DB, _MOVED_BANDS = 4.0, 2


def lessons(mel: NDArray[np.float32], seed: int) -> Tensor:
    """Windows to teach with: each clip as it is, mixed with another, and filtered and transposed.

    Parameters
    ----------
    mel : (n, 96, frames) float32
        Decibels.

    Returns
    -------
    (3 n, 96, 1280)
    """
    generator = torch.Generator().manual_seed(seed)
    windows = torch.from_numpy(mel[:, :, :FRAMES])
    power = 10 ** (windows / 10)
    others = power[torch.randperm(len(power), generator=generator)].flip(2)
    mixed = 10 * torch.log10(power + others)
    points = _FILTER_DB * torch.randn(len(windows), 1, 6, generator=generator)
    filters = functional.interpolate(points, windows.shape[1], mode="linear")[:, 0, :, None]
    moved = (windows + filters).roll(_MOVED_BANDS, dims=1)
    return torch.cat([windows, mixed, moved])


def distil(
    teacher: Teacher, windows: Tensor, *, steps: int, seed: int
) -> Iterator[tuple[Listener, int, float]]:
    """Teach a new listener.

    Parameters
    ----------
    windows : (n, 96, 1280)
        Decibels, as `lessons` makes them.
    steps : int
        For each block.

    Yields
    ------
    listener, block, share
        After each block: the share of the teacher's variance that is not explained yet in the last
        steps. The listener is complete with the last.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        listener = Listener()
        generator = torch.Generator().manual_seed(seed)
        wanted = levelled(windows)
        heard = wanted / DEVIATION_DB
        for number, convolution in enumerate(listener.convolutions):
            share = _teach(teacher, convolution, number, wanted, heard, steps, generator)
            yield listener, number, share
            with torch.no_grad():
                wanted = _through(wanted, partial(teacher.raw, number), number)
                heard = _through(heard, convolution, number)


def _teach(
    teacher: Teacher,
    convolution: torch.nn.Module,
    number: int,
    wanted: Tensor,
    heard: Tensor,
    steps: int,
    generator: torch.Generator,
) -> float:
    factor = POOLS[number][1]
    width = min(wanted.shape[3] // factor, _WIDTHS[number]) * factor
    places = wanted.shape[3] // factor * factor - width + 1
    with torch.no_grad():
        sample = teacher.raw(number, bordered(wanted[:: max(1, len(wanted) // 40)]))
        scale = sample.var(dim=(0, 2, 3)).clamp_min(1e-12)[:, None, None]
    optimiser = torch.optim.Adam(convolution.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    recent: list[float] = []
    for _ in range(steps):
        rows = torch.randint(len(wanted), (_BATCHES[number],), generator=generator)
        start = int(torch.randint(places, (), generator=generator))
        with torch.no_grad():
            target = teacher.raw(number, _cut(wanted, rows, start, width))
        found = convolution(_cut(heard, rows, start, width))
        loss = ((found - target).square() / scale).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        recent.append(float(loss.detach()))
    return float(np.mean(recent[-max(1, steps // 10) :]))


def _cut(maps: Tensor, rows: Tensor, start: int, width: int) -> Tensor:
    """Frames ``start`` to ``start + width`` of some windows, with one more on each side."""
    first, last = max(0, start - 1), min(maps.shape[3], start + width + 1)
    margins = (int(first == start), int(last == start + width), 1, 1)
    return functional.pad(maps[rows, :, :, first:last], margins)


def _through(maps: Tensor, convolution: Callable[[Tensor], Tensor], number: int) -> Tensor:
    parts = [
        pooled(convolution(bordered(maps[i : i + _ROWS_AT_ONCE])), number)
        for i in range(0, len(maps), _ROWS_AT_ONCE)
    ]
    return torch.cat(parts)


def agreement(teacher: Teacher, listener: Listener, mel: NDArray[np.float32]) -> tuple[float, ...]:
    """Share of variance explained (R²) of the teacher's means: the median of each block's maps.

    Parameters
    ----------
    mel : (n, 96, frames) float32
        Clips that did not teach.
    """
    found, wanted = [], []
    with torch.no_grad():
        for row in torch.from_numpy(mel):
            found.append(listener(row[None]))
            levels, maps = levelled(row[None]), []
            for number in range(len(POOLS)):
                levels = pooled(teacher.raw(number, bordered(levels)), number)
                maps.append(levels)
            wanted.append(summary(maps))
    a, b = torch.cat(found)[:, :MEANS], torch.cat(wanted)[:, :MEANS]
    explained = 1 - (a - b).square().mean(dim=0) / b.var(dim=0, correction=0)
    return tuple(float(one.median()) for one in explained.reshape(len(POOLS), MAPS))


def embed(listener: Listener, mel: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the listener says of clips (n, 96, frames): (n, 288)."""
    with torch.no_grad():
        parts = [listener(row[None]) for row in torch.from_numpy(mel)]
    return torch.cat(parts).double().numpy()
