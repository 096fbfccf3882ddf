"""Decoded audio in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Mono audio at a known rate.

    Attributes
    ----------
    samples : (n,) float32
        Mono, finite; full scale is -1 to 1.
    sample_rate_hz : int
        Samples per second.
    warnings : tuple of str
        Named states, the name before the colon: ``truncated``, ``damaged``, ``silent``,
        ``non_finite``.
    start_seconds : float
        Where in its track the audio begins.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    warnings: tuple[str, ...] = ()
    start_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """How long the audio lasts."""
        return len(self.samples) / self.sample_rate_hz
