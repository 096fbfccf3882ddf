"""What is wrong with sound files: each is decoded once, and everything is measured on that."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np
import soxr
from numpy.typing import NDArray

from genrekit.audio import decode, probe
from genrekit.audit.duplicates import NearPair, clusters
from genrekit.audit.finding import Finding, Kind, below, found, make_finding, own_recording
from genrekit.datasets import Dataset, Item
from genrekit.errors import AudioContentError, AudioError
from genrekit.features import build_frontend
from genrekit.fingerprint import (
    Edges,
    Fingerprint,
    content_hash,
    edges_of,
    find_consecutive,
    find_near_duplicates,
    fingerprint,
)
from genrekit.schema import ExcerptConfig, Gtzan57Config

#: Raised whenever the same file begins to give other facts.
FACTS_VERSION = 1
#: The state of a file that is not audio, or not there.
UNREADABLE = "unreadable"

#: Samples count as clipped in runs of at least this many at the largest level of the file.
CLIPPED_RUN = 3
#: From this share of clipped samples on, a file is reported.
MOST_CLIPPED = 1e-3
#: Shorter than this, or than this share of the median, is too short.
SHORTEST_SECONDS = 1.0
SHORTEST_OF_MEDIAN = 0.5
#: Labels are judged by what this much from the middle of a track sounds like.
EXCERPT_SECONDS = 30.0

_LABEL_FRONTEND = Gtzan57Config()
#: Beyond this a wider band is not a better copy, and above this level a louder one neither.
_WIDEST_HZ = 16_000.0
_TYPICAL_DB = -14.0
_LOSSLESS = frozenset({".wav", ".flac", ".aiff", ".aif", ".au", ".w64", ".rf64", ".wv", ".tta"})
_FRAME, _FRAMES = 4096, 64
_STEP = 1.5 / 32768
_NO_DB = -200.0
_SHOWN = 6
# An audio file in one of these states has its finding by the state; others are told as they are.
_STATES: dict[str, Kind] = {
    "truncated": "truncated",
    "damaged": "truncated",
    "silent": "silent",
    "non_finite": "non-finite",
    "empty": "unreadable",
    "too_short": "too-short",
}


@dataclass(frozen=True, slots=True, eq=False)
class AudioFacts:
    """What one pass over one file measured.

    Parameters
    ----------
    state, problem : str
        The named state and the message of a file that could not be decoded; empty otherwise.
    warnings : tuple of str
        Named states of a file that could.
    loudness_db : float
        Root mean square in dB of full scale.
    clipped_share : float
        Of its samples, all channels folded into one.
    bandwidth_hz : float
        The highest frequency at which there is any power: a telephone's copy stays narrow
        whatever rate it is written at.
    content : str
        Hash of the samples.
    edges : Edges, optional
        By which parts are told that follow each other.
    vector : ndarray, shape (57,), optional
        The features that its label is judged by.
    """

    state: str = ""
    problem: str = ""
    warnings: tuple[str, ...] = ()
    sample_rate_hz: int = 0
    channels: int = 0
    seconds: float = 0.0
    loudness_db: float = _NO_DB
    clipped_share: float = 0.0
    bandwidth_hz: float = 0.0
    content: str = ""
    fingerprint: Fingerprint | None = None
    edges: Edges | None = None
    vector: NDArray[np.float32] | None = None


def measure_part(path: str, part: ExcerptConfig, *, needs_labels: bool) -> AudioFacts:
    """Measure a part of one file; what is wrong with it is among the facts.

    Parameters
    ----------
    needs_labels : bool
        Measure what its label is judged by, too.
    """
    try:
        info = probe(path)
        rate = info.sample_rate_hz
        waveform = decode(path, sample_rate_hz=rate, excerpt=part)
    except AudioError as error:
        state = error.state if isinstance(error, AudioContentError) else UNREADABLE
        return AudioFacts(state=state, problem=str(error))
    samples = waveform.samples
    return AudioFacts(
        warnings=waveform.warnings,
        sample_rate_hz=rate,
        channels=info.channels,
        seconds=waveform.seconds,
        loudness_db=_loudness_db(samples),
        clipped_share=clipped_share(samples),
        bandwidth_hz=_bandwidth_hz(samples, rate),
        content=content_hash(samples),
        fingerprint=fingerprint(samples, rate),
        edges=edges_of(samples, info),
        vector=_vector(samples, rate) if needs_labels else None,
    )


def quality(item: Item, fact: AudioFacts) -> float:
    """How good a copy of a recording is: seconds of it, less what bandwidth and level lack.

    Of copies of one length and sound the louder one is better unless it is clipped, and the one in
    a lossless format.
    """
    width = min(fact.bandwidth_hz, _WIDEST_HZ) / _WIDEST_HZ
    quiet = max(0.0, _TYPICAL_DB - fact.loudness_db) / 1000
    lossless = item.path is not None and item.path.suffix.lower() in _LOSSLESS
    bonus = 1.03 if lossless else 1.0
    return fact.seconds * width * (1 - min(quiet, 0.5)) * (1 - min(fact.clipped_share, 0.5)) * bonus


def _bandwidth_hz(samples: NDArray[np.float32], rate_hz: int) -> float:
    """Where the spectrum falls 70 dB below its loudest, by the mean of some frames."""
    if len(samples) < _FRAME:
        return rate_hz / 2
    begins = np.linspace(0, len(samples) - _FRAME, _FRAMES).astype(np.int64)
    frames = samples[begins[:, None] + np.arange(_FRAME)] * np.hanning(_FRAME)
    power = np.mean(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0)
    audible = np.flatnonzero(power > 1e-7 * power.max())
    return float(audible[-1]) * rate_hz / _FRAME if len(audible) else 0.0


def _loudness_db(samples: NDArray[np.float32]) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(10 * math.log10(power), _NO_DB) if power > 0 else _NO_DB


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of samples in runs of three or more at the largest level, or at full scale.

    Parameters
    ----------
    samples : (n,) float32

    Returns
    -------
    float
        Music that was clipped and then made quieter counts too: its tops are flat at any level.
    """
    level = np.abs(samples)
    top = min(float(level.max(initial=0.0)), 1.0) - _STEP
    if top <= _STEP:
        return 0.0
    flat = np.concatenate([[False], level >= top, [False]])
    starts = np.flatnonzero(flat[1:] & ~flat[:-1])
    ends = np.flatnonzero(~flat[1:] & flat[:-1])
    lengths = ends - starts
    return float(lengths[lengths >= CLIPPED_RUN].sum() / len(samples))


# Building a front-end (filter banks) costs more than using it once.
_frontend = lru_cache(maxsize=1)(build_frontend)


def _vector(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | None:
    length = round(EXCERPT_SECONDS * rate_hz)
    begin = max(0, (len(samples) - length) // 2)
    middle = samples[begin : begin + length]
    if rate_hz != _LABEL_FRONTEND.sample_rate_hz:
        middle = soxr.resample(middle, rate_hz, _LABEL_FRONTEND.sample_rate_hz)
    try:
        return _frontend(_LABEL_FRONTEND)(middle)
    except AudioError:
        return None


# --- findings -----------------------------------------------------------------------------------


def audio_findings(
    dataset: Dataset, facts: Sequence[AudioFacts], root: str = ""
) -> Iterator[Finding]:
    """Yield what is wrong with single files, and which differ from the others."""
    absent = [row for row, item in enumerate(dataset.items) if item.path is None]
    if absent:
        message = f"{len(absent)} of {len(dataset)} items have no audio here"
        yield make_finding("audio-absent", message, evidence={"items": len(absent)})
    decodable = [row for row, fact in enumerate(facts) if fact.content]
    typical = median([facts[row].seconds for row in decodable]) if decodable else 0.0
    for row, fact in enumerate(facts):
        item = found(dataset, [row], root)
        name = item[0].item_id
        if fact.problem:
            yield make_finding(
                _STATES.get(fact.state, "unreadable"), _describe_state(name, fact, root), item
            )
        for warning in fact.warnings:
            state, _, text = warning.partition(":")
            kind = _STATES.get(state, "unreadable")
            yield make_finding(
                kind, f"{name}:{text}", item, evidence={"seconds": round(fact.seconds, 3)}
            )
        if fact.content and fact.seconds < max(SHORTEST_SECONDS, SHORTEST_OF_MEDIAN * typical):
            yield make_finding(
                "too-short",
                f"{name} has {fact.seconds:.2f} s, the others {typical:.2f} s",
                item,
                evidence={"seconds": round(fact.seconds, 3), "median_seconds": round(typical, 3)},
            )
        if fact.clipped_share >= MOST_CLIPPED:
            yield make_finding(
                "clipped",
                f"{name}: {fact.clipped_share:.2%} of its samples are clipped",
                item,
                evidence={"clipped_share": round(fact.clipped_share, 6)},
            )
    rates = {row: facts[row].sample_rate_hz for row in decodable}
    yield from outliers(dataset, "odd-rate", {row: f"{hz} Hz" for row, hz in rates.items()}, root)
    channels = {row: facts[row].channels for row in decodable}
    names = {row: _CHANNELS.get(count, f"{count} channels") for row, count in channels.items()}
    yield from outliers(dataset, "odd-channels", names, root)


_CHANNELS = {1: "mono", 2: "stereo"}


def _describe_state(name: str, fact: AudioFacts, root: str) -> str:
    problem = below(fact.problem, root)
    return problem if name in problem else f"{name}: {problem}"


def outliers(
    dataset: Dataset, kind: Kind, values: dict[int, str], root: str = ""
) -> Iterator[Finding]:
    """One finding for each value that is not the most frequent one.

    It also says where almost all that have it share a label, as a model can then tell the label
    by it.
    """
    (typical, most), *others = Counter(values.values()).most_common() or [("", 0)]
    for value, count in others:
        rows = [row for row in values if values[row] == value]
        label, share = _main_label(dataset, rows)
        message = f"{count} items are {value}, {most} are {typical}"
        if count >= 5 and share >= 0.9:
            message += f"; {share:.0%} of the {count} are {label}"
        evidence = {"items": float(count), "usual_items": float(most), "share_of_one_label": share}
        yield make_finding(kind, message, found(dataset, rows, root), evidence=evidence)


def _main_label(dataset: Dataset, rows: Sequence[int]) -> tuple[str, float]:
    counts = Counter(label for row in rows for label in dataset.items[row].labels)
    label, count = counts.most_common(1)[0]
    return label, round(count / len(rows), 4)


def audio_pairs(dataset: Dataset, facts: Sequence[AudioFacts]) -> list[NearPair]:
    """Items of which one is an excerpt, a re-encoding or another speed of the other."""
    row_of = {item.item_id: row for row, item in enumerate(dataset.items)}
    prints = {
        item.item_id: fact.fingerprint
        for item, fact in zip(dataset.items, facts, strict=True)
        if fact.fingerprint is not None
    }
    return [
        NearPair(
            row_of[match.first],
            row_of[match.second],
            {
                "score": round(match.score, 4),
                "offset_seconds": round(match.offset_seconds, 3),
                "speed": round(match.speed, 4),
            },
        )
        for match in find_near_duplicates(prints)
    ]


def consecutive_findings(
    dataset: Dataset, facts: Sequence[AudioFacts], root: str
) -> Iterator[Finding]:
    """One finding for each recording that was cut into items with names of their own."""
    recordings = {item.item_id: own_recording(item) for item in dataset.items}
    edges = {
        item.item_id: fact.edges
        for item, fact in zip(dataset.items, facts, strict=True)
        if fact.edges is not None
    }
    pairs = [
        (first, second)
        for first, second in find_consecutive(edges)
        if recordings[first] != recordings[second]
    ]
    row_of = {item.item_id: row for row, item in enumerate(dataset.items)}
    for parts in clusters(pairs):
        rows = sorted(row_of[name] for name in parts)
        names = [dataset.items[row].item_id for row in rows]
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        message = f"{shown}: the sound goes on from one into the next"
        evidence = {"parts": float(len(rows))}
        yield make_finding(
            "consecutive-parts", message, found(dataset, rows, root), evidence=evidence
        )
