"""Files to features: in parallel, through the cache, one outcome per file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.errors import AudioError
from genrekit.features.cache import FeatureCache, cache_key
from genrekit.features.frontend import build_frontend, frontend_fingerprint
from genrekit.schema import ExcerptConfig, FrontendConfig
from genrekit.workers import LONG_LIMITS, WorkerDied, ordered_map

WHOLE_TRACK = ExcerptConfig(start_seconds=0.0, duration_seconds=None)

#: What is left at the end of a track counts as a window from this share of one on.
NEARLY_A_WINDOW = 0.9

Source = Path | tuple[Path, ExcerptConfig]
Compute = Callable[[Path, ExcerptConfig], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """What one file gave: ``features``, or the ``error`` that stands in their place."""

    path: Path
    features: NDArray[np.float32] | None
    error: AudioError | None = None


def extract(
    sources: Iterable[Source],
    config: FrontendConfig,
    *,
    excerpt: ExcerptConfig = WHOLE_TRACK,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[Extraction]:
    """Compute the features of many files; see `compute_files` for parameters and outcomes."""
    return compute_files(
        sources,
        partial(_features, config=config),
        frontend_fingerprint(config),
        excerpt=excerpt,
        workers=workers,
        cache=cache,
    )


def compute_files(
    sources: Iterable[Source],
    compute: Compute,
    fingerprint: str,
    *,
    excerpt: ExcerptConfig = WHOLE_TRACK,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[Extraction]:
    """Compute an array of each of many files.

    Parameters
    ----------
    sources : iterable of Path, or of (Path, ExcerptConfig)
        Files; a pair overrides ``excerpt`` for that file.
    compute : callable
        Path and excerpt to the array; picklable when ``workers`` is more than one.
    fingerprint : str
        Names what ``compute`` does, for the cache: another computation, another fingerprint.
    excerpt : ExcerptConfig
        Which part of each file; the whole of it by default.
    workers : int
        Processes to use; 1 stays in this one.
    cache : FeatureCache, optional
        None computes everything anew.

    Yields
    ------
    Extraction
        One for each source, in order. An unreadable file is an ``Extraction`` with its error.
    """
    jobs = (source if isinstance(source, tuple) else (source, excerpt) for source in sources)
    one = partial(_compute_one, compute=compute, fingerprint=fingerprint, cache=cache)
    for outcome in ordered_map(one, jobs, workers=workers, limits=LONG_LIMITS):
        if isinstance(outcome, WorkerDied):
            path, _ = outcome.argument
            reason = f"{path}: {outcome.message}"
            yield Extraction(path, None, AudioError(reason))
        else:
            yield outcome


def _compute_one(
    source: tuple[Path, ExcerptConfig],
    *,
    compute: Compute,
    fingerprint: str,
    cache: FeatureCache | None,
) -> Extraction:
    path, excerpt = source
    try:
        if cache is None:
            return Extraction(path, compute(path, excerpt))
        key = cache_key(path, excerpt, fingerprint)
        features = cache.get(key)
        if features is None:
            features = compute(path, excerpt)
            cache.put(key, features)
        return Extraction(path, features)
    except AudioError as error:
        return Extraction(path, None, error)


def extract_windows(
    sources: Iterable[Path],
    config: FrontendConfig,
    window_seconds: float,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[Extraction]:
    """Compute the features of consecutive windows of many files.

    Yields
    ------
    Extraction
        ``features`` are (windows, 1 + columns), the first column being the samples of the window.
    """
    compute = partial(_windows, config=config, window_seconds=window_seconds)
    named = f"{frontend_fingerprint(config)}/windows-1/{window_seconds:g}"
    return compute_files(sources, compute, named, excerpt=WHOLE_TRACK, workers=workers, cache=cache)


def _windows(
    path: Path, excerpt: ExcerptConfig, *, config: FrontendConfig, window_seconds: float
) -> NDArray[np.float32]:
    samples = decode(path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt).samples
    length = max(1, round(window_seconds * config.sample_rate_hz))
    # Tracks of GTZAN are a few samples longer or shorter than thirty seconds.
    count = max(1, math.floor(len(samples) / length + 1 - NEARLY_A_WINDOW))
    parts = [samples[number * length : (number + 1) * length] for number in range(count)]
    rows = [np.concatenate([[np.float32(len(part))], _frontend(config)(part)]) for part in parts]
    return np.array(rows, np.float32)


# Building a front-end (filter banks) costs more than using it once.
_frontend = lru_cache(maxsize=4)(build_frontend)


def _features(path: Path, excerpt: ExcerptConfig, *, config: FrontendConfig) -> NDArray[np.float32]:
    waveform = decode(path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt)
    return _frontend(config)(waveform.samples)
