"""The distortions that robustness is measured under, by name, and how far each is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr

from genrekit.evaluation.distortions import (
    Samples,
    as_wav,
    cut,
    encoded,
    gained,
    low_passed,
    noisy,
)

#: Length of the excerpts whose position is varied.
POSITION_SECONDS = 10.0
#: Rate of mp3 files: at lower ones the format ends at 160 kbit/s.
MP3_RATE_HZ = 44100


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """What is distorted.

    Attributes
    ----------
    samples : (n,) float32
        The part that the model analyses.
    whole : (m,) float32
        All that was decoded, for cuts of other lengths and from other places.
    sample_rate_hz : int
        Of the file.
    """

    samples: Samples
    whole: Samples
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class Distortion:
    """One way to distort, and how far.

    Attributes
    ----------
    unit : str
        Of the levels.
    levels : tuple of float
    make : callable
        ``(clip, level, generator)`` to the bytes of a file.
    what : str
        In a few words, for reports.
    """

    unit: str
    levels: tuple[float, ...]
    make: Callable[[Clip, float, np.random.Generator], bytes]
    what: str


def _mp3(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return encoded(
        clip.samples,
        clip.sample_rate_hz,
        codec="libmp3lame",
        container="mp3",
        bits_per_second=round(1000 * level),
        codec_rate_hz=MP3_RATE_HZ,
        stereo=True,
    )


def _gain(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return as_wav(gained(clip.samples, level), clip.sample_rate_hz)


def _noise(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return as_wav(noisy(clip.samples, level, generator), clip.sample_rate_hz)


def _low_pass(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return as_wav(low_passed(clip.samples, clip.sample_rate_hz, level), clip.sample_rate_hz)


def _length(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return as_wav(cut(clip.whole, clip.sample_rate_hz, level)[0], clip.sample_rate_hz)


def _position(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    part, _ = cut(clip.whole, clip.sample_rate_hz, POSITION_SECONDS, level / 100)
    return as_wav(part, clip.sample_rate_hz)


def _shift(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    later = round(level / 1000 * clip.sample_rate_hz)
    return as_wav(clip.samples[later:], clip.sample_rate_hz)


def _resample(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    rate = round(level)
    return as_wav(soxr.resample(clip.samples, clip.sample_rate_hz, rate), rate)


def _stereo(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    channels = np.column_stack([clip.samples, np.float32(level) * clip.samples])
    return as_wav(channels, clip.sample_rate_hz)


DISTORTIONS: dict[str, Distortion] = {
    "mp3": Distortion(
        "kbit/s", (32, 48, 64, 96, 128, 192, 256, 320), _mp3, "mp3, 44.1 kHz, joint stereo"
    ),
    "gain": Distortion("dB", (-20, -12, -6, 6, 12), _gain, "gain, clipped at full scale"),
    "noise": Distortion("dB", (40, 30, 20, 10, 5), _noise, "white noise, signal to noise"),
    "low-pass": Distortion("Hz", (1000, 2000, 4000, 8000), _low_pass, "nothing above"),
    "length": Distortion("s", (3, 5, 10, 15, 20), _length, "excerpt from the middle"),
    "position": Distortion(
        "%", (0, 25, 50, 75, 100), _position, f"where an excerpt of {POSITION_SECONDS:g} s lies"
    ),
    "shift": Distortion("ms", (5, 20, 50, 100), _shift, "the same excerpt, begun so much later"),
    "resampling": Distortion(
        "Hz", (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000), _resample, "file of the rate"
    ),
    "stereo": Distortion(
        "of the left", (0, 0.5, 1), _stereo, "two channels, the right one at this level"
    ),
}
