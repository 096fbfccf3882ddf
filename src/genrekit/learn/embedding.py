"""Tracks to embeddings of their windows, by a model that has one, and kept for the next time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform, decode
from genrekit.bundles import Bundle, load_bundle, window_samples
from genrekit.errors import AudioContentError, AudioError, ConfigError
from genrekit.features import FeatureCache, compute_files
from genrekit.inference import cut_windows
from genrekit.progress import Progress, silent
from genrekit.schema import ExcerptConfig

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Embeddings of the windows of some tracks.

    Attributes
    ----------
    rows : (n_windows, size) float32
        Windows of one track follow each other.
    owners : (n_windows,) int64
        Track of each window, ascending.
    """

    rows: Vectors
    owners: NDArray[np.int64]

    @property
    def tracks(self) -> int:
        """How many tracks there are."""
        return int(self.owners[-1]) + 1 if len(self.owners) else 0

    def means(self, values: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
        """Mean over the windows of each track, of the rows or of ``values`` (n_windows, k)."""
        of = np.asarray(self.rows if values is None else values, np.float64)
        sums = np.zeros((self.tracks, of.shape[1]))
        np.add.at(sums, self.owners, of)
        return sums / np.bincount(self.owners, minlength=self.tracks)[:, None]

    def select(self, tracks: Sequence[int] | NDArray[np.int64]) -> Embedded:
        """Return some of the tracks, in that order, numbered anew."""
        starts = np.searchsorted(self.owners, np.arange(self.tracks + 1))
        wanted = np.asarray(tracks, np.int64)
        parts = [self.rows[starts[track] : starts[track + 1]] for track in wanted]
        return joined(parts)


def joined(parts: Sequence[Vectors]) -> Embedded:
    """Embeddings of windows, track by track, as one table."""
    counts = [len(part) for part in parts]
    rows = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
    return Embedded(rows, np.repeat(np.arange(len(parts)), counts))


def check_embeds(bundle: Bundle) -> int:
    """Columns of a bundle's embedding.

    Raises
    ------
    ConfigError
        If it has none.
    """
    size = bundle.embedding_size
    if size is None:
        raise ConfigError(
            f"model {bundle.manifest.name} has no embedding, so nothing can be learnt on it; take "
            "the default model, or a network"
        )
    return size


def embed_windows(bundle: Bundle, waveform: Waveform) -> Vectors:
    """Embedding of each window of decoded audio, cut as the bundle cuts for predictions.

    Parameters
    ----------
    waveform : Waveform
        At the bundle's rate.

    Returns
    -------
    (n_windows, embedding_size) float32

    Raises
    ------
    AudioContentError
        If it is shorter than the bundle's minimum, or not finite.
    """
    manifest = bundle.manifest
    least = manifest.windows.minimum_seconds
    seconds = len(waveform.samples) / manifest.sample_rate_hz
    if seconds < least:
        raise AudioContentError(
            "too_short", f"there are {seconds:.3f} s of audio, at least {least:g} s are needed"
        )
    length, hop = window_samples(manifest.windows, manifest.sample_rate_hz)
    windows = cut_windows([waveform.samples], length=length, hop=hop)
    features = [bundle.features(window.samples) for window in windows]
    return bundle.embed({name: np.stack([one[name] for one in features]) for name in features[0]})


def embed_tracks(
    files: Sequence[Path],
    model: str | Path,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
) -> list[Vectors | AudioError]:
    """Embeddings of the windows of many files; the error stands for what cannot be read.

    Parameters
    ----------
    model : str or Path
        A bundle that has an embedding.
    workers : int
        Processes; 1 stays in this one.
    cache : FeatureCache, optional
        Where embeddings are kept, by the contents of the file and the model.

    Returns
    -------
    list of (n_windows, embedding_size) float32, or AudioError
    """
    bundle = _load(str(model))
    check_embeds(bundle)
    outcomes = compute_files(
        files,
        partial(_embed_file, model=str(model)),
        f"embedding of windows/{bundle.sha256}",
        excerpt=bundle.manifest.excerpt,
        workers=workers,
        cache=cache,
    )
    found: list[Vectors | AudioError] = []
    for outcome in outcomes:
        failed = outcome.error or AudioError(f"{outcome.path}: nothing could be analysed")
        found.append(failed if outcome.features is None else outcome.features)
        progress("Listening", len(found), len(files))
    return found


def _embed_file(path: Path, excerpt: ExcerptConfig, *, model: str) -> Vectors:
    bundle = _load(model)
    audio = decode(path, sample_rate_hz=bundle.manifest.sample_rate_hz, excerpt=excerpt)
    return embed_windows(bundle, audio)


# Each process loads a model once.
_load = lru_cache(maxsize=2)(load_bundle)
