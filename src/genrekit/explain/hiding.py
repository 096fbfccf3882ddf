"""What a genre rests on in one track, found by hiding: all that needs neither torch nor charts."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genrekit.audio import Waveform
from genrekit.explain.masking import Fill, Listened, Piece, listen, pieces
from genrekit.explain.occlusion import (
    label_number,
    occlude_patches,
    occlude_seconds,
    picture_names,
    telling_window,
    time_line,
)
from genrekit.explain.records import Occlusion, Span, TrackExplanation
from genrekit.inference import Classifier, Window, printable, ranked
from genrekit.schema import SegmentScore

if TYPE_CHECKING:
    from genrekit.explain.page import Section

#: Seconds that are hidden at once, and that a stretch of the time line has.
PIECE_SECONDS = 1.0
STRETCH_SECONDS = 3.0
#: Seconds for and against that are pointed out, and what is heard before and after each.
TELLING = 3
CONTEXT_SECONDS = 0.5
# A loss below this is a rounding error of the model's.
_SMALLEST_LOSS = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """A track with everything that hiding says of it.

    Attributes
    ----------
    track : Listened
    cut : tuple of Piece
        What was hidden, one at a time.
    window : Window
        The one that is surest of the genre, of which patches were hushed.
    picture : str
        The input that they are patches of; empty where the model takes none.
    """

    track: Listened
    cut: tuple[Piece, ...]
    window: Window
    picture: str
    found: Occlusion


@dataclass(frozen=True, slots=True)
class ExplainStep:
    """How far an explanation is; the last step of the hiding carries what it found."""

    stage: str
    done: int
    total: int
    hidden: Hidden | None = None
    result: TrackExplanation | None = None
    sections: tuple[Section, ...] = ()


def hide_and_listen(
    classifier: Classifier,
    waveform: Waveform,
    *,
    name: str,
    genre: str | None = None,
    piece_seconds: float = PIECE_SECONDS,
    stretch_seconds: float | None = STRETCH_SECONDS,
    fill: Fill = "cut",
) -> Iterator[ExplainStep]:
    """Hide seconds and patches of a track one at a time.

    Parameters
    ----------
    name : str
        Of the track.
    genre : str, optional
        What is explained; None takes the genre that the model finds most probable.
    piece_seconds : float
        Hidden at once.
    stretch_seconds : float, optional
        That a stretch of the time line has; None leaves the line out, nearly half of the work.

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
    yield ExplainStep("Listening", 0, 1)
    track = listen(classifier, waveform, fill=fill)
    yield ExplainStep("Listening", 1, 1)
    scores = ranked(classifier.labels, track.probabilities)
    wanted = next(iter(scores)) if genre is None else genre
    label = label_number(classifier, wanted)
    line = (
        () if stretch_seconds is None else (yield from _line(classifier, waveform, stretch_seconds))
    )
    cut = pieces(waveform, piece_seconds)
    spans = yield from _hidden(track, cut, wanted)
    yield ExplainStep("Hushing patches", 0, 1)
    window = telling_window(track, wanted)
    picture, *_ = (*picture_names(classifier.bundle.features(window.samples)), "")
    begin = waveform.start_seconds
    found = Occlusion(
        path=printable(name),
        model=classifier.identity,
        genre=wanted,
        probability=float(track.probabilities[label]),
        scores=scores,
        start_seconds=begin,
        seconds=waveform.seconds,
        time_line=line,
        occlusion=spans,
        patches=occlude_patches(classifier, window, picture, wanted, begin_seconds=begin)
        if picture
        else (),
        notes=waveform.warnings,
    )
    yield ExplainStep("Hushing patches", 1, 1, Hidden(track, cut, window, picture, found))


def telling(spans: Sequence[Span], side: str) -> tuple[Span, ...]:
    """The seconds that speak most ``"for"`` or ``"against"`` a genre, the strongest first."""
    sign = 1 if side == "for" else -1
    speaking = [span for span in spans if sign * span.loss > _SMALLEST_LOSS]
    return tuple(sorted(speaking, key=lambda span: -sign * span.loss)[:TELLING])


def _line(
    classifier: Classifier, waveform: Waveform, seconds: float
) -> Generator[ExplainStep, None, tuple[SegmentScore, ...]]:
    hop = max(seconds / 2, waveform.seconds / 60)
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
