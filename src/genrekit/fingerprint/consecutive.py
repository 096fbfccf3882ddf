"""Pieces that were cut from one recording, recognised because the sound continues across the cut.

A cut leaves no trace in the samples: linear prediction from the end of one piece expects what the
next one begins with, and the other way round. Between unrelated pieces there is a step, which
prediction does not expect. So a cut is recognised without names and without any audio in common.

Two things are asked of a joint. The next piece has to fit much better than every other one. And a
Bayes factor has to speak for it: how likely its first samples are as predicted from the piece
before, against how likely they are by its own autocorrelation. The second is what protects from
coincidence: a quiet beginning fits the end of anything loud, and slow waves fit each other by
chance, but both are as likely without a piece before them. The more pieces there are, the more fit
by chance, so the factor has to exceed their number: before anything is compared, the odds are one
to n that of n pieces this one comes next.

Noise cannot be predicted, so pieces of noise are never found. A lossy codec changes the edges of a
piece, so pieces are found that were cut before they were kept without loss.
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
#: How much larger the power of the error has to be for every other piece, both ways multiplied.
MARGIN = 6.0
#: The least Bayes factor of a joint among few pieces, each way: "very strong" on the scale of
#: Jeffreys (1961).
BAYES_FACTOR = 30.0

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
    """Return the edges of decoded audio (n,) at its own rate; None where they say nothing.

    Parameters
    ----------
    info : AudioInfo
        Of the file. What a lossy codec did at the edges hides whether the sound continues.
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
    onward, for_onward = _compare(lasts, firsts)
    back, for_back = _compare(firsts[:, ::-1], lasts[:, ::-1])
    # Row: the piece that ends. Column: the one that begins.
    together = onward * back.T
    evidence = np.minimum(for_onward, for_back.T)
    least = math.log(max(BAYES_FACTOR, len(names)))
    np.fill_diagonal(together, np.inf)
    for row, column in enumerate(together.argmin(axis=1)):
        fit = together[row, column]
        if not evidence[row, column] >= least:
            continue
        others = np.delete(together[row], column), np.delete(together[:, column], row)
        if all(one.min(initial=math.inf) >= MARGIN * fit for one in others):
            yield names[row], names[column]


def _compare(known: Samples, other: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare the beginning of each of ``other`` with what follows each of ``known``.

    Returns
    -------
    errors : (n known, n other) float64
        Power of the prediction error relative to that within what is known; `_NEVER` where an edge
        is silent.
    evidence : (n known, n other) float64
        Logarithm of the Bayes factor for ``other`` following ``known``; minus `_NEVER` where an
        edge is silent.
    """
    shape = len(known), len(other)
    errors, evidence = np.full(shape, _NEVER), np.full(shape, -_NEVER)
    ahead = other[:, :AHEAD]
    loud = (ahead**2).mean(axis=1) > _LEAST_POWER
    alone = np.array([_likelihood_alone(samples) for samples in other])
    for row, samples in enumerate(known):
        if (samples[-4 * AHEAD :] ** 2).mean() <= _LEAST_POWER:
            continue
        weights, within = _prediction(samples)
        error = _across(weights, samples[-ORDER:], ahead[loud])
        errors[row, loud] = (error**2).mean(axis=1) / within
        predicted = -AHEAD / 2 * (errors[row, loud] + math.log(within))
        evidence[row, loud] = predicted - alone[loud]
    return errors, evidence


def _likelihood_alone(samples: Samples) -> float:
    """Log-likelihood of the first samples by their own autocorrelation, at the level fitting best.

    They are taken to be Gaussian, and what is common to both sides of the Bayes factor is left out.
    The level is that of these few samples, so that a quiet beginning is no surprise.
    """
    windows = np.lib.stride_tricks.sliding_window_view(samples, AHEAD)
    covariance = windows.T @ windows / len(windows) + _LEAST_ERROR * np.eye(AHEAD)
    root = np.linalg.cholesky(covariance)
    level = max(float((np.linalg.solve(root, samples[:AHEAD]) ** 2).mean()), _LEAST_ERROR)
    return -AHEAD / 2 * (1 + math.log(level)) - float(np.log(np.diag(root)).sum())


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
