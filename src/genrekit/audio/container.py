"""FFmpeg's containers: open, measure and walk through the packets of the first audio track."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition

from genrekit.audio.formats import CONTAINERS
from genrekit.audio.info import AudioInfo
from genrekit.audio.limits import Meter
from genrekit.audio.unread import HEAD_BYTES, unread
from genrekit.errors import AudioFormatError

#: What PyAV raises on damaged audio; some of its own checks are plain ValueErrors.
PACKET_ERRORS = (av.error.FFmpegError, ValueError)

_OPTIONS = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
# Decoders need some packets before the wanted one to be in tune; Opus asks for 0.08 s.
_PREROLL_SECONDS = 0.5
# Where FFmpeg seeks by the mean bit rate.
_WITHOUT_INDEX = frozenset({"aac", "mp3"})
_PLAIN = frozenset({"aiff", "au", "caf", "w64", "wav"})
_PACKETS_TO_FIRST_FRAME = 100


def open_container(file: BinaryIO) -> InputContainer:
    """Open ``file`` with FFmpeg; the caller closes the container.

    Raises
    ------
    AudioFormatError
        If it is not audio.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    try:
        container: InputContainer = av.open(file, "r", options=_OPTIONS, **_tolerant())
    except PACKET_ERRORS as error:
        raise AudioFormatError(unread(head)) from error
    if container.streams.audio:
        return container
    container.close()
    raise AudioFormatError("there is no audio track in the file; give a file with one")


def _tolerant() -> dict[str, Any]:
    """Return what lets titles pass that are not UTF-8; PyAV 19 always does, and cannot be told."""
    major = int(av.__version__.partition(".")[0])
    return {} if major >= 19 else {"metadata_errors": "replace"}


def audio_stream(container: InputContainer) -> AudioStream:
    """Return the audio track that a player would play: the default one, else the first."""
    streams = container.streams.audio
    chosen = (one for one in streams if one.disposition & Disposition.default)
    return next(chosen, streams[0])


def describe_container(file: BinaryIO) -> AudioInfo:
    """Return what FFmpeg finds in ``file``.

    Raises
    ------
    AudioFormatError
        If it is not audio.
    """
    with open_container(file) as container:
        stream = audio_stream(container)
        codec = stream.codec_context
        if codec is None:
            raise AudioFormatError("there is no decoder for this audio; convert it to FLAC")
        seconds = _stated_seconds(container, stream)
        # The decoder is not asked again: one that could not be opened is gone, and PyAV 19 crashes.
        name, channels, rate_hz = codec.name, codec.channels, codec.sample_rate or 0
        # Some codecs double the rate that the header gives; the first frame knows.
        frame = _first_frame(container)
        if frame is not None:
            channels, rate_hz = frame.layout.nb_channels, frame.sample_rate
        return AudioInfo(
            container.format.name.split(",")[0],
            name,
            channels,
            rate_hz,
            seconds if seconds is not None and seconds > 0 else None,
        )


def _stated_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """Return the length of one track; that of the container only if there is no other track."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska keeps the length of a track as a tag, in hours, minutes and seconds.
    parts = stream.metadata.get("DURATION", "").strip("\0 ").split(":")
    with suppress(ValueError):
        hours, minutes, rest = map(float, parts)
        return 3600 * hours + 60 * minutes + rest
    if container.duration is None or len(container.streams) > 1:
        return None
    return container.duration / 1e6


def scan_seconds(file: BinaryIO, meter: Meter) -> float | None:
    """How long the audio is by the time stamps of its packets, none of which is decoded."""
    end: float | None = None
    with open_container(file) as container:
        for packet in walk_packets(container, meter):
            last = _end_seconds(packet)
            if last is not None:
                end = last if end is None else max(end, last)
    return None if end is None else max(end - find_origin(file).stamp, 0.0)


@dataclass(frozen=True, slots=True)
class Origin:
    """The first frame of audio.

    Attributes
    ----------
    stamp : float
        Its time stamp in seconds, which stands for the beginning.
    samples : int
        How long it is.
    """

    stamp: float = 0.0
    samples: int = 0


def find_origin(file: BinaryIO) -> Origin:
    """Decode the first frame."""
    with open_container(file) as container:
        frame = _first_frame(container)
    return Origin() if frame is None else Origin(frame.time or 0.0, frame.samples)


def walk_packets(
    container: InputContainer, meter: Meter, seconds: float = 0.0
) -> Iterator[Packet[AudioStream]]:
    """Packets from a little before the stamp ``seconds`` on, until they end or cannot be found."""
    wanted = seconds - _PREROLL_SECONDS
    name = container.format.name.split(",")[0]
    walk = name in _WITHOUT_INDEX or not _seek(container, wanted)
    try:
        for packet in container.demux(audio_stream(container)):
            meter.check_time()
            if not (walk and _ends_before(packet, wanted)):
                yield packet
    except PACKET_ERRORS:
        return


def has_places(container: InputContainer) -> bool:
    """Whether stamps tell where a packet lies; those of odd codecs in plain containers do not."""
    if container.format.name.split(",")[0] not in _PLAIN:
        return True
    codec = audio_stream(container).codec_context
    return codec is not None and codec.name.startswith("pcm_")


def _seek(container: InputContainer, seconds: float) -> bool:
    if seconds <= 0:
        return True
    try:
        container.seek(round(seconds * 1e6))
    except (*PACKET_ERRORS, OverflowError):
        return False
    return True


def _first_frame(container: InputContainer) -> av.AudioFrame | None:
    left = _PACKETS_TO_FIRST_FRAME
    try:
        for packet in container.demux(audio_stream(container)):
            frames = _decode_or_nothing(packet)
            left -= 1
            if frames or left == 0:
                return frames[0] if frames else None
    except PACKET_ERRORS:
        return None
    return None


def _decode_or_nothing(packet: Packet[AudioStream]) -> list[av.AudioFrame]:
    try:
        return packet.decode()
    except PACKET_ERRORS:
        return []


def _ends_before(packet: Packet[AudioStream], seconds: float) -> bool:
    end = _end_seconds(packet)
    return end is not None and end < seconds


def _end_seconds(packet: Packet[AudioStream]) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None or packet.time_base is None:
        return None
    return float((stamp + (packet.duration or 0)) * packet.time_base)
