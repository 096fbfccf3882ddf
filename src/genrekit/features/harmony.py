"""Harmony: pitch classes, the key and how sure it is, tonal motion, and what is not harmonic.

References
----------
Key by correlation with probe-tone profiles: C. L. Krumhansl and E. J. Kessler, "Tracing the
dynamic changes in perceived tonal organization in a spatial representation of musical keys",
Psychological Review 89(4), 1982; the procedure in C. L. Krumhansl, "Cognitive Foundations of
Musical Pitch", Oxford University Press, 1990. Tonal centroid (tonnetz) and harmonic change:
C. Harte, M. Sandler and M. Gasser, "Detecting harmonic change in musical audio", ACM workshop on
audio and music computing for multimedia, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genrekit.features.chroma import PITCH_CLASSES
from genrekit.features.statistics import FULL, Descriptor

Array = NDArray[np.float64]

# Probe-tone ratings of Krumhansl and Kessler (1982), from the tonic upwards.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_MODES = ("major", "minor")

_PITCH_ROWS = {f"_{name.lower().replace('#', 's')}": name for name in PITCH_CLASSES}
_TONNETZ_ROWS = {
    "_fifth_sin": "fifths (sine)",
    "_fifth_cos": "fifths (cosine)",
    "_minor_third_sin": "minor thirds (sine)",
    "_minor_third_cos": "minor thirds (cosine)",
    "_major_third_sin": "major thirds (sine)",
    "_major_third_cos": "major thirds (cosine)",
}
# A clip that is all one sort would have an infinite ratio.
_MOST_DB = 60.0

DESCRIPTORS = (
    Descriptor(
        "chroma",
        "1",
        "pitch class {row}, the strongest of a frame being 1",
        ("mean", "std"),
        _PITCH_ROWS,
    ),
    Descriptor(
        "degree",
        "1",
        "share of the pitch {row} semitones above the tonic in the clip's pitch classes",
        rows={f"_{semitones}": f"{semitones}" for semitones in range(12)},
    ),
    Descriptor("chroma_entropy", "bit", "spread of a frame over the pitch classes", FULL),
    Descriptor(
        "tonnetz", "1", "tonal centroid on the circle of {row}", ("mean", "std"), _TONNETZ_ROWS
    ),
    Descriptor(
        "harmonic_change", "1", "distance of the tonal centroid from the frame before", FULL
    ),
    Descriptor("key_strength", "1", "correlation of the pitch classes with the best key's profile"),
    Descriptor("key_margin", "1", "by how much the best key correlates better than the next"),
    Descriptor("key_mode", "1", "best major minus best minor correlation: positive is major"),
    Descriptor("key_fifths_cos", "1", "tonic on the circle of fifths (C is 1), times the strength"),
    Descriptor("key_fifths_sin", "1", "tonic on the circle of fifths (A is 1), times the strength"),
    Descriptor("harmonic_level", "dBFS", "level of the harmonic part"),
    Descriptor("percussive_level", "dBFS", "level of the percussive part"),
    Descriptor("harmonic_to_percussive", "dB", "level of the harmonic above the percussive part"),
    Descriptor("percussive_share", "1", "share of the percussive part in the energy", FULL),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A musical key.

    Parameters
    ----------
    tonic : str
        One of `PITCH_CLASSES`.
    mode : str
        ``"major"`` or ``"minor"``.
    strength : float
        Correlation with the profile of the key, at most 1. Music with a clear key is above 0.7;
        0 is what silence gets, and noise little more: then tonic and mode mean nothing.
    """

    tonic: str
    mode: str
    strength: float

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"


def key_correlations(pitch_classes: Array) -> Array:
    """Pearson correlation of a chroma vector with the profiles of the 24 keys.

    Parameters
    ----------
    pitch_classes : NDArray[float64], shape (12,)
        From C upwards; any scale.

    Returns
    -------
    NDArray[float64], shape (2, 12)
        Major and minor, by tonic from C upwards; zeros if all pitch classes are equally strong.
    """
    centred = pitch_classes - pitch_classes.mean()
    norm = float(np.linalg.norm(centred))
    if norm <= 1e-9 * max(float(np.abs(pitch_classes).max()), 1e-12):
        return np.zeros((2, 12))
    return np.asarray(_profiles() @ (centred / norm))


def find_key(pitch_classes: Array) -> Key:
    """Return the key whose profile correlates best with a chroma vector of shape (12,)."""
    correlations = key_correlations(pitch_classes)
    mode, tonic = np.unravel_index(correlations.argmax(), correlations.shape)
    strength = float(correlations[mode, tonic])
    return Key(tonic=PITCH_CLASSES[tonic], mode=_MODES[mode], strength=strength)


def tonnetz(chroma: NDArray[np.floating]) -> Array:
    """Tonal centroids on the circles of fifths, minor thirds and major thirds.

    The same as ``librosa.feature.tonnetz(chroma=chroma)``.

    Parameters
    ----------
    chroma : NDArray, shape (12, n_frames)

    Returns
    -------
    NDArray[float64], shape (6, n_frames)
        Zeros where a frame has no pitch class.
    """
    total = chroma.sum(axis=0, keepdims=True, dtype=np.float64)
    shares = np.divide(chroma, total, out=np.zeros(chroma.shape), where=total > 0.0)
    steps = np.arange(12)
    circles = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])[:, None]
    phases = np.pi * circles * steps
    phases[::2] -= np.pi / 2
    radii = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 0.5])[:, None]
    return np.asarray((radii * np.cos(phases)) @ shares)


def measure_harmony(
    chroma: NDArray[np.floating],
    harmonic_energy: Array,
    percussive_energy: Array,
    *,
    audible: NDArray[np.bool_],
) -> dict[str, ArrayLike]:
    """Compute the harmony descriptors.

    Parameters
    ----------
    chroma : NDArray, shape (12, n_frames)
        Pitch classes from C upwards, each frame relative to its strongest.
    harmonic_energy, percussive_energy : NDArray[float64], shape (n_frames,)
        Mean squares of both parts in each frame; full scale is 1.
    audible : NDArray[bool], shape (n_frames,)
        Trajectories are summarised over these frames only.

    Returns
    -------
    dict[str, array_like]
        One entry for each of `DESCRIPTORS`.
    """
    audible_chroma = chroma[:, audible].astype(np.float64)
    total = np.maximum(harmonic_energy + percussive_energy, 1e-30)
    centroids = tonnetz(audible_chroma)
    harmonic_db, percussive_db = _level_db(harmonic_energy), _level_db(percussive_energy)
    return {
        "chroma": audible_chroma,
        "chroma_entropy": entropy(audible_chroma),
        "tonnetz": centroids,
        "harmonic_change": np.linalg.norm(np.diff(centroids, axis=1), axis=0),
        "harmonic_level": harmonic_db,
        "percussive_level": percussive_db,
        "harmonic_to_percussive": np.clip(harmonic_db - percussive_db, -_MOST_DB, _MOST_DB),
        "percussive_share": (percussive_energy / total)[audible],
        **_measure_key(audible_chroma),
    }


def _measure_key(chroma: Array) -> dict[str, ArrayLike]:
    pitch_classes = chroma.mean(axis=1) if chroma.shape[1] else np.zeros(12)
    correlations = key_correlations(pitch_classes)
    second, strength = np.sort(correlations.ravel())[-2:]
    tonic = int(correlations.argmax()) % 12
    fifths = 2.0 * np.pi * (7 * tonic % 12) / 12.0
    share = pitch_classes / max(float(pitch_classes.sum()), 1e-12)
    major, minor = correlations.max(axis=1)
    return {
        "degree": np.roll(share, -tonic),
        "key_strength": strength,
        "key_margin": strength - second,
        "key_mode": major - minor,
        "key_fifths_cos": strength * np.cos(fifths),
        "key_fifths_sin": strength * np.sin(fifths),
    }


def _profiles() -> Array:
    """Profiles of all keys, centred and of length 1; shape (2, 12 tonics, 12 pitch classes)."""
    profiles = np.array(
        [[np.roll(mode, tonic) for tonic in range(12)] for mode in (_MAJOR, _MINOR)]
    )
    profiles -= profiles.mean(axis=2, keepdims=True)
    return np.asarray(profiles / np.linalg.norm(profiles, axis=2, keepdims=True))


def entropy(chroma: Array) -> Array:
    """Spread of each frame of a chroma (12, n_frames) over the pitch classes, in bits."""
    shares = chroma / np.maximum(chroma.sum(axis=0), 1e-12)
    return np.asarray(-np.sum(shares * np.log2(np.maximum(shares, 1e-12)), axis=0))


def _level_db(energy: Array) -> float:
    mean = float(energy.mean()) if energy.size else 0.0
    return 10.0 * float(np.log10(max(mean, 1e-12)))
