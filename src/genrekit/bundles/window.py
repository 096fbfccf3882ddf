"""One window of audio to what a model takes: the same code trains, verifies and serves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from genrekit.features import Frontend
from genrekit.schema import WindowConfig


def window_samples(windows: WindowConfig, sample_rate_hz: int) -> tuple[int, int]:
    """Length and hop of a window in samples, each at least one."""
    length = max(1, round(windows.window_seconds * sample_rate_hz))
    hop = max(1, round(windows.hop_seconds * sample_rate_hz))
    return length, min(hop, length)


def fill_window(
    samples: NDArray[np.float32], windows: WindowConfig, sample_rate_hz: int
) -> NDArray[np.float32]:
    """Treat audio shorter than one window by the policy ``windows.short``.

    Parameters
    ----------
    samples : (n,) float32, n >= 1
        Mono audio, at most one window long.

    Returns
    -------
    (n,) or (window,) float32
        ``samples`` themselves for ``keep``, else exactly one window.
    """
    length, _ = window_samples(windows, sample_rate_hz)
    if len(samples) >= length or windows.short == "keep":
        return samples
    if windows.short == "loop":
        return np.resize(samples, length)
    return np.pad(samples, (0, length - len(samples)))


def window_features(
    samples: NDArray[np.float32],
    frontends: Mapping[str, Frontend],
    windows: WindowConfig,
) -> dict[str, NDArray[np.float32]]:
    """Features of one window, by front-end name.

    Parameters
    ----------
    samples : (n,) float32
        Mono audio at the front-ends' rate, at most one window long.

    Returns
    -------
    dict of str to float32 array
        ``(n_features,)`` for vectors, ``(n_mels, n_frames)`` for mel.
    """
    rate = next(iter(frontends.values())).config.sample_rate_hz
    filled = fill_window(samples, windows, rate)
    return {name: frontend(filled) for name, frontend in frontends.items()}
