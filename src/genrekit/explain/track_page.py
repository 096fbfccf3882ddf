"""The explanation of a track as a page, pictures and sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genrekit.explain.charts import Bars, Chart, Heat, Lines
from genrekit.explain.page import Section, Sound, write_page
from genrekit.explain.records import Curve, Faithfulness, Patch, Snippet, Span, TrackExplanation

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
    sections = [_scores(result), _time_line(result), _hidden(result), _heard(result, folder)]
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
    return write_page(title, lead, sections, folder / "index.html", folder)


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
        f"Each point is what the model says of the {seconds:.1f} s around it, heard alone. Short "
        "stretches are judged less well than the whole track."
    )
    series = {genre: [one.scores[genre] for one in line] for genre in shown}
    chart = Lines("Genre over time", middles, series, "seconds", "probability")
    return Section("Time line", text, [chart])


def _hidden(result: TrackExplanation) -> Section:
    text = (
        "What the probability loses when these seconds are hidden and all others are heard. Below "
        "zero the seconds speak against the genre."
    )
    x, y = _steps(result.occlusion)
    title = f"Loss of {result.genre} without these seconds"
    chart = Lines(title, x, {"loss": y}, "seconds", "loss of probability", filled=True)
    return Section("Hidden seconds", text, [chart])


def _steps(spans: Sequence[Span]) -> tuple[list[float], list[float]]:
    x = [edge for span in spans for edge in (span.start_seconds, span.end_seconds)]
    return x, [span.loss for span in spans for _ in range(2)]


def _heard(result: TrackExplanation, folder: Path) -> Section:
    def sounds(snippets: Sequence[Snippet], side: str) -> list[Sound]:
        return [
            Sound(
                f"{side} {result.genre}: {one.start_seconds:.1f} to {one.end_seconds:.1f} s, "
                f"loss {one.loss:+.3f}",
                folder / one.file,
            )
            for one in snippets
        ]

    found = sounds(result.speaks_for, "For") + sounds(result.speaks_against, "Against")
    text = "" if found else "No second changes the answer when it is hidden alone."
    return Section("What speaks for it and against it", text, found)


def _patches(result: TrackExplanation) -> Section:
    text = (
        "Patches in time and frequency are hushed one at a time in the window that is surest of "
        "the genre. Rows are numbered from the lowest band."
    )
    return Section("Time and frequency", text, [_patch_chart(result.patches, result.genre)])


def _patch_chart(patches: Sequence[Patch], genre: str) -> Chart:
    columns = sorted({one.start_seconds: one for one in patches}.items())
    rows = sorted({one.first_row: one for one in patches}.items())
    cells = np.array([one.loss for one in patches]).reshape(len(rows), len(columns))
    return Heat(
        f"Loss of {genre} without a patch",
        cells,
        [(one.start_seconds + one.end_seconds) / 2 for _, one in columns],
        [(one.first_row + one.last_row) / 2 for _, one in rows],
        "loss",
        "seconds",
        "row of the input",
        centred=True,
    )


def _faithful(measured: Faithfulness) -> Section:
    better = "better" if measured.gain > 0 else "no better"
    text = (
        "Hiding what is said to matter first should lose the genre soon; hearing it first should "
        f"find it soon. Compared with random orders the explanation is {better}: the areas differ "
        f"by {measured.gain:+.3f} in all."
    )
    charts = [
        _curves("Deletion", measured.deletion, measured.random_deletion, "hidden"),
        _curves("Insertion", measured.insertion, measured.random_insertion, "heard"),
    ]
    return Section("Is it faithful?", text, charts)


def _curves(title: str, own: Curve, chance: Curve, what: str) -> Lines:
    series = {
        f"explanation (area {own.area:.3f})": own.probabilities,
        f"random (area {chance.area:.3f})": chance.probabilities,
    }
    random = frozenset(name for name in series if name.startswith("random"))
    return Lines(title, own.shares, series, f"share of the track {what}", "probability", random)
