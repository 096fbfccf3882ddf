"""What a model learnt, as digests in its bundle: enough to know it again under another name.

``learnt.npz`` holds, of what the weights were fitted on, for tables a digest and a sketch of each
row, and for audio a digest of the samples and some landmarks of the sound. Neither numbers nor
audio can be made from it again.

Sketches are signs of random projections (M. Charikar, "Similarity estimation techniques from
rounding algorithms", STOC 2002): bits that differ count the angle between two rows. Of the
landmarks those with the smallest hashes are kept (A. Broder, "On the resemblance and containment
of documents", SEQUENCES 1997), so that an excerpt or a re-encoding still has some of them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset
from genrekit.fingerprint import Fingerprint, hashes

LEARNT = "learnt.npz"
_BITS = 256
#: Rows that differ in no more bits than this are one row with 2 % of noise, ...
MOST_BITS = 6
#: ... unless others are that near as well: then no more than this share of what the nearest do.
OF_NEAREST = 0.35
_MEASURED = 3000
#: Pictures have tens of thousands of columns, of which some are enough.
MOST_COLUMNS = 2048
_DIGITS = 5
#: Landmarks that are kept of a recording, and of all recordings together.
MOST_LANDMARKS = 512
FEWEST_LANDMARKS = 64
_WORDS = 1 << 20
#: Share of a recording's landmarks, and their number, from which on it is in what is tested.
LEAST_SHARE = 0.02
LEAST_COMMON = 6
_MIX = np.uint64(2654435761)  # Knuth, TAOCP 6.4

Floats = NDArray[np.float64]
Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """Digests of what was fitted on; each part may be empty.

    Parameters
    ----------
    columns : tuple of str
        Of the table that ``rows`` are of.
    rows : (n,) uint64
    sketches : (n, 256) bool
    centre, spread : (columns,) float64
        By which rows are scaled before they are sketched.
    most_bits : int
        How many bits of a copy may differ; -1 where only digests tell.
    sounds : (m,) uint64
    landmarks : sequence of uint32 arrays
        Of each sound, ascending.
    """

    columns: tuple[str, ...] = ()
    rows: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    sketches: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, _BITS), bool))
    centre: Floats = field(default_factory=lambda: np.zeros(0))
    spread: Floats = field(default_factory=lambda: np.zeros(0))
    most_bits: int = -1
    sounds: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    landmarks: Sequence[Words] = ()

    def to_bytes(self) -> bytes:
        """Content of ``learnt.npz``; equal for equal digests."""
        file = io.BytesIO()
        np.savez(
            file,
            columns=np.frombuffer(json.dumps(self.columns).encode(), np.uint8),
            rows=self.rows,
            sketches=np.packbits(self.sketches, axis=1),
            centre=self.centre,
            spread=self.spread,
            most_bits=np.array(self.most_bits),
            sounds=self.sounds,
            counts=np.array([len(one) for one in self.landmarks], np.int64),
            landmarks=np.concatenate([np.zeros(0, np.uint32), *self.landmarks]),
        )
        return file.getvalue()

    def joined(self, other: Learnt) -> Learnt:
        """With the sounds of another one, which a backbone learnt before."""
        return Learnt(
            *(self.columns, self.rows, self.sketches, self.centre, self.spread, self.most_bits),
            np.concatenate([self.sounds, other.sounds]),
            (*self.landmarks, *other.landmarks),
        )


def is_learnt(name: str) -> bool:
    """Whether a file of a bundle holds digests: ``learnt.npz``, ``learnt-2.npz`` and so on."""
    return name == LEARNT or (name.startswith("learnt-") and name.endswith(".npz"))


def learnt_files(found: Iterable[Learnt]) -> dict[str, bytes]:
    """Files for the digests of several models, each once."""
    contents = dict.fromkeys(one.to_bytes() for one in found)
    names = (LEARNT if not place else f"learnt-{place + 1}.npz" for place in range(len(contents)))
    return dict(zip(names, contents, strict=True))


def read_learnt(bundle: Path) -> tuple[Learnt, ...]:
    """Return what the saved model in a folder, and each that it is made of, learnt.

    Nothing for models from before that was kept.
    """
    files = sorted(file for file in bundle.glob("learnt*.npz") if is_learnt(file.name))
    return tuple(_read(file) for file in files)


def _read(file: Path) -> Learnt:
    with np.load(file, allow_pickle=False) as kept:
        ends = np.cumsum(kept["counts"])[:-1]
        return Learnt(
            columns=tuple(json.loads(kept["columns"].tobytes())),
            rows=kept["rows"],
            sketches=np.unpackbits(kept["sketches"], axis=1).astype(bool),
            centre=kept["centre"],
            spread=kept["spread"],
            most_bits=int(kept["most_bits"]),
            sounds=kept["sounds"],
            landmarks=np.split(kept["landmarks"], ends) if len(kept["counts"]) else (),
        )


# --- rows ---------------------------------------------------------------------------------------


def learnt_rows(dataset: Dataset, columns: Sequence[str], item_ids: Iterable[str]) -> Learnt:
    """Digests and sketches of the rows of a table that were fitted on."""
    columns = columns[:: 1 + (len(columns) - 1) // MOST_COLUMNS]
    x = _cells(dataset, columns)
    rows = np.unique(dataset.indices(dict.fromkeys(item_ids)))
    x = x[rows]
    centre, spread = np.median(x, axis=0), x.std(axis=0)
    sketches = _sketches(x, centre, spread)
    groups = np.unique(np.array(dataset.groups(), dtype=str)[rows], return_inverse=True)[1]
    return Learnt(
        tuple(columns), _digests(x), sketches, centre, spread, _most_bits(sketches, groups)
    )


def seen_rows(learnt: Learnt, dataset: Dataset) -> tuple[str, ...]:
    """Items of a table that are rows that were learnt, or nearly."""
    x = _cells(dataset, learnt.columns)
    seen = np.isin(_digests(x), learnt.rows)
    if learnt.most_bits >= 0:
        sketches = _sketches(x, learnt.centre, learnt.spread)
        seen |= _fewest_different(sketches, learnt.sketches) <= learnt.most_bits
    return tuple(item.item_id for item, yes in zip(dataset.items, seen, strict=True) if yes)


def _cells(dataset: Dataset, columns: Sequence[str]) -> Floats:
    assert dataset.features is not None, "asked before"
    cells = np.asarray(dataset.columns(columns), np.float64)
    return np.nan_to_num(cells, nan=0.0) if dataset.gaps else cells  # gaps are alike, too


def _digests(x: Floats) -> NDArray[np.uint64]:
    """Return a number for each row, equal where five digits of all of its cells are."""
    safe = np.where(x == 0, 1.0, np.abs(x))
    powers = np.floor(np.log10(safe)).astype(np.int64)
    digits = np.rint(x / 10.0 ** (powers - _DIGITS + 1)).astype(np.int64)
    over = np.abs(digits) >= 10**_DIGITS  # 9.99999 is 10.000
    digits, powers = np.where(over, digits // 10, digits), np.where(over, powers + 1, powers)
    both = np.concatenate([digits, np.where(digits == 0, 0, powers)], axis=1)
    return np.array([_word(hashlib.sha256(row.tobytes()).hexdigest()) for row in both], np.uint64)


def _word(digest: str) -> int:
    return int(digest[:16], 16)


def _sketches(x: Floats, centre: Floats, spread: Floats) -> NDArray[np.bool_]:
    unit = np.clip((x - centre) / np.where(spread > 0, spread, np.inf), -8, 8)
    planes = np.random.default_rng(0).standard_normal((x.shape[1], _BITS))
    return np.asarray(unit @ planes > 0)


def _fewest_different(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each sketch, bits in which the nearest of the others differs."""
    signs = np.where(other, np.float32(1), np.float32(-1))
    found = np.full(len(one), np.inf)
    for start in range(0, len(one), 256):
        mine = np.where(one[start : start + 256], np.float32(1), np.float32(-1))
        found[start : start + 256] = (_BITS - (mine @ signs.T).max(axis=1)) / 2
    return found


def _most_bits(sketches: NDArray[np.bool_], groups: NDArray[np.int64]) -> int:
    """How many bits of a copy may differ, so that other recordings are not taken for it."""
    some = slice(None, None, 1 + (len(sketches) - 1) // _MEASURED)
    signs = np.where(sketches[some], np.float32(1), np.float32(-1))
    different = (_BITS - signs @ signs.T) / 2
    different[groups[some][:, None] == groups[some][None]] = np.inf
    nearest = different.min(axis=1)
    known = nearest[np.isfinite(nearest)]
    if not len(known):
        return -1
    limit = int(OF_NEAREST * float(np.quantile(known, 0.01)))
    return min(limit, MOST_BITS) if limit > 0 else -1


# --- sounds -------------------------------------------------------------------------------------


def learnt_sounds(
    contents: Mapping[str, str],
    prints: Mapping[str, Fingerprint],
    item_ids: Iterable[str],
    *,
    most: int = MOST_LANDMARKS,
) -> Learnt:
    """Digests and landmarks of the audio that was fitted on.

    Parameters
    ----------
    contents, prints : mapping of str
        By item id; of what could not be decoded there is none.
    most : int
        Landmarks of a recording; of many recordings fewer are kept.
    """
    known = [one for one in dict.fromkeys(item_ids) if one in contents]
    many = max(FEWEST_LANDMARKS, min(most, _WORDS // max(1, len(known))))
    return Learnt(
        sounds=np.array([_word(contents[one]) for one in known], np.uint64),
        landmarks=tuple(_smallest(_hashes(prints[one]), many) for one in known),
    )


def seen_sounds(
    learnt: Learnt, contents: Mapping[str, str], prints: Mapping[str, Fingerprint]
) -> tuple[str, ...]:
    """Items whose audio was learnt: copies, re-encodings, and excerpts of some seconds."""
    owner = np.repeat(np.arange(len(learnt.landmarks)), [len(one) for one in learnt.landmarks])
    words = np.concatenate([np.zeros(0, np.uint32), *learnt.landmarks])
    least = np.array(
        [max(LEAST_COMMON, LEAST_SHARE * len(one)) for one in learnt.landmarks], np.float64
    )
    exact = set(learnt.sounds.tolist())
    seen = []
    for item_id, content in contents.items():
        common = np.bincount(owner[np.isin(words, _hashes(prints[item_id]))], minlength=len(least))
        if _word(content) in exact or (common >= least).any():
            seen.append(item_id)
    return tuple(seen)


def _hashes(one: Fingerprint) -> Words:
    keys, _ = hashes(one.times_seconds, one.pitches_semitones)
    return np.unique(keys.astype(np.uint32))


def _smallest(keys: Words, many: int) -> Words:
    mixed = (keys.astype(np.uint64) * _MIX) & np.uint64(0xFFFFFFFF)
    return np.sort(keys[np.argsort(mixed, kind="stable")[:many]])
