"""Hostile inputs, one after the other, against a server with its default limits.

For each: what was answered, after how long, and how much memory the server and its worker needed
at most beyond what they needed before. After each, a good clip must be answered.

    python benchmarks/hostile.py --output docs/results/serving.md
    python benchmarks/hostile.py --short --output docs/results/serving.md
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import socket
import struct
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from service import (
    PREDICT,
    Reply,
    Served,
    genrekit_server,
    put_section,
    request_bytes,
    send,
    write_clip,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

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


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    size: int
    answer: str
    seconds: float
    memory_mib: float


# --- inputs ---------------------------------------------------------------------------------------


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
        stream = target.add_stream(codec, rate=48000 if codec == "libopus" else 44100)
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


# --- crowds ---------------------------------------------------------------------------------------


async def slow_loris(served: Served, clip: bytes) -> str:
    """Two hundred connections that say one byte a second, and a good request among them."""
    writers = []
    for _ in range(200):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST / HTTP/1.1\r\nX: ")
        writers.append(writer)
    for _ in range(3):
        await asyncio.sleep(0.3)
        for writer in writers:
            writer.write(b"h")
    reply = await send(served.port, request_bytes(clip))
    for writer in writers:
        writer.close()
    return f"a good clip among them: {reply.status}"


async def slow_bodies(served: Served, clip: bytes) -> str:
    """A hundred bodies that drip, and a good request among them."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n".encode()
    pairs = []
    for _ in range(100):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head)
        pairs.append((reader, writer))
    reply = await send(served.port, request_bytes(clip))
    codes: Counter[str] = Counter()
    for reader, writer in pairs:
        answer = await reader.read(12)
        codes[answer[-3:].decode()] += 1
        writer.close()
    return f"{dict(codes)}; a good clip among them: {reply.status}"


async def never_read(served: Served, clip: bytes) -> str:
    """Twenty connections that ask and ask, and read nothing."""
    ask = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 500
    begin, lost = time.monotonic(), 0
    sockets = []
    for _ in range(20):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", served.port))
        sockets.append(plain)
    reply = None
    while sockets and time.monotonic() - begin < 60:
        for plain in list(sockets):
            try:
                plain.send(ask)
            except BlockingIOError:
                continue
            except OSError:
                lost += 1
                plain.close()
                sockets.remove(plain)
        reply = reply or await send(served.port, request_bytes(clip))
        await asyncio.sleep(0.05)
    for plain in sockets:
        plain.close()
    status = reply.status if reply else 0
    return f"hung up on: {lost} of 20; a good clip among them: {status}"


async def ping_flood(served: Served, clip: bytes) -> str:
    """Pings as fast as the socket takes them, whose answers nobody reads."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
    writer.write(
        b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    sent, pings = 0, (b"\x89\xfd" + bytes(4) + bytes(125)) * 1000
    try:
        async with asyncio.timeout(60):
            while True:
                writer.write(pings)
                await writer.drain()
                sent += len(pings)
    except OSError:
        return f"hung up on after {sent / 1e6:.0f} MB"
    finally:
        writer.transport.abort()
    return "never hung up on"


async def half_open(served: Served, clip: bytes) -> str:
    """A socket that breaks off in the middle of a frame, and never closes."""
    hello = json.dumps({"type": "hello", "format": "pcm_s16le", "sample_rate_hz": 22050})
    async with await open_socket(served) as ws:
        await ws.send(hello)
        assert ws.transport is not None
        ws.transport.write(b"\x82\xfe\xff\xff" + bytes(4) + bytes(100))  # 65,535 promised
        try:
            while True:
                await ws.recv()
        except ConnectionClosed:
            pass
        return f"closed with {ws.close_code}"


async def socket_crowd(served: Served, clip: bytes) -> str:
    """A hundred sockets that open and say nothing, or break off in the middle."""
    hello = '{"type":"hello","format":"pcm_s16le","sample_rate_hz":22050}'
    sockets = []
    codes: Counter[str] = Counter()
    for number in range(100):
        try:
            socket = await connect(f"ws://127.0.0.1:{served.port}/api/v1/stream", proxy=None)
        except InvalidStatus as refused:
            codes[str(refused.response.status_code)] += 1
            continue
        sockets.append(socket)
        if number % 2:
            await socket.send(hello)
    reply = await send(served.port, request_bytes(clip))
    for socket in sockets:
        if socket.transport is not None:
            socket.transport.abort()
    return f"refused at once: {dict(codes)}; a good clip among them: {reply.status}"


async def open_socket(served: Served) -> ClientConnection:
    """A stream; those of the crowd before may still be on their way out."""
    while True:
        try:
            # Without pings, and reading whatever comes: nothing but the server ends this.
            url = f"ws://127.0.0.1:{served.port}/api/v1/stream"
            return await connect(url, proxy=None, ping_interval=None, max_queue=None)
        except InvalidStatus:
            await asyncio.sleep(0.2)


async def socket_flood(served: Served, clip: bytes) -> str:
    """Audio as fast as the socket takes it, far more than is allowed."""
    hello = '{"type":"hello","format":"pcm_s16le","sample_rate_hz":22050}'
    async with await open_socket(served) as socket:
        await socket.send(hello)
        sent, noise = 0, bytes(500_000)
        try:
            while sent < 1 << 30:
                await socket.send(noise)
                sent += len(noise)
        except ConnectionClosed:
            pass
        return f"closed with {socket.close_code} after {sent / 1e6:.0f} MB"


async def socket_message(served: Served, clip: bytes) -> str:
    """One message of 100 MB."""
    async with await open_socket(served) as socket:
        try:
            await socket.send(bytes(100_000_000))
            await socket.recv()
        except ConnectionClosed:
            pass
        return f"closed with {socket.close_code}"


CROWDS: dict[str, Callable[[Served, bytes], Awaitable[str]]] = {
    "slow loris, 200 connections": slow_loris,
    "100 bodies that stop": slow_bodies,
    "20 connections that never read": never_read,
    "100 sockets, silent or broken off": socket_crowd,
    "a flood of samples on a socket": socket_flood,
    "a message of 100 MB on a socket": socket_message,
    "pings without end on a socket": ping_flood,
    "a socket that stops in a frame": half_open,
}


# --- the table ------------------------------------------------------------------------------------


def attack(served: Served, name: str, size: int, act: Callable[[], str]) -> Row:
    """One input, measured."""
    before = served.memory_mib()
    served.reset_peak()
    begin = time.perf_counter()
    answer = act()
    seconds = time.perf_counter() - begin
    return Row(name, size, answer, seconds, max(0.0, served.memory_mib("VmHWM") - before))


def answered(reply: Reply) -> str:
    """Status, and the reason or the warnings."""
    if not reply.body:
        return f"{reply.status}"
    body = json.loads(reply.body.split(b"HTTP/1.1")[0])
    reason = body["error"]["type"] if body.get("error") else ""
    notes = ", ".join(warning.split(":")[0] for warning in body.get("warnings", ()))
    return f"{reply.status} {reason or notes}".strip()


def rows(served: Served, folder: Path, hours: int) -> Iterator[Row]:
    """All inputs; a good clip is answered after each."""
    clip = write_clip(folder / "clip.mp3", 5.0)

    def check(row: Row) -> Row:
        reply = asyncio.run(send(served.port, request_bytes(clip)))
        if reply.status != 200:
            raise SystemExit(f"after {row.name!r} a good clip got {reply.status}")
        return row

    for name, request in (*audio_inputs(folder, hours), *form_inputs(clip)):
        yield check(
            attack(
                served,
                name,
                len(request),
                lambda request=request: answered(asyncio.run(send(served.port, request))),
            )
        )
    for name, crowd in CROWDS.items():
        yield check(attack(served, name, 0, lambda crowd=crowd: asyncio.run(crowd(served, clip))))


def fuzz(served: Served, folder: Path, seconds: float) -> str:
    """Damaged files of many formats, and what they were answered."""
    clips = [write_clip(folder / f"fuzz.{kind}", 3.0) for kind in ("mp3", "flac", "ogg", "wav")]
    codes: Counter[int] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = bytearray(GENERATOR.choice(clips))
        for _ in range(GENERATOR.randint(1, 60)):
            place = GENERATOR.randrange(len(data))
            data[place : place + GENERATOR.randint(0, 8)] = GENERATOR.randbytes(
                GENERATOR.randint(0, 8)
            )
        codes[asyncio.run(send(served.port, request_bytes(bytes(data)))).status] += 1
    shown = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    return f"{codes.total()} damaged files of four formats, in {seconds:.0f} s: {shown}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--short", action="store_true", help="shorter bombs, less fuzz")
    options = parser.parse_args()
    command = "python benchmarks/hostile.py" + (" --short" if options.short else "")
    lines = [
        f"Written by `{command}`. Memory is what the server, its worker and those of streams took "
        "at most beyond what they held before; a new worker counts whole.",
        "",
        "| input | sent, MB | answer | s | memory, MiB |",
        "|---|---|---|---|---|",
    ]
    with (
        tempfile.TemporaryDirectory() as name,
        genrekit_server(workers=1, idle_seconds=3) as served,
    ):
        folder = Path(name)
        for row in rows(served, folder, 1 if options.short else 10):
            size = f"{row.size / 1e6:.2f}" if row.size else ""
            lines.append(
                f"| {row.name} | {size} | {row.answer} | {row.seconds:.2f} | {row.memory_mib:.0f} |"
            )
        lines += ["", fuzz(served, folder, 20.0 if options.short else 600.0), ""]
    text = "\n".join(lines)
    if options.output is None:
        print(text)
    else:
        put_section(options.output, "hostile", text)


if __name__ == "__main__":
    main()
