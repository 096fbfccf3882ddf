"""Which altered copies are found, and what is mistaken for one: rows of fingerprint.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from distortions import DISTORTIONS, RATE_HZ

from genrekit.audio import decode
from genrekit.datasets.gtzan_facts import recording_of
from genrekit.evaluation import wilson
from genrekit.evaluation.distortions import Samples
from genrekit.fingerprint import (
    LEAST_SCORE,
    Fingerprint,
    Match,
    compare,
    find_near_duplicates,
    fingerprint,
    propose,
)
from genrekit.jukebox import synthesise
from genrekit.workers import WorkerDied, ordered_map

CLIP_SECONDS = 30.0
LONG_SECONDS = 20.0
#: Jukebox seeds below this, and these clips of GTZAN, were used to choose the settings.
FIRST_SEED = 1000
CHOSEN_ON = re.compile(r"\.0000[15]$")
#: A place further off than this is wrong.
PLACE_SECONDS = 0.1
SAME_WAVEFORM = 0.5


class Source(NamedTuple):
    """One recording: a piece of the jukebox, or a file."""

    name: str
    genre: str = ""
    seed: int = 0
    path: Path | None = None

    @property
    def recording(self) -> str:
        """Files in several folders may have one name, "blues.00001" for example."""
        return recording_of(Path(self.name).name)

    def samples(self) -> Samples:
        if self.path is not None:
            return decode(self.path, sample_rate_hz=RATE_HZ).samples
        return synthesise(self.genre, seconds=CLIP_SECONDS, seed=self.seed).samples


class Altered(NamedTuple):
    """The fingerprint of a copy, and the truth about it."""

    fingerprint: Fingerprint
    begin_seconds: float
    speed: float


class Measured(NamedTuple):
    """What one source gave."""

    source: Source
    plain: Fingerprint
    copies: dict[str, Altered]


def measure(source: Source) -> Measured:
    """Fingerprint a source and, if it is long and was not used for choosing, its copies."""
    samples = source.samples()
    plain = fingerprint(samples, RATE_HZ)
    copies = {}
    if plain.seconds >= LONG_SECONDS and not CHOSEN_ON.search(source.recording):
        rng = np.random.default_rng(list(source.name.encode()))
        for name, distort in DISTORTIONS.items():
            copy = distort(samples, rng)
            made = fingerprint(copy.samples.astype(np.float32), RATE_HZ)
            copies[name] = Altered(made, copy.begin_seconds, copy.speed)
    return Measured(source, plain, copies)


def measure_all(sources: Sequence[Source], workers: int) -> list[Measured]:
    """All of them, in order."""
    made = []
    for one in ordered_map(measure, sources, workers=workers):
        if isinstance(one, WorkerDied):
            raise SystemExit(f"measuring {one.argument.name} killed its process")
        made.append(one)
    return made


# --- copies that were made here -----------------------------------------------------------------


class Recall(NamedTuple):
    found: int
    total: int
    misplaced: int
    lowest: float
    wrong: int


def recall_of(kind: str, measured: Sequence[Measured]) -> Recall:
    """Search all plain fingerprints and all copies of one kind together."""
    plain = {one.source.name: one.plain for one in measured}
    truth = {f"copy of {one.source.name}": one for one in measured if kind in one.copies}
    copies = {name: one.copies[kind].fingerprint for name, one in truth.items()}
    recording = {one.source.name: one.source.recording for one in measured}
    recording |= {name: one.source.recording for name, one in truth.items()}
    known = {
        frozenset((recording[match.first], recording[match.second]))
        for match in different(measured, LEAST_SCORE)
    }
    own, wrong = {}, 0
    for match in find_near_duplicates({**plain, **copies}, least_score=0.0):
        both = frozenset((recording[match.first], recording[match.second]))
        if match.second in truth and match.first == truth[match.second].source.name:
            own[match.second] = match
        elif match.second in truth and len(both) == 2 and both not in known:
            wrong += match.score >= LEAST_SCORE
    found = {name: match for name, match in own.items() if match.score >= LEAST_SCORE}
    misplaced = sum(_misplaced(match, truth[name].copies[kind]) for name, match in found.items())
    lowest = min((own[name].score if name in own else 0.0 for name in truth), default=0.0)
    return Recall(len(found), len(truth), misplaced, lowest, wrong)


def _misplaced(match: Match, truth: Altered) -> bool:
    """Whether any moment of the copy is laid in a wrong place."""
    ends = [0.0, truth.fingerprint.seconds]
    return any(
        abs(match.offset_seconds + match.speed * t - truth.begin_seconds - truth.speed * t)
        > PLACE_SECONDS
        for t in (ends if truth.speed == 1.0 else ends[:1])
    )


def recall_rows(sets: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    heads = " | ".join(f"{name}: found | score | place | wrong" for name in sets)
    yield f"| what was done | {heads} |"
    yield f"|---|{'---|---|---|---|' * len(sets)}"
    for kind in DISTORTIONS:
        cells = []
        for measured in sets.values():
            row = recall_of(kind, measured)
            cells.append(
                f"{share(row.found, row.total)} | {row.lowest:.2f} | {row.misplaced} | {row.wrong}"
            )
        yield f"| {kind} | {' | '.join(cells)} |"


# --- recordings as they are ---------------------------------------------------------------------


def different_rows(sets: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    yield (
        "| set | pairs of different recordings | compared | matched | rate | "
        "highest score below | of how many laid on each other | highest score |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name, measured in sets.items():
        found = different(measured, least_score=0.0)
        total = sum(_differ(one, other) for one, other in combinations(measured, 2))
        matched = [match for match in found if match.score >= LEAST_SCORE]
        below = max((m.score for m in found if m.score < LEAST_SCORE), default=0.0)
        compared = len(propose([one.plain for one in measured]).pairs)
        rate = wilson(len(matched), total)
        laid, highest = laid_on_each_other(measured)
        yield (
            f"| {name} | {total:,} | {compared:,} | {len(matched)} | "
            f"{rate.value:.1e} (at most {rate.high:.1e}) | {below:.2f} | {laid:,} | {highest:.2f} |"
        )


def different(measured: Sequence[Measured], least_score: float) -> list[Match]:
    """Matches between recordings that are not known to be one."""
    recording = {one.source.name: one.source.recording for one in measured}
    prints = {one.source.name: one.plain for one in measured}
    return [
        match
        for match in find_near_duplicates(prints, least_score=least_score)
        if recording[match.first] != recording[match.second]
    ]


def laid_on_each_other(measured: Sequence[Measured]) -> tuple[int, float]:
    """All pairs of whole clips without the index's choice: how many, and the highest score."""
    clips = [one for one in measured if one.plain.seconds >= LONG_SECONDS]
    pairs = [(one, other) for one, other in combinations(clips, 2) if _differ(one, other)]
    matches = (compare(one.plain, other.plain) for one, other in pairs)
    return len(pairs), max((match.score for match in matches if match), default=0.0)


def _differ(one: Measured, other: Measured) -> bool:
    return one.source.recording != other.source.recording


def excerpt_rows(measured: Sequence[Measured]) -> Iterator[str]:
    """Short files against longer ones of the same name; the waveforms say which do overlap."""
    yield "| excerpts | lie in a longer file of their name | found | lowest score |"
    yield "|---|---|---|---|"
    matches = {
        frozenset((match.first, match.second)): match.score
        for match in find_near_duplicates({one.source.name: one.plain for one in measured})
    }
    kinds: dict[str, list[float]] = {}
    for one, other in combinations(measured, 2):
        if _differ(one, other):
            continue
        longer, shorter = (one, other) if one.plain.seconds > other.plain.seconds else (other, one)
        if same_waveform(longer.source, shorter.source) >= SAME_WAVEFORM:
            kind = f"{_kind(shorter.source)} in {_kind(longer.source)}"
            pair = frozenset((one.source.name, other.source.name))
            kinds.setdefault(kind, []).append(matches.get(pair, 0.0))
    for kind, scores in sorted(kinds.items()):
        found = sum(score >= LEAST_SCORE for score in scores)
        yield f"| {kind} | {len(scores)} | {share(found, len(scores))} | {min(scores):.2f} |"


def _kind(source: Source) -> str:
    return Path(source.name).parts[0]


def same_waveform(longer: Source, shorter: Source) -> float:
    """Highest normalised correlation of the shorter one anywhere in the longer one."""
    x, y = longer.samples().astype(np.float64), shorter.samples().astype(np.float64)
    size = 1 << int(np.ceil(np.log2(len(x) + len(y))))
    products = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(y, size).conj(), size)
    energy = np.concatenate([[0.0], np.cumsum(x * x)])
    # Only places where all of the shorter one lies in the longer one.
    places = max(1, len(x) - len(y))
    power = energy[np.minimum(np.arange(places) + len(y), len(x))] - energy[:places]
    return float(np.max(np.abs(products[:places]) / np.sqrt(power * (y @ y) + 1e-9)))


def surprise_rows(measured: Sequence[Measured]) -> Iterator[str]:
    """Matches between files of different names, with an independent look at the waveforms."""
    by_name = {one.source.name: one for one in measured}
    yield (
        "| first | second | score | offset | common | waveforms correlate "
        "| shorter one with 20 other files |"
    )
    yield "|---|---|---|---|---|---|---|"
    for match in different(measured, least_score=LEAST_SCORE):
        pair = by_name[match.first], by_name[match.second]
        longer, shorter = sorted(pair, key=lambda one: one.plain.seconds, reverse=True)
        others = [
            one
            for one in measured
            if _differ(one, longer) and _differ(one, shorter) and one.plain.seconds >= LONG_SECONDS
        ]
        here = same_waveform(longer.source, shorter.source)
        elsewhere = max(same_waveform(one.source, shorter.source) for one in others[:20])
        yield (
            f"| {match.first} | {match.second} | {match.score:.2f} | "
            f"{match.offset_seconds:.2f} s | {match.common_seconds:.1f} s | {here:.2f} | "
            f"at most {elsewhere:.2f} |"
        )


def share(found: int, total: int) -> str:
    """A count with its share and interval."""
    rate = wilson(found, total)
    return f"{found}/{total}, {rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}]"
