"""How much a decode may cost, and the meter that enforces it while decoding."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from genrekit.errors import AudioLimitError


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Caps on one decode; passing one raises :class:`~genrekit.errors.AudioLimitError`.

    A header that already says more is refused before anything is decoded; since headers lie, the
    same caps are checked again block by block.

    Attributes
    ----------
    bytes : int
        Encoded size. The default is as much as a plain WAV file can hold.
    seconds : float
        Audio asked for. A short excerpt of a long file counts as short.
    channels : int
        Channels of the encoded audio.
    sample_rate_hz : int
        Rate of the encoded audio.
    decoded_bytes : int
        Decoded audio, all channels at its own rate as 4-byte floats. It is never in memory at
        once; this bounds the work.
    wall_seconds : float
        Time spent decoding, without the time the caller takes between two blocks. Checked
        between blocks, so one block of the decoder may end a little later.
    """

    bytes: int = 4 << 30
    seconds: float = 3600.0
    channels: int = 32
    sample_rate_hz: int = 768_000
    decoded_bytes: int = 4 << 30
    wall_seconds: float = 60.0


@dataclass(slots=True)
class Meter:
    """What one decode has cost so far; it runs from the moment it is made."""

    limits: DecodeLimits
    decoded_bytes: int = 0
    _spent: float = 0.0
    _since: float = field(default_factory=time.perf_counter)

    def pause(self) -> None:
        """Stop the clock: the caller is at work."""
        self._spent += time.perf_counter() - self._since

    def resume(self) -> None:
        """Start the clock again."""
        self._since = time.perf_counter()

    def check_time(self) -> None:
        """Raise if the wall time is used up."""
        seen = self._spent + time.perf_counter() - self._since
        if seen > self.limits.wall_seconds:
            raise AudioLimitError(
                "wall_seconds",
                self.limits.wall_seconds,
                seen,
                "ask for a shorter excerpt or raise the limit",
            )

    def add(self, frames: int, channels: int) -> None:
        """Count decoded frames and raise if they, or the time they took, are too much."""
        self.decoded_bytes += 4 * frames * channels
        check_decoded_bytes(self.limits, self.decoded_bytes)
        self.check_time()


def check_layout(limits: DecodeLimits, channels: int, sample_rate_hz: int) -> None:
    """Raise if the encoded audio has too many channels or too high a rate."""
    if channels > limits.channels:
        advice = "mix it down first, or raise the limit"
        raise AudioLimitError("channels", limits.channels, channels, advice)
    if sample_rate_hz > limits.sample_rate_hz:
        advice = "the header may be wrong; resample the file first, or raise the limit"
        raise AudioLimitError("sample_rate_hz", limits.sample_rate_hz, sample_rate_hz, advice)


def check_seconds(limits: DecodeLimits, seconds: float) -> None:
    """Raise if more audio is asked for than may be."""
    if seconds > limits.seconds:
        advice = "ask for an excerpt, or raise the limit"
        raise AudioLimitError("seconds", limits.seconds, seconds, advice)


def check_decoded_bytes(limits: DecodeLimits, decoded_bytes: float) -> None:
    """Raise if decoding gives more than it may."""
    if decoded_bytes > limits.decoded_bytes:
        advice = "ask for a shorter excerpt, or raise the limit"
        raise AudioLimitError("decoded_bytes", limits.decoded_bytes, decoded_bytes, advice)
