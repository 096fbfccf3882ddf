"""Labelled audio for the model in the box, in every condition, as embeddings of its windows."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.bundles import Bundle, load_bundle, window_samples
from genrekit.datasets import CorpusInfo, Dataset, Item
from genrekit.evaluation.distortion_kinds import DISTORTIONS, Clip
from genrekit.inference.windows import cut_windows
from genrekit.progress import Progress
from genrekit.schema import ExcerptConfig
from genrekit.training.backbone import Backbone
from genrekit.workers import ordered_map

GENRES = (
    *("blues", "classical", "country", "disco", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)
RATE_HZ = 16000
WHOLE = "whole"
_SECONDS = 30

#: Condition to distortions and their levels, one after the other.
CONDITIONS: dict[str, tuple[tuple[str, float], ...]] = {
    WHOLE: (),
    "nothing above 4 kHz": (("low-pass", 4000),),
    "10 s": (("length", 10),),
    **{f"3 s, at {at} %": (("position", at), ("length", 3)) for at in (0, 50, 100)},
    **{f"{1000 * shift:g} ms later": (("shift", shift),) for shift in (0.005, 0.02, 0.05, 0.1)},
    "mp3, 64 kbit/s": (("mp3", 64),),
    "mp3, 32 kbit/s": (("mp3", 32),),
    "8 kHz": (("resampling", 8000),),
    "noise, 20 dB": (("noise", 20),),
    "gain -20 dB": (("gain", -20),),
    "gain +12 dB, clipped": (("gain", 12),),
    "stereo, one side silent": (("stereo", 0),),
}
#: What the covariance of noise is estimated from; tested in none of the conditions.
NOISE = "noise, 22 dB"
_TAUGHT = {NOISE: (("noise", 22.0),)}


@dataclass(frozen=True, slots=True)
class Sound:
    """One labelled file.

    Attributes
    ----------
    kind : str
        ``clips`` and ``snippets`` are GTZAN's, ``outside`` of other collections.
    """

    path: Path
    genre: str
    track: str
    kind: str
    artist: str
    source: str


def read_sounds(data: Path) -> list[Sound]:
    """All labelled audio but the recordings that are kept aside."""
    away = set((data / "splits/held_out_tracks.txt").read_text().split())
    found = []
    for row in _rows(data / "gtzan_audio/index.csv"):
        if row["kind"] in ("clips", "snippets") and row["track"] not in away:
            path = data / "gtzan_audio" / row["file"]
            found.append(
                Sound(
                    path, row["genre"], row["track"], row["kind"], f"gtzan {row['track']}", "GTZAN"
                )
            )
    for row in _rows(data / "outside/index.csv"):
        path, artist = data / "outside" / row["file"], row["artist"].casefold().strip()
        track = row["file"].removesuffix(".opus").split("/")[-1]
        found.append(
            Sound(path, row["genre"], f"{row['genre']}.{track}", "outside", artist, row["source"])
        )
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dataset_of(name: str, sounds: Sequence[Sound]) -> Dataset:
    """Sounds as a data set."""
    info = CorpusInfo(
        title=name,
        licence="each clip its own; research measurement and learning only",
        citation="clips of GTZAN and of other collections, labelled as their collections are",
        homepage="https://github.com",
    )
    items = tuple(
        Item(sound.track, (sound.genre,), sound.track, artist=sound.artist) for sound in sounds
    )
    return Dataset(name, GENRES, items, info)


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Windows of all sounds.

    Attributes
    ----------
    rows : (n, columns) float32
    owners : (n,) int
        Number of the sound of each.
    """

    rows: NDArray[np.float32]
    owners: NDArray[np.int64]

    def means(self, count: int) -> NDArray[np.float64]:
        """Mean of each sound's windows, (count, columns); NaN for a sound that has none."""
        sums = np.zeros((count, self.rows.shape[1]))
        np.add.at(sums, self.owners, self.rows)
        windows = np.bincount(self.owners, minlength=count)[:, None]
        return np.divide(sums, windows, out=np.full_like(sums, np.nan), where=windows > 0)


def embed(
    encoder: Path | Backbone,
    sounds: Sequence[Sound],
    numbers: Sequence[int],
    condition: str,
    folder: Path,
    *,
    workers: int,
    progress: Progress,
) -> Embedded:
    """Embeddings of some sounds in a condition; what is in ``folder`` is read from there.

    Parameters
    ----------
    encoder : Path or Backbone
        A bundle, or a backbone.
    numbers : sequence of int
        Which of the sounds.
    """
    named = load_bundle(encoder).sha256 if isinstance(encoder, Path) else encoder.fingerprint
    files = "".join(str(sounds[number].path.name) for number in numbers)
    key = hashlib.sha256(f"2{named}{condition}{files}".encode()).hexdigest()[:24]
    path = folder / f"{key}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        jobs = [(encoder, sounds[number].path, condition) for number in numbers]
        parts = []
        for done, part in enumerate(ordered_map(_embed_file, jobs, workers=workers), start=1):
            assert isinstance(part, np.ndarray), part
            parts.append(part)
            progress(condition, done, len(jobs))
        owners = np.repeat(np.array(numbers), [len(part) for part in parts])
        np.savez(path, rows=np.concatenate(parts), owners=owners)
    with np.load(path, allow_pickle=False) as arrays:
        return Embedded(arrays["rows"], arrays["owners"])


def audio_of(file: Path, condition: str, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """The first 30 s of a file in a condition."""
    excerpt = ExcerptConfig(start_seconds=0, duration_seconds=_SECONDS)
    samples = decode(file, sample_rate_hz=rate_hz, excerpt=excerpt).samples
    for kind, level in {**CONDITIONS, **_TAUGHT}[condition]:
        if kind == "shift":
            samples = samples[round(level * rate_hz) :]
            continue
        made = DISTORTIONS[kind].make(
            Clip(samples, samples, rate_hz), level, np.random.default_rng(len(samples))
        )
        samples = decode(made, sample_rate_hz=rate_hz).samples
    return samples


def _embed_file(job: tuple[Path | Backbone, Path, str]) -> NDArray[np.float32]:
    encoder, file, condition = job
    if isinstance(encoder, Path):
        bundle = _bundle(encoder)
        return embed_samples(bundle, audio_of(file, condition, bundle.manifest.sample_rate_hz))
    rate = encoder.sample_rate_hz
    length, hop = window_samples(encoder.windows, rate)
    cut = list(cut_windows([audio_of(file, condition, rate)], length=length, hop=hop))
    return np.stack([encoder.embed(window.samples) for window in cut])


def embed_samples(bundle: Bundle, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings of the windows that a prediction takes, (n, columns)."""
    windows, rate = bundle.manifest.windows, bundle.manifest.sample_rate_hz
    length, hop = window_samples(windows, rate)
    mel = [bundle.features(one.samples) for one in cut_windows([samples], length=length, hop=hop)]
    return bundle.embed({name: np.stack([one[name] for one in mel]) for name in mel[0]})


@cache
def _bundle(path: Path) -> Bundle:
    return load_bundle(path)
