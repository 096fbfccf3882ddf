"""What one pass over a track sees: counted, timed, and refused if it is not finite mono audio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import SILENT_PEAK
from genrekit.errors import AudioContentError, ConfigError
from genrekit.schema import Timings

Block = NDArray[np.float32]
Observer = Callable[[Mapping[str, NDArray[np.float32]]], None]


class Track(Protocol):
    """Audio of one track: what :func:`genrekit.audio.open_stream` returns, or :class:`InMemory`."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Named states; complete after the last block."""
        ...

    @property
    def start_seconds(self) -> float:
        """Where in the track the first block lies; known after it."""
        ...

    def __iter__(self) -> Iterator[Block]: ...


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Decoded audio as a track of one block."""

    samples: Block
    warnings: tuple[str, ...] = ()
    start_seconds: float = 0.0

    def __iter__(self) -> Iterator[Block]:
        yield self.samples


@dataclass(slots=True, eq=False)
class Progress:
    """What one pass over a track saw so far, and how long each stage took.

    Attributes
    ----------
    started : float
        Reading of ``time.perf_counter`` when the work on it began.
    samples : int
    peak : float
        The largest sample, as a part of full scale.
    decode, frontend, model : float
        Seconds of wall time.
    observe : callable, optional
        Is shown the features of each window.
    heads : dict of str to list of (n_labels,) float64, optional
        Probabilities of each window, by head; None where heads are not asked for.
    """

    started: float
    samples: int = 0
    peak: float = 0.0
    decode: float = 0.0
    frontend: float = 0.0
    model: float = 0.0
    observe: Observer | None = None
    heads: dict[str, list[NDArray[np.float64]]] | None = None

    def timings(self, now: float) -> Timings:
        """All stages in milliseconds; ``now`` is a reading of ``time.perf_counter``."""
        return Timings(
            decode=1000 * self.decode,
            frontend=1000 * self.frontend,
            model=1000 * self.model,
            total=1000 * (now - self.started),
        )


def checked(blocks: Iterable[Block], progress: Progress) -> Iterator[Block]:
    """Pass blocks on as float32 and note in ``progress`` what they are.

    Raises
    ------
    AudioContentError
        For samples that are not finite.
    ConfigError
        For blocks that are not mono.
    """
    for block in _timed(blocks, progress):
        samples = np.asarray(block, np.float32)
        if samples.ndim != 1:
            raise ConfigError(f"a block has shape {samples.shape}, expected mono audio (n,)")
        peak = float(np.abs(samples).max(initial=0.0))
        if not np.isfinite(peak):
            raise AudioContentError(
                "non_finite", "the audio holds NaN or infinite samples; decode it again"
            )
        progress.samples += len(samples)
        progress.peak = max(progress.peak, peak)
        yield samples


def name_silence(warnings: tuple[str, ...], peak: float) -> tuple[tuple[str, ...], bool]:
    """Warnings with the state ``silent`` among them if it holds, and whether it does."""
    if any(warning.split(":")[0] == "silent" for warning in warnings):
        return warnings, True
    if peak < SILENT_PEAK:
        return (*warnings, f"silent: the largest sample is {peak:.1g} of full scale"), True
    return warnings, False


def _timed(blocks: Iterable[Block], progress: Progress) -> Iterator[Block]:
    iterator = iter(blocks)
    while True:
        begin = time.perf_counter()
        block = next(iterator, None)
        progress.decode += time.perf_counter() - begin
        if block is None:
            return
        yield block
