"""What a file says about itself, before any of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import soundfile
from av.container import InputContainer

from genrekit.audio.formats import data_chunk, mp3_states_its_length
from genrekit.audio.limits import DecodeLimits, Meter, check_layout
from genrekit.audio.packets import open_packets
from genrekit.audio.sndfile import open_sound
from genrekit.audio.source import Source, open_source
from genrekit.errors import AudioFormatError

_LOWEST_RATE_HZ = 1000
# Containers of FFmpeg whose length is written down, not guessed from the bit rate.
_STATED = frozenset({"aiff", "ape", "asf", "au", "caf", "flac", "matroska", "mov", "w64", "wav"})
_EXACT_SECONDS = 0.001
_CODED_SECONDS = 0.25


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


@dataclass(frozen=True, slots=True)
class Track:
    """An open file and what is known of it.

    ``seconds`` is how much there seems to be, ``info.seconds`` how much is promised. Less than
    ``seconds`` by more than ``tolerance_seconds`` means a loss; None means ``seconds`` is a guess.
    """

    file: BinaryIO
    sound: soundfile.SoundFile | None
    info: AudioInfo
    seconds: float | None
    tolerance_seconds: float | None

    def close(self) -> None:
        """Close the file; twice is fine."""
        if self.sound is not None:
            self.sound.close()
        self.file.close()


def probe(source: Source, limits: DecodeLimits = DecodeLimits()) -> AudioInfo:  # noqa: B008
    """Read the header of ``source``; the audio may be shorter, or damaged.

    Raises
    ------
    AudioError
        As :func:`genrekit.audio.open_stream` does before it decodes.
    """
    track = open_track(source, Meter(limits))
    track.close()
    return track.info


def open_track(source: Source, meter: Meter) -> Track:
    """Open ``source`` with the decoder that reads it; the caller closes it."""
    file = open_source(source, meter)
    try:
        sound = open_sound(file)
        track = _packet_track(file) if sound is None else _sound_track(file, sound)
        info = track.info
        check_layout(meter.limits, info.channels, info.sample_rate_hz)
        if info.channels < 1 or info.sample_rate_hz < _LOWEST_RATE_HZ:
            raise AudioFormatError(
                f"the header says {info.channels} channels at {info.sample_rate_hz} Hz, expected "
                f"at least 1 at {_LOWEST_RATE_HZ} Hz; it is damaged, or this is not music"
            )
    except BaseException:
        file.close()
        raise
    return track


def _sound_track(file: BinaryIO, sound: soundfile.SoundFile) -> Track:
    seconds = promised = sound.frames / sound.samplerate
    tolerance: float | None = _EXACT_SECONDS
    if sound.format == "MP3":
        tolerance = _CODED_SECONDS if mp3_states_its_length(file) else None
    chunk = data_chunk(file)
    if chunk is not None and chunk.promised > chunk.available:
        promised *= chunk.promised / chunk.available
    info = AudioInfo(
        sound.format.lower(), sound.subtype.lower(), sound.channels, sound.samplerate, promised
    )
    return Track(file, sound, info, seconds, tolerance)


def _packet_track(file: BinaryIO) -> Track:
    with open_packets(file) as container:
        info = _describe(container)
    tolerance = _CODED_SECONDS if info.container in _STATED else None
    return Track(file, None, info, info.seconds, tolerance)


def _describe(container: InputContainer) -> AudioInfo:
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec is None:
        raise AudioFormatError("there is no decoder for this audio; convert it to FLAC")
    seconds = None if container.duration is None else container.duration / 1e6
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    return AudioInfo(
        container.format.name.split(",")[0],
        codec.name,
        codec.channels,
        codec.sample_rate or 0,
        seconds if seconds is not None and seconds > 0 else None,
    )
