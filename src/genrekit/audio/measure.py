"""The true length of files without an index, and the files that one file is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, cast

from genrekit.audio.formats import data_chunk, ogg_links
from genrekit.audio.limits import Meter
from genrekit.audio.mpeg import Stretch, parse_adts, parse_mpeg, walk
from genrekit.audio.sndfile import describe_sound
from genrekit.audio.spliced import Spliced
from genrekit.audio.track import Track, truncated
from genrekit.audio.xing import FrameCount, read_count, write_count
from genrekit.errors import AudioFormatError

Opener = Callable[[BinaryIO], Track]

_LAYER_3 = 1
_CODED_SECONDS = 0.25
# Tags behind the audio may be counted or not; damage between frames is worth a word from here on.
_TAG_BYTES = 1 << 14
_FEW_BYTES = 2048


def measured(track: Track, opener: Opener, meter: Meter) -> Track:
    """``track`` with its true length, and with its links if it has several.

    Parameters
    ----------
    opener : callable
        Opens one of the files that ``track`` is made of.
    """
    if track.info.container == "mp3":
        return _measured_mp3(track, meter)
    if track.info.container == "aac":
        return _measured_adts(track, meter)
    if track.info.container == "ogg":
        return _measured_ogg(track, opener, meter)
    if track.info.codec.startswith("mpeg_layer"):
        return _measured_wrapped(track, opener, meter)
    return track


# --- MPEG audio ---------------------------------------------------------------------------------


def _measured_mp3(track: Track, meter: Meter) -> Track:
    if track.by_soundfile and _is_counted(track.file):
        return replace(track, tolerance_seconds=_CODED_SECONDS)
    stretches = walk(track.file, parse_mpeg, meter)
    if not stretches:
        return track
    links = [_mp3_stretch(track, stretch) for stretch in stretches]
    return _joined(track, [link for link in links if link is not None])


def _measured_wrapped(track: Track, opener: Opener, meter: Meter) -> Track:
    """MPEG audio in a WAV file, whose length libsndfile guesses from a mean."""
    chunk = data_chunk(track.file)
    if chunk is None:
        return track
    begin = track.file.seek(0, 2) - chunk.available
    end = begin + min(chunk.promised, chunk.available)
    try:
        inside = opener(cast(BinaryIO, Spliced(track.file, [(begin, end)])))
    except AudioFormatError:
        return track
    if inside.info.container != "mp3":
        return track
    found = _measured_mp3(inside, meter)
    warnings = found.warnings
    if chunk.promised > chunk.available and found.seconds is not None:
        promised = found.seconds * chunk.promised / chunk.available
        warnings = (truncated(promised, found.seconds),)
    return replace(found, warnings=warnings)


def _is_counted(file: BinaryIO) -> bool:
    """Whether the first frame counts the others, nobody changed it, and they are all there."""
    start = _after_id3(file)
    found = read_count(file, start)
    if found is None:
        return False
    count = found[1]
    size = file.seek(0, 2) - start
    known = count.is_reliable and count.frames and count.stated_bytes
    return bool(known) and -_FEW_BYTES <= size - (count.stated_bytes or 0) <= _TAG_BYTES


def _after_id3(file: BinaryIO) -> int:
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    # ID3v2 writes its length in four bytes of seven bits each.
    return 10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(head[6:10]))


def _mp3_stretch(track: Track, stretch: Stretch) -> Track | None:
    begin = stretch.places[0][0]
    found = read_count(track.file, begin)
    frames, places, count = stretch.frames, list(stretch.places), None
    if found is not None:
        header, count = found
        frames -= 1
        places[0] = (begin + header.size, places[0][1])
    if frames < 1:
        return None
    samples = frames * (stretch.samples // stretch.frames)
    warnings = _damage(stretch)
    cut = _cut_off(count, places, begin)
    seconds = samples / stretch.kind.rate_hz
    if count is not None and count.frames and cut:
        promised = count.frames * samples / frames / stretch.kind.rate_hz
        warnings = (*warnings, truncated(promised, seconds))
    delays = b"" if count is None else count.delays
    return _open_stretch(track, stretch, places, frames, delays, seconds, warnings)


def _cut_off(count: FrameCount | None, places: list[tuple[int, int]], begin: int) -> bool:
    """Whether the count speaks of more bytes than there are, or of more frames and no bytes."""
    if count is None or not count.frames or count.stated_bytes is None:
        return False
    return count.stated_bytes > places[-1][1] - begin + _FEW_BYTES


def _damage(stretch: Stretch) -> tuple[str, ...]:
    if stretch.foreign_bytes < _FEW_BYTES:
        return ()
    return (f"damaged: {stretch.foreign_bytes} bytes between the frames are not audio",)


def _open_stretch(
    track: Track,
    stretch: Stretch,
    places: list[tuple[int, int]],
    frames: int,
    delays: bytes,
    seconds: float,
    warnings: tuple[str, ...],
) -> Track:
    kind = stretch.kind
    info = replace(track.info, seconds=seconds, sample_rate_hz=kind.rate_hz, channels=kind.channels)
    # libsndfile believes a count, and reads and seeks exactly with a true one.
    head = write_count(kind, frames, delays) if kind.layer == _LAYER_3 else b""
    file = cast(BinaryIO, Spliced(track.file, [head, *places]))
    sound = describe_sound(file)
    frame_seconds = stretch.samples / stretch.frames / kind.rate_hz
    if sound is not None and abs((sound.seconds or 0.0) - seconds) <= 5 * frame_seconds:
        tolerance = _CODED_SECONDS
        return Track(file, sound, True, sound.seconds, tolerance, warnings)
    file = cast(BinaryIO, Spliced(track.file, places))
    return Track(file, info, False, seconds, _CODED_SECONDS, warnings)


def _measured_adts(track: Track, meter: Meter) -> Track:
    links: list[Track] = []
    for stretch in walk(track.file, parse_adts, meter):
        file = cast(BinaryIO, Spliced(track.file, stretch.places))
        # Of the rate in the header, the decoder may give the double; the first frame knew.
        info = replace(track.info, seconds=stretch.seconds)
        if links or info.sample_rate_hz not in (stretch.kind.rate_hz, 2 * stretch.kind.rate_hz):
            info = replace(info, sample_rate_hz=stretch.kind.rate_hz)
        links.append(Track(file, info, False, stretch.seconds, _CODED_SECONDS, _damage(stretch)))
    return _joined(track, links)


# --- several files in one -----------------------------------------------------------------------


def _measured_ogg(track: Track, opener: Opener, meter: Meter) -> Track:
    starts = ogg_links(track.file, meter)
    if len(starts) < 2:
        return track
    size = track.file.seek(0, 2)
    links: list[Track] = []
    lost = 0
    for begin, end in zip(starts, [*starts[1:], size], strict=True):
        try:
            links.append(opener(cast(BinaryIO, Spliced(track.file, [(begin, end)]))))
        except AudioFormatError:
            lost += 1
    if not links:
        return track
    warnings = () if not lost else (f"damaged: {lost} of {len(starts)} parts cannot be read",)
    return _joined(track, links, warnings)


def _joined(track: Track, links: list[Track], warnings: tuple[str, ...] = ()) -> Track:
    if not links:
        return track
    if len(links) == 1 and not warnings:
        return links[0]
    known = [link.seconds for link in links if link.seconds is not None]
    seconds = sum(known) if len(known) == len(links) else None
    info = replace(links[0].info, seconds=seconds)
    of_links = dict.fromkeys(word for link in links for word in link.warnings)
    return Track(track.file, info, False, seconds, None, (*of_links, *warnings), links=tuple(links))
