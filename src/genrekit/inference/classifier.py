"""Bundle + audio -> ``TrackPrediction``: the one prediction path that every surface uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform, open_stream
from genrekit.bundles import Bundle, load_bundle, window_samples
from genrekit.errors import AudioContentError, ConfigError
from genrekit.inference.scoring import aggregate, calibrated, decide, named, ranked
from genrekit.inference.windows import Window, cut_windows
from genrekit.schema import (
    ErrorRecord,
    ExcerptConfig,
    ModelIdentity,
    SegmentScore,
    Timings,
    TrackPrediction,
)

Block = NDArray[np.float32]
Item = TypeVar("Item")

#: Audio whose largest sample is below this (about -80 dB of full scale) is called silent.
SILENT_PEAK = 1e-4


@dataclass(slots=True)
class _Progress:
    """What one pass over a track saw and how long each stage took, in seconds."""

    samples: int = 0
    peak: float = 0.0
    decode: float = 0.0
    frontend: float = 0.0
    model: float = 0.0


class Classifier:
    """Tells the genre of audio with one bundle.

    Parameters
    ----------
    bundle : Bundle
        A loaded model; :meth:`load` does both at once.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        manifest = bundle.manifest
        self.labels: tuple[str, ...] = manifest.labels
        self.sample_rate_hz: int = manifest.sample_rate_hz
        self.identity = ModelIdentity(
            name=manifest.name, version=manifest.version, sha256=bundle.sha256
        )

    @classmethod
    def load(cls, name_or_path: str | Path = "default", *, verify: bool = True) -> Classifier:
        """Load a bundle by name or directory.

        Raises
        ------
        ConfigError, BundleError
            As :func:`genrekit.bundles.load_bundle` does.
        """
        return cls(load_bundle(name_or_path, verify=verify))

    def predict_file(
        self,
        path: str | Path,
        *,
        excerpt: ExcerptConfig | None = None,
        segments: bool = False,
        unknown_below: float | None = None,
    ) -> TrackPrediction:
        """Predict the genre of an audio file, in memory that does not grow with its length.

        Parameters
        ----------
        path : str or Path
            Any format that :func:`genrekit.audio.open_stream` reads.
        excerpt : ExcerptConfig, optional
            Which part to analyse; None takes the part that the bundle was made for.
        segments : bool
            Include the scores of each window.
        unknown_below : float, optional
            Answer ``unknown`` below this probability; None takes the bundle's own.

        Raises
        ------
        AudioError
            If the file cannot be analysed.
        BundleError
            If the model cannot score it.
        """
        started = time.perf_counter()
        stream = open_stream(
            path,
            sample_rate_hz=self.sample_rate_hz,
            excerpt=self.bundle.manifest.excerpt if excerpt is None else excerpt,
        )
        progress = _Progress(decode=time.perf_counter() - started)
        return self._predict(
            stream,
            lambda: stream.warnings,
            progress,
            started,
            name=printable(path),
            segments=segments,
            unknown_below=unknown_below,
        )

    def predict(
        self,
        waveform: Waveform,
        *,
        name: str = "",
        segments: bool = False,
        unknown_below: float | None = None,
    ) -> TrackPrediction:
        """Predict the genre of decoded audio, all of it.

        Parameters
        ----------
        waveform : Waveform
            At the bundle's ``sample_rate_hz``.
        name : str
            Goes into ``path`` of the answer.
        segments, unknown_below
            As for :meth:`predict_file`.

        Raises
        ------
        ConfigError
            If the rate is another one.
        AudioContentError, BundleError
            As for :meth:`predict_file`.
        """
        if waveform.sample_rate_hz != self.sample_rate_hz:
            raise ConfigError(
                f"the audio has {waveform.sample_rate_hz} Hz, model {self.identity.name} takes "
                f"{self.sample_rate_hz}; decode it with sample_rate_hz={self.sample_rate_hz}"
            )
        return self._predict(
            [waveform.samples],
            lambda: waveform.warnings,
            _Progress(),
            time.perf_counter(),
            name=name,
            segments=segments,
            unknown_below=unknown_below,
        )

    def stream(self, blocks: Iterable[Block]) -> Iterator[SegmentScore]:
        """Score audio while it arrives, in the memory of one window.

        Parameters
        ----------
        blocks : iterable of (n,) float32
            Consecutive mono audio at the bundle's ``sample_rate_hz``; how it is cut does not
            matter.

        Yields
        ------
        SegmentScore
            One for each window as soon as it is complete. The last window is moved back to end
            with the audio.

        Raises
        ------
        AudioContentError
            If the audio is empty, shorter than the bundle's minimum, or not finite.
        BundleError
            If the model cannot score it.
        """
        return self._stream(blocks, _Progress())

    def predict_features(self, features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Calibrated probabilities from features that were computed before.

        Parameters
        ----------
        features : mapping of str to float32 array
            By front-end name, rows on axis 0; each row is one window.

        Returns
        -------
        (n, n_labels) float64

        Raises
        ------
        ConfigError
            If front-ends are missing or unknown.
        BundleError
            If shapes do not fit or a logit is not finite.
        """
        wanted = set(self.bundle.frontends)
        if set(features) != wanted:
            raise ConfigError(f"got features {sorted(features)}, the model takes {sorted(wanted)}")
        manifest = self.bundle.manifest
        return calibrated(
            self.bundle.run(features), task=manifest.task, temperature=manifest.temperature
        )

    def _predict(
        self,
        blocks: Iterable[Block],
        warnings: Callable[[], tuple[str, ...]],
        progress: _Progress,
        started: float,
        *,
        name: str,
        segments: bool,
        unknown_below: float | None,
    ) -> TrackPrediction:
        manifest = self.bundle.manifest
        scored = list(self._stream(blocks, progress))
        table = np.array([[one.scores[label] for label in self.labels] for one in scored])
        scores = ranked(self.labels, aggregate(table, manifest))
        limit = manifest.unknown_below if unknown_below is None else unknown_below
        states, silent = _silence(warnings(), progress.peak)
        genres = () if silent else decide(scores, manifest, unknown_below=limit)
        return TrackPrediction(
            path=name,
            genre=named(genres),
            scores=scores,
            genres=genres,
            segments=tuple(scored) if segments else (),
            seconds=progress.samples / self.sample_rate_hz,
            model=self.identity,
            warnings=states,
            timings_ms=_timings(progress, time.perf_counter() - started),
        )

    def _stream(self, blocks: Iterable[Block], progress: _Progress) -> Iterator[SegmentScore]:
        manifest = self.bundle.manifest
        length, hop = window_samples(manifest.windows, self.sample_rate_hz)
        checked = _checked(blocks, progress)
        for window in cut_windows(checked, length=length, hop=hop):
            # Only a stream that has ended can hand out less than one window.
            if len(window.samples) < length:
                self._refuse_short(len(window.samples))
            yield self._score(window, progress)
        self._refuse_short(progress.samples)

    def _score(self, window: Window, progress: _Progress) -> SegmentScore:
        begin = time.perf_counter()
        features = self.bundle.features(window.samples)
        middle = time.perf_counter()
        rows = {name: array[np.newaxis] for name, array in features.items()}
        probabilities = self.predict_features(rows)[0]
        progress.frontend += middle - begin
        progress.model += time.perf_counter() - middle
        return SegmentScore(
            start_seconds=window.start_sample / self.sample_rate_hz,
            end_seconds=(window.start_sample + len(window.samples)) / self.sample_rate_hz,
            scores=ranked(self.labels, probabilities),
        )

    def _refuse_short(self, samples: int) -> None:
        if samples == 0:
            raise AudioContentError("empty", "there is no audio in it; nothing can be analysed")
        minimum = self.bundle.manifest.windows.minimum_seconds
        seconds = samples / self.sample_rate_hz
        if seconds < minimum:
            raise AudioContentError(
                "too_short",
                f"there are {seconds:.3f} s of audio, model {self.identity.name} needs at least "
                f"{minimum:g} s; give it a longer piece",
            )


def error_record(path: str | Path, error: Exception) -> TrackPrediction:
    """The answer for a track that could not be analysed."""
    record = ErrorRecord(type=type(error).__name__, message=printable(str(error)))
    return TrackPrediction(path=printable(path), error=record)


def printable(path: str | Path) -> str:
    """``path`` as text that JSON can hold: bytes that are not UTF-8 become backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _checked(blocks: Iterable[Block], progress: _Progress) -> Iterator[Block]:
    """Blocks as float32, counted, timed, and refused if they are not finite mono audio."""
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


def _timed(blocks: Iterable[Block], progress: _Progress) -> Iterator[Block]:
    iterator = iter(blocks)
    while True:
        begin = time.perf_counter()
        block = next(iterator, None)
        progress.decode += time.perf_counter() - begin
        if block is None:
            return
        yield block


def _silence(warnings: tuple[str, ...], peak: float) -> tuple[tuple[str, ...], bool]:
    """Warnings with the state ``silent`` among them if it holds, and whether it does."""
    if any(warning.split(":")[0] == "silent" for warning in warnings):
        return warnings, True
    if peak < SILENT_PEAK:
        return (*warnings, f"silent: the largest sample is {peak:.1g} of full scale"), True
    return warnings, False


def _timings(progress: _Progress, total: float) -> Timings:
    return Timings(
        decode=1000 * progress.decode,
        frontend=1000 * progress.frontend,
        model=1000 * progress.model,
        total=1000 * total,
    )
