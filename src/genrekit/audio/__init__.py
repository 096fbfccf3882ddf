"""File, bytes or stream to :class:`Waveform`, bounded while decoding.

>>> from genrekit.audio import Waveform, decode  # decode("song.mp3") is a Waveform
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "AudioStream",
    "DecodeLimits",
    "Waveform",
    "decode",
    "open_stream",
    "probe",
]

# Resolved on first use: a waveform costs no decoder.
_HOMES = {
    "AUDIO_SUFFIXES": "genrekit.audio.formats",
    "AudioInfo": "genrekit.audio.info",
    "AudioStream": "genrekit.audio.stream",
    "DecodeLimits": "genrekit.audio.limits",
    "Waveform": "genrekit.audio.waveform",
    "decode": "genrekit.audio.stream",
    "open_stream": "genrekit.audio.stream",
    "probe": "genrekit.audio.header",
}

if TYPE_CHECKING:
    from genrekit.audio.formats import AUDIO_SUFFIXES
    from genrekit.audio.header import probe
    from genrekit.audio.info import AudioInfo
    from genrekit.audio.limits import DecodeLimits
    from genrekit.audio.stream import AudioStream, decode, open_stream
    from genrekit.audio.waveform import Waveform

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
