"""What a model says of a track of which some seconds are hidden.

Silence is loud news to a model that measures a whole track: hide any second and it sees a track
with a hole. Seconds are therefore cut out unless asked otherwise. Where they are replaced instead,
windows that no hidden second touches keep the scores they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform
from genrekit.bundles import window_samples
from genrekit.errors import AudioContentError, ConfigError
from genrekit.inference import Classifier, Window, aggregate, cut_windows

#: Hidden seconds are cut out, or replaced by silence, or by noise with the track's mean spectrum.
Fill = Literal["cut", "silence", "noise"]
FILLS: tuple[Fill, ...] = ("cut", "silence", "noise")
FADE_SECONDS = 0.01
_NOISE_FRAME = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Samples from ``start`` to ``stop`` of a track."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class PredictedTrack:
    """A track with the scores of its windows.

    Attributes
    ----------
    waveform : Waveform
    fill : {"cut", "silence", "noise"}
    filling : (n,) float32
        What stands in place of hidden samples that are not cut out.
    windows : tuple of Window
    table : (n_windows, n_labels) float64
        Probabilities of each.
    """

    classifier: Classifier
    waveform: Waveform
    fill: Fill
    filling: NDArray[np.float32]
    windows: tuple[Window, ...]
    table: NDArray[np.float64]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of the track, (n_labels,)."""
        return aggregate(self.table, self.classifier.bundle.manifest)


def predict_track(
    classifier: Classifier, waveform: Waveform, *, fill: Fill = "cut"
) -> PredictedTrack:
    """Score every window of a track once.

    Raises
    ------
    ConfigError
        If the rate is not the bundle's.
    AudioContentError
        If there is less audio than the bundle needs.
    """
    manifest = classifier.bundle.manifest
    if waveform.sample_rate_hz != classifier.sample_rate_hz:
        raise ConfigError(
            f"the audio has {waveform.sample_rate_hz} Hz, model {classifier.identity.name} takes "
            f"{classifier.sample_rate_hz}; decode it with that rate"
        )
    if waveform.seconds < manifest.windows.minimum_seconds:
        raise AudioContentError(
            "too_short",
            f"there are {waveform.seconds:.3f} s of audio, model {classifier.identity.name} needs "
            f"at least {manifest.windows.minimum_seconds:g} s; give it a longer piece",
        )
    windows = _windows(classifier, waveform.samples)
    table = _table(classifier, windows)
    return PredictedTrack(classifier, waveform, fill, _filling(waveform, fill), windows, table)


def refilled(track: PredictedTrack, fill: Fill) -> PredictedTrack:
    """Return the same track with what it hides hidden in another way."""
    return replace(track, fill=fill, filling=_filling(track.waveform, fill))


def _filling(waveform: Waveform, fill: Fill) -> NDArray[np.float32]:
    return _noise_like(waveform) if fill == "noise" else np.zeros_like(waveform.samples)


def _windows(classifier: Classifier, samples: NDArray[np.float32]) -> tuple[Window, ...]:
    length, hop = window_samples(classifier.bundle.manifest.windows, classifier.sample_rate_hz)
    return tuple(cut_windows([samples], length=length, hop=hop))


def _table(classifier: Classifier, windows: Sequence[Window]) -> NDArray[np.float64]:
    return classifier.score_windows([window.samples for window in windows])


def hidden_scores(track: PredictedTrack, hidden: Sequence[Piece]) -> NDArray[np.float64]:
    """Probabilities (n_labels,) of the track with some pieces hidden."""
    minimum = track.classifier.bundle.manifest.windows.minimum_seconds
    left = sum(map(len, kept := _kept(track, hidden)))
    if track.fill == "cut" and left >= minimum * track.waveform.sample_rate_hz:
        return _scores_without(track, kept, hidden)
    # Of a track of which nothing is left, silence is.
    samples = hide(track, hidden)
    spans = [(one.start_sample, one.start_sample + len(one.samples)) for one in track.windows]
    changed = [
        row
        for row, (start, stop) in enumerate(spans)
        if any(piece.start < stop and start < piece.stop for piece in hidden)
    ]
    table = track.table.copy()
    if changed:
        audible = [Window(start, samples[start:stop]) for start, stop in spans]
        table[changed] = _table(track.classifier, [audible[row] for row in changed])
    return aggregate(table, track.classifier.bundle.manifest)


def _scores_without(
    track: PredictedTrack, kept: Sequence[NDArray[np.float32]], hidden: Sequence[Piece]
) -> NDArray[np.float64]:
    """Probabilities of what is left; windows that end before the first cut keep their scores."""
    rate = track.waveform.sample_rate_hz
    windows = _windows(track.classifier, _joined(kept, rate))
    same = min((one.start for one in hidden), default=len(track.waveform.samples))
    same -= round(FADE_SECONDS * rate)
    known = sum(one.start_sample + len(one.samples) <= same for one in windows)
    table = track.table[:known]
    if known < len(windows):
        table = np.concatenate([table, _table(track.classifier, windows[known:])])
    return aggregate(table, track.classifier.bundle.manifest)


def _kept(track: PredictedTrack, hidden: Sequence[Piece]) -> list[NDArray[np.float32]]:
    audible = np.ones(len(track.waveform.samples), bool)
    for piece in hidden:
        audible[piece.start : piece.stop] = False
    edges = np.flatnonzero(np.diff(audible)) + 1
    parts = np.split(track.waveform.samples, edges)
    return [part for part, start in zip(parts, [0, *edges], strict=True) if audible[start]]


def _joined(parts: Sequence[NDArray[np.float32]], rate_hz: int) -> NDArray[np.float32]:
    """Parts one after the other, each crossfading into the next over ten milliseconds."""
    whole = parts[0]
    for part in parts[1:]:
        fade = min(round(FADE_SECONDS * rate_hz), len(whole), len(part))
        rise = np.linspace(0, 1, fade, dtype=np.float32)
        middle = whole[len(whole) - fade :] * (1 - rise) + part[:fade] * rise
        whole = np.concatenate([whole[: len(whole) - fade], middle, part[fade:]])
    return whole


def hide(track: PredictedTrack, hidden: Sequence[Piece]) -> NDArray[np.float32]:
    """Return the samples with the filling in place of some pieces, faded over ten milliseconds."""
    audible = np.ones(len(track.waveform.samples), np.float32)
    for piece in hidden:
        audible[piece.start : piece.stop] = 0
    fade = max(1, round(FADE_SECONDS * track.waveform.sample_rate_hz))
    padded = np.pad(audible, (fade // 2, fade - 1 - fade // 2), mode="edge")
    # A running mean; with float64 sums it is exactly 0 and 1 where nothing changes.
    sums = np.concatenate([[0.0], np.cumsum(padded, dtype=np.float64)])
    gain = ((sums[fade:] - sums[:-fade]) / fade).astype(np.float32)
    return np.asarray(gain * track.waveform.samples + (1 - gain) * track.filling, np.float32)


def pieces(waveform: Waveform, seconds: float) -> tuple[Piece, ...]:
    """Return the track in pieces of about ``seconds``, all of a length."""
    count = max(1, round(waveform.seconds / seconds))
    edges = np.linspace(0, len(waveform.samples), count + 1).round().astype(int).tolist()
    return tuple(Piece(start, stop) for start, stop in pairwise(edges))


def _noise_like(waveform: Waveform) -> NDArray[np.float32]:
    """Noise with the mean power spectrum of the track: its colour and loudness, none of its notes.

    Every frame has phases of its own; frames overlap by half under the root of a Hann window, which
    keeps their power constant.
    """
    half = _NOISE_FRAME // 2
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_NOISE_FRAME) / _NOISE_FRAME))
    samples = np.pad(waveform.samples.astype(np.float64), (half, _NOISE_FRAME))
    starts = range(0, len(samples) - _NOISE_FRAME + 1, half)
    framed = np.array([samples[start : start + _NOISE_FRAME] * window for start in starts])
    # The window takes half of the power.
    magnitude = np.sqrt(2 * np.mean(np.abs(np.fft.rfft(framed)) ** 2, axis=0))
    generator = np.random.default_rng(0)
    phases = np.exp(2j * np.pi * generator.random((len(framed), len(magnitude))))
    noise = np.zeros(len(samples))
    for start, frame in zip(starts, np.fft.irfft(magnitude * phases), strict=True):
        noise[start : start + _NOISE_FRAME] += frame * window
    return noise[half : half + len(waveform.samples)].astype(np.float32)
