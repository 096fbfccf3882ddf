"""Folders of music to windows that teach: read, cut, disturbed, and kept for the next time.

Each file becomes one array in the work folder, written whole or not at all, so a run that was
stopped goes on with the next file.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from genrekit.audio import AUDIO_SUFFIXES, DECODER_VERSION, decode
from genrekit.distil.recipe import DistilRecipe, Disturbances, MusicFolder
from genrekit.errors import AudioError, ConfigError
from genrekit.evaluation import encoded, low_passed, noisy, played
from genrekit.features import build_frontend, frontend_fingerprint
from genrekit.files import replacing
from genrekit.progress import Progress
from genrekit.schema import ExcerptConfig, MelConfig
from genrekit.training import Backbone
from genrekit.workers import WorkerDied, ordered_map

_log = logging.getLogger(__name__)
Samples = NDArray[np.float32]
#: Raised whenever windows of the same file become others.
CODE_VERSION = 2
CHUNK_SECONDS = 30
#: Root mean square that the teacher hears every window at, of full scale.
RMS = 0.15
# Quieter windows say nothing of what a teacher hears in music.
_SILENT_RMS = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of some files.

    Attributes
    ----------
    mel : (n, bands, frames) float16
        Decibels.
    targets : (n, columns) float32
        The teacher's embedding; no columns where the teacher takes what the student takes.
    files : (n,) int
        Number of the file of each.
    skipped : tuple of str
        Files that could not be read, and why.
    seconds : float
        Of audio that was read.
    """

    mel: NDArray[np.float16]
    targets: NDArray[np.float32]
    files: NDArray[np.int64]
    skipped: tuple[str, ...]
    seconds: float

    def decibels(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some of them, (rows, bands, frames)."""
        return self.mel[rows].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read, for a worker."""

    file: Path
    frontend: MelConfig
    window_samples: int
    disturb: Disturbances | None
    teacher: Backbone | None
    share: float
    seed: int
    out: Path


def gather(
    recipe: DistilRecipe,
    folders: Sequence[MusicFolder],
    work: Path,
    *,
    teacher: Backbone | None,
    disturb: bool,
    workers: int,
    progress: Progress,
    stage: str,
) -> Windows:
    """Read folders; what is in ``work`` is read from there.

    Parameters
    ----------
    teacher : Backbone, optional
        Whose embedding is wanted of each window, brought to one level.
    disturb : bool
        Change chunks as the recipe says.

    Raises
    ------
    ConfigError
        If there is no music in them.
    """
    away = _left_out(recipe.leave_out)
    jobs = [
        job
        for folder in folders
        for job in _jobs(recipe, folder, away, work, teacher, disturb=disturb)
    ]
    if not jobs:
        raise ConfigError(
            f"there is no audio in {_named(folders)}: expected files that include names and "
            "neither exclude nor leave_out does"
        )
    work.mkdir(parents=True, exist_ok=True)
    missing = [job for job in jobs if not job.out.exists()]
    skipped: dict[Path, str] = {}
    results = ordered_map(make_windows, missing, workers=workers)
    for number, (job, problem) in enumerate(zip(missing, results, strict=True), start=1):
        if isinstance(problem, WorkerDied):
            problem = "it ended the process that read it"
        if problem:
            if job.file not in skipped:
                _log.warning("%s is passed over: %s", job.file, problem)
            skipped[job.file] = problem
        progress(stage, number, len(missing))
    parts = [(job.file, _load(job.out)) for job in jobs if job.out.exists()]
    kept = [(file, part) for file, part in parts if len(part[0])]
    if not kept:
        why = next((f"{file}: {why}" for file, why in skipped.items()), "all of it is silent")
        raise ConfigError(f"there is no window of music in {_named(folders)}; {why}")
    names = {file: number for number, file in enumerate(dict.fromkeys(file for file, _ in kept))}
    rows = np.concatenate([np.full(len(part[0]), names[file]) for file, part in kept])
    seconds = len(rows) * recipe.window_seconds
    return Windows(
        np.concatenate([mel for _, (mel, _) in kept]),
        np.concatenate([targets for _, (_, targets) in kept]),
        rows.astype(np.int64),
        tuple(f"{file}: {why}" for file, why in skipped.items()),
        seconds,
    )


def _named(folders: Sequence[MusicFolder]) -> str:
    return ", ".join(str(folder.path) for folder in folders)


def music_files(folder: MusicFolder) -> list[Path]:
    """Audio files of a folder, in the order of their names."""
    found = {path for pattern in folder.include for path in folder.path.glob(pattern)}
    found -= {path for pattern in folder.exclude for path in folder.path.glob(pattern)}
    return sorted(
        path for path in found if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()
    )


def _jobs(
    recipe: DistilRecipe,
    folder: MusicFolder,
    away: set[str],
    work: Path,
    teacher: Backbone | None,
    *,
    disturb: bool,
) -> list[Job]:
    files = [path for path in music_files(folder) if away.isdisjoint(_names(path))]
    share = 1.0
    if folder.hours is not None and files:
        share = min(1.0, 3600 * folder.hours / max(1.0, sum(map(_seconds, files)) * folder.copies))
    settings = recipe.disturb if disturb else None
    length = round(recipe.window_seconds * recipe.frontend.sample_rate_hz)
    described = f"{CODE_VERSION}/{DECODER_VERSION}/{frontend_fingerprint(recipe.frontend)}/{length}"
    described += f"/{teacher.fingerprint}" if teacher else ""
    jobs = []
    for file in files:
        stat = file.stat()
        for copy in range(folder.copies):
            key = (
                f"{described}/{file.resolve()}/{stat.st_size}/{stat.st_mtime_ns}/{copy}/{share}/"
                f"{recipe.seed}/{settings.model_dump_json() if settings else ''}"
            )
            out = work / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
            seed = zlib.crc32(f"{recipe.seed}/{file.name}/{copy}".encode())
            jobs.append(Job(file, recipe.frontend, length, settings, teacher, share, seed, out))
    return jobs


def _left_out(path: Path | None) -> set[str]:
    if path is None:
        return set()
    return {line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}


def _names(path: Path) -> set[str]:
    """What a recording may be called: ``blues.00008`` for ``blues.00008.snippet.flac`` too."""
    return {path.name, path.stem, ".".join(path.name.split(".")[:2])}


def _seconds(path: Path) -> float:
    from genrekit.audio import probe

    try:
        return probe(path).seconds or 0.0
    except AudioError:
        return 0.0


def make_windows(job: Job) -> str:
    """Write the windows of one file; empty if it could be read, else why not."""
    rate = job.frontend.sample_rate_hz
    try:
        samples = decode(
            job.file,
            sample_rate_hz=rate,
            excerpt=ExcerptConfig(start_seconds=0, duration_seconds=None),
        ).samples
    except AudioError as problem:
        return str(problem)
    generator = np.random.default_rng(job.seed)
    chunks = chunked(samples, CHUNK_SECONDS * rate, job.window_samples)
    chosen = [chunk for chunk in chunks if generator.random() < job.share]
    if job.disturb is not None:
        chosen = [disturbed(one, chosen, rate, job.disturb, generator) for one in chosen]
    windows = [window for chunk in chosen for window in cut(chunk, job.window_samples)]
    frontend = build_frontend(job.frontend)
    loud = [window for window in windows if np.sqrt(np.mean(window**2)) > _SILENT_RMS]
    empty = frontend(np.zeros(job.window_samples, np.float32))
    mel = np.array([frontend(window) for window in loud], np.float32).reshape(-1, *empty.shape)
    targets = np.array([_target(job.teacher, window, rate) for window in loud], np.float32)
    file = io.BytesIO()
    np.savez(
        file,
        mel=mel.astype(np.float16),
        targets=targets.reshape(len(loud), targets.size // max(1, len(loud))),
    )
    with replacing(job.out) as out:
        out.write(file.getvalue())
    return ""


def _target(teacher: Backbone | None, window: Samples, rate: int) -> NDArray[np.float32]:
    """The teacher's embedding of a window that is brought to one level."""
    if teacher is None:
        return np.zeros(0, np.float32)
    levelled = window * np.float32(RMS / max(np.sqrt(np.mean(window**2)), _SILENT_RMS))
    return teacher.embed(np.asarray(soxr.resample(levelled, rate, teacher.sample_rate_hz)))


def chunked(samples: Samples, length: int, shortest: int) -> list[Samples]:
    """Stretches side by side; a rest below ``shortest`` stays with the stretch before it."""
    ends = [*range(length, len(samples) - shortest + 1, length), len(samples)]
    starts = [0, *ends[:-1]]
    return [samples[start:end] for start, end in zip(starts, ends, strict=True)]


def cut(samples: Samples, length: int) -> list[Samples]:
    """Windows side by side, the last one moved back to the end; short audio is repeated."""
    if not len(samples):
        return []
    if len(samples) < length:
        return [np.resize(samples, length)]
    starts = [*range(0, len(samples) - length, length), len(samples) - length]
    return [samples[start : start + length] for start in starts]


def disturbed(
    samples: Samples,
    others: Sequence[Samples],
    rate: int,
    shares: Disturbances,
    generator: np.random.Generator,
) -> Samples:
    """A chunk after every change that its dice ask for."""
    for name, change in _CHANGES.items():
        if generator.random() < getattr(shares, name):
            samples = change(samples, others, rate, generator)
    return samples


_Change = Callable[[Samples, Sequence[Samples], int, np.random.Generator], Samples]


def _speed(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    return np.asarray(played(samples, float(generator.uniform(0.92, 1.08))), np.float32)


def _mixing(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    other = np.resize(others[int(generator.integers(len(others)))], len(samples))
    gain = np.float32(10 ** (-generator.uniform(0, 15) / 20))
    return np.asarray(samples + gain * other, np.float32)


def _short(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    length = min(len(samples), int(generator.uniform(1, 3) * rate))
    start = int(generator.integers(len(samples) - length + 1))
    return samples[start : start + length]


def _band_limit(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    highest = min(7000, rate / 2)
    return low_passed(samples, rate, float(generator.uniform(min(2500, highest), highest)))


def _codec(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    coded = encoded(
        samples,
        rate,
        codec="libmp3lame",
        container="mp3",
        bits_per_second=1000 * int(generator.choice([32, 48, 64, 96])),
        codec_rate_hz=44100,
        stereo=True,
    )
    try:
        return decode(coded, sample_rate_hz=rate).samples[: len(samples)]
    except AudioError:  # a few samples, of which the codec leaves too few
        return samples


def _noise(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    return noisy(samples, float(generator.uniform(10, 35)), generator)


def _level(
    samples: Samples, others: Sequence[Samples], rate: int, generator: np.random.Generator
) -> Samples:
    return samples * np.float32(10 ** (-generator.uniform(0, 30) / 20))


_CHANGES: dict[str, _Change] = {
    "speed": _speed,
    "mixing": _mixing,
    "short": _short,
    "band_limit": _band_limit,
    "codec": _codec,
    "noise": _noise,
    "level": _level,
}


def _load(path: Path) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["mel"], arrays["targets"]
