"""Front-ends as nodes of a graph: what `genrekit.features` computes, for ONNX Runtime alone.

The Fourier transform is two matrix products and a rotation between them (the first step of Cooley
and Tukey, 1965), which any runtime has and which takes a quarter of the constants and of the time
of a convolution with all sines.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genrekit.edge.nodes import Nodes
from genrekit.edge.windows import Cutting, over_windows
from genrekit.errors import ConfigError
from genrekit.features import hann, mel_filters
from genrekit.schema import FrontendConfig, MelConfig, WaveformConfig, WindowedConfig

Floats = NDArray[np.float32]


def frontend(nodes: Nodes, samples: str, config: FrontendConfig) -> str:
    """Add what turns the samples (n,) of a window into the model's input, of one row.

    Raises
    ------
    ConfigError
        If the front-end cannot be part of a graph.
    """
    check_frontend(config)
    return nodes.add("Unsqueeze", _made(nodes, samples, config), nodes.constant(np.array([0])))


def check_frontend(config: FrontendConfig) -> None:
    """Raise `ConfigError` for a front-end that cannot be part of a graph."""
    if isinstance(config, WindowedConfig):
        check_frontend(config.inner)
        if config.inner.sample_rate_hz != config.sample_rate_hz:
            raise ConfigError(
                f"a member of this ensemble takes {config.inner.sample_rate_hz} Hz and the "
                f"others at {config.sample_rate_hz}; a graph cannot resample, so export an "
                "ensemble of members of one rate, or one of its members"
            )
    elif config.kind not in _MADE:
        raise ConfigError(
            f"the front-end {config.kind!r} is computed outside of the model and cannot be part of "
            f"its graph; expected a model on {' or '.join(sorted(_MADE))}, as networks are"
        )


def _made(nodes: Nodes, samples: str, config: FrontendConfig) -> str:
    if isinstance(config, WindowedConfig):
        return _windowed(nodes, samples, config)
    return _MADE[config.kind](nodes, samples, config)


def _waveform(nodes: Nodes, samples: str, config: WaveformConfig) -> str:
    return nodes.shaped(samples, 1, -1)


def _windowed(nodes: Nodes, samples: str, config: WindowedConfig) -> str:
    """Do it for each of the shorter windows in a window."""
    cutting = Cutting.of(config.windows, config.inner.sample_rate_hz, slack=2)

    def inside(inner: Nodes, window: str) -> tuple[str, ...]:
        return (_made(inner, window, config.inner),)

    return over_windows(nodes, samples, cutting, inside, outputs=1).outputs[0]


def _mel(nodes: Nodes, samples: str, config: MelConfig) -> str:
    """Compute decibels (n_mels, frames), as `genrekit.features.mel` defines them."""
    power = _power(nodes, _frames(nodes, samples, config), config.fft_samples)
    bands = nodes.add("MatMul", power, nodes.constant(_filters(config)))
    floor = nodes.constant(np.float32(10 ** (config.floor_db / 10)))
    logs = nodes.add("Log", nodes.add("Max", bands, floor))
    decibels = nodes.add("Mul", logs, nodes.constant(np.float32(10 / math.log(10))))
    return nodes.add("Transpose", decibels, perm=[1, 0])


def _frames(nodes: Nodes, samples: str, config: MelConfig) -> str:
    """Cut frames (frames, fft_samples) under the window; less than one is filled up with zeros."""
    size = config.fft_samples
    missing = nodes.add(
        "Max",
        nodes.add("Sub", nodes.constant(size), nodes.length(samples)),
        nodes.constant(0),
    )
    zeros = nodes.add("ConstantOfShape", nodes.shaped(missing, 1))
    filled = nodes.add("Concat", samples, zeros, axis=0)
    more = nodes.add("Sub", nodes.length(filled), nodes.constant(size))
    count = nodes.add(
        "Add", nodes.add("Div", more, nodes.constant(config.hop_samples)), nodes.constant(1)
    )
    starts = nodes.add("Mul", nodes.numbers(count), nodes.constant(config.hop_samples))
    places = nodes.add("Add", nodes.shaped(starts, -1, 1), nodes.constant(np.arange(size)))
    return nodes.add("Mul", nodes.add("Gather", filled, places, axis=0), nodes.constant(hann(size)))


def _factors(size: int) -> tuple[int, int]:
    """Find two whole numbers whose product is ``size``, the first as near to its root as can be."""
    first = max(one for one in range(1, math.isqrt(size) + 1) if size % one == 0)
    return first, size // first


def _kept(size: int) -> tuple[int, int, int]:
    """Return both factors, and how many columns of the second transform hold bins up to half."""
    first, second = _factors(size)
    return first, second, size // 2 // first + 1


def _power(nodes: Nodes, frames: str, size: int) -> str:
    """Square magnitudes to (frames, cells): row ``k1`` and column ``k2`` of them is ``k1 + N1 k2``.

    With ``n = N2 n1 + n2`` a bin ``k = k1 + N1 k2`` is a transform over ``n1``, turned by
    ``n2 k1 / N``, and transformed over ``n2``.
    """
    first, second, columns = _kept(size)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(first), np.arange(first)) / first)
    stacked = nodes.constant(np.concatenate([turns.real, turns.imag]))
    parts = nodes.add("MatMul", stacked, nodes.shaped(frames, -1, first, second))
    real, imaginary = (_part(nodes, parts, 1, half * first, first) for half in (0, 1))
    twist = np.exp(-2j * np.pi * np.outer(np.arange(first), np.arange(second)) / size)
    cosine, sine = nodes.constant(twist.real), nodes.constant(twist.imag)
    turned = nodes.add(
        "Concat",
        nodes.add("Sub", nodes.add("Mul", real, cosine), nodes.add("Mul", imaginary, sine)),
        nodes.add("Add", nodes.add("Mul", real, sine), nodes.add("Mul", imaginary, cosine)),
        axis=2,
    )
    last = np.exp(-2j * np.pi * np.outer(np.arange(second), np.arange(columns)) / second)
    joined = np.block([[last.real, last.imag], [-last.imag, last.real]])
    spectrum = nodes.add("MatMul", turned, nodes.constant(joined))
    squares = nodes.add("Mul", spectrum, spectrum)
    halves = [_part(nodes, squares, 2, half * columns, columns) for half in (0, 1)]
    return nodes.shaped(nodes.add("Add", *halves), -1, first * columns)


def _part(nodes: Nodes, value: str, axis: int, start: int, size: int) -> str:
    bounds = (start, start + size, axis)
    return nodes.add("Slice", value, *(nodes.constant(np.array([one])) for one in bounds))


def _filters(config: MelConfig) -> Floats:
    """Return mel filters (cells, n_mels) in the order that `_power` gives its cells in."""
    first, _, columns = _kept(config.fft_samples)
    high_hz = config.high_hz or config.sample_rate_hz / 2
    filters = mel_filters(
        config.sample_rate_hz, config.fft_samples, config.n_mels, config.low_hz, high_hz
    )
    bins = np.add.outer(np.arange(first), first * np.arange(columns)).ravel()
    placed = np.zeros((len(bins), config.n_mels), np.float32)
    placed[bins < len(filters)] = filters[bins[bins < len(filters)]]
    return placed


_MADE: dict[str, Callable[..., str]] = {"mel": _mel, "waveform": _waveform}
