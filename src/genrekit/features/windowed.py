"""Another front-end on each of the shorter windows of a window: what members of an ensemble take.

Members of an ensemble were made for windows and rates of their own. The ensemble takes the longest
window at the highest rate; inside of it each member gets what it would be given alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from genrekit.schema import WindowedConfig

Samples = NDArray[np.float32]


class WindowedFrontend:
    """Samples of a window to what a front-end makes of each of its parts.

    Parameters
    ----------
    config : WindowedConfig
    """

    code_version = 1

    def __init__(self, config: WindowedConfig) -> None:
        from genrekit.features.frontend import build_frontend

        self.config = config
        self.inner = build_frontend(config.inner)
        self.feature_names = self.inner.feature_names

    def __call__(self, samples: Samples) -> NDArray[np.float32]:
        """Turn samples (n,) into (n_windows, ...) float32, shaped as the inner front-end does."""
        rate_hz, own_hz = self.config.sample_rate_hz, self.config.inner.sample_rate_hz
        resampled = samples if rate_hz == own_hz else soxr.resample(samples, rate_hz, own_hz)
        return np.stack([self.inner(one) for one in self._parts(np.asarray(resampled, np.float32))])

    def _parts(self, samples: Samples) -> Iterator[Samples]:
        """Windows as they are cut from a track: the last one is moved back to end with the audio.

        A last one that resampling made a few samples longer or shorter is not a window of its own.
        """
        rate_hz, windows = self.config.inner.sample_rate_hz, self.config.windows
        length = max(1, round(windows.window_seconds * rate_hz))
        hop = min(max(1, round(windows.hop_seconds * rate_hz)), length)
        if len(samples) < length:
            yield self._filled(samples, length)
            return
        last = len(samples) - length
        starts = list(range(0, last + 1, hop))
        if last - starts[-1] > _ROUNDING:
            starts.append(last)
        for start in starts:
            yield samples[start : start + length]

    def _filled(self, samples: Samples, length: int) -> Samples:
        short = self.config.windows.short
        missing = length - len(samples)
        if short == "loop" or (short == "keep" and missing <= _ROUNDING):
            return np.resize(samples, length)
        return np.pad(samples, (0, missing)) if short == "pad" else samples


# Samples by which two ways to cut and resample may differ.
_ROUNDING = 2
