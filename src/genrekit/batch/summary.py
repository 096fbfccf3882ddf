"""What a run came to: counts, failures by kind with their files, times, the slowest files."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from genrekit.batch.entry import Entry
from genrekit.schema import Contract

_FILES_OF_A_KIND = 1000
_SLOWEST = 10
# Times are counted in steps of one percent, so that a million take the memory of a few hundred.
_STEP = math.log(1.01)


class Failures(Contract):
    """Those of one kind; ``files`` are the first thousand by path, the table has all."""

    count: int
    files: tuple[str, ...]


class StageTimes(Contract):
    """Milliseconds of wall time, to one percent."""

    p50: float
    p95: float


class SlowFile(Contract):
    """One of the slowest."""

    path: str
    seconds: float


class Summary(Contract):
    """``summary.json``."""

    done: int = Field(description="files with an entry: ok, failed or quarantined")
    ok: int
    failed: int
    quarantined: int
    failures: dict[str, Failures] = Field(description="by kind of reason")
    stages_ms: dict[str, StageTimes]
    slowest: tuple[SlowFile, ...]
    worker_seconds: float = Field(description="wall time of all workers together")
    audio_seconds: float = Field(description="audio that was analysed")


@dataclass(slots=True)
class _Times:
    """Percentiles of positive numbers in memory that does not grow with their count."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, value: float) -> None:
        self.counts[math.floor(math.log(max(value, 1e-3)) / _STEP)] += 1

    def percentile(self, share: float) -> float:
        left = share * self.counts.total()
        for step in sorted(self.counts):
            left -= self.counts[step]
            if left <= 0:
                return float(f"{math.exp((step + 0.5) * _STEP):.3g}")
        return 0.0


def summarise(entries: Iterable[Entry]) -> Summary:
    """Sum up the last entries of all files; one pass."""
    states: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    files: dict[str, list[str]] = {}
    stages: dict[str, _Times] = {}
    slowest: list[tuple[float, str]] = []
    worker_seconds = audio_seconds = 0.0
    for entry in entries:
        states[entry.state] += 1
        worker_seconds += entry.seconds
        if entry.reason is not None:
            kinds[entry.reason.kind] += 1
            named = files.setdefault(entry.reason.kind, [])
            if len(named) < _FILES_OF_A_KIND:
                named.append(entry.path)
        if isinstance(entry.value, dict):
            audio_seconds += _number(entry.value.get("seconds"))
        for stage, value in entry.timings_ms.items():
            stages.setdefault(stage, _Times()).add(value)
        heapq.heappush(slowest, (entry.seconds, entry.path))
        if len(slowest) > _SLOWEST:
            heapq.heappop(slowest)
    return Summary(
        done=states.total(),
        ok=states["ok"],
        failed=states["failed"],
        quarantined=states["quarantined"],
        failures={
            kind: Failures(count=kinds[kind], files=tuple(files[kind])) for kind in sorted(kinds)
        },
        stages_ms={
            stage: StageTimes(p50=times.percentile(0.5), p95=times.percentile(0.95))
            for stage, times in stages.items()
        },
        slowest=tuple(
            SlowFile(path=path, seconds=seconds) for seconds, path in sorted(slowest, reverse=True)
        ),
        worker_seconds=round(worker_seconds, 3),
        audio_seconds=round(audio_seconds, 3),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
