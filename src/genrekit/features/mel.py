"""Log-mel spectrogram: the front-end of the networks.

Frames are not centred and decibels have a fixed reference, so that a spectrogram cut at a frame is
bit for bit the spectrogram of the cut audio.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from genrekit.errors import ConfigError
from genrekit.features.stft import (
    bin_frequencies_hz,
    by_block,
    frames,
    hann,
    mel_edges_hz,
    mel_filters,
)
from genrekit.schema import MelConfig


class MelFrontend:
    """Samples to a log-mel spectrogram in decibels, of full scale (reference power 1.0).

    Parameters
    ----------
    config : MelConfig

    Raises
    ------
    ConfigError
        If the band edges do not fit the rate, or some band has no bin of the transform in it.
    """

    code_version = 1

    def __init__(self, config: MelConfig) -> None:
        self.config = config
        high_hz = config.high_hz or config.sample_rate_hz / 2
        if not config.low_hz < high_hz <= config.sample_rate_hz / 2:
            raise ConfigError(
                f"mel bands from {config.low_hz:g} to {high_hz:g} Hz do not fit a rate of "
                f"{config.sample_rate_hz} Hz; 0 <= low_hz < high_hz <= rate / 2 is needed"
            )
        self._filters = mel_filters(
            config.sample_rate_hz, config.fft_samples, config.n_mels, config.low_hz, high_hz
        )
        if not self._filters.any(axis=0).all():
            width_hz = bin_frequencies_hz(config.sample_rate_hz, config.fft_samples)[1]
            raise ConfigError(
                f"{config.n_mels} mel bands are too many for bins of {width_hz:.1f} Hz: some are "
                "empty; take fewer bands or a larger fft_samples"
            )
        self.feature_names = tuple(f"mel{band}" for band in range(1, config.n_mels + 1))
        peaks_and_ends = mel_edges_hz(config.n_mels, config.low_hz, high_hz)
        #: Where one band ends and the next begins to be the louder one, (n_mels + 1,).
        self.borders_hz: NDArray[np.float64] = (peaks_and_ends[:-1] + peaks_and_ends[1:]) / 2

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe audio.

        Parameters
        ----------
        samples : (n,) float32
            At ``config.sample_rate_hz``; fewer than ``fft_samples`` are filled up with zeros to
            one frame.

        Returns
        -------
        (n_mels, n_frames) float32
            Decibels, at least ``floor_db``; ``n_frames`` is
            ``1 + (n - fft_samples) // hop_samples``.
        """
        config = self.config
        if len(samples) < config.fft_samples:
            samples = np.pad(samples, (0, config.fft_samples - len(samples)))
        power = by_block(frames(samples, config.fft_samples, config.hop_samples), self._power)
        floor = np.float32(10 ** (config.floor_db / 10))
        decibels = 10 * np.log10(np.maximum(power, floor))
        return np.ascontiguousarray(decibels.T, dtype=np.float32)

    def _power(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        spectrum = scipy.fft.rfft(block * hann(self.config.fft_samples), axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return np.asarray(power @ self._filters, np.float32)
