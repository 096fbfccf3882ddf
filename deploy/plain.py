"""Do what the Dockerfile does, in a plain folder: for machines without a container engine.

The commands of the build stage are read from the Dockerfile and run with this Python, with their
folders moved; then the server is started as the image starts it, with nothing to write to but one
folder, asked, and stopped. What it cannot show: the base image, the user, the read-only root.

    python deploy/plain.py FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
PORT = 8765
MOST_MB = 500


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
            for path in ("/health/live", "/health/ready", "/"):
                print(path, ask(path))
            process.send_signal(signal.SIGTERM)
            if process.wait(60) != 0:
                raise SystemExit(f"it ended with {process.returncode}")
        finally:
            process.kill()


def ask(path: str) -> int:
    """The status of a path, once there is one."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as reply:
                return int(reply.status)
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.25)
    raise SystemExit(f"no answer at {path}")


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
    megabytes = size_mb(built)
    print(f"{megabytes:.0f} MB are copied to the final stage, beside the base image")
    if megabytes > MOST_MB:
        raise SystemExit(f"more than {MOST_MB} MB")
    scratch = folder / "scratch"
    scratch.mkdir()
    serve(built, scratch)
    left = [str(path.relative_to(scratch)) for path in scratch.rglob("*")]
    if left:
        raise SystemExit(f"it left {left[:5]} behind")


if __name__ == "__main__":
    main()
