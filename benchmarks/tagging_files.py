"""Audio files of every container that genres are written into, made by code, with tags on top.

For the tests of `genrekit.tagging` and for the page about it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from genrekit.tagging.id3_frames import syncsafe, unsynchronised

SECONDS = 1.2
# Suffix: FFmpeg's container, codec, sample rate, options of the container.
_ENCODED: dict[str, tuple[str, str, int, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", 44100, {"id3v2_version": "0"}),
    "flac": ("flac", "flac", 44100, {}),
    "opus": ("ogg", "libopus", 48000, {}),
    "m4a": ("ipod", "aac", 44100, {}),
    "fast.m4a": ("ipod", "aac", 44100, {"movflags": "+faststart"}),
    "wma": ("asf", "wmav2", 44100, {}),
    "aiff": ("aiff", "pcm_s16be", 44100, {}),
    "wv": ("wv", "wavpack", 44100, {}),
}
CONTAINERS = (*_ENCODED, "ogg", "wav")
UNTAGGABLE = ("au", "caf", "w64", "rf64")


def _tone(rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    time = np.arange(int(SECONDS * rate)) / rate
    one = (0.3 * np.sin(2 * np.pi * 440 * time) * np.sin(3 * time)).astype(np.float32)
    return np.stack([one, one])


def encoded(suffix: str, path: Path) -> Path:
    """A short tone in a container, without tags."""
    if suffix not in _ENCODED:
        subtype = "VORBIS" if suffix == "ogg" else "PCM_16"
        kind = {"ogg": "OGG", "wav": "WAV", "au": "AU", "caf": "CAF", "w64": "W64", "rf64": "RF64"}
        soundfile.write(path, _tone(44100).T, 44100, format=kind[suffix], subtype=subtype)
        return path
    container, codec, rate, options = _ENCODED[suffix]
    with av.open(str(path), "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 128_000
        context = stream.codec_context
        assert isinstance(context, av.AudioCodecContext)
        resampler = av.AudioResampler(
            format=context.format.name,
            layout="stereo",
            rate=rate,
            frame_size=context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(_tone(rate), "fltp", "stereo")
        frame.sample_rate = rate
        for one in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(context.encode(one))
        output.mux(context.encode(None))
    return path


# --- ID3, frame by frame ------------------------------------------------------------------------


def frame(name: str, content: bytes, version: int, flags: int = 0, *, plain: bool = False) -> bytes:
    size = len(content)
    if version == 2:
        return name.encode() + size.to_bytes(3, "big") + content
    field = size.to_bytes(4, "big") if version == 3 or plain else syncsafe(size)
    return name.encode() + field + bytes([0, flags]) + content


def text(value: str) -> bytes:
    return b"\0" + value.encode("latin-1")


_OTHERS = {
    2: (("TT2", text("Title")), ("TYE", text("1999")), ("PIC", b"\0JPG\3\0" + bytes(range(256)))),
    3: (
        *(("TIT2", text("Title")), ("TYER", text("1999")), ("TDAT", text("0102"))),
        *(("TORY", text("1980")), ("TSIZ", text("77")), ("IPLS", text("producer\0Me"))),
        *(("RVAD", bytes(10)), ("NCON", b"secret"), ("XYZW", b"of my own")),
        ("TXXX", text("mood\0calm")),
        ("APIC", b"\0image/jpeg\0\3\0" + b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20),
    ),
    4: (
        *(("TIT2", text("Title")), ("TDRC", text("1999")), ("PRIV", b"owner\0\xff\xfe\xff\0")),
        ("APIC", b"\0image/jpeg\0\3\0" + b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20),
    ),
}


def other_frames(version: int, *, plain: bool = False) -> bytes:
    """Frames that are not ours, among them those that other programs lose."""
    return b"".join(frame(name, data, version, plain=plain) for name, data in _OTHERS[version])


def id3(
    version: int, frames: bytes, *, padding: int = 0, flags: int = 0, ahead: bytes = b""
) -> bytes:
    """A tag; ``ahead`` is its extended header."""
    body = ahead + frames + bytes(padding)
    if flags & 0x80 and version < 4:
        body = unsynchronised(body)
    head = bytes([version, 0, flags]) + syncsafe(len(body))
    footer = b"3DI" + head if flags & 0x10 else b""
    return b"ID3" + head + body + footer


def genre_frame(value: str, version: int) -> bytes:
    return frame("TCO" if version == 2 else "TCON", text(value), version)


def extended_v23(frames: bytes, padding: int) -> bytes:
    crc = zlib.crc32(frames).to_bytes(4, "big")
    return (10).to_bytes(4, "big") + b"\x80\0" + padding.to_bytes(4, "big") + crc


def extended_v24(rest: bytes) -> bytes:
    return syncsafe(12) + b"\1\x20\5" + syncsafe(zlib.crc32(rest), 5)


def ape(items: dict[str, str]) -> bytes:
    body = b"".join(
        len(value.encode()).to_bytes(4, "little") + bytes(4) + key.encode() + b"\0" + value.encode()
        for key, value in items.items()
    )

    def block(flags: int) -> bytes:
        numbers = (2000, len(body) + 32, len(items), flags)
        return b"APETAGEX" + b"".join(one.to_bytes(4, "little") for one in numbers) + bytes(8)

    return block(0xA0000000) + body + block(0x80000000)


def id3v1(genre: int) -> bytes:
    return b"TAG" + b"Title".ljust(30, b"\0") + bytes(30 + 30 + 4 + 30) + bytes([genre])


# --- the matrix ---------------------------------------------------------------------------------


def _mp3_dressings() -> dict[str, Callable[[bytes], bytes]]:
    plain = other_frames(4) + genre_frame("Old", 4)
    return {
        "v2.2": lambda audio: id3(2, genre_frame("Old", 2) + other_frames(2), padding=99) + audio,
        "v2.3": lambda audio: id3(3, other_frames(3) + genre_frame("Old", 3), padding=500) + audio,
        "v2.3 full": lambda audio: id3(3, genre_frame("(17)", 3) + other_frames(3)) + audio,
        "v2.3 no genre": lambda audio: id3(3, other_frames(3)) + audio,
        "v2.3 unsynchronised": lambda audio: (
            id3(3, other_frames(3) + genre_frame("Old", 3), padding=300, flags=0x80) + audio
        ),
        "v2.3 extended": lambda audio: (
            id3(
                *(3, other_frames(3) + genre_frame("Old", 3)),
                padding=50,
                flags=0x40,
                ahead=extended_v23(other_frames(3) + genre_frame("Old", 3), 50),
            )
            + audio
        ),
        "v2.4": lambda audio: id3(4, plain, padding=20) + audio,
        "v2.4 footer": lambda audio: id3(4, plain, flags=0x10) + audio,
        "v2.4 extended": lambda audio: (
            id3(4, plain, padding=9, flags=0x40, ahead=extended_v24(plain + bytes(9))) + audio
        ),
        "v2.4 plain sizes": lambda audio: (
            id3(4, other_frames(4, plain=True) + genre_frame("Old", 4), padding=600) + audio
        ),
        "v2.4 many genres": lambda audio: id3(4, plain + genre_frame("Older", 4) * 3) + audio,
        "v2.4 rubbish behind": lambda audio: id3(4, plain + b"\0rubbish") + audio,
        "large": lambda audio: id3(3, frame("APIC", bytes(range(256)) * 12_000, 3)) + audio,
        "two tags": lambda audio: id3(3, plain[:0] + other_frames(3)) + id3(4, plain) + audio,
        "v1": lambda audio: audio + id3v1(17),
        "ape and v1": lambda audio: (
            audio + ape({"Title": "T", "Genre": "Old", "Zeta": "z", "Alpha": "a"}) + id3v1(17)
        ),
        "everything": lambda audio: (
            id3(3, other_frames(3), padding=900)
            + audio
            + id3(4, plain, flags=0x10)
            + ape({"Genre": "Old"})
            + b"LYRICSBEGIN"
            + b"INF00002110"
            + b"000022LYRICS200"
            + id3v1(17)
        ),
    }


def _wav_with_info(audio: bytes, *, alone: bool = False) -> bytes:
    entries = b"INFOINAM\6\0\0\0Title\0IGNR\4\0\0\0Old\0ISFT\4\0\0\0abc\0"
    chunk = b"LIST" + len(entries).to_bytes(4, "little") + entries
    tag = id3(3, other_frames(3) + genre_frame("Old", 3))
    tag += b"" if len(tag) % 2 else b"\0"  # of odd length, so that a byte must follow it
    both = chunk + b"id3 " + len(tag).to_bytes(4, "little") + tag + bytes(len(tag) % 2)
    both = chunk if alone else both
    size = len(audio) - 8 + len(both)
    return audio[:4] + size.to_bytes(4, "little") + audio[8:] + both


def with_mutagen(suffix: str, audio: bytes) -> bytes:
    """The tags that another program would write: fields, and a picture where there is room."""
    import mutagen.asf
    import mutagen.flac
    import mutagen.mp4

    file = io.BytesIO(audio)
    found: Any = mutagen.File(file)
    if found.tags is None:
        found.add_tags()
    tags: Any = found.tags
    if isinstance(found, mutagen.mp4.MP4):
        tags["\xa9nam"], tags["\xa9gen"] = ["Title"], ["Old"]
        tags["covr"] = [mutagen.mp4.MP4Cover(b"\xff\xd8\xff" + bytes(9000))]
    elif isinstance(found, mutagen.asf.ASF):
        tags["Title"], tags["WM/Genre"] = "Title", ["Old", "Older"]
        tags["WM/Year"] = "1999"
    else:
        tags["ZETA"], tags["TITLE"], tags["GENRE"] = "z", "Title", ["Old", "Older"]
        tags["ALPHA"] = "a"
        if isinstance(found, mutagen.flac.FLAC):
            picture = mutagen.flac.Picture()
            picture.data = bytes(9000)
            found.add_picture(picture)
    file.seek(0)
    found.save(file, **({"padding": lambda _: 0} if suffix in ("flac", "fast.m4a") else {}))
    return file.getvalue()


DRESSED: tuple[tuple[str, str], ...] = (
    *((suffix, "bare") for suffix in CONTAINERS),
    *(("mp3", name) for name in _mp3_dressings()),
    *((suffix, "tagged") for suffix in CONTAINERS if suffix not in ("mp3", "wav", "aiff")),
    ("flac", "behind ID3"),
    ("wav", "LIST INFO"),
    ("wav", "LIST INFO alone"),
)


def dress(name: str, suffix: str, audio: bytes) -> bytes:
    """Audio with the tags of a name in `DRESSED`."""
    if name == "bare":
        return audio
    if name == "tagged":
        return with_mutagen(suffix, audio)
    if name == "behind ID3":
        return id3(3, other_frames(3) + genre_frame("Old", 3), padding=64) + audio + id3v1(17)
    if name == "LIST INFO":
        return _wav_with_info(audio)
    if name == "LIST INFO alone":
        return _wav_with_info(audio, alone=True)
    return _mp3_dressings()[name](audio)
