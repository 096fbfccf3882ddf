"""Clips as the model in the box hears them: whole, cut, encoded, filtered."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.bundles.window import window_features
from genrekit.errors import TrainingError
from genrekit.evaluation.distortion_kinds import DISTORTIONS, Clip
from genrekit.features import build_frontend, frontend_fingerprint
from genrekit.features.cache import FeatureCache
from genrekit.models.listener import MEL
from genrekit.parallel import WorkerDied, ordered_map
from genrekit.schema import ExcerptConfig, FrontendConfig, Gtzan57Config, WindowConfig
from genrekit.training.prepare import Step

#: Both front-ends' arrays of one window, one after the other.
Row = NDArray[np.float32]
COLUMNS = Gtzan57Config(separation=False)
#: Shorter audio is repeated, so that every window has as many frames.
WINDOWS = WindowConfig(window_seconds=30, hop_seconds=30, short="loop", minimum_seconds=1)
FRONTENDS: dict[str, FrontendConfig] = {"mel": MEL, "gtzan57": COLUMNS}
RATE_HZ = MEL.sample_rate_hz

#: How the head hears training tracks: name to distortions and their levels, one after the other.
WAYS: dict[str, tuple[tuple[str, float], ...]] = {
    "whole": (),
    "10 s": (("length", 10),),
    "5 s": (("length", 5),),
    "3 s": (("length", 3),),
    **{f"3 s, at {at} %": (("position", at), ("length", 3)) for at in (0, 25, 75, 100)},
    "mp3, 64 kbit/s": (("mp3", 64),),
    "mp3, 32 kbit/s": (("mp3", 32),),
    "16 kHz": (("resampling", 16000),),
    "11 kHz": (("resampling", 11025),),
    "8 kHz": (("resampling", 8000),),
    "noise, 20 dB": (("noise", 20),),
}
SHORT_WAYS = tuple(way for way in WAYS if way.startswith("3 s"))
#: The same for cuts that are short by themselves.
SNIPPET_WAYS = ("whole", "mp3, 64 kbit/s", "mp3, 32 kbit/s", "8 kHz", "noise, 20 dB")
#: Ways that clips are tested in, and that nothing is fitted on.
TESTED: dict[str, tuple[tuple[str, float], ...]] = {
    "10 s, at 0 %": (("position", 0),),
    "10 s, at 100 %": (("position", 100),),
    "96 kHz": (("resampling", 96000),),
    "gain -20 dB": (("gain", -20),),
    "gain +12 dB, clipped": (("gain", 12),),
    "stereo, one side silent": (("stereo", 0),),
}
_ALL = {**WAYS, **TESTED}
#: Windows of a clip that may vote instead of being heard at once.
VOTES = {"10 s": ("10 s, at 0 %", "10 s", "10 s, at 100 %"), "3 s": SHORT_WAYS}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the front-ends say of some clips, heard in one way.

    Attributes
    ----------
    mel : (n, 96, frames) float32
    columns : (n, 53) float32
    """

    mel: NDArray[np.float32]
    columns: NDArray[np.float32]

    def select(self, rows: NDArray[np.int64] | Sequence[int]) -> Heard:
        """Some of the clips."""
        return Heard(self.mel[rows], self.columns[rows])


def hear(
    sounds: Sequence[tuple[Path, str]], *, cache: FeatureCache, workers: int = 1
) -> Generator[Step, None, deque[Row]]:
    """Describe files, each in one way of hearing; what is in ``cache`` is read from there."""
    files = {file for file, _ in sounds}
    contents = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    keys = [_key(contents[file], way) for file, way in sounds]
    rows = [cache.get(key) for key in keys]
    missing = [place for place, row in enumerate(rows) if row is None]
    found = ordered_map(_describe, [sounds[place] for place in missing], workers=workers)
    for number, (place, row) in enumerate(zip(missing, found, strict=True), start=1):
        if isinstance(row, WorkerDied):
            raise TrainingError(f"describing {row.argument[0]} ended its process")
        cache.put(keys[place], row)
        rows[place] = row
        yield Step("hear", number, len(missing))
    return deque(row for row in rows if row is not None)


def described_as(clips: Sequence[NDArray[np.float32]]) -> Heard:
    """Describe samples, at most one window of each clip."""
    return heard_of([described(samples) for samples in clips])


def heard_of(rows: Sequence[Row]) -> Heard:
    """Put what was heard of several clips together."""
    arrays = np.stack(rows)
    width = (arrays.shape[1] - len(build_frontend(COLUMNS).feature_names)) // MEL.n_mels
    mel = arrays[:, : MEL.n_mels * width].reshape(len(arrays), MEL.n_mels, width)
    return Heard(mel, arrays[:, MEL.n_mels * width :])


def _key(content: str, way: str) -> str:
    fingerprints = [frontend_fingerprint(config) for config in FRONTENDS.values()]
    distorted = " then ".join(str(step) for step in _ALL[way]) or "None"
    text = f"{content}{distorted}{fingerprints}{WINDOWS}"
    return hashlib.sha256(text.encode()).hexdigest()


def _describe(argument: tuple[Path, str]) -> Row:
    file, way = argument
    excerpt = ExcerptConfig(start_seconds=0, duration_seconds=WINDOWS.window_seconds)
    samples = decode(file, sample_rate_hz=RATE_HZ, excerpt=excerpt).samples
    for kind, level in _ALL[way]:
        made = DISTORTIONS[kind].make(
            Clip(samples, samples, RATE_HZ), level, np.random.default_rng(len(samples))
        )
        samples = decode(made, sample_rate_hz=RATE_HZ).samples
    return described(samples)


def described(samples: NDArray[np.float32]) -> Row:
    """Describe the first window of samples."""
    length = round(WINDOWS.window_seconds * RATE_HZ)
    frontends = {name: build_frontend(config) for name, config in FRONTENDS.items()}
    found = window_features(samples[:length], frontends, WINDOWS)
    return np.concatenate([found["mel"].ravel(), found["gtzan57"]])
