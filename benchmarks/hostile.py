"""Hostile inputs, one after the other, against a server with its default limits.

For each: what was answered, after how long, and how much memory the server and its worker needed
at most beyond what they needed before. After each, a good clip must be answered.

    python benchmarks/hostile.py --output docs/results/serving.md
    python benchmarks/hostile.py --short --output docs/results/serving.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hostile_connections import CONNECTIONS, Connect
from hostile_inputs import GENERATOR, audio_inputs, form_inputs
from service import (
    Reply,
    Served,
    genrekit_server,
    put_section,
    request_bytes,
    send,
    write_clip,
)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    size: int
    answer: str
    seconds: float
    memory_mib: float


def _answered(port: int, request: bytes) -> str:
    return answered(asyncio.run(send(port, request)))


def _connected(connect: Connect, served: Served, clip: bytes) -> str:
    return asyncio.run(connect(served, clip))


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
                partial(_answered, served.port, request),
            )
        )
    for name, connect in CONNECTIONS.items():
        yield check(attack(served, name, 0, partial(_connected, connect, served, clip)))


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
