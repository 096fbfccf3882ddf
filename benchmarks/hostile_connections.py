"""Clients that mean harm by how they speak: slowly, without end, or not at all."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from service import PREDICT, Served, request_bytes, send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


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
    except TimeoutError:  # which is an OSError, too
        return "never hung up on"
    except OSError:
        return f"hung up on after {sent / 1e6:.0f} MB"
    finally:
        writer.transport.abort()


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


async def many_sockets(served: Served, clip: bytes) -> str:
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
    """A stream; those of the sockets before may still be on their way out."""
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


Connect = Callable[[Served, bytes], Coroutine[Any, Any, str]]
CONNECTIONS: dict[str, Connect] = {
    "slow loris, 200 connections": slow_loris,
    "100 bodies that stop": slow_bodies,
    "20 connections that never read": never_read,
    "100 sockets, silent or broken off": many_sockets,
    "a flood of samples on a socket": socket_flood,
    "a message of 100 MB on a socket": socket_message,
    "pings without end on a socket": ping_flood,
    "a socket that stops in a frame": half_open,
}
