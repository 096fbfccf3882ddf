"""What happens to recordings on their way into collections: copies whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from genrekit.audio import decode
from genrekit.evaluation import distortions
from genrekit.evaluation.distortions import Samples

RATE_HZ = 22050
BITS_PER_SECOND = 64_000


class Copy(NamedTuple):
    """Altered audio, where its beginning lies in the original, and how much faster it plays."""

    samples: Samples
    begin_seconds: float = 0.0
    speed: float = 1.0


def encoded(samples: Samples, codec: str, container: str, rate_hz: int) -> Samples:
    """Samples through a lossy codec at 64 kbit/s and back."""
    file = distortions.encoded(
        samples,
        RATE_HZ,
        codec=codec,
        container=container,
        bits_per_second=BITS_PER_SECOND,
        codec_rate_hz=rate_hz,
    )
    return decode(file, sample_rate_hz=RATE_HZ).samples


def low_passed(samples: Samples, highest_hz: float) -> Samples:
    """Nothing above a frequency."""
    return distortions.low_passed(samples, RATE_HZ, highest_hz)


def noisy(samples: Samples, ratio_db: float, rng: np.random.Generator) -> Samples:
    """White noise at a signal-to-noise ratio."""
    return distortions.noisy(samples, ratio_db, rng)


def cropped(samples: Samples, seconds: float, rng: np.random.Generator) -> Copy:
    """An excerpt from anywhere."""
    room = max(1, len(samples) - int(seconds * RATE_HZ))
    return Copy(*distortions.cut(samples, RATE_HZ, seconds, int(rng.integers(0, room)) / room))


def played(samples: Samples, speed: float) -> Copy:
    """As from a record that turns too fast: pitch and tempo together."""
    return Copy(distortions.played(samples, speed), 0.0, speed)


def shifted(samples: Samples, rng: np.random.Generator) -> Copy:
    """Without the first 0.1 to 0.5 s."""
    begin = int(rng.uniform(0.1, 0.5) * RATE_HZ)
    return Copy(samples[begin:], begin / RATE_HZ)


def middle_cut(samples: Samples, seconds: float) -> Copy:
    """As a radio edit: a piece in the middle is left out."""
    first = (len(samples) - int(seconds * RATE_HZ)) // 2
    kept = [samples[:first], samples[first + int(seconds * RATE_HZ) :]]
    return Copy(np.concatenate(kept))


def re_recorded(samples: Samples, rng: np.random.Generator) -> Copy:
    """Everything at once: five seconds, 3 % faster, noise at 20 dB, mp3."""
    crop = cropped(samples, 5.0, rng)
    fast = played(crop.samples, 1.03).samples
    return Copy(mp3(noisy(fast, 20, rng)), crop.begin_seconds, 1.03)


def mp3(samples: Samples) -> Samples:
    """64 kbit/s, mono."""
    return encoded(samples, "libmp3lame", "mp3", RATE_HZ)


def opus(samples: Samples) -> Samples:
    """64 kbit/s, mono."""
    return encoded(samples, "libopus", "ogg", 48000)


DISTORTIONS: dict[str, Callable[[Samples, np.random.Generator], Copy]] = {
    "mp3, 64 kbit/s": lambda x, rng: Copy(mp3(x)),
    "opus, 64 kbit/s": lambda x, rng: Copy(opus(x)),
    "+6 dB, clipped": lambda x, rng: Copy(np.clip(2 * x, -1, 1)),
    "-20 dB": lambda x, rng: Copy(0.1 * x),
    "shift by 0.1 to 0.5 s": shifted,
    "crop to 15 s": lambda x, rng: cropped(x, 15, rng),
    "crop to 10 s": lambda x, rng: cropped(x, 10, rng),
    "crop to 5 s": lambda x, rng: cropped(x, 5, rng),
    "crop to 2 s": lambda x, rng: cropped(x, 2, rng),
    "crop to 1 s": lambda x, rng: cropped(x, 1, rng),
    "10 s cut out of the middle": lambda x, rng: middle_cut(x, 10),
    "3 % faster": lambda x, rng: played(x, 1.03),
    "3 % slower": lambda x, rng: played(x, 0.97),
    "5 % faster": lambda x, rng: played(x, 1.05),
    "8 % faster": lambda x, rng: played(x, 1.08),
    "low-pass at 4 kHz": lambda x, rng: Copy(low_passed(x, 4000)),
    "low-pass at 1 kHz": lambda x, rng: Copy(low_passed(x, 1000)),
    "noise at 20 dB": lambda x, rng: Copy(noisy(x, 20, rng)),
    "noise at 5 dB": lambda x, rng: Copy(noisy(x, 5, rng)),
    "5 s, 3 % faster, noise at 20 dB, mp3": re_recorded,
}
