"""Acoustic fingerprints: which recordings share audio, whatever was done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.fingerprint.consecutive import Edges, edges_of, find_consecutive, read_edges
    from genrekit.fingerprint.constellation import hashes
    from genrekit.fingerprint.files import FingerprintedFile, fingerprint_files
    from genrekit.fingerprint.hash_index import propose
    from genrekit.fingerprint.landmarks import (
        PITCH_STEPS,
        RANGE_SEMITONES,
        TICKS_PER_SECOND,
        Fingerprint,
        content_hash,
        fingerprint,
    )
    from genrekit.fingerprint.near_duplicates import (
        LEAST_SCORE,
        Match,
        compare,
        find_near_duplicates,
    )

__all__ = [
    "LEAST_SCORE",
    "PITCH_STEPS",
    "RANGE_SEMITONES",
    "TICKS_PER_SECOND",
    "Edges",
    "Fingerprint",
    "FingerprintedFile",
    "Match",
    "compare",
    "content_hash",
    "edges_of",
    "find_consecutive",
    "find_near_duplicates",
    "fingerprint",
    "fingerprint_files",
    "hashes",
    "propose",
    "read_edges",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "Edges": "genrekit.fingerprint.consecutive",
    "edges_of": "genrekit.fingerprint.consecutive",
    "find_consecutive": "genrekit.fingerprint.consecutive",
    "read_edges": "genrekit.fingerprint.consecutive",
    "hashes": "genrekit.fingerprint.constellation",
    "FingerprintedFile": "genrekit.fingerprint.files",
    "fingerprint_files": "genrekit.fingerprint.files",
    "propose": "genrekit.fingerprint.hash_index",
    "PITCH_STEPS": "genrekit.fingerprint.landmarks",
    "RANGE_SEMITONES": "genrekit.fingerprint.landmarks",
    "TICKS_PER_SECOND": "genrekit.fingerprint.landmarks",
    "Fingerprint": "genrekit.fingerprint.landmarks",
    "content_hash": "genrekit.fingerprint.landmarks",
    "fingerprint": "genrekit.fingerprint.landmarks",
    "LEAST_SCORE": "genrekit.fingerprint.near_duplicates",
    "Match": "genrekit.fingerprint.near_duplicates",
    "compare": "genrekit.fingerprint.near_duplicates",
    "find_near_duplicates": "genrekit.fingerprint.near_duplicates",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
