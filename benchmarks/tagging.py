"""What `genrekit tag` does to files of every container, beside what faults do to them.

    python benchmarks/tagging.py                # rewrite docs/results/tagging.md
    python benchmarks/tagging.py --only faults  # measure one part again
    python benchmarks/tagging.py --files 1000   # more files for the second run and the time

Needs mutagen and pytaglib. Times are CPU time of all processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import av
import mutagen
import mutagen.id3
import soundfile
import tagging_files
import tagging_kills
import taglib
from batch_planted import Constant

from genrekit.audio import decode
from genrekit.batch import (
    Analysis,
    BatchOptions,
    find_audio,
    open_run,
    run_batch,
    work_through,
)
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.tagging import (
    Naming,
    Rules,
    Wanted,
    answering,
    begin_run,
    carry_out,
    load_taxonomy,
    make_plan,
    undo,
    write_tags,
)

answers = import_module("genrekit.tagging.answers")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "tagging.md"
WANTED = Wanted(("Hip-Hop", "Jazz", "Ñandú \u266b"), {"model": "box@1", "scores": "Jazz 0.6"})
MANY = 10_000
MINE = {"GENRE", "GENREKIT_MODEL", "GENREKIT_SCORES"}
#: Readers that cannot open what they are given, whoever has written it.
NOT_READ = {("mp3", "v2.3 extended")}


# --- the matrix ---------------------------------------------------------------------------------


class Row(NamedTuple):
    suffix: str
    tags: str
    values: bool | None
    others: bool
    audio: bool
    undone: bool
    kept_bytes: int


def samples(path: Path) -> str:
    """A digest of the audio as it sounds."""
    return hashlib.sha256(decode(path).samples.tobytes()).hexdigest()


def packets(path: Path) -> str:
    """A digest of the audio as it is stored."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


def other_fields(path: Path) -> Any:
    """What TagLib reads of a file besides what is ours."""
    with taglib.File(str(path)) as file:
        return {key: values for key, values in file.tags.items() if key not in MINE}


def id3_frames(data: bytes) -> list[bytes]:
    """Frames of a plain tag at the beginning, as they are, without those that are ours."""
    if not data.startswith(b"ID3") or data[5]:
        return []
    version, end = data[3], 10 + int("".join(f"{byte:07b}" for byte in data[6:10]), 2)
    letters, head, bits = (3, 6, 8) if version == 2 else (4, 10, 7 if version == 4 else 8)
    position, found = 10, []
    while position + head < end and data[position]:
        size = data[position + letters : position + 2 * letters]
        stop = (
            position + head + int("".join(f"{byte & (2**bits - 1):0{bits}b}" for byte in size), 2)
        )
        found.append(data[position:stop])
        position = stop
    return [one for one in found if not one.startswith(b"TCO") and b"genrekit" not in one]


def row_of(suffix: str, tags: str, folder: Path) -> Row:
    path = tagging_files.encoded(suffix, folder / f"song.{suffix}")
    content = tagging_files.dress(tags, suffix, path.read_bytes())
    path.write_bytes(content)
    before = samples(path), other_fields(path), id3_frames(content)
    run = begin_run()
    change = write_tags(path, WANTED, record=run.record)
    assert change is not None
    with taglib.File(str(path)) as file:
        read = set(file.tags.get("GENRE", []))
    values = None if (suffix, tags) in NOT_READ else read == set(WANTED.genres)
    # A new tag has copies of what other tags say.
    frames = id3_frames(path.read_bytes()) if content.startswith(b"ID3") else []
    after = samples(path), other_fields(path), frames
    undo([run])
    return Row(
        *(suffix, tags, values, before[1:] == after[1:], before[0] == after[0]),
        undone=path.read_bytes() == content,
        kept_bytes=sum(len(one.data) for one in change.splices),
    )


# --- faults -------------------------------------------------------------------------------------


def save_with_mutagen(path: Path) -> None:
    found: Any = mutagen.File(path)
    if found.tags is None:
        found.add_tags()
    if isinstance(found.tags, mutagen.id3.ID3):
        found.tags.add(mutagen.id3.TCON(text=["Jazz", "Ñandú" * 300]))
    else:
        key = {"MP4": "\xa9gen", "ASF": "WM/Genre"}.get(type(found).__name__, "GENRE")
        found.tags[key] = ["Jazz", "Ñandú" * 300]
    found.save()


def mutagen_everywhere(source: Path) -> tagging_kills.Outcome:
    """A kill at every write of mutagen's save: damaged is a file with other audio than before."""
    audio = packets(source)

    def sound(folder: Path, path: Path) -> tuple[bool, bool, bool]:
        try:
            return packets(path) == audio, True, True
        except (av.FFmpegError, OSError, IndexError, ValueError):
            return False, True, True

    return tagging_kills.faults_everywhere(source, save_with_mutagen, None, sound)


class Faults(NamedTuple):
    suffix: str
    ours: dict[str, tagging_kills.Outcome]
    theirs: tagging_kills.Outcome


def faults_of(suffix: str, folder: Path) -> Faults:
    path = tagging_files.encoded(suffix, folder / f"fault.{suffix}")
    if suffix not in ("mp3", "wav", "aiff"):
        path.write_bytes(tagging_files.dress("tagged", suffix, path.read_bytes()))
    elif suffix == "mp3":
        path.write_bytes(tagging_files.dress("v2.3 full", suffix, path.read_bytes()))
    ours = {
        name: tagging_kills.genrekit_everywhere(path, error)
        for name, error in tagging_kills.FAULTS.items()
    }
    return Faults(suffix, ours, mutagen_everywhere(path))


# --- a second run, and the time -----------------------------------------------------------------


class Second(NamedTuple):
    files: int
    written: int
    analysed_again: int
    analysed_after_undo: int
    plan_seconds: float
    batch_seconds: float


def cpu_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def make_library(folder: Path, count: int) -> list[Path]:
    genres = sorted(JUKEBOX_GENRES)
    made = []
    for number in range(count):
        path = folder / f"{number:05}.flac"
        if number < len(genres):
            song = synthesise(genres[number], seconds=30, seed=1)
            soundfile.write(path, song.samples, song.sample_rate_hz)
        else:
            shutil.copy(folder / f"{number % len(genres):05}.flac", path)
        made.append(path)
    return made


def second_run(folder: Path, count: int) -> Second:
    files = make_library(folder, count)
    analysis, analysed = Analysis(), list[int]()

    def count_analysed(stage: str, done: int, total: int) -> None:
        if stage == "Listening":
            analysed.append(total)

    def plan() -> Any:
        analysed.clear()
        return make_plan(
            files,
            answering(progress=count_analysed),
            rules=Rules(mode="replace", relative=0.0),
            naming=Naming(load_taxonomy("box")),
            model="box@1",
        )

    begin = cpu_seconds()
    with open_run(folder / "batch", "tag", analysis.settings()) as run:
        names = list(map(str, files))
        done = sum(1 for _ in work_through(run, names, analysis, prepare=analysis.prepare))
    middle = cpu_seconds()
    assert done == count
    made = plan()
    end = cpu_seconds()
    run_of_tags = begin_run()
    written = sum(one.answer == "written" for one in carry_out(made, run_of_tags))
    plan()
    again = len(analysed)
    undo([run_of_tags])
    plan()
    return Second(count, written, again, len(analysed), end - middle, middle - begin)


# --- a plan of many files -----------------------------------------------------------------------


class Many(NamedTuple):
    files: int
    plan_seconds: float
    batch_seconds: float


def many_files(folder: Path, count: int) -> Many:
    """A plan, and a batch, of links to a few files, with a constant in the place of the model."""
    few = make_library(folder, 10)
    links = folder / "links"
    for number in range(count):
        place = links / f"{number // 1000:05}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.flac").symlink_to(few[number % len(few)])
    begin = cpu_seconds()
    summary = run_batch([str(links)], folder / "run", Constant(), BatchOptions(workers=1))
    middle = cpu_seconds()
    assert summary.done == count
    with mock.patch.object(answers, "Analysis", Constant):
        made = make_plan(
            find_audio([links]),
            answering(),
            rules=Rules(mode="replace"),
            naming=Naming(load_taxonomy("box")),
            model="box@1",
        )
    assert sum(one.writes for one in made.files) == count
    return Many(count, cpu_seconds() - middle, middle - begin)


# --- the page -----------------------------------------------------------------------------------


def yes(value: bool | None) -> str:
    return {True: "yes", False: "**no**", None: "not read"}[value]


def page(rows: list[Row], faults: list[Faults], second: Second, many: Many) -> Iterator[str]:
    yield "# Tags: what is written, and what faults do\n"
    yield (
        "Made by `python benchmarks/tagging.py`, on "
        f"{platform.system()} with mutagen {mutagen.version_string} and pytaglib "
        f"{taglib.version}. Files are made by code; see `benchmarks/tagging_files.py`.\n"
    )
    yield "## Every container and tag\n"
    yield (
        "*Values*: an independent reader (TagLib) finds the three genres that were written, one\n"
        "of them not in Latin letters. *Others*: all other fields that it reads are equal, and\n"
        "other ID3 frames are equal byte by byte. *Audio*: all samples are equal. *Undo*: so is\n"
        "the whole file afterwards. *Kept*: old bytes that undo needs.\n"
    )
    yield "| file | tags before | values | others | audio | undo | kept, bytes |"
    yield "|---|---|---|---|---|---|---:|"
    for one in rows:
        cells = (yes(one.values), yes(one.others), yes(one.audio), yes(one.undone))
        yield f"| {one.suffix} | {one.tags} | {' | '.join(cells)} | {one.kept_bytes} |"
    yield (
        "\nTagLib looks for the frames of a v2.3 tag with an extended header at the wrong place, "
        "before\nand after.\n"
    )
    yield "## Faults\n"
    yield (
        "A save is ended by SIGKILL, or gets an error, at each of its writes, renames and flushes\n"
        "in turn. *Damaged* is a file that is neither the old nor the new one, byte by byte, or "
        "that\nundo cannot bring back. For mutagen, which beets and most others save with, it is a "
        "file whose\naudio is no longer the same after a kill at one of its writes.\n"
    )
    yield "| file | points | killed: damaged | no space: damaged | I/O error: damaged | mutagen |"
    yield "|---|---:|---:|---:|---:|---:|"
    for fault in faults:
        faulty = fault.ours.values()
        columns = [str(one.damaged + one.not_undone + one.left_behind) for one in faulty]
        theirs = f"{fault.theirs.damaged} of {fault.theirs.points}"
        points = fault.ours["kill"].points
        yield f"| {fault.suffix} | {points} | {' | '.join(columns)} | {theirs} |"
    ours = sum(
        one.damaged + one.not_undone + one.left_behind for f in faults for one in f.ours.values()
    )
    points = sum(one.points for f in faults for one in f.ours.values())
    broken, writes = (sum(getattr(f.theirs, key) for f in faults) for key in ("damaged", "points"))
    yield f"\n{ours} of {points} points do harm here, {broken} of {writes} with mutagen.\n"
    yield "## A second run\n"
    more = 100 * (second.plan_seconds / second.batch_seconds - 1)
    yield (
        f"Of {second.files} files, {second.written} were written. A second plan listened to "
        f"{second.analysed_again}, and one after undo to {second.analysed_after_undo}. The first "
        f"plan took\n{second.plan_seconds:.1f} s of CPU time, the batch engine alone "
        f"{second.batch_seconds:.1f} s: {more:+.1f} %.\n"
    )
    yield "## A plan of many files\n"
    extra = (many.plan_seconds - many.batch_seconds) / many.files
    track = second.batch_seconds / second.files
    yield (
        f"{many.files:,} links to ten files, one worker, and a constant in the place of the model: "
        f"`batch` took\n{many.batch_seconds:.1f} s of CPU time and the plan "
        f"{many.plan_seconds:.1f} s. That is {1e6 * extra:.0f} µs a file more (its tags are read, "
        f"and the\nplan is made), {100 * extra / track:+.1f} % of the {track:.3f} s that a file "
        "takes above with the model."
    )


PARTS = ("matrix", "faults", "second", "many")


def measure(part: str, folder: Path, files: int) -> Any:
    """One part of the page, as JSON can hold it."""
    os.environ["GENREKIT_HOME"] = str(folder / "home")
    if part == "matrix":
        return [row_of(suffix, tags, folder) for suffix, tags in tagging_files.DRESSED]
    if part == "faults":
        return [faults_of(suffix, folder) for suffix in tagging_files.CONTAINERS]
    (folder / "library").mkdir()
    if part == "many":
        return many_files(folder / "library", MANY)
    return second_run(folder / "library", files)


def known(path: Path) -> dict[str, Any]:
    """What was measured before."""
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--only", choices=PARTS, help="measure one part again")
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args()
    kept = options.output.with_suffix(".json")
    found = known(kept) if options.only else {}
    with tempfile.TemporaryDirectory() as name:
        for part in PARTS:
            if options.only in (None, part):
                (Path(name) / part).mkdir()
                found[part] = measure(part, Path(name) / part, options.files)
    kept.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = known(kept)
    outcome = tagging_kills.Outcome
    rows = [Row(*row) for row in found["matrix"]]
    faults = [
        Faults(suffix, {name: outcome(*one) for name, one in ours.items()}, outcome(*theirs))
        for suffix, ours, theirs in found["faults"]
    ]
    lines = list(page(rows, faults, Second(*found["second"]), Many(*found["many"])))
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
