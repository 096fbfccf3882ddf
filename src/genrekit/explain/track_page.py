"""The explanation of a track as a page, pictures and sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genrekit.explain.agreement import SMALLEST_LOSS
from genrekit.explain.faithfulness import verdict as faithfulness_verdict
from genrekit.explain.records import Agreement, Curve, Faithfulness, Snippet, Span, TrackExplanation
from genrekit.pages import (
    AudioClip,
    Bars,
    Chart,
    Document,
    Heatmap,
    Lines,
    Section,
    hertz_ticks,
    write_page,
)

#: Lines that a chart of genres over time has at most.
_MOST_GENRES = 6


def write_track_page(
    result: TrackExplanation, folder: Path, further: Sequence[Section] = ()
) -> tuple[Path, ...]:
    """Write ``index.html`` and a PNG for each chart into ``folder``; return what was written.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    sections = [_scores(result), _time_line(result), _hidden(result), _sounds(result, folder)]
    sections += [_patches(result)] if result.patches else []
    sections += further
    sections += [_faithful(result.faithfulness)] if result.faithfulness else []
    name = Path(result.path).name
    lead = (
        f"{result.model.name} {result.model.version} gives {result.genre} a probability of "
        f"{result.probability:.3f} on {result.seconds:.1f} s of this track. What follows says what "
        "in the track that rests on."
    )
    title = f"Why {name} is {result.genre}"
    best = next(iter(result.scores))
    if best != result.genre:
        title = f"What in {name} is {result.genre} (the model says {best})"
    return write_page(Document(title, lead, sections), folder / "index.html", folder)


def _scores(result: TrackExplanation) -> Section:
    names, values = list(result.scores)[:12], list(result.scores.values())[:12]
    text = " ".join(f"Note: {note}." for note in result.notes)
    return Section("Answer", text, [Bars("Scores", names, values, "probability")])


def _time_line(result: TrackExplanation) -> Section:
    line = result.time_line
    middles = [(one.start_seconds + one.end_seconds) / 2 for one in line]
    peaks = {genre: max(one.scores[genre] for one in line) for genre in result.scores}
    shown = sorted(peaks, key=lambda genre: (genre != result.genre, -peaks[genre]))[:_MOST_GENRES]
    seconds = line[0].end_seconds - line[0].start_seconds
    text = (
        f"Each point is what the model says of the {seconds:.1f} s around it, scored alone, which "
        "need not be what the track loses without them: how far the two agree is said below."
    )
    text = f"{text}\n{result.line_verdict}"
    series = {genre: [one.scores[genre] for one in line] for genre in shown}
    chart = Lines("Genre over time", middles, series, "seconds", "probability")
    return Section("Time line", text, [chart])


def _hidden(result: TrackExplanation) -> Section:
    text = (
        "What the log-odds of the genre lose when these seconds are hidden and all others are "
        "kept, beyond what they lose without a typical second: 0.69 halves the odds. Below zero "
        "the seconds speak against the genre. How seconds are hidden has effects of its own, so "
        "several ways are compared; where they disagree on the sign, there is no evidence, and "
        "the line is at zero."
    )
    x, y = _steps(result.occlusion)
    chart = Lines(
        f"Loss of {result.genre} without these seconds",
        x,
        {"loss": y},
        "seconds",
        "loss of log-odds",
        filled=True,
        verdict=_text_of_seconds(result),
        faded=not _seconds_hold(result),
    )
    return Section("Hidden seconds", f"{text}\n{result.line_verdict}", [chart])


def _text_of_seconds(result: TrackExplanation) -> str:
    measured = result.faithfulness
    return f"{result.verdict}. {faithfulness_verdict(measured)}" if measured else result.verdict


def _seconds_hold(result: TrackExplanation) -> bool:
    return _holds(result.agreement, result.faithfulness)


def _holds(agreement: Agreement | None, measured: Faithfulness | None) -> bool:
    return (agreement is None or agreement.enough) and (measured is None or measured.faithful)


def _steps(spans: Sequence[Span]) -> tuple[list[float], list[float]]:
    x = [edge for span in spans for edge in (span.start_seconds, span.end_seconds)]
    return x, [span.loss if span.evidence else 0.0 for span in spans for _ in range(2)]


def _sounds(result: TrackExplanation, folder: Path) -> Section:
    def sounds(snippets: Sequence[Snippet], side: str) -> list[AudioClip]:
        return [
            AudioClip(
                f"{side} {result.genre}: {one.start_seconds:.1f} to {one.end_seconds:.1f} s, "
                f"loss of log-odds {one.loss:+.2f}",
                folder / one.file,
            )
            for one in snippets
        ]

    found = sounds(result.speaks_for, "For") + sounds(result.speaks_against, "Against")
    text = (
        "" if found else "There is no evidence that any second alone speaks for it or against it."
    )
    return Section("What speaks for it and against it", text, found)


def _patches(result: TrackExplanation) -> Section:
    text = (
        "Patches in time and frequency are hidden one at a time in the window that is surest of "
        "the genre: once as quiet as their rows get, once at the typical level of their rows. "
        "Where the two disagree on the sign the patch is left white."
    )
    return Section("Time and frequency", text, [_patch_chart(result)])


def _patch_chart(result: TrackExplanation) -> Chart:
    columns = sorted({one.start_seconds: one for one in result.patches}.items())
    rows = sorted({one.first_row: one for one in result.patches}.items())
    losses = [one.loss if one.evidence else 0.0 for one in result.patches]
    borders = [one.low_hz for _, one in rows] + [rows[-1][1].high_hz]
    known = [hz for hz in borders if hz is not None]
    bands = len(known) == len(borders)
    holds = _holds(result.patch_agreement, result.patch_faithfulness)
    return Heatmap(
        f"Loss of {result.genre} without a patch",
        np.array(losses).reshape(len(rows), len(columns)),
        [(one.start_seconds + one.end_seconds) / 2 for _, one in columns],
        [number + 0.5 for number in range(len(rows))],
        "log-odds",
        "seconds",
        "Hz" if bands else "group of rows of the input",
        centred=True,
        y_ticks=hertz_ticks(known, range(len(borders))) if bands else (),
        top=10 * SMALLEST_LOSS,
        verdict=result.patch_verdict,
        faded=not holds,
    )


def _faithful(measured: Faithfulness) -> Section:
    text = (
        "Hiding what is said to matter first should lose the genre soon; inserting it first should "
        "find it soon. The gain is the difference of both areas from those of random orders. "
        f"{faithfulness_verdict(measured)}."
    )
    charts = [
        _curves("Deletion", measured.deletion, measured.random_deletion, "hidden"),
        _curves("Insertion", measured.insertion, measured.random_insertion, "inserted"),
    ]
    return Section("Is it faithful?", text, charts)


def _curves(title: str, own: Curve, chance: Curve, what: str) -> Lines:
    series = {
        f"explanation (area {own.area:.3f})": own.probabilities,
        f"random (area {chance.area:.3f})": chance.probabilities,
    }
    random = frozenset(name for name in series if name.startswith("random"))
    return Lines(title, own.shares, series, f"share of the track {what}", "probability", random)
