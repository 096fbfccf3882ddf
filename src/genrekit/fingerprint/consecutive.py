"""Pieces that were cut from one recording, told by the sound going on from one into the next.

A cut leaves no trace in the samples: what linear prediction expects behind the end of one piece is
what the next one begins with, and the other way round. Between other pieces there is a step, which
prediction does not expect. So it is told without names and without any audio in common. Where
audio is noise, prediction tells nothing, and neither does this; a lossy codec changes what lies at
the edges of a piece, so pieces are found that were cut before it was kept without loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from genrekit.audio import AudioInfo, decode, probe
from genrekit.errors import AudioError
from genrekit.schema import ExcerptConfig

#: Samples at each edge that prediction learns from, and how many before each it looks at.
EDGE_SAMPLES = 2048
ORDER = 32
#: Samples behind an edge that are compared.
AHEAD = 16
#: The error across an edge, relative to that within a piece, both ways multiplied: about one where
#: the sound goes on, and tens to millions elsewhere.
MOST_ERROR = 2.0
#: How much worse every other piece has to fit.
MARGIN = 6.0

#: And how much worse a piece would fit that has nothing to do with it.
OF_CHANCE = 64.0

_EDGE_SECONDS = 0.6
_LOSSY = frozenset(
    {"aac", "ac3", "amr", "eac3", "mp2", "mp3", "opus", "vorbis", "wmav1", "wmav2"}
    | {"mpeg_layer_i", "mpeg_layer_ii", "mpeg_layer_iii"}
)
# Steps of 16 bits: what is predicted better than that is predicted as well.
_LEAST_ERROR = (1 / 32768) ** 2 / 6
# Below this (60 dB under full scale) an edge is a fade or silence, which fits everything.
_LEAST_POWER = 1e-6
# No error is as large, and its square is a number.
_NEVER = 1e30

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The first and the last samples of a piece, (n,), at its own rate."""

    rate_hz: int
    first: Samples
    last: Samples


def edges_of(samples: NDArray[np.float32], info: AudioInfo) -> Edges | None:
    """Return the edges of decoded audio (n,) at its own rate; None where they tell nothing.

    Parameters
    ----------
    info : AudioInfo
        Of the file. What a lossy codec did at the edges hides whether the sound goes on.
    """
    lossy = info.container in _LOSSY or info.codec in _LOSSY
    if lossy or len(samples) < EDGE_SAMPLES:
        return None
    first, last = samples[:EDGE_SAMPLES], samples[-EDGE_SAMPLES:]
    return Edges(info.sample_rate_hz, first.astype(np.float64), last.astype(np.float64))


def read_edges(path: Path, part: ExcerptConfig) -> Edges | None:
    """Return the edges of a file, or of a part of it, without decoding what lies between.

    Files that cannot be read have none: who reads all of them says so.
    """
    try:
        info = probe(path)
        if info.seconds is None:
            return None
        start, length = part.start_seconds or 0.0, part.duration_seconds
        end = info.seconds if length is None else min(start + length, info.seconds)
        begins = (start, max(end - _EDGE_SECONDS, start))
        first, last = (_read(path, info.sample_rate_hz, begin, end) for begin in begins)
    except AudioError:
        return None
    return edges_of(np.concatenate([first, last]), info)


def _read(path: Path, rate_hz: int, begin: float, end: float) -> NDArray[np.float32]:
    seconds = min(_EDGE_SECONDS, max(end - begin, 0.1))
    part = ExcerptConfig(start_seconds=begin, duration_seconds=seconds)
    return decode(path, sample_rate_hz=rate_hz, excerpt=part).samples


def find_consecutive(edges: Mapping[str, Edges]) -> tuple[tuple[str, str], ...]:
    """Pairs of which the second begins where the first ends.

    Parameters
    ----------
    edges : mapping of str
        By name; those of one rate are compared with each other.

    Returns
    -------
    tuple of (str, str)
        Each piece is followed by one at most, and follows one at most.
    """
    rates = sorted({one.rate_hz for one in edges.values()})
    found: list[tuple[str, str]] = []
    for rate_hz in rates:
        found += _of_one_rate({k: one for k, one in edges.items() if one.rate_hz == rate_hz})
    return tuple(found)


def _of_one_rate(edges: Mapping[str, Edges]) -> Iterator[tuple[str, str]]:
    names = list(edges)
    if len(names) < 2:
        return
    lasts = np.array([one.last for one in edges.values()])
    firsts = np.array([one.first for one in edges.values()])
    onward, loud = _errors(lasts, firsts[:, :AHEAD])
    back, loud_back = _errors(firsts[:, ::-1], lasts[:, : -AHEAD - 1 : -1])
    # Row: the piece that ends. Column: the one that begins.
    together, chance = onward * back.T, loud * loud_back.T
    np.fill_diagonal(together, np.inf)
    for row, column in enumerate(together.argmin(axis=1)):
        fit = together[row, column]
        if not fit <= MOST_ERROR or together[:, column].argmin() != row:
            continue
        if not fit * OF_CHANCE <= chance[row, column]:
            continue
        others = np.delete(together[row], column), np.delete(together[:, column], row)
        if all(one.min(initial=math.inf) >= MARGIN * fit for one in others):
            yield names[row], names[column]


def _errors(known: Samples, ahead: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How badly each of ``ahead`` (n, AHEAD) is predicted from each of ``known`` (n, samples).

    Returns
    -------
    errors : (n known, n ahead) float64
        Power of the error relative to that within what is known; `_NEVER` where an edge is silent.
    powers : (n known, n ahead) float64
        Power of what comes, relative to the same: about the error of what does not belong there.
    """
    errors, powers = (np.full((len(known), len(ahead)), _NEVER) for _ in range(2))
    power = (ahead**2).mean(axis=1)
    loud = power > _LEAST_POWER
    for row, samples in enumerate(known):
        if (samples[-4 * AHEAD :] ** 2).mean() <= _LEAST_POWER:
            continue
        weights, within = _prediction(samples)
        error = _across(weights, samples[-ORDER:], ahead)
        errors[row, loud] = (error[loud] ** 2).mean(axis=1) / within
        powers[row] = power / within
    return errors, powers


def _prediction(samples: Samples) -> tuple[Samples, float]:
    """Weights (ORDER,) of the samples before one, the nearest first, and the power of the error."""
    windows = np.lib.stride_tricks.sliding_window_view(samples[:-1], ORDER)[:, ::-1]
    wanted = samples[ORDER:]
    weights: Samples = np.asarray(np.linalg.lstsq(windows, wanted, rcond=1e-10)[0], np.float64)
    error = wanted - windows @ weights
    # Sound changes: what lies near the edge counts.
    return weights, max(float((error[-256:] ** 2).mean()), _LEAST_ERROR)


def _across(weights: Samples, before: Samples, ahead: Samples) -> Samples:
    """Errors (n, AHEAD) of what comes, predicted from what came before and from itself."""
    joined = np.concatenate([before, np.zeros(AHEAD - 1)])
    expected = np.lib.stride_tricks.sliding_window_view(joined, ORDER) @ weights[::-1]
    own = toeplitz(np.concatenate([[1.0], -weights[: AHEAD - 1]]), np.zeros(AHEAD))
    return np.asarray(ahead @ own.T - expected)
