"""What a file says about itself, before any of it is decoded."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from genrekit.audio.container import describe_container
from genrekit.audio.formats import asf_seconds, data_chunk, ogg_is_cut_off
from genrekit.audio.info import AudioInfo
from genrekit.audio.limits import DecodeLimits, Meter, check_layout
from genrekit.audio.measure import measured
from genrekit.audio.sndfile import describe_sound
from genrekit.audio.source import Source, open_source
from genrekit.audio.track import Track, truncated
from genrekit.errors import AudioFormatError

_LOWEST_RATE_HZ = 1000
# Containers of FFmpeg whose length is written down, not guessed from the bit rate.
_STATED = frozenset({"aiff", "ape", "asf", "au", "caf", "flac", "matroska", "mov", "w64", "wav"})
_EXACT_SECONDS = 0.001
_CODED_SECONDS = 0.25


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
        track = measured(_open(file), _open, meter)
        for part in track.links or (track,):
            _check_layout(part, meter)
    except BaseException:
        file.close()
        raise
    return track


def _open(file: BinaryIO) -> Track:
    return _sound_track(file) or _packet_track(file)


def _check_layout(track: Track, meter: Meter) -> None:
    info = track.info
    check_layout(meter.limits, info.channels, info.sample_rate_hz)
    if info.channels < 1 or info.sample_rate_hz < _LOWEST_RATE_HZ:
        raise AudioFormatError(
            f"the header says {info.channels} channels at {info.sample_rate_hz} Hz, expected "
            f"at least 1 at {_LOWEST_RATE_HZ} Hz; it is damaged, or this is not music"
        )


def _sound_track(file: BinaryIO) -> Track | None:
    sound = describe_sound(file)
    if sound is None:
        return None
    seconds = sound.seconds or 0.0
    tolerance: float | None = _EXACT_SECONDS
    warnings: tuple[str, ...] = ()
    if sound.container == "mp3":
        tolerance = None
    elif sound.codec.startswith("mpeg"):
        tolerance = _CODED_SECONDS
    if sound.container == "ogg" and ogg_is_cut_off(file):
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
