"""The full set of descriptors for modelling: timbre, rhythm, harmony and dynamics of a clip.

One spectrogram and one separation into harmonic and percussive parts serve all four families. The
clip is scaled to a peak of 1 before anything is measured, which makes every threshold relative;
only columns in dBFS or FS (full scale) follow the gain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.features import dynamics, harmony, rhythm, timbre
from genrekit.features.clip import (
    FRAME_SAMPLES,
    FRAMES_PER_SECOND,
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    Clip,
    analyse,
)
from genrekit.features.columns import ColumnInfo
from genrekit.features.harmony import Key, find_key
from genrekit.features.statistics import columns, summarise
from genrekit.schema import DescriptorsConfig

FAMILIES = {
    "timbre": timbre.DESCRIPTORS,
    "rhythm": rhythm.DESCRIPTORS,
    "harmony": harmony.DESCRIPTORS,
    "dynamics": dynamics.DESCRIPTORS,
}
COLUMNS: tuple[ColumnInfo, ...] = tuple(
    column for family, members in FAMILIES.items() for column in columns(members, family)
)


class DescriptorsFrontend:
    """Samples to one vector of descriptors.

    Parameters
    ----------
    config : DescriptorsConfig

    Attributes
    ----------
    columns : tuple of ColumnInfo
        Name, unit, meaning and family of every number, in order.
    feature_names : tuple of str
        The names alone.
    """

    code_version = 1

    def __init__(self, config: DescriptorsConfig) -> None:
        self.config = config
        self.columns: tuple[ColumnInfo, ...] = COLUMNS
        self.feature_names = tuple(column.name for column in COLUMNS)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe a clip.

        Parameters
        ----------
        samples : NDArray[float32], shape (n,)
            Mono, at ``config.sample_rate_hz``, of any length above 0.

        Returns
        -------
        NDArray[float32], shape (n_columns,)
            Finite, whatever the samples.

        Raises
        ------
        AudioContentError
            If there are no samples, or some are not finite.
        """
        clip = analyse(samples)
        return _describe(clip).astype(np.float32)


def name_key(samples: NDArray[np.float32]) -> Key:
    """Name the key of a clip.

    Parameters
    ----------
    samples : NDArray[float32], shape (n,)
        Mono, at 22050 Hz; the whole clip is taken to be in one key.

    Returns
    -------
    Key
        Of the Krumhansl-Kessler profile (see `genrekit.features.harmony`) that the pitch classes of
        the harmonic part correlate best with. Its strength is 0 for silence.

    Raises
    ------
    AudioContentError
        As for `DescriptorsFrontend`.
    """
    clip = analyse(samples)
    audible_chroma = clip.chroma[:, clip.audible]
    return find_key(audible_chroma.mean(axis=1) if audible_chroma.size else np.zeros(12))


def _describe(clip: Clip) -> NDArray[np.float64]:
    """All values, in the order of `COLUMNS`."""
    values = {
        "timbre": timbre.measure_timbre(clip.shape, clip.mel_db, audible=clip.audible),
        "rhythm": rhythm.measure_rhythm(
            clip.mel_db,
            frames_per_second=FRAMES_PER_SECOND,
            seconds=len(clip.samples) / SAMPLE_RATE_HZ,
        ),
        "harmony": harmony.measure_harmony(
            clip.chroma,
            clip.peak**2 * clip.harmonic_energy,
            clip.peak**2 * clip.percussive_energy,
            audible=clip.audible,
        ),
        "dynamics": dynamics.measure_dynamics(
            clip.samples,
            scale=clip.peak,
            frame_samples=FRAME_SAMPLES,
            hop_samples=HOP_SAMPLES,
            sample_rate_hz=SAMPLE_RATE_HZ,
            audible=clip.audible,
        ),
    }
    return np.concatenate(
        [summarise(members, values[family]) for family, members in FAMILIES.items()]
    )
