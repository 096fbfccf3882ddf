"""Files to fingerprints and content hashes: in parallel, cached, one outcome for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.datasets.fingerprint import FORMAT_VERSION, Fingerprint, content_hash, fingerprint
from genrekit.errors import AudioError, AudioNotFoundError
from genrekit.features.cache import FeatureCache, cache_key
from genrekit.parallel import WorkerDied, ordered_map
from genrekit.schema import ExcerptConfig

WHOLE_FILE = ExcerptConfig(start_seconds=0.0, duration_seconds=None)
# Content hashes of different rates differ, so there is one rate for all.
_RATE_HZ = 22050


@dataclass(frozen=True, slots=True)
class FingerprintedFile:
    """What one file gave: all but ``error``, or the ``error`` that stands in their place.

    Parameters
    ----------
    content : str
        `content_hash` of the decoded audio at 22,050 Hz; empty after an error.
    warnings : tuple of str
        The named states that the decoder found, such as ``truncated: ...``.
    """

    path: Path
    fingerprint: Fingerprint | None
    content: str = ""
    warnings: tuple[str, ...] = ()
    error: AudioError | None = None


def fingerprint_files(
    sources: Iterable[Path | tuple[Path, ExcerptConfig]],
    *,
    excerpt: ExcerptConfig = WHOLE_FILE,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[FingerprintedFile]:
    """Fingerprint many files.

    Parameters
    ----------
    sources : iterable of Path, or of (Path, ExcerptConfig)
        Files; a pair overrides ``excerpt`` for that file.
    excerpt : ExcerptConfig
        Which part of each file; the whole of it by default.
    workers : int
        Processes to use; 1 stays in this one.
    cache : FeatureCache, optional
        None computes everything anew.

    Yields
    ------
    FingerprintedFile
        One for each source, in order. An unreadable file is one with its error.
    """
    jobs = (source if isinstance(source, tuple) else (source, excerpt) for source in sources)
    for outcome in ordered_map(partial(_one, cache=cache), jobs, workers=workers):
        if isinstance(outcome, WorkerDied):
            path, _ = outcome.argument
            reason = f"{path}: decoding it killed its process; the file is damaged or too large"
            yield FingerprintedFile(path, None, error=AudioError(reason))
        else:
            yield outcome


def _one(source: tuple[Path, ExcerptConfig], *, cache: FeatureCache | None) -> FingerprintedFile:
    path, excerpt = source
    try:
        if cache is None:
            return _compute(path, excerpt)
        key = _key(path, excerpt)
        entry = cache.get(key)
        if entry is not None:
            return _unpacked(path, entry)
        made = _compute(path, excerpt)
        cache.put(key, _packed(made))
        return made
    except AudioError as error:
        return FingerprintedFile(path, None, error=error)


def _key(path: Path, excerpt: ExcerptConfig) -> str:
    try:
        return cache_key(path, excerpt, f"fingerprint {FORMAT_VERSION} at {_RATE_HZ} Hz")
    except OSError as error:
        raise AudioNotFoundError(f"{path} cannot be read: {error.strerror}") from error


def _compute(path: Path, excerpt: ExcerptConfig) -> FingerprintedFile:
    audio = decode(path, sample_rate_hz=_RATE_HZ, excerpt=excerpt)
    return FingerprintedFile(
        path,
        fingerprint(audio.samples, audio.sample_rate_hz),
        content_hash(audio.samples),
        audio.warnings,
    )


# The cache keeps arrays of float32, which hold the values of bytes exactly.


def _packed(made: FingerprintedFile) -> NDArray[np.float32]:
    assert made.fingerprint is not None
    head = json.dumps([made.content, *made.warnings]).encode()
    data = head + b"\n" + made.fingerprint.to_bytes()
    return np.frombuffer(data, np.uint8).astype(np.float32)


def _unpacked(path: Path, entry: NDArray[np.float32]) -> FingerprintedFile:
    head, _, body = entry.astype(np.uint8).tobytes().partition(b"\n")
    content, *warnings = json.loads(head)
    return FingerprintedFile(path, Fingerprint.from_bytes(body), content, tuple(warnings))
