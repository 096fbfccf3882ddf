"""Do what the Dockerfile does, in a plain folder: for machines without a container engine.

The commands of the build stage are read from the Dockerfile and run with this Python, with their
folders moved; then the server is started as the image starts it, with nothing to write to but one
folder, asked for everything that it offers, and stopped. What it cannot show: the user, the
read-only root, and the size of the base image, for which room is kept.

    python deploy/plain.py FOLDER
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
PORT = 8765
MOST_MB = 500
# A machine that is busy with other things takes minutes over what an idle one does in seconds.
PATIENCE_SECONDS = 900
# Of python:slim, unpacked, with some to spare; the workflow measures the image itself.
BASE_MB = 150
HEALTHY = ("/health/live", "/health/ready")
JSON = ("/version", "/api/v1/models", "/api/v1/similar", "/api/v1/openapi.json")
POSTS = ("/api/v1/analysis/predict", "/api/v1/analysis/features", "/api/v1/analysis/explain")


def stages() -> list[list[tuple[str, str]]]:
    """Instructions of each stage, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    found: list[list[tuple[str, str]]] = []
    for line in filter(str.strip, text.replace("\\\n", " ").splitlines()):
        name, rest = line.split(None, 1)
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def build(folder: Path) -> Path:
    """Run the build stage; return where the final stage would copy from."""
    source = folder / "source"
    source.mkdir(parents=True)
    environment = dict(os.environ)
    for name, rest in stages()[0]:
        if name == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif name == "COPY":
            *things, _ = rest.split()
            for thing in things:
                copy(DEPLOY.parent / thing, source / thing)
        elif name == "RUN":
            command = moved(rest, folder)
            subprocess.run(command, shell=True, check=True, cwd=source, env=environment)
    return folder / "opt" / "genrekit"


def moved(command: str, folder: Path) -> str:
    """A command of the image, with its folders in ``folder`` and its Python this one."""
    command = command.replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv")
    return re.sub(r"(?<![\w./])/(?=(opt|tmp)/)", f"{folder}/", command)


def copy(thing: Path, target: Path) -> None:
    if thing.is_dir():
        shutil.copytree(thing, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(thing, target)


def serve(built: Path, scratch: Path) -> None:
    """Start it as the image does, ask it, and stop it; everything must go well."""
    environment = {"HOME": "/nonexistent", "TMPDIR": str(scratch)}
    entry: list[str] = []
    for name, rest in stages()[1]:
        if name == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif name in ("ENTRYPOINT", "CMD"):
            entry += json.loads(rest)
    environment |= {
        "PATH": f"{built}/bin:/usr/bin:/bin",
        "GENREKIT_SERVE_PORT": str(PORT),
        "GENREKIT_SERVE_NO_KEYS": "true",
    }
    entry[0] = str(built / "bin" / entry[0])
    with subprocess.Popen(entry, env=environment, cwd=scratch) as process:
        try:
            for path in HEALTHY:
                wait_for(path, process)
            ask_everything()
            process.send_signal(signal.SIGTERM)
            if process.wait(PATIENCE_SECONDS) != 0:
                raise SystemExit(f"it ended with {process.returncode}")
        finally:
            process.kill()


def ask_everything() -> None:
    """Every kind of answer: the page and its files, JSON, metrics, work of each sort."""
    files = re.findall(r'(?:src|href)="(/?[\w./-]+\.\w+)"', ask("/").decode())
    if not files:
        raise SystemExit("the page names no files")
    for file in files:
        ask("/" + file.removeprefix("/"))
    for path in JSON:
        json.loads(ask(path))
    sound = a_sound()
    for path in POSTS:
        json.loads(ask(path, sound))
    if "genrekit_requests" not in ask("/metrics").decode():
        raise SystemExit("/metrics counts no requests")
    job = json.loads(ask("/api/v1/jobs", form_of(sound), "multipart/form-data; boundary=end"))
    result = f"/api/v1/jobs/{job['id']}/result"
    for _ in moments():
        done = json.loads(ask(result))
        if "predictions" in done:
            break
    else:
        raise SystemExit(f"a job is not done within {PATIENCE_SECONDS} seconds")
    if done["failed"] or not done["predictions"][0]["genre"]:
        raise SystemExit(f"a job failed: {done}")


def moments() -> Iterator[None]:
    """Moments to look again, until patience ends."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        yield
        time.sleep(0.5)


def wait_for(path: str, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers well there; what has ended will not."""
    for _ in moments():
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode} before it answered {path}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30):
                return
        except OSError:
            continue
    raise SystemExit(f"no answer at {path} within {PATIENCE_SECONDS} seconds")


def ask(path: str, body: bytes | None = None, kind: str = "application/octet-stream") -> bytes:
    """What is answered; anything but success ends this."""
    url = f"http://127.0.0.1:{PORT}{path}"
    asked = urllib.request.Request(url, body, {"Content-Type": kind} if body else {})
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as reply:
            answer: bytes = reply.read()
            print(path, reply.status, len(answer), "bytes")
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path} answers {error.code}: {error.read()[:500]!r}") from None
    return answer


def a_sound() -> bytes:
    """Three seconds of a chord, as WAV."""
    rate, memory = 22050, io.BytesIO()
    waves = [sum(math.sin(f * n / rate) for f in (1380, 1740, 2070)) for n in range(3 * rate)]
    with wave.open(memory, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(8000 * one)) for one in waves))
    return memory.getvalue()


def form_of(sound: bytes) -> bytes:
    """As a browser sends a file."""
    head = b'--end\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    return head + sound + b"\r\n--end--\r\n"


def copied_to_final(folder: Path) -> list[Path]:
    """All that the final stage takes from the build."""
    lines = [rest for name, rest in stages()[1] if name == "COPY"]
    return [folder / place.lstrip("/") for line in lines for place in line.split()[1:-1]]


def size_mb(folder: Path) -> float:
    """What the files of a folder hold."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="is made; nothing may be there")
    folder: Path = parser.parse_args().folder.absolute()
    if folder.exists():
        raise SystemExit(f"{folder} is there already; name another one")
    built = build(folder)
    copied = sum(size_mb(place) for place in copied_to_final(folder))
    print(f"{copied:.0f} MB are copied to the final stage, beside {BASE_MB} MB of the base image")
    if copied + BASE_MB > MOST_MB:
        raise SystemExit(f"the image would have {copied + BASE_MB:.0f} MB, more than {MOST_MB}")
    scratch = folder / "scratch"
    scratch.mkdir()
    serve(built, scratch)
    left = [str(path.relative_to(scratch)) for path in scratch.rglob("*")]
    if left:
        raise SystemExit(f"it left {left[:5]} behind")


if __name__ == "__main__":
    main()
