"""Train a student block by block, each on what the teacher's block gives before rectification.

FitNets (Romero et al., *FitNets: hints for thin deep nets*, ICLR 2015), for a teacher and a student
of one plan: each block begins with random weights and learns from the windows as the student's
earlier blocks give them, with the teacher's block as the target. The front learns from short random
stretches, the rest from the maps of whole windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genrekit.distil.descent import descend
from genrekit.distil.fit import decibels
from genrekit.distil.music import Windows
from genrekit.errors import ConfigError
from genrekit.models import Musicnn, PeakFilters
from genrekit.models.musicnn import (
    FRAMES,
    MEL,
    WINDOW_SECONDS,
    Front,
    Layer,
    MusicnnBody,
    Scale,
)
from genrekit.models.pretrained.musicnn import Block, MusicnnNetwork
from genrekit.models.pretrained.musicnn_weights import load_network
from genrekit.models.pretrained.slimming import slimmed
from genrekit.progress import Progress
from genrekit.schema import MelConfig

#: Windows of which maps are kept in memory at once.
_MAP_WINDOWS = 8000
_ROWS_AT_ONCE = 16
_FRONT_FRAMES, _FRONT_BATCH, _FRONT_RATE = 12, 64, 0.01
_LAYER_BATCH, _EVERY_FRAME, _RIDGE = 128, 4, 1e-5
_SMALLEST = 1e-6


class Hints:
    """The teacher's blocks, on the levels that the student takes.

    Parameters
    ----------
    teacher : MusicnnNetwork
        Without its dead filters.
    counts : sequence of int, optional
        Filters of each shape that the student has: the strongest teach. By default all of them.

    Attributes
    ----------
    kept : (filters,) int
        Which of the teacher's filters teach.
    """

    def __init__(self, teacher: MusicnnNetwork, counts: Sequence[int] | None = None) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        self.kept = strongest_filters(teacher, counts)

    def peaks(self, levels: Tensor, frames: int) -> Tensor:
        """Before rectification, of the first ``frames`` frames: (n, filters, frames)."""
        x = self.teacher.inlet(levels[:, None])
        found = []
        for block in front_blocks(self.teacher):
            maps = block.conv(x[:, :, : frames + block.conv.kernel_size[0] - 1])
            # A negative scale behind the rectifier makes the quietest band the loudest.
            gains = block.norm.weight[:, None]
            found.append(torch.where(gains < 0, maps.amin(dim=3), maps.amax(dim=3)))
        return torch.cat(found, dim=1)[:, self.kept]

    def scaled(self, peaks: Tensor) -> Tensor:
        """What the teacher makes of its peaks: rectified, normalised."""
        norms = [block.norm for block in front_blocks(self.teacher)]

        def joined(name: str) -> Tensor:
            return torch.cat([getattr(norm, name) for norm in norms])[self.kept]

        return functional.batch_norm(
            torch.relu(peaks),
            joined("running_mean"),
            joined("running_var"),
            joined("weight"),
            joined("bias"),
            eps=norms[0].eps,
        )

    def __call__(self, levels: Tensor) -> Tensor:
        """The embedding (n, 200)."""
        return self.teacher.penultimate(self.teacher.pooled(levels))

    def maps(self, levels: Tensor) -> Tensor:
        """The front's maps (n, filters, frames)."""
        return self.teacher.front(levels)

    def layer(self, number: int, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Before rectification and behind the scale, of one layer of the middle."""
        x = maps
        for before in range(number):
            found = self.teacher.mid[before](x)
            x = found if before == 0 else x + found
        block = self.teacher.mid[number]
        assert isinstance(block, Block)
        return block.conv(x), block(x)

    def dense(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The same of the last layer."""
        teacher = self.teacher
        every = [maps]
        for number, block in enumerate(teacher.mid):
            found = block(every[-1])
            every.append(found if number == 0 else every[-1] + found)
        joined = torch.cat(every, dim=1)
        pooled = torch.stack([joined.amax(dim=2), joined.mean(dim=2)], dim=2).flatten(1)
        return teacher.dense(teacher.pool_norm(pooled)), teacher.penultimate(pooled)


def front_blocks(teacher: MusicnnNetwork) -> list[Block]:
    """The blocks of the front, one a shape of filter: timbre first."""
    return [one for one in (*teacher.timbre, *teacher.tempo) if isinstance(one, Block)]


def strongest_filters(teacher: MusicnnNetwork, counts: Sequence[int] | None = None) -> Tensor:
    """Filters of the front by how much they move the first layer behind it.

    What batch normalisation gives varies by its gain, so a filter's strength is that times the norm
    of the weights on it.

    Returns
    -------
    (sum of counts,) int64
        In the teacher's order.
    """
    (first, *_) = teacher.mid
    assert isinstance(first, Block)
    blocks = front_blocks(teacher)
    gains = torch.cat([block.norm.weight for block in blocks])
    strength = gains.abs() * first.conv.weight.transpose(0, 1).flatten(1).norm(dim=1)
    parts = torch.split(strength, [block.conv.out_channels for block in blocks])
    start, found = 0, []
    for part, count in zip(parts, counts or [len(one) for one in parts], strict=True):
        found.append(start + part.argsort(descending=True)[:count].sort().values)
        start += len(part)
    return torch.cat(found)


def teacher_network(weights: Path | None) -> MusicnnNetwork:
    """The published network without its dead filters.

    Raises
    ------
    ConfigError
        If its weights are not on this machine, or are others.
    """
    return slimmed(load_network(weights))


def check_plan(
    teacher: MusicnnNetwork, student: Musicnn, frontend: MelConfig, window_samples: int
) -> None:
    """Compare a student with its teacher, block by block.

    Raises
    ------
    ConfigError
        If it takes anything else, has more filters of a shape, or another width behind them.
    """
    frames = 1 + (window_samples - MEL.fft_samples) // MEL.hop_samples
    if frontend != MEL or frames != FRAMES:
        raise ConfigError(
            f"method blocks: the student takes what its teacher takes, {FRAMES} frames "
            f"({WINDOW_SECONDS:g} s) of the front-end {MEL.model_dump(exclude_defaults=True)}; "
            f"here it takes {frames} frames of {frontend.model_dump(exclude_defaults=True)}"
        )
    counts = tuple(one.conv.out_channels for one in front_blocks(teacher))
    middle = teacher.mid[0]
    assert isinstance(middle, Block)
    widths = {"middle": middle.conv.out_channels, "embedding": teacher.dense.out_features}
    most = {"timbre": counts[:2], "tempo": counts[2:]}
    wrong = {name: getattr(student, name) for name in widths}
    wrong = {name: width for name, width in wrong.items() if width != widths[name]}
    for name, allowed in most.items():
        found = getattr(student, name)
        if any(one > limit for one, limit in zip(found, allowed, strict=True)):
            wrong[name] = found
    if wrong:
        raise ConfigError(
            f"method blocks: the student has as many filters of each shape as its teacher, or "
            f"fewer, and is as wide behind them; its teacher has {most | widths} without dead "
            f"filters; here the student has {wrong}"
        )


def train_blocks(
    body: MusicnnBody,
    hints: Hints,
    windows: Windows,
    *,
    steps: int,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> None:
    """Train all blocks of a student, in place.

    Parameters
    ----------
    steps : int
        Of gradient descent, for the front.
    checkpoint : Path
        Of the front, which takes nearly all of the time.
    """
    _train_front(body, hints, windows, steps, seed, checkpoint, progress)
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(len(windows.mel))[:_MAP_WINDOWS])
    own, wanted = _maps(body, hints, windows, rows, progress)
    for number, layer in enumerate(body.middle):
        assert isinstance(layer, Layer)

        def take(part: NDArray[np.int64], number: int = number) -> tuple[Tensor, Tensor, Tensor]:
            target, scaled = hints.layer(number, _floats(wanted, part))
            return body.middle_input(_floats(own, part), number), target, scaled

        _fit_layer(layer, take, len(rows), f"layer {number + 1}", progress)

    def last(part: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        target, scaled = hints.dense(_floats(wanted, part))
        return body.dense_input(_floats(own, part)), target, scaled

    _fit_layer(body.dense, last, len(rows), "dense layer", progress)


def _train_front(
    body: MusicnnBody,
    hints: Hints,
    windows: Windows,
    steps: int,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> None:
    front, longest = body.front, max(filters.frames for filters in body.front.peak_filters)
    count = len(windows.mel)
    levels = _levels(body, windows, np.random.default_rng(seed).permutation(count)[:256])
    sample = hints.peaks(levels, levels.shape[1] - longest + 1)
    centre, spread = _moments(sample)

    def loss(generator: np.random.Generator) -> Tensor:
        rows = generator.integers(count, size=_FRONT_BATCH)
        levels = _levels(body, windows, rows)
        start = int(generator.integers(levels.shape[1] - longest - _FRONT_FRAMES + 2))
        part = levels[:, start : start + longest + _FRONT_FRAMES - 1]
        with torch.no_grad():
            target = (hints.peaks(part, _FRONT_FRAMES) - centre) / spread
        return (front.peaks(part, _FRONT_FRAMES) - target).square().mean()

    descend(
        nn.ModuleList(front.peak_filters),
        loss,
        steps=steps,
        rate=_FRONT_RATE,
        seed=seed,
        checkpoint=checkpoint,
        stage="front",
        progress=progress,
    )
    with torch.no_grad():
        for filters, gain, offset in _by_filters(front, spread, centre):
            filters.conv.weight.mul_(gain[:, None, None, None])
            filters.bias.mul_(gain).add_(offset)
        found = torch.relu(front.peaks(levels, sample.shape[2]))
        _fit_scale(front.scale, [(found, hints.scaled(sample))])


def _by_filters(
    front: Front, gain: Tensor, offset: Tensor
) -> list[tuple[PeakFilters, Tensor, Tensor]]:
    counts = [len(filters.bias) for filters in front.peak_filters]
    gains, offsets = torch.split(gain[:, 0], counts), torch.split(offset[:, 0], counts)
    return list(zip(front.peak_filters, gains, offsets, strict=True))


def _maps(
    body: MusicnnBody,
    hints: Hints,
    windows: Windows,
    rows: NDArray[np.int64],
    progress: Progress,
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """The front's maps of some windows, by the student and by the teacher."""
    own, wanted = [], []
    with torch.no_grad():
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            levels = _levels(body, windows, rows[start : start + _ROWS_AT_ONCE])
            own.append(body.front(levels).half().numpy())
            wanted.append(hints.maps(levels).half().numpy())
            progress("maps of the front", min(start + _ROWS_AT_ONCE, len(rows)), len(rows))
    return np.concatenate(own), np.concatenate(wanted)


def _fit_layer(
    layer: Layer,
    take: Callable[[NDArray[np.int64]], tuple[Tensor, Tensor, Tensor]],
    count: int,
    name: str,
    progress: Progress,
) -> None:
    """Fit a layer by ridge regression on the teacher's output before rectification.

    Its scales are then fitted to what stands behind the teacher's rectifier.

    Parameters
    ----------
    take : callable
        Rows to the layer's input, and to the teacher's output before rectification and behind all.
    """
    linear = layer.linear
    columns = linear.weight[0].numel() + 1
    gram = torch.zeros(columns, columns, dtype=torch.float64)
    moments = torch.zeros(columns, len(linear.weight), dtype=torch.float64)
    parts = np.array_split(np.arange(count), max(1, count // _LAYER_BATCH))
    with torch.no_grad():
        for number, part in enumerate(parts):
            x, target, _ = take(part)
            rows, wanted = _rows(linear, x, target)
            gram += (rows.T @ rows).double()
            moments += (rows.T @ wanted).double()
            progress(name, number + 1, len(parts))
        penalty = _RIDGE * gram.diagonal().mean()
        found = torch.linalg.solve(gram + penalty * torch.eye(columns), moments).T
        linear.weight.copy_(found[:, :-1].reshape(linear.weight.shape))
        assert linear.bias is not None
        linear.bias.copy_(found[:, -1])
        taken = (take(part) for part in parts)
        _fit_scale(layer.scale, ((torch.relu(linear(x)), scaled) for x, _, scaled in taken))


def _rows(linear: nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """A layer's input and target as rows: of every fourth frame, where there are frames."""
    if isinstance(linear, nn.Conv1d):
        frames = linear.kernel_size[0]
        padded = nn.functional.pad(x, (frames // 2, frames // 2))
        x = padded.unfold(2, frames, 1)[:, :, ::_EVERY_FRAME].permute(0, 2, 1, 3).flatten(2)
        x, target = x.flatten(0, 1), target[:, :, ::_EVERY_FRAME].permute(0, 2, 1).flatten(0, 1)
    return torch.cat([x, torch.ones(len(x), 1)], dim=1), target


def _fit_scale(scale: Scale, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Gain and offset of each channel by least squares.

    A channel may be silent in all but a few windows, so all of them count: fitted to a hundred or
    so, such a channel gets a gain that is far too large.

    Parameters
    ----------
    pairs : iterable of (n, channels[, frames]) and the same
        What the channels give, and what they should.
    """
    sums = torch.zeros(5, len(scale.gain), dtype=torch.float64)
    for found, wanted in pairs:
        x, y = (one.transpose(0, 1).flatten(1).double() for one in (found, wanted))
        sums += torch.stack([one.sum(dim=1) for one in (torch.ones_like(x), x, y, x * x, x * y)])
    count, mean, middle, square, product = sums
    mean, middle = mean / count, middle / count
    variance, covariance = square / count - mean**2, product / count - mean * middle
    varies = variance > _SMALLEST
    gain = torch.where(varies, covariance / variance.clamp_min(_SMALLEST), 1.0)
    scale.gain.copy_(gain.reshape(scale.gain.shape))
    scale.offset.copy_((middle - gain * mean).reshape(scale.offset.shape))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, to be broadcast over (n, channels[, frames])."""
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    centre = x.mean(axes, keepdim=True)[0]
    spread = (x - centre).square().mean(axes, keepdim=True)[0].sqrt().clamp_min(_SMALLEST)
    return centre, spread


def _levels(body: MusicnnBody, windows: Windows, rows: NDArray[np.int64]) -> Tensor:
    with torch.no_grad():
        found: Tensor = body.levels(decibels(windows, rows))
    return found


def _floats(maps: NDArray[np.float16], rows: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(maps[rows].astype(np.float32))
