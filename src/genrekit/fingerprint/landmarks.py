"""What a recording sounds like in a few kilobytes, and what its samples are in 64 digits.

The fingerprint is a constellation (A. Wang, "An industrial-strength audio search algorithm",
ISMIR 2003): the points of a spectrogram that are the loudest of their surroundings, each kept as
a time and a pitch and nothing else. Gain, equalisation, codecs and noise move few of them, and a
change of speed moves all of them alike, which `genrekit.fingerprint.near_duplicates` undoes.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from genrekit.errors import AudioContentError, ConfigError, DatasetError
from genrekit.features import bin_frequencies_hz, by_block, frames, hann

Floats = NDArray[np.float32]

FORMAT_VERSION = 1
_MAGIC = b"GKFP"
_HEADER = struct.Struct("<4sHxxId")

# One landmark is one little-endian 32-bit word: 20 bits of time, then 12 bits of pitch.
TICKS_PER_SECOND = 200
PITCH_STEPS = 64  # in a semitone
_PITCH_BITS = 12
_MOST_TICKS = 2**20 - 1

# Chosen on clips 1 and 5 of each genre of GTZAN, for landmarks that survive what audio suffers.
_RATE_HZ = 11025
_FRAME_SAMPLES = 2048
_HOP_SAMPLES = 384
_LOWEST_HZ = 180.0
# Telephone lines, cheap speakers and low bit rates leave the band below this alone.
_HIGHEST_HZ = 3600.0
RANGE_SEMITONES = 12 * float(np.log2(_HIGHEST_HZ / _LOWEST_HZ))
_BANDS_PER_SEMITONE = 3
_ALONE_SECONDS = 0.2
_ALONE_SEMITONES = 1.5
_BELOW_LOUDEST_DB = 50.0
_LOUDEST_WITHIN_SECONDS = 1.0
# The dither of 16 bits lies 20 dB below this in one band.
_FAINTEST_DB = -100.0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The landmarks of one recording, in order of time; equal if all of them are.

    Parameters
    ----------
    seconds : float
        Length of the audio.
    landmarks : bytes
        Four bytes each; `times_seconds` and `pitches_semitones` unpack them.
    """

    seconds: float
    landmarks: bytes

    def __len__(self) -> int:
        """Landmarks: about 25 a second of music, none in silence or in a fraction of a second."""
        return len(self.landmarks) // 4

    @property
    def times_seconds(self) -> NDArray[np.float64]:
        """When each landmark sounds, ascending, shape (n,), in steps of 5 ms."""
        return (self._words() >> _PITCH_BITS) / TICKS_PER_SECOND

    @property
    def pitches_semitones(self) -> NDArray[np.float64]:
        """Pitch of each landmark above 180 Hz, shape (n,)."""
        return np.asarray((self._words() & (2**_PITCH_BITS - 1)) / PITCH_STEPS, np.float64)

    def to_bytes(self) -> bytes:
        """Return a header of 20 bytes, and the landmarks."""
        return _HEADER.pack(_MAGIC, FORMAT_VERSION, len(self), self.seconds) + self.landmarks

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Undo `to_bytes`.

        Raises
        ------
        DatasetError
            If the bytes are not a fingerprint, a damaged one, or one of another version.
        """
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise DatasetError(f"{len(data)} bytes are not a fingerprint; make it from the audio")
        _, version, count, seconds = _HEADER.unpack_from(data)
        if version != FORMAT_VERSION:
            raise DatasetError(
                f"the fingerprint has version {version}, expected {FORMAT_VERSION}; "
                "fingerprints of different versions cannot be compared, make it anew"
            )
        landmarks = data[_HEADER.size :]
        if len(landmarks) != 4 * count:
            raise DatasetError(
                f"the fingerprint has {len(landmarks)} bytes of landmarks, expected {4 * count}; "
                "it was cut off or damaged, make it anew"
            )
        return cls(seconds, landmarks)

    def _words(self) -> NDArray[np.uint32]:
        return np.frombuffer(self.landmarks, "<u4")


def content_hash(samples: Floats) -> str:
    """SHA-256 (hex) of the samples rounded to 16 bits: equal for exact copies.

    Two files get the same hash if they decode to the same audio, whatever their container, tags
    or lossless codec.

    Parameters
    ----------
    samples : (n,) float32
        Mono, full scale is 1.
    """
    _expect_mono(samples)
    rounded = np.rint(samples * np.float32(32768))
    words = np.clip(rounded, -32768, 32767).astype("<i2")
    return hashlib.sha256(words.tobytes()).hexdigest()


def fingerprint(samples: Floats, sample_rate_hz: int) -> Fingerprint:
    """Find the landmarks of a recording.

    Parameters
    ----------
    samples : (n,) float32
        Mono and finite, of any length; what follows after 87 minutes is left out.
    sample_rate_hz : int

    Returns
    -------
    Fingerprint
        Empty, so that it matches nothing, for silence and for less than a fifth of a second.

    Raises
    ------
    ConfigError
        If the samples are not one channel, or the rate is not positive.
    AudioContentError
        If a sample is not finite.
    """
    _expect_mono(samples)
    if sample_rate_hz <= 0:
        raise ConfigError(f"sample_rate_hz is {sample_rate_hz}, expected a positive number")
    seconds = len(samples) / sample_rate_hz
    levels_db = _levels(_at_rate(samples.astype(np.float32, copy=False), sample_rate_hz))
    times, bands = _summits(levels_db)
    ticks = np.rint(times * (_HOP_SAMPLES / _RATE_HZ * TICKS_PER_SECOND)).astype(np.int64)
    steps = np.rint(bands * (PITCH_STEPS / _BANDS_PER_SEMITONE)).astype(np.int64)
    words = np.sort(ticks << _PITCH_BITS | steps)
    kept = words[words >> _PITCH_BITS <= _MOST_TICKS]
    return Fingerprint(seconds, kept.astype("<u4").tobytes())


def _expect_mono(samples: Floats) -> None:
    if samples.ndim != 1:
        raise ConfigError(f"samples have shape {samples.shape}, expected one channel: (n,)")
    if not np.isfinite(samples).all():
        raise AudioContentError(
            "non_finite", "some samples are NaN or infinite; decode() makes zeros of them"
        )


def _at_rate(samples: Floats, sample_rate_hz: int) -> Floats:
    if sample_rate_hz == _RATE_HZ or not len(samples):
        return samples
    resampled: Floats = soxr.resample(samples, sample_rate_hz, _RATE_HZ)
    return resampled


def _levels(samples: Floats) -> Floats:
    """Decibels of full scale in bands a third of a semitone apart, shape (n_frames, n_bands)."""
    window, filters = hann(_FRAME_SAMPLES), _band_filters()
    full_scale = np.float32((_FRAME_SAMPLES / 4) ** 2)

    def transform(block: Floats) -> Floats:
        spectrum = scipy.fft.rfft(block * window, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) @ filters
        levels: Floats = 10 * np.log10(power / full_scale + np.float32(1e-15))
        return levels

    levels: Floats = by_block(  # type: ignore[assignment]
        frames(samples, _FRAME_SAMPLES, _HOP_SAMPLES), transform
    )
    return levels


@lru_cache(maxsize=1)
def _band_filters() -> Floats:
    """Triangles on a logarithmic scale, at least two bins wide, shape (n_bins, n_bands)."""
    bands_per_octave = 12 * _BANDS_PER_SEMITONE
    n_bands = int(np.log2(_HIGHEST_HZ / _LOWEST_HZ) * bands_per_octave) + 1
    centres_hz = _LOWEST_HZ * 2 ** (np.arange(n_bands) / bands_per_octave)
    bins_hz = bin_frequencies_hz(_RATE_HZ, _FRAME_SAMPLES)
    widths_hz = np.maximum(bins_hz[1], centres_hz * (2 ** (1 / bands_per_octave) - 1))
    weights = np.maximum(0, 1 - np.abs(bins_hz[:, np.newaxis] - centres_hz) / widths_hz)
    return np.asarray(weights / weights.sum(axis=0), np.float32)


def _summits(levels_db: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frame and band, with fractions, of each point that is the loudest of its surroundings."""
    frames_per_second = _RATE_HZ / _HOP_SAMPLES
    if len(levels_db) < 3:
        return np.empty(0), np.empty(0)
    beside = 2 * round(_ALONE_SECONDS * frames_per_second) + 1
    above = 2 * round(_ALONE_SEMITONES * _BANDS_PER_SEMITONE) + 1
    around = maximum_filter1d(maximum_filter1d(levels_db, beside, axis=0), above, axis=1)
    nearby = 2 * round(_LOUDEST_WITHIN_SECONDS * frames_per_second) + 1
    loudest = maximum_filter1d(levels_db.max(axis=1), nearby)
    floor_db = np.maximum(loudest - _BELOW_LOUDEST_DB, _FAINTEST_DB)
    summit = (levels_db >= around) & (levels_db > floor_db[:, np.newaxis])
    frame, band = np.nonzero(summit[1:-1, 1:-1])
    frame, band = frame + 1, band + 1
    here = levels_db[frame, band]
    later = _vertex(levels_db[frame - 1, band], here, levels_db[frame + 1, band])
    higher = _vertex(levels_db[frame, band - 1], here, levels_db[frame, band + 1])
    return frame + later, band + higher


def _vertex(before: Floats, here: Floats, after: Floats) -> NDArray[np.float64]:
    """Where the parabola through three neighbours has its top, -0.5 to 0.5."""
    bend = np.minimum(before - 2 * here + after, np.float32(-1e-6))
    return np.asarray(np.clip(0.5 * (before - after) / bend, -0.5, 0.5), np.float64)
