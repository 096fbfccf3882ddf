"""Descriptors over time: a sequence of short blocks, for networks that read sequences.

What `descriptors` sums up over a whole clip is kept here block by block: timbre, harmony and
dynamics of each half second or so, as mean and standard deviation over its frames. Frames, the
separation into harmonic and percussive, and every formula are those of `descriptors`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.features import dynamics, harmony, timbre
from genrekit.features.clip import (
    FRAME_SAMPLES,
    FRAMES_PER_SECOND,
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    Clip,
    analyse,
)
from genrekit.features.columns import ColumnInfo
from genrekit.features.statistics import Descriptor, columns
from genrekit.schema import TrajectoriesConfig

Array = NDArray[np.float64]

_STATISTICS = ("mean", "std")
_FAMILIES = {
    "timbre": (
        timbre.DESCRIPTORS,
        ("centroid", "bandwidth", "rolloff", "flatness", "flux", "contrast", "mfcc"),
    ),
    "harmony": (
        harmony.DESCRIPTORS,
        ("chroma", "chroma_entropy", "tonnetz", "harmonic_change", "percussive_share"),
    ),
    "dynamics": (dynamics.DESCRIPTORS, ("level", "crest", "zero_crossings")),
}


def _chosen(members: tuple[Descriptor, ...], names: tuple[str, ...]) -> tuple[Descriptor, ...]:
    by_name = {member.name: member for member in members}
    return tuple(
        Descriptor(name, by_name[name].unit, by_name[name].meaning, _STATISTICS, by_name[name].rows)
        for name in names
    )


_DESCRIPTORS = {family: _chosen(*chosen) for family, chosen in _FAMILIES.items()}
COLUMNS: tuple[ColumnInfo, ...] = tuple(
    column for family, members in _DESCRIPTORS.items() for column in columns(members, family)
)


class TrajectoriesFrontend:
    """Samples to a sequence of descriptors.

    Parameters
    ----------
    config : TrajectoriesConfig

    Attributes
    ----------
    columns : tuple of ColumnInfo
        Name, unit, meaning and family of every row of the output, in order.
    feature_names : tuple of str
        The names alone.
    """

    code_version = 1

    def __init__(self, config: TrajectoriesConfig) -> None:
        self.config = config
        self.columns = COLUMNS
        self.feature_names = tuple(column.name for column in COLUMNS)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe a clip.

        Parameters
        ----------
        samples : NDArray[float32], shape (n,)
            Mono, at ``config.sample_rate_hz``, of any length above 0.

        Returns
        -------
        NDArray[float32], shape (n_columns, n_blocks)
            Finite, whatever the samples. The last block has the frames that are left.

        Raises
        ------
        AudioContentError
            If there are no samples, or some are not finite.
        """
        frames = _trajectories(analyse(samples))
        return in_blocks(frames, round(self.config.block_seconds * FRAMES_PER_SECOND))


def in_blocks(trajectories: Array, block_frames: int) -> NDArray[np.float32]:
    """Mean and standard deviation of each row over blocks of frames.

    Parameters
    ----------
    trajectories : NDArray[float64], shape (n_rows, n_frames)
    block_frames : int

    Returns
    -------
    NDArray[float32], shape (2 * n_rows, n_blocks)
        Row by row: the means, then the deviations.
    """
    starts = np.arange(0, trajectories.shape[1], max(1, block_frames))
    counts = np.diff(starts, append=trajectories.shape[1])
    means = np.add.reduceat(trajectories, starts, axis=1) / counts
    deviations = (trajectories - np.repeat(means, counts, axis=1)) ** 2
    spreads = np.sqrt(np.add.reduceat(deviations, starts, axis=1) / counts)
    pairs = np.stack([means, spreads], axis=1)
    return pairs.reshape(-1, len(starts)).astype(np.float32)


def _trajectories(clip: Clip) -> Array:
    """Every quantity in every frame, (n_rows, n_frames), in the order of `COLUMNS`."""
    values = {**clip.shape, "mfcc": timbre.mfcc(clip.mel_db), **_harmony(clip), **_dynamics(clip)}
    rows = [values[one.name] for members in _DESCRIPTORS.values() for one in members]
    return np.vstack([np.asarray(row, np.float64) for row in rows])


def _harmony(clip: Clip) -> dict[str, Array]:
    chroma = clip.chroma.astype(np.float64)
    centroids = harmony.tonnetz(chroma)
    # The first frame has nothing before it to differ from.
    steps = np.diff(centroids, axis=1, prepend=centroids[:, :1])
    total = np.maximum(clip.harmonic_energy + clip.percussive_energy, 1e-30)
    return {
        "chroma": chroma,
        "chroma_entropy": harmony.entropy(chroma),
        "tonnetz": centroids,
        "harmonic_change": np.linalg.norm(steps, axis=0),
        "percussive_share": clip.percussive_energy / total,
    }


def _dynamics(clip: Clip) -> dict[str, Array]:
    sizes = {"frame_samples": FRAME_SAMPLES, "hop_samples": HOP_SAMPLES}
    rms = np.sqrt(dynamics.frame_energy(clip.samples, **sizes))
    peaks = dynamics.frame_peaks(clip.samples, **sizes)
    gain_db = dynamics.decibels(clip.peak)
    least_rms = np.maximum(rms, 1e-12)
    return {
        "level": np.maximum(dynamics.decibels(rms) + gain_db, dynamics.SILENCE_DBFS),
        "crest": np.where(rms > 0, dynamics.decibels(peaks / least_rms), 0.0),
        "zero_crossings": dynamics.crossing_share(clip.samples, **sizes) * SAMPLE_RATE_HZ,
    }
