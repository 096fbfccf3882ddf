"""Files to features: in parallel, through the cache, one outcome per file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.errors import AudioError
from genrekit.features.cache import FeatureCache, cache_key
from genrekit.features.frontend import build_frontend, frontend_fingerprint
from genrekit.parallel import WorkerDied, ordered_map
from genrekit.schema import ExcerptConfig, FrontendConfig

WHOLE_TRACK = ExcerptConfig(start_seconds=0.0, duration_seconds=None)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one file gave: ``features``, or the ``error`` that stands in their place."""

    path: Path
    features: NDArray[np.float32] | None
    error: AudioError | None = None


def extract(
    sources: Iterable[Path | tuple[Path, ExcerptConfig]],
    config: FrontendConfig,
    *,
    excerpt: ExcerptConfig = WHOLE_TRACK,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[Extraction]:
    """Compute the features of many files.

    Parameters
    ----------
    sources : iterable of Path, or of (Path, ExcerptConfig)
        Files; a pair overrides ``excerpt`` for that file.
    config : FrontendConfig
        Which features.
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
    one = partial(_extract_one, config=config, cache=cache)
    for outcome in ordered_map(one, jobs, workers=workers):
        if isinstance(outcome, WorkerDied):
            path, _ = outcome.argument
            reason = f"{path}: decoding it killed its process; the file is damaged or too large"
            yield Extraction(path, None, AudioError(reason))
        else:
            yield outcome


# Building a front-end (filter banks) costs more than using it once.
_frontend = lru_cache(maxsize=4)(build_frontend)


def _extract_one(
    source: tuple[Path, ExcerptConfig], *, config: FrontendConfig, cache: FeatureCache | None
) -> Extraction:
    path, excerpt = source
    try:
        # What is no readable file has no key: decoding says why, and never waits for a pipe.
        if cache is None or not path.is_file() or not os.access(path, os.R_OK):
            return Extraction(path, _compute(path, excerpt, config))
        key = cache_key(path, excerpt, frontend_fingerprint(config))
        features = cache.get(key)
        if features is None:
            features = _compute(path, excerpt, config)
            cache.put(key, features)
        return Extraction(path, features)
    except AudioError as error:
        return Extraction(path, None, error)


def _compute(path: Path, excerpt: ExcerptConfig, config: FrontendConfig) -> NDArray[np.float32]:
    waveform = decode(path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt)
    return _frontend(config)(waveform.samples)
