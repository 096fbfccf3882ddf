"""Bodies of requests that mean harm: bombs, forged headers, broken forms."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from service import PREDICT, request_bytes, write_clip

WHOLE = f"{PREDICT}?whole=true"
CONTAINERS = {
    "WAV": b"RIFF\xff\xff\xff\x7fWAVEfmt ",
    "AIFF": b"FORM\x7f\xff\xff\xffAIFFCOMM",
    "AU": b".snd\0\0\0\x18",
    "FLAC": b"fLaC\0\0\0\x22",
    "MP3": b"ID3\x04\0\0\0\0\0\x0a",
    "Ogg": b"OggS\0\x02",
    "M4A": b"\0\0\0\x18ftypM4A \0\0\0\0",
    "WebM": b"\x1aE\xdf\xa3",
    "WMA": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
    "CAF": b"caff\0\1\0\0desc",
    "APE": b"MAC \x96\x0f\0\0",
    "AMR": b"#!AMR\n",
}
GENERATOR = random.Random(11)


def flac_bomb(seconds: int) -> bytes:
    """Silence, of which FLAC keeps next to nothing."""
    memory = io.BytesIO()
    with soundfile.SoundFile(memory, "w", 8000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(0, seconds, 600):
            file.write(np.zeros(8000 * 600, np.int16))
    return memory.getvalue()


def opus_bomb(seconds: int) -> bytes:
    """One packet of silence, again and again."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48000, bit_rate=6000)
        codec = stream.codec_context
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 2 * 960), np.int16), format="s16", layout="stereo"
        )
        frame.sample_rate = 48000
        packets = [bytes(packet) for _ in range(5) for packet in codec.encode(frame)]
        for number in range(seconds * 50):
            packet = av.Packet(packets[-1])
            packet.stream, packet.pts, packet.dts = stream, number * 960, number * 960
            packet.time_base, packet.duration = codec.time_base, 960
            container.mux(packet)
    return memory.getvalue()


def zip_bomb() -> bytes:
    """A gigabyte of zeros."""
    memory = io.BytesIO()
    with (
        zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("song.mp3", "w", force_zip64=True) as file,
    ):
        for _ in range(1024):
            file.write(b"\0" * (1 << 20))
    return memory.getvalue()


def forged_wav(
    *, channels: int = 1, rate: int = 22050, size: int | None = None, seconds: float = 2.0
) -> bytes:
    """A header that says what it likes."""
    data = np.zeros(int(22050 * seconds), np.int16).tobytes()
    return (
        struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, channels, rate),
            *(2 * rate % 2**32, 2 * channels % 2**16, 16, b"data"),
            len(data) if size is None else size,
        )
        + data
    )


def packed(path: Path, container: str, codec: str) -> bytes:
    """A file of another container, by FFmpeg."""
    memory = io.BytesIO()
    with av.open(str(path)) as source, av.open(memory, "w", format=container) as target:
        stream: Any = target.add_stream(codec, rate=48000 if codec == "libopus" else 44100)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return memory.getvalue()


def form_body(parts: list[tuple[str, bytes]]) -> bytes:
    """Parts of a form: head and content."""
    pieces = [
        f"--boundary\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join(pieces) + b"--boundary--\r\n"


def form_request(body: bytes) -> bytes:
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=boundary\r\nContent-Length: {len(body)}"
    )
    return f"{head}\r\n\r\n".encode() + body


def audio_inputs(folder: Path, hours: int) -> Iterator[tuple[str, bytes]]:
    """Requests with a hostile file each."""
    flac, opus = flac_bomb(3600 * hours), opus_bomb(3600 * hours)
    for name, bomb in ((f"{hours} hours of silence, FLAC", flac), (f"{hours} hours, Opus", opus)):
        yield f"{name}; its middle", request_bytes(bomb)
        yield f"{name}; all of it", request_bytes(bomb, path=WHOLE)
    yield "a gigabyte in a zip", request_bytes(zip_bomb())
    yield "HTML", request_bytes(b"<!doctype html><script>alert(1)</script>")
    yield "a playlist of local files", request_bytes(b"#EXTM3U\nfile:///etc/passwd\n")
    yield "WAV that promises 4 GB", request_bytes(forged_wav(size=2**32 - 1))
    yield "WAV of 60,000 channels", request_bytes(forged_wav(channels=60_000))
    yield "WAV of 4 GHz", request_bytes(forged_wav(rate=2**32 - 1))
    yield "WAV of 1 Hz", request_bytes(forged_wav(rate=1))
    clip = write_clip(folder / "whole.mp3", 30.0)
    yield "MP3, cut in the middle", request_bytes(clip[: len(clip) // 2])
    for kind in ("flac", "ogg", "wav"):
        data = write_clip(folder / f"whole.{kind}", 30.0)
        yield f"{kind.upper()}, cut in the middle", request_bytes(data[: len(data) // 2])
    m4a = packed(folder / "whole.wav", "ipod", "aac")
    yield "M4A, cut before its index", request_bytes(m4a[: len(m4a) // 2])
    webm = packed(folder / "whole.wav", "webm", "libopus")
    yield "WebM, cut in the middle", request_bytes(webm[: len(webm) // 2])
    holed = bytearray(clip)
    for _ in range(200):
        holed[GENERATOR.randrange(len(holed))] ^= 0xFF
    yield "MP3 with 200 wrong bytes", request_bytes(bytes(holed))
    for name, head in CONTAINERS.items():
        noise = GENERATOR.randbytes(200_000)
        yield f"random bytes after the head of {name}", request_bytes(head + noise)
    yield "nothing", request_bytes(b"")
    yield "100 MB", request_bytes(bytes(100_000_000))


def form_inputs(clip: bytes) -> Iterator[tuple[str, bytes]]:
    """Requests with a hostile form each."""
    file = 'name="file"; filename="a.mp3"'
    yield "10,000 fields", form_request(form_body([('name="x"', b"1")] * 10_000))
    yield "10,000 files", form_request(form_body([(file, b"1")] * 10_000))
    yield "a field name of 1 MB", form_request(form_body([(f'name="{"n" * 1_000_000}"', b"1")]))
    yield "a field of 10 MB", form_request(form_body([('name="top"', b"1" * 10_000_000)]))
    nested = clip
    for _ in range(50):
        nested = form_body([(file, nested)])
    yield "a form in a form, 50 deep", form_request(nested)
    inner = clip
    for depth in range(200):
        kind = f"Content-Type: multipart/mixed; boundary=inner{depth - 1}"
        head, tail = f"--inner{depth}\r\n{kind}\r\n\r\n", f"\r\n--inner{depth}--\r\n"
        inner = head.encode() + inner + tail.encode()
    yield "multipart/mixed, 200 deep, as the file", form_request(form_body([(file, inner)]))
    almost = b"\r\n--boundar" * 1_000_000
    yield "a million beginnings of a boundary", form_request(form_body([(file, almost)]))
    up = "../" * 20
    yield (
        "a name that is a path",
        form_request(form_body([(f'name="file"; filename="{up}etc/passwd"', clip)])),
    )
    yield (
        "a name in Unicode, backwards",
        form_request(form_body([('name="file"; filename="\u202egnp.3pm\u0000\U0001f3b5"', clip)])),
    )
    yield "no last boundary", form_request(form_body([(file, clip)])[:-14])
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    yield "shorter than its Content-Length", f"{head}Content-Length: 1000000\r\n\r\nxy".encode()
    yield "two Content-Lengths", f"{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx".encode()
    both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
    yield "Content-Length and chunks", f"{head}{both}".encode()
    chunks = b"1\r\nx\r\n" * 500_000
    yield (
        "500,000 chunks of a byte",
        f"{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        + chunks
        + b"0\r\n\r\n",
    )
    yield "a head of 1 MB", f"{head}X: {'h' * 1_000_000}\r\n\r\n".encode()
    yield "a head that never ends", head.encode()
    yield (
        "another name for this host",
        (b"GET /api/v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
    )
