"""What a file says about itself."""

from __future__ import annotations

from dataclasses import dataclass

#: Changes whenever the decoder gives other samples of some file: caches made before are stale.
DECODER_VERSION = 3


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header says.

    Attributes
    ----------
    container, codec : str
        In the words of the library that reads it, in lower case: ``"wav"`` and ``"pcm_16"``,
        ``"mov"`` and ``"aac"``.
    channels, sample_rate_hz : int
        Of the encoded audio.
    seconds : float or None
        How long it should be; None if the header leaves it open.
    """

    container: str
    codec: str
    channels: int
    sample_rate_hz: int
    seconds: float | None
