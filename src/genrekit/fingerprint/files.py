"""Files to fingerprints and content hashes: in parallel, cached, one outcome for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.errors import AudioError
from genrekit.features import FeatureCache, compute_files
from genrekit.fingerprint.landmarks import FORMAT_VERSION, Fingerprint, content_hash, fingerprint
from genrekit.schema import ExcerptConfig

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
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> Iterator[FingerprintedFile]:
    """Fingerprint many files, or parts of them; see `compute_files` for the parameters.

    Yields
    ------
    FingerprintedFile
        One for each source, in order. An unreadable file is one with its error.
    """
    recipe = f"fingerprint {FORMAT_VERSION} at {_RATE_HZ} Hz"
    for one in compute_files(sources, _packed, recipe, workers=workers, cache=cache):
        if one.features is None:
            yield FingerprintedFile(one.path, None, error=one.error)
        else:
            yield _unpacked(one.path, one.features)


# The cache keeps arrays of float32, which hold the values of bytes exactly.


def _packed(path: Path, excerpt: ExcerptConfig) -> NDArray[np.float32]:
    audio = decode(path, sample_rate_hz=_RATE_HZ, excerpt=excerpt)
    head = json.dumps([content_hash(audio.samples), *audio.warnings]).encode()
    data = head + b"\n" + fingerprint(audio.samples, audio.sample_rate_hz).to_bytes()
    return np.frombuffer(data, np.uint8).astype(np.float32)


def _unpacked(path: Path, entry: NDArray[np.float32]) -> FingerprintedFile:
    head, _, body = entry.astype(np.uint8).tobytes().partition(b"\n")
    content, *warnings = json.loads(head)
    return FingerprintedFile(path, Fingerprint.from_bytes(body), content, tuple(warnings))
