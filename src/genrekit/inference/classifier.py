"""Bundle + audio -> ``TrackPrediction``: the one prediction path that every surface uses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import DecodeLimits, Source, Waveform, open_stream
from genrekit.bundles import LOGITS, Bundle, load_bundle, window_samples
from genrekit.errors import AudioContentError, ConfigError
from genrekit.inference.heads import read_heads
from genrekit.inference.intake import (
    Block,
    InMemory,
    Observer,
    Progress,
    Track,
    checked,
    name_silence,
)
from genrekit.inference.records import printable
from genrekit.inference.scoring import (
    aggregate,
    calibrated,
    decide,
    named,
    prediction_set,
    ranked,
)
from genrekit.inference.tree import consistent, edges
from genrekit.inference.windows import Pace, Window, cut_windows
from genrekit.schema import (
    ExcerptConfig,
    ModelIdentity,
    SegmentScore,
    TrackPrediction,
)

_DEFAULT_LIMITS = DecodeLimits()
#: A stream is answered after this much audio for the first time, and then at least so often.
FIRST_SECONDS = 3.0
EVERY_SECONDS = 1.0
# Bounds memory; models are faster with a few windows than with one.
_WINDOWS_AT_ONCE = 16


class Classifier:
    """Tells the genre of audio with one bundle; threads may share it.

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
        self._tree = edges(manifest.labels, manifest.parents)
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

    def check_predicts(self) -> None:
        """Raise `ConfigError` for a bundle that gives an embedding and no genres."""
        self.bundle.check_predicts()

    def predict_file(
        self,
        source: Source,
        *,
        name: str | None = None,
        excerpt: ExcerptConfig | None = None,
        segments: bool = False,
        tags: bool = False,
        unknown_below: float | None = None,
        limits: DecodeLimits = _DEFAULT_LIMITS,
        observe: Observer | None = None,
    ) -> TrackPrediction:
        """Predict the genre of an audio file, in memory that does not grow with its length.

        Parameters
        ----------
        source : str, Path, bytes or binary file
            A path, or the contents of a file, in any format that
            :func:`genrekit.audio.open_stream` reads.
        name : str, optional
            Goes into ``path`` of the answer; None takes the path.
        excerpt : ExcerptConfig, optional
            Which part to analyse; None takes the part that the bundle was made for.
        segments : bool
            Include the scores of each window, at its place in the track.
        tags : bool
            Include ``tags`` and ``wide``, if the bundle has such heads.
        unknown_below : float, optional
            Answer ``unknown`` below this probability; None takes the bundle's own.
        limits : DecodeLimits
            What decoding may cost.
        observe : callable, optional
            Called with the features of each window, by front-end name.

        Raises
        ------
        AudioError
            If the file cannot be analysed.
        BundleError
            If the model cannot score it.
        """
        self.check_predicts()
        started = time.perf_counter()
        with open_stream(
            source,
            sample_rate_hz=self.sample_rate_hz,
            excerpt=self.bundle.manifest.excerpt if excerpt is None else excerpt,
            limits=limits,
        ) as stream:
            return self._predict(
                stream,
                Progress(
                    started,
                    decode=time.perf_counter() - started,
                    observe=observe,
                    heads=self._heads(tags),
                ),
                name=_name(source) if name is None else name,
                segments=segments,
                unknown_below=unknown_below,
            )

    def predict_excerpts(
        self,
        source: Source,
        excerpts: Sequence[ExcerptConfig],
        *,
        name: str | None = None,
        segments: bool = False,
        tags: bool = False,
        unknown_below: float | None = None,
        limits: DecodeLimits = _DEFAULT_LIMITS,
    ) -> TrackPrediction:
        """Predict the genre of an audio file from several parts of it, each sought and decoded.

        Every window of every part counts the same.

        Parameters
        ----------
        source : str, Path or bytes
            As for :meth:`predict_file`; it is opened once for each part.
        excerpts : sequence of ExcerptConfig
            At least one.
        name, segments, tags, unknown_below, limits
            As for :meth:`predict_file`.

        Raises
        ------
        AudioError, BundleError
            As :meth:`predict_file` does.
        """
        self.check_predicts()
        progress = Progress(time.perf_counter(), heads=self._heads(tags))
        scored: list[SegmentScore] = []
        warnings: dict[str, None] = {}
        for excerpt in excerpts:
            begin = time.perf_counter()
            with open_stream(
                source, sample_rate_hz=self.sample_rate_hz, excerpt=excerpt, limits=limits
            ) as stream:
                progress.decode += time.perf_counter() - begin
                found = list(self._stream(stream, progress))
                scored += _moved(found, stream.start_seconds)
                # One silent part makes no silent track: that is decided by the loudest.
                new_warnings = [one for one in stream.warnings if one.split(":")[0] != "silent"]
                warnings |= dict.fromkeys(new_warnings)
        return self._answer(
            InMemory(np.zeros(0, np.float32), tuple(warnings)),
            progress,
            scored,
            name=_name(source) if name is None else name,
            segments=segments,
            unknown_below=unknown_below,
        )

    def predict(
        self,
        waveform: Waveform,
        *,
        name: str = "",
        segments: bool = False,
        tags: bool = False,
        unknown_below: float | None = None,
    ) -> TrackPrediction:
        """Predict the genre of decoded audio, all of it.

        Parameters
        ----------
        waveform : Waveform
            At the bundle's ``sample_rate_hz``; segments count from its ``start_seconds``.
        name : str
            Goes into ``path`` of the answer.
        segments, tags, unknown_below
            As for :meth:`predict_file`.

        Raises
        ------
        ConfigError
            If the rate is another one.
        AudioContentError, BundleError
            As for :meth:`predict_file`.
        """
        self.check_predicts()
        self._check_rate(waveform)
        return self._predict(
            InMemory(waveform.samples, waveform.warnings, waveform.start_seconds),
            Progress(time.perf_counter(), heads=self._heads(tags)),
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
        self.check_predicts()
        return self._stream(blocks, Progress(time.perf_counter()))

    def follow(
        self,
        blocks: Iterable[Block],
        *,
        name: str = "",
        segments: bool = False,
        unknown_below: float | None = None,
        every_seconds: float = EVERY_SECONDS,
        on_segment: Callable[[SegmentScore], None] | None = None,
    ) -> Iterator[TrackPrediction]:
        """Answer again and again while audio arrives, in the memory of one window.

        Each answer is for all audio so far and says exactly what :meth:`predict` says of it, so
        the last one is the answer for the track. An answer from less than a window is what audio
        of that length gets: ``seconds`` tells.

        Parameters
        ----------
        blocks
            As for :meth:`stream`.
        name, segments, unknown_below
            As for :meth:`predict`.
        every_seconds : float
            Of audio, at most, between two answers. The first comes after `FIRST_SECONDS`, or after
            a window if that is shorter.
        on_segment : callable, optional
            Called with the scores of each complete window, and of the last one, before the answer.

        Yields
        ------
        TrackPrediction

        Raises
        ------
        ConfigError
            If ``every_seconds`` is not above zero.
        AudioContentError, BundleError
            As for :meth:`stream`.
        """
        self.check_predicts()
        if not every_seconds > 0:
            raise ConfigError(f"every_seconds is {every_seconds:g}; it must be above 0")
        answer = partial(self._answer, name=name, segments=segments, unknown_below=unknown_below)
        return self._follow(blocks, every_seconds, on_segment, answer)

    def embed_file(
        self, source: Source, *, excerpt: ExcerptConfig | None = None
    ) -> NDArray[np.float32]:
        """Describe an audio file by the model's embedding, the mean over its windows.

        Parameters
        ----------
        source, excerpt
            As for :meth:`predict_file`.

        Returns
        -------
        (embedding_size,) float32

        Raises
        ------
        AudioError
            If the file cannot be analysed.
        BundleError
            If the model has no embedding.
        """
        with open_stream(
            source,
            sample_rate_hz=self.sample_rate_hz,
            excerpt=self.bundle.manifest.excerpt if excerpt is None else excerpt,
        ) as stream:
            return self._embed(stream)

    def embed(self, waveform: Waveform) -> NDArray[np.float32]:
        """Describe decoded audio, all of it, as :meth:`embed_file` does.

        Raises
        ------
        ConfigError
            If the rate is not the bundle's.
        AudioContentError, BundleError
            As for :meth:`embed_file`.
        """
        self._check_rate(waveform)
        return self._embed([waveform.samples])

    def predict_features(self, features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Calibrated probabilities from features that were computed before.

        In a tree of genres, a parent is at least as probable as each of its children.

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
        self.check_predicts()
        return self._probabilities(self.bundle.run(features))

    def score_windows(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Score windows of audio, each by itself.

        Parameters
        ----------
        windows : sequence of (n_samples,) float32
            At the bundle's ``sample_rate_hz``, all of a length, at least one.

        Returns
        -------
        (n_windows, n_labels) float64
            Calibrated, as of :meth:`predict_features`.
        """
        starts = range(0, len(windows), _WINDOWS_AT_ONCE)
        return np.concatenate(
            [self._score_some(windows[start : start + _WINDOWS_AT_ONCE]) for start in starts]
        )

    def _score_some(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        features = [self.bundle.features(samples) for samples in windows]
        return self.predict_features(
            {name: np.stack([one[name] for one in features]) for name in features[0]}
        )

    def _probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        manifest = self.bundle.manifest
        probabilities = calibrated(logits, task=manifest.task, temperature=manifest.temperature)
        return consistent(probabilities, self._tree)

    def _run_heads(
        self,
        rows: Mapping[str, NDArray[np.float32]],
        kept: dict[str, list[NDArray[np.float64]]],
    ) -> NDArray[np.float32]:
        """Logits of the labels; what the heads give is added to ``kept``."""
        found = self.bundle.run_heads(rows)
        for name, windows in kept.items():
            windows.extend(calibrated(found[name], task="multi-label", temperature=1.0))
        return found[LOGITS]

    def _predict(
        self,
        track: Track,
        progress: Progress,
        *,
        name: str,
        segments: bool,
        unknown_below: float | None,
    ) -> TrackPrediction:
        scored = list(self._stream(track, progress))
        return self._answer(
            track, progress, scored, name=name, segments=segments, unknown_below=unknown_below
        )

    def _answer(
        self,
        track: Track,
        progress: Progress,
        scored: list[SegmentScore],
        *,
        name: str,
        segments: bool,
        unknown_below: float | None,
    ) -> TrackPrediction:
        manifest = self.bundle.manifest
        table = np.array([[one.scores[label] for label in self.labels] for one in scored])
        scores = ranked(self.labels, aggregate(table, manifest))
        limit = manifest.unknown_below if unknown_below is None else unknown_below
        states, silent = name_silence(track.warnings, progress.peak)
        genres = () if silent else decide(scores, manifest, unknown_below=limit)
        return TrackPrediction(
            path=printable(name),
            genre=named(genres),
            scores=scores,
            genres=genres,
            prediction_set=None if silent else prediction_set(scores, manifest),
            segments=_moved(scored, track.start_seconds) if segments else (),
            seconds=progress.samples / self.sample_rate_hz,
            model=self.identity,
            warnings=states,
            timings_ms=progress.timings(time.perf_counter()),
            **read_heads(manifest, progress.heads),
        )

    def _heads(self, wanted: bool) -> dict[str, list[NDArray[np.float64]]] | None:
        """Where a pass over a track keeps what its windows get from each head."""
        return {name: [] for name in self.bundle.manifest.heads} if wanted else None

    def _follow(
        self,
        blocks: Iterable[Block],
        every_seconds: float,
        on_segment: Callable[[SegmentScore], None] | None,
        answer: Callable[[Track, Progress, list[SegmentScore]], TrackPrediction],
    ) -> Iterator[TrackPrediction]:
        rate, minimum = self.sample_rate_hz, self.bundle.manifest.windows.minimum_seconds
        first = math.ceil(max(FIRST_SECONDS, minimum) * rate)
        pace = Pace(first, max(1, round(every_seconds * rate)))
        progress, track = Progress(time.perf_counter()), InMemory(np.zeros(0, np.float32))
        scored: list[SegmentScore] = []
        peak = 0.0
        for window in self._windows(blocks, progress, pace):
            score = self._score(window, progress)
            # The block may go on behind the window, and what comes is not known yet.
            peak = max(peak, float(np.abs(window.samples).max()))
            so_far = replace(progress, samples=window.stop_sample, peak=peak)
            if window.regular:
                scored.append(score)
                if on_segment is not None:
                    on_segment(score)
            if window.stop_sample >= minimum * rate:
                yield answer(track, so_far, scored if window.regular else [*scored, score])

    def _embed(self, blocks: Iterable[Block]) -> NDArray[np.float32]:
        rows = []
        for window in self._windows(blocks, Progress(time.perf_counter())):
            features = self.bundle.features(window.samples)
            rows.append(self.bundle.embed({name: x[np.newaxis] for name, x in features.items()}))
        return np.asarray(np.concatenate(rows).mean(axis=0))

    def _check_rate(self, waveform: Waveform) -> None:
        if waveform.sample_rate_hz != self.sample_rate_hz:
            raise ConfigError(
                f"the audio has {waveform.sample_rate_hz} Hz, model {self.identity.name} takes "
                f"{self.sample_rate_hz}; decode it with sample_rate_hz={self.sample_rate_hz}"
            )

    def _stream(self, blocks: Iterable[Block], progress: Progress) -> Iterator[SegmentScore]:
        return (self._score(window, progress) for window in self._windows(blocks, progress))

    def _windows(
        self, blocks: Iterable[Block], progress: Progress, pace: Pace | None = None
    ) -> Iterator[Window]:
        length, hop = window_samples(self.bundle.manifest.windows, self.sample_rate_hz)
        for window in cut_windows(checked(blocks, progress), length=length, hop=hop, pace=pace):
            # Only a stream that has ended can hand out less than one window that counts.
            if window.regular and len(window.samples) < length:
                self._refuse_short(len(window.samples))
            yield window
        self._refuse_short(progress.samples)

    def _score(self, window: Window, progress: Progress) -> SegmentScore:
        begin = time.perf_counter()
        features = self.bundle.features(window.samples)
        if progress.observe is not None:
            progress.observe(features)
        middle = time.perf_counter()
        rows = {name: array[np.newaxis] for name, array in features.items()}
        if progress.heads:
            probabilities = self._probabilities(self._run_heads(rows, progress.heads))[0]
        else:
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


def _moved(segments: list[SegmentScore], seconds: float) -> tuple[SegmentScore, ...]:
    """Segments at their place in the track, which begins ``seconds`` before what was analysed."""
    return tuple(
        one.model_copy(
            update={
                "start_seconds": one.start_seconds + seconds,
                "end_seconds": one.end_seconds + seconds,
            }
        )
        for one in segments
    )


def _name(source: Source) -> str:
    return str(source) if isinstance(source, str | Path) else ""
