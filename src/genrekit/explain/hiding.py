"""What a genre rests on in one track, found by hiding: all that needs neither torch nor charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genrekit.audio import Waveform
from genrekit.explain.agreement import beside_time_line, combine, line_note, verdict
from genrekit.explain.faithfulness import N_MEASURED, hiding_patches, measure_faithfulness
from genrekit.explain.faithfulness import verdict as faithfulness_verdict
from genrekit.explain.masking import (
    FILLS,
    Fill,
    Piece,
    PredictedTrack,
    pieces,
    predict_track,
    refilled,
)
from genrekit.explain.occlusion import (
    PATCH_WAYS,
    label_number,
    occlude_patches,
    occlude_seconds,
    picture_names,
    telling_window,
    time_line,
)
from genrekit.explain.records import Agreement, Occlusion, Patch, Span
from genrekit.inference import Classifier, Window, printable, ranked
from genrekit.progress import Progress, silent
from genrekit.schema import SegmentScore

#: One way of hiding seconds, or all of them compared.
Fills = Fill | Literal["all"]
#: Seconds that are hidden at once, and that a stretch of the time line has.
PIECE_SECONDS = 1.0
STRETCH_SECONDS = 3.0
#: Seconds for and against that are pointed out, and what is played before and after each.
TELLING = 3
CONTEXT_SECONDS = 0.5
#: Patches along frequency and time.
PATCH_GRID = (8, 16)


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """A track with everything that hiding says of it.

    Attributes
    ----------
    tracks : tuple of PredictedTrack
        The track, with each way of hiding.
    cut : tuple of Piece
        What was hidden, one at a time.
    window : Window
        The one that is surest of the genre, of which patches were occluded.
    picture : str
        The input that they are patches of; empty where the model takes none.
    """

    tracks: tuple[PredictedTrack, ...]
    cut: tuple[Piece, ...]
    window: Window
    picture: str
    found: Occlusion


def occlude_and_predict(
    classifier: Classifier,
    waveform: Waveform,
    *,
    name: str,
    genre: str | None = None,
    piece_seconds: float = PIECE_SECONDS,
    stretch_seconds: float | None = STRETCH_SECONDS,
    fill: Fills = "all",
    progress: Progress = silent,
) -> Hidden:
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
        That a stretch of the time line has; None leaves the line out.
    fill : {"all", "cut", "silence", "noise"}
        How seconds are hidden. What one way says alone may be of the way and not of the music, so
        by default all are used, and compared.
    progress : callable, optional
        Called with how far the hiding is.

    Raises
    ------
    AudioError
        If the track cannot be analysed.
    ConfigError
        If the model knows no such genre.
    """
    progress("Listening", 0, 1)
    ways = FILLS if fill == "all" else (fill,)
    track = predict_track(classifier, waveform, fill=ways[0])
    tracks = (track, *(refilled(track, way) for way in ways[1:]))
    progress("Listening", 1, 1)
    scores = ranked(classifier.labels, track.probabilities)
    wanted = next(iter(scores)) if genre is None else genre
    label = label_number(classifier, wanted)
    line = () if stretch_seconds is None else _line(classifier, waveform, stretch_seconds, progress)
    cut = pieces(waveform, piece_seconds)
    spans, agreement = _hidden(tracks, cut, wanted, progress)
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
        agreement=agreement,
        verdict=verdict(agreement),
        line_verdict=line_note(beside_time_line(spans, line, wanted), wanted),
        notes=waveform.warnings,
    )
    if picture:
        patches = _patches(classifier, window, picture, wanted, begin, progress)
        found = found.model_copy(update=patches)
    return Hidden(tracks, cut, window, picture, found)


def telling(spans: Sequence[Span], side: str) -> tuple[Span, ...]:
    """Return the seconds that are most ``"for"`` or ``"against"`` a genre, strongest first."""
    sign = 1 if side == "for" else -1
    speaking = [span for span in spans if span.evidence and sign * span.loss > 0]
    return tuple(sorted(speaking, key=lambda span: -sign * span.loss)[:TELLING])


def _line(
    classifier: Classifier, waveform: Waveform, seconds: float, progress: Progress
) -> tuple[SegmentScore, ...]:
    hop = max(seconds / 2, waveform.seconds / 60)
    total = max(1, int((waveform.seconds - seconds) / hop) + 1)
    line: list[SegmentScore] = []
    for one in time_line(classifier, waveform, seconds=seconds, hop_seconds=hop):
        line.append(one)
        progress("Time line", min(len(line), total), total)
    return tuple(line)


def _hidden(
    tracks: Sequence[PredictedTrack], cut: Sequence[Piece], genre: str, progress: Progress
) -> tuple[tuple[Span, ...], Agreement]:
    """Every piece hidden in every way, and what the ways say together."""
    by_way: list[list[Span]] = []
    for track in tracks:
        by_way.append([])
        for span in occlude_seconds(track, cut, genre):
            by_way[-1].append(span)
            done = (len(by_way) - 1) * len(cut) + len(by_way[-1])
            progress("Hiding seconds", done, len(cut) * len(tracks))
    losses = np.array([[span.loss for span in spans] for spans in by_way])
    combined = combine(losses, [track.fill for track in tracks])
    spans = tuple(
        span.model_copy(update={"loss": float(loss), "evidence": bool(evidence)})
        for span, loss, evidence in zip(by_way[0], combined.losses, combined.evidence, strict=True)
    )
    return spans, combined.agreement


def _patches(
    classifier: Classifier,
    window: Window,
    picture: str,
    genre: str,
    begin_seconds: float,
    progress: Progress,
) -> dict[str, object]:
    """Every patch hidden in every way, what the ways say together, and whether it is faithful."""
    total = len(PATCH_WAYS) + N_MEASURED
    rows, columns = PATCH_GRID
    by_way: list[tuple[Patch, ...]] = []
    for way in PATCH_WAYS:
        progress("Hiding patches", len(by_way), total)
        by_way.append(
            occlude_patches(
                classifier,
                window,
                picture,
                genre,
                rows=rows,
                columns=columns,
                begin_seconds=begin_seconds,
                way=way,
            )
        )
    combined = combine(np.array([[one.loss for one in some] for some in by_way]), PATCH_WAYS)
    without = hiding_patches(classifier, window, picture, genre, rows, columns)
    faithful = measure_faithfulness(
        without,
        combined.losses,
        each=lambda done: progress("Hiding patches", len(PATCH_WAYS) + done, total),
    )
    return {
        "patches": tuple(
            patch.model_copy(update={"loss": float(loss), "evidence": bool(evidence)})
            for patch, loss, evidence in zip(
                by_way[0], combined.losses, combined.evidence, strict=True
            )
        ),
        "patch_agreement": combined.agreement,
        "patch_faithfulness": faithful,
        "patch_verdict": f"{verdict(combined.agreement)}. {faithfulness_verdict(faithful)}",
    }
