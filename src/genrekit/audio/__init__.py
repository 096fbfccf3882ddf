"""File, bytes or stream to :class:`Waveform`, bounded while decoding.

>>> from genrekit.audio import Waveform, decode  # decode("song.mp3") is a Waveform
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.audio.container import describe_container
    from genrekit.audio.formats import AUDIO_SUFFIXES
    from genrekit.audio.header import probe
    from genrekit.audio.info import DECODER_VERSION, AudioInfo
    from genrekit.audio.limits import DecodeLimits, Meter, check_layout, check_seconds
    from genrekit.audio.pipeline import SILENT_PEAK, Block, Findings, conditioned, decoded_blocks
    from genrekit.audio.skipped import describe_skipped
    from genrekit.audio.source import Source, open_file
    from genrekit.audio.stream import AudioStream, decode, open_stream
    from genrekit.audio.tags import Tags, read_tags
    from genrekit.audio.track import Track
    from genrekit.audio.waveform import Waveform

__all__ = [
    "AUDIO_SUFFIXES",
    "DECODER_VERSION",
    "SILENT_PEAK",
    "AudioInfo",
    "AudioStream",
    "Block",
    "DecodeLimits",
    "Findings",
    "Meter",
    "Source",
    "Tags",
    "Track",
    "Waveform",
    "check_layout",
    "check_seconds",
    "conditioned",
    "decode",
    "decoded_blocks",
    "describe_container",
    "describe_skipped",
    "open_file",
    "open_stream",
    "probe",
    "read_tags",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "describe_container": "genrekit.audio.container",
    "AUDIO_SUFFIXES": "genrekit.audio.formats",
    "probe": "genrekit.audio.header",
    "DECODER_VERSION": "genrekit.audio.info",
    "AudioInfo": "genrekit.audio.info",
    "DecodeLimits": "genrekit.audio.limits",
    "Meter": "genrekit.audio.limits",
    "check_layout": "genrekit.audio.limits",
    "check_seconds": "genrekit.audio.limits",
    "SILENT_PEAK": "genrekit.audio.pipeline",
    "Block": "genrekit.audio.pipeline",
    "Findings": "genrekit.audio.pipeline",
    "conditioned": "genrekit.audio.pipeline",
    "decoded_blocks": "genrekit.audio.pipeline",
    "describe_skipped": "genrekit.audio.skipped",
    "Source": "genrekit.audio.source",
    "open_file": "genrekit.audio.source",
    "AudioStream": "genrekit.audio.stream",
    "decode": "genrekit.audio.stream",
    "open_stream": "genrekit.audio.stream",
    "Tags": "genrekit.audio.tags",
    "read_tags": "genrekit.audio.tags",
    "Track": "genrekit.audio.track",
    "Waveform": "genrekit.audio.waveform",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
