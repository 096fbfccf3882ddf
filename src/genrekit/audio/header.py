"""What a file says about itself, before any of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from genrekit.audio.container import describe_container
from genrekit.audio.formats import asf_seconds, data_chunk, mp3_states_its_length, ogg_is_cut_off
from genrekit.audio.info import AudioInfo
from genrekit.audio.limits import DecodeLimits, Meter, check_layout
from genrekit.audio.packets import BLOCK_FRAMES
from genrekit.audio.sndfile import describe_sound
from genrekit.audio.source import Source, open_source
from genrekit.errors import AudioFormatError

_LOWEST_RATE_HZ = 1000
# Containers of FFmpeg whose length is written down, not guessed from the bit rate.
_STATED = frozenset({"aiff", "ape", "asf", "au", "caf", "flac", "matroska", "mov", "w64", "wav"})
_EXACT_SECONDS = 0.001
_CODED_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Track:
    """An open file and what is known of it.

    Attributes
    ----------
    file : binary file
        Seekable; every pass over it begins with a seek.
    info : AudioInfo
        What the header promises.
    by_soundfile : bool
        Whether libsndfile reads it; otherwise FFmpeg does.
    seconds : float or None
        How much there seems to be.
    tolerance_seconds : float or None
        Less than ``seconds`` by more than this means a loss; None if ``seconds`` is a guess.
    warnings : tuple of str
        Named states that are known already.
    block_frames : int
        Handed on at once by FFmpeg, about: fewer come sooner, and cost more.
    """

    file: BinaryIO
    info: AudioInfo
    by_soundfile: bool
    seconds: float | None
    tolerance_seconds: float | None
    warnings: tuple[str, ...] = ()
    block_frames: int = BLOCK_FRAMES


def probe(source: Source, limits: DecodeLimits = DecodeLimits()) -> AudioInfo:  # noqa: B008
    """Read the header of ``source``; the audio may be shorter, or damaged.

    Raises
    ------
    AudioError
        As :func:`genrekit.audio.open_stream` does before it decodes.
    """
    track = open_track(source, Meter(limits))
    track.file.close()
    return track.info


def open_track(source: Source, meter: Meter) -> Track:
    """Open ``source`` with the decoder that reads it; the caller closes it."""
    file = open_source(source, meter)
    try:
        track = _sound_track(file) or _packet_track(file)
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


def _sound_track(file: BinaryIO) -> Track | None:
    sound = describe_sound(file)
    if sound is None:
        return None
    seconds = sound.seconds or 0.0
    tolerance: float | None = _EXACT_SECONDS
    warnings: tuple[str, ...] = ()
    if sound.container == "mp3":
        tolerance = _CODED_SECONDS if mp3_states_its_length(file) else None
    elif sound.container == "ogg" and ogg_is_cut_off(file):
        warnings = ("truncated: the file ends before the end of its stream",)
    chunk = data_chunk(file)
    if chunk is not None and chunk.promised > chunk.available:
        promised = seconds * chunk.promised / chunk.available
        sound = replace(sound, seconds=promised)
        warnings = (truncated(promised, seconds),)
    return Track(file, sound, True, seconds, tolerance, warnings)


def _packet_track(file: BinaryIO) -> Track:
    info = describe_container(file)
    if info.container == "asf":
        info = replace(info, seconds=asf_seconds(file) or info.seconds)
    tolerance = _CODED_SECONDS if info.container in _STATED else None
    return Track(file, info, False, info.seconds, tolerance)


def truncated(promised: float, found: float) -> str:
    """The named state of a file that ends too early; both in seconds."""
    return f"truncated: the header promises {promised:.2f} s, there are {found:.2f} s"
