"""The server under load, on loopback, beside two plain ways to serve the same model.

Closed loop: so many clients, each asking again when it is answered. Open loop: requests arrive at
random times (Poisson) whatever the server does. Sender and server share the machine, and all
requests are forms with one 30-s mp3 unless said otherwise.

    python benchmarks/serving.py --output docs/results/serving.md
    python benchmarks/serving.py --short --part latency --output docs/results/serving.md
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

from fastapi import FastAPI, UploadFile
from service import (
    Reply,
    Served,
    genrekit_server,
    put_section,
    quantile,
    request_bytes,
    send,
    started,
    write_clip,
)

from genrekit.bundles import window_samples

OVERLOAD = 10
REQUESTS = 10_000


# --- the plain ways -------------------------------------------------------------------------------


def librosa_features(file: Any, classifier: Any) -> dict[str, Any]:
    """What the default model takes, by librosa: the mel spectrogram of each window."""
    import librosa
    import numpy as np

    y, _ = librosa.load(file, sr=classifier.sample_rate_hz)
    length, hop = window_samples(classifier.bundle.manifest.windows, classifier.sample_rate_hz)
    windows = [y[begin : begin + length] for begin in range(0, len(y) - length + 1, hop)]
    return {
        name: np.concatenate([librosa_mel(window, frontend.config) for window in windows])
        for name, frontend in classifier.bundle.frontends.items()
    }


def librosa_mel(y: Any, config: Any) -> Any:
    import librosa
    import numpy as np

    power = librosa.feature.melspectrogram(
        y=y,
        sr=config.sample_rate_hz,
        n_fft=config.fft_samples,
        hop_length=config.hop_samples,
        n_mels=config.n_mels,
        fmin=config.low_hz,
        fmax=config.high_hz,
        center=False,
    )
    floor = 10 ** (config.floor_db / 10)
    return (10 * np.log10(np.maximum(power, floor))).astype(np.float32)[np.newaxis]


def plain_server(serial: bool) -> None:
    """FastAPI as tutorials have it; ``serial`` lets one request in at a time, as a script does."""
    import io

    import uvicorn

    from genrekit.inference import Classifier
    from genrekit.serving.server import bind
    from genrekit.serving.settings import Settings

    classifier = Classifier.load("default")
    app, turn = FastAPI(), threading.Lock()

    def answer(data: bytes) -> dict[str, float]:
        features = librosa_features(io.BytesIO(data), classifier)
        scores = classifier.predict_features(features).mean(axis=0)
        return dict(zip(classifier.labels, scores.tolist(), strict=True))

    @app.post("/api/v1/analysis/predict")
    def predict(file: UploadFile) -> dict[str, float]:
        data = file.file.read()
        if not serial:
            return answer(data)
        with turn:
            return answer(data)

    listener = bind(Settings(port=0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


# --- loads ----------------------------------------------------------------------------------------


async def closed_loop(
    port: int, request: bytes, *, clients: int, seconds: float, most: int | None = None
) -> tuple[list[Reply], float]:
    """Replies, and how long it took."""
    replies: list[Reply] = []
    begin = time.perf_counter()

    async def ask() -> None:
        while time.perf_counter() - begin < seconds and (most is None or len(replies) < most):
            replies.append(await send(port, request))

    await asyncio.gather(*(ask() for _ in range(clients)))
    return replies, time.perf_counter() - begin


async def open_loop(port: int, request: bytes, *, rate: float, seconds: float) -> list[Reply]:
    """Replies to requests that arrive at random, ``rate`` a second."""
    chance = random.Random(4)
    tasks: list[asyncio.Task[Reply]] = []
    begin = due = time.perf_counter()
    while due - begin < seconds:
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(send(port, request)))
    return list(await asyncio.gather(*tasks))


def times_of(replies: list[Reply]) -> list[float]:
    """Milliseconds of those that were answered with a prediction."""
    return [1000 * one.seconds for one in replies if one.status == 200]


def warm(port: int, request: bytes) -> None:
    """Not counted: the first request loads and compiles."""
    asyncio.run(closed_loop(port, request, clients=1, seconds=60, most=3))


# --- the page -------------------------------------------------------------------------------------


def latency_row(name: str, replies: list[Reply]) -> str:
    values = times_of(replies)
    p50, p95, p99 = (quantile(values, share) for share in (0.5, 0.95, 0.99))
    codes = Counter(one.status for one in replies)
    shown = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    return f"| {name} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {shown} |"


def measure_latency(request: bytes, seconds: float) -> tuple[list[str], float]:
    """One client, then ten times as many requests as can be answered."""
    with genrekit_server(workers=1) as served:
        warm(served.port, request)
        alone, _ = asyncio.run(closed_loop(served.port, request, clients=1, seconds=seconds))
        full, taken = asyncio.run(closed_loop(served.port, request, clients=3, seconds=seconds))
        capacity = len(times_of(full)) / taken
        over = asyncio.run(
            open_loop(served.port, request, rate=OVERLOAD * capacity, seconds=seconds)
        )
    ratio = quantile(times_of(over), 0.99) / quantile(times_of(alone), 0.99)
    lines = [
        "| load | p50, ms | p95, ms | p99, ms | answers |",
        "|---|---|---|---|---|",
        latency_row("one client", alone),
        latency_row("three clients", full),
        latency_row(f"open loop, {OVERLOAD} times the capacity", over),
        "",
        f"One worker; its capacity is {capacity:.1f} requests a second. Times are of requests "
        "answered with 200, from the connection to the last byte. The accepted p99 at "
        f"{OVERLOAD} times the capacity is {ratio:.2f} times that of one client. Medians inside "
        f"the worker, ms: {inside(alone)}; under overload {inside(over)}. There is nothing to gain "
        "from running the model on several requests at once.",
        "",
    ]
    return lines, capacity


def inside(replies: list[Reply]) -> str:
    """Medians of what the worker says each stage took."""
    stages: list[Any] = [one.json()["timings_ms"] for one in replies if one.status == 200]
    return ", ".join(
        f"{stage} {quantile([times[stage] for times in stages], 0.5):.1f}"
        for stage in ("decode", "frontend", "model", "total")
    )


def measure_plain(request: bytes, seconds: float) -> list[str]:
    """Requests a second of all ways to serve, one after the other."""
    lines = [
        "| server | requests a second | p50, ms | p95, ms |",
        "|---|---|---|---|",
    ]
    own = genrekit_server(workers=1)
    both = [("genrekit serve, one worker", own)]
    for name, flag in (
        ("plain FastAPI handler with librosa", "--plain"),
        ("the same, one request at a time", "--serial"),
    ):
        both.append((name, started([sys.executable, __file__, flag], {})))
    for name, context in both:
        with context as served:
            warm(served.port, request)
            replies, taken = asyncio.run(
                closed_loop(served.port, request, clients=3, seconds=seconds)
            )
        values = times_of(replies)
        p50, p95 = quantile(values, 0.5), quantile(values, 0.95)
        lines.append(f"| {name} | {len(values) / taken:.1f} | {p50:.0f} | {p95:.0f} |")
    return [
        *lines,
        "",
        "Three clients in closed loop, the same model, clip and machine. A worker has one core; "
        "the plain handler takes all of them, and ends with the first file that ends its process.",
        "",
    ]


def measure_memory(folder: Path, requests: int) -> list[str]:
    """Memory of all processes while many short clips, some of them bad, are answered."""
    good = request_bytes(write_clip(folder / "short.flac", 2.0))
    bad = request_bytes(b"this is not music" * 100)
    steps, codes = 5, Counter[int]()
    lines = ["| requests | memory, MiB |", "|---|---|"]
    with genrekit_server(workers=1) as served:
        warm(served.port, good)
        for step in range(steps + 1):
            lines.append(f"| {step * requests // steps} | {settled_memory(served):.0f} |")
            for request in (good, bad) if step < steps else ():
                share = 0.9 if request is good else 0.1
                most = round(share * requests / steps)
                replies, _ = asyncio.run(
                    closed_loop(served.port, request, clients=2, seconds=3600, most=most)
                )
                codes.update(one.status for one in replies)
    shown = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    return [*lines, "", f"Resident memory of the server and its worker. Answers: {shown}.", ""]


def settled_memory(served: Served) -> float:
    time.sleep(0.5)
    return served.memory_mib()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--short", action="store_true", help="a minute in place of ten")
    parser.add_argument("--part", action="append", choices=("latency", "plain", "memory"))
    parser.add_argument("--requests", type=int, default=REQUESTS, help="for the part memory")
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--serial", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain or options.serial:
        plain_server(options.serial)
        return
    seconds, requests = (8.0, 500) if options.short else (60.0, options.requests)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = request_bytes(write_clip(folder / "clip.mp3", 30.0))
        measures: dict[str, Callable[[], list[str]]] = {
            "latency": lambda: measure_latency(request, seconds)[0],
            "plain": lambda: measure_plain(request, seconds),
            "memory": lambda: measure_memory(folder, requests),
        }
        for part in options.part or measures:
            text = "\n".join([*measures[part](), made_by(options, part), ""])
            if options.output is None:
                print(text)
            else:
                put_section(options.output, part, text)


def made_by(options: argparse.Namespace, part: str) -> str:
    """The command, and how busy the machine was."""
    flags = [" --short"] if options.short else []
    if part == "memory" and not options.short and options.requests != REQUESTS:
        flags.append(f" --requests {options.requests}")
    return (
        f"Written by `python benchmarks/serving.py{''.join(flags)} --part {part}` on "
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python "
        f"{platform.python_version()}. Sender, server and whatever else runs share the cores; "
        f"load average of five minutes, of which this makes up to two: {os.getloadavg()[1]:.1f}."
    )


if __name__ == "__main__":
    main()
