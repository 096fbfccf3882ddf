"""Why a model says what it says of one track: every method that fits the model, and its check."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from genrekit.audio import Waveform, decode
from genrekit.explain.faithfulness import N_MEASURED, hiding_seconds, measure
from genrekit.explain.masking import Fill, Listened, Piece, listen, pieces
from genrekit.explain.network_maps import map_sections, network_maps
from genrekit.explain.occlusion import (
    label_number,
    occlude_patches,
    occlude_seconds,
    picture_names,
    telling_window,
    time_line,
)
from genrekit.explain.page import Section
from genrekit.explain.records import Faithfulness, Snippet, Span, TrackExplanation
from genrekit.inference import Classifier, printable, ranked
from genrekit.schema import ExcerptConfig, SegmentScore

#: Seconds that are hidden at once, and that a stretch of the time line has.
PIECE_SECONDS = 1.0
STRETCH_SECONDS = 3.0
#: Snippets for and against, and what is heard before and after each.
SNIPPETS = 3
CONTEXT_SECONDS = 0.5
# A loss below this is a rounding error of the model's.
_SMALLEST_LOSS = 1e-4


@dataclass(frozen=True, slots=True)
class ExplainStep:
    """How far an explanation is; the last step carries the result."""

    stage: str
    done: int
    total: int
    result: TrackExplanation | None = None
    sections: tuple[Section, ...] = ()


def explain_track(
    classifier: Classifier,
    path: Path,
    folder: Path,
    *,
    genre: str | None = None,
    piece_seconds: float = PIECE_SECONDS,
    stretch_seconds: float = STRETCH_SECONDS,
    fill: Fill = "cut",
    check: bool = True,
    excerpt: ExcerptConfig | None = None,
) -> Iterator[ExplainStep]:
    """Explain a track, and write its snippets into ``folder``.

    Parameters
    ----------
    genre : str, optional
        What is explained; None takes the genre that the model finds most probable.
    piece_seconds, stretch_seconds : float
        Seconds hidden at once, and seconds that a stretch of the time line has.
    check : bool
        Measure the faithfulness, which takes most of the time.

    Yields
    ------
    ExplainStep

    Raises
    ------
    AudioError
        If the track cannot be analysed.
    ConfigError
        If the model knows no such genre.
    """
    part = classifier.bundle.manifest.excerpt if excerpt is None else excerpt
    yield ExplainStep("Listening", 0, 1)
    waveform = decode(path, sample_rate_hz=classifier.sample_rate_hz, excerpt=part)
    track = listen(classifier, waveform, fill=fill)
    yield ExplainStep("Listening", 1, 1)
    scores = ranked(classifier.labels, track.probabilities)
    wanted = next(iter(scores)) if genre is None else genre
    label = label_number(classifier, wanted)
    line = yield from _line(classifier, waveform, stretch_seconds)
    cut = pieces(waveform, piece_seconds)
    spans = yield from _hidden(track, cut, wanted)
    faithful = None
    if check and len(cut) > 1:
        faithful = yield from _checked(track, cut, spans, wanted)
    yield ExplainStep("Looking into the network", 0, 1)
    window = telling_window(track, wanted)
    names = picture_names(classifier.bundle.features(window.samples))
    maps = network_maps(classifier, window, names[0], wanted) if names else ()
    patches = occlude_patches(classifier, window, names[0], wanted) if names else ()
    yield ExplainStep(
        "Looking into the network",
        1,
        1,
        TrackExplanation(
            path=printable(str(path)),
            model=classifier.identity,
            genre=wanted,
            probability=float(track.probabilities[label]),
            scores=scores,
            seconds=waveform.seconds,
            time_line=line,
            occlusion=spans,
            speaks_for=_snippets(waveform, spans, folder, "for"),
            speaks_against=_snippets(waveform, spans, folder, "against"),
            faithfulness=faithful,
            patches=patches,
            random_weights=tuple(one.random for one in maps),
            notes=waveform.warnings,
        ),
        tuple(map_sections(maps, classifier, window, names[0])) if maps else (),
    )


def _line(
    classifier: Classifier, waveform: Waveform, seconds: float
) -> Generator[ExplainStep, None, tuple[SegmentScore, ...]]:
    hop = max(seconds / 4, waveform.seconds / 60)
    total = max(1, int((waveform.seconds - seconds) / hop) + 1)
    line: list[SegmentScore] = []
    for one in time_line(classifier, waveform, seconds=seconds, hop_seconds=hop):
        line.append(one)
        yield ExplainStep("Time line", min(len(line), total), total)
    return tuple(line)


def _hidden(
    track: Listened, cut: Sequence[Piece], genre: str
) -> Generator[ExplainStep, None, tuple[Span, ...]]:
    spans: list[Span] = []
    for span in occlude_seconds(track, cut, genre):
        spans.append(span)
        yield ExplainStep("Hiding seconds", len(spans), len(cut))
    return tuple(spans)


def _checked(
    track: Listened, cut: Sequence[Piece], spans: Sequence[Span], genre: str
) -> Generator[ExplainStep, None, Faithfulness | None]:
    losses = np.array([span.loss for span in spans])
    last = None
    for done, measured in enumerate(measure(hiding_seconds(track, cut, genre), losses), start=1):
        yield ExplainStep("Checking faithfulness", done, N_MEASURED)
        last = measured
    return last


def _snippets(
    waveform: Waveform, spans: Sequence[Span], folder: Path, side: str
) -> tuple[Snippet, ...]:
    """Write the seconds that are lost most by, or gained most by, as WAV files."""
    sign = 1 if side == "for" else -1
    telling = [span for span in spans if sign * span.loss > _SMALLEST_LOSS]
    telling = sorted(telling, key=lambda span: -sign * span.loss)[:SNIPPETS]
    rate = waveform.sample_rate_hz
    written = []
    for number, span in enumerate(telling, start=1):
        start = max(0, round((span.start_seconds - CONTEXT_SECONDS) * rate))
        stop = min(len(waveform.samples), round((span.end_seconds + CONTEXT_SECONDS) * rate))
        file = f"{side}-{number}.wav"
        soundfile.write(folder / file, waveform.samples[start:stop], rate, subtype="PCM_16")
        written.append(
            Snippet(
                file=file,
                start_seconds=start / rate,
                end_seconds=stop / rate,
                loss=span.loss,
            )
        )
    return tuple(written)
