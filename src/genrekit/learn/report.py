"""What can be trusted of a learnt model, and what would make it better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from genrekit.markdown import blocks, bullets, markdown_table, plain, section
from genrekit.pages import interval, points
from genrekit.schema import Contract, Estimate, EvaluationResult, Probability


class GenreVerdict(Contract):
    """One genre; what could not be tested has no numbers."""

    genre: str
    tracks: int
    groups: int = Field(description="artists, albums or recordings that stand apart")
    recall: Estimate | None = Field(description="share of its tracks that are predicted correctly")
    precision: float | None
    note: str = Field("", description="what is wrong with its tracks, as a sentence")


class Pair(Contract):
    """Two genres that answers mix up."""

    one: str
    other: str
    told_apart: Estimate = Field(description="share of their tracks on the right side of the two")
    guessing: Probability = Field(description="what always saying the larger one would get")


class Doubt(Contract):
    """A track whose label its sound contradicts."""

    path: str
    labelled: str
    heard: str
    probability: Probability = Field(description="of what is heard, by a model without the track")


class CurvePoint(Contract):
    """What a model gets that learns from so many tracks."""

    tracks: float
    score: Estimate = Field(description="mean and range over draws")


class Forecast(Contract):
    """What more tracks would bring, read off a curve error = a * tracks ** -b."""

    more: int
    gain: float = Field(description="points of accuracy, as a share")
    low: float
    high: float


class LearnReport(Contract):
    """What `learn` found.

    ``measure`` is accuracy, or mean average precision for several genres a track. ``majority`` is
    what always saying the most frequent genre would get; for several genres a track, a random
    order.
    """

    name: str
    version: str
    base: str
    labels: tuple[str, ...]
    tracks: int
    groups: int
    measure: str
    score: Estimate
    majority: float
    nearest_centroid: Estimate | None
    better_than_centroid: Estimate | None = Field(
        None, description="difference in hits, by whole groups"
    )
    result: EvaluationResult
    relations: tuple[str, ...] = Field(description="what is never on both sides of a test")
    flatters: str = Field("", description="why the number is too good; empty where it need not be")
    per_genre: tuple[GenreVerdict, ...]
    thin: tuple[str, ...] = Field((), description="genres of too few tracks to be trusted")
    untested: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = Field((), description="genres that cannot be told apart")
    doubts: tuple[Doubt, ...] = Field((), description="tracks that look mislabelled, worst first")
    duplicates: tuple[tuple[str, str], ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    forecast: Forecast | None = None
    temperature: float
    unknown_below: float
    answered: float = Field(description="share of held-out tracks that are told a genre")
    right_of_answered: float | None
    unreadable: dict[str, str] = Field({}, description="path to the reason")
    notes: tuple[str, ...] = ()


def render_report(report: LearnReport) -> str:
    """Return the report as Markdown."""
    return blocks(
        f"# {report.name} {report.version}",
        _headline(report),
        report.flatters,
        section("Genres", _genres(report.per_genre)),
        section("Cannot be told apart", _pairs(report.pairs) if report.pairs else ""),
        section("Tracks that look mislabelled", _doubts(report.doubts) if report.doubts else ""),
        section("More tracks", _curve(report) if report.curve else ""),
        section("Unknown", _unknown(report) if report.measure == "accuracy" else ""),
        section("Left out", _left_out(report)),
    )


def _headline(report: LearnReport) -> str:
    kept = ", ".join(report.relations)
    by = f" Tracks that share {kept} are never on both sides." if kept else ""
    lines = [
        f"**{report.measure.capitalize()} {interval(report.score)}** on tracks that the tested "
        f"models did not learn from: {report.tracks} tracks of {report.groups} groups, "
        f"{len(report.labels)} genres, on the embedding of {report.base}.{by}",
        f"Always saying the most frequent genre gets {report.majority:.3f}."
        if report.measure == "accuracy"
        else f"A random order gets {report.majority:.3f}.",
    ]
    if report.nearest_centroid is not None:
        lines.append(f"The nearest centroid gets {interval(report.nearest_centroid)}.")
    if (gain := report.better_than_centroid) is not None:
        sure = "more" if gain.low > 0 else "less" if gain.high < 0 else ""
        lines.append(
            f"The head gets {points(gain)} {sure} than it."
            if sure
            else f"The head and the nearest centroid are not told apart by these tracks: "
            f"{points(gain)}."
        )
    return " ".join(lines)


def _genres(rows: Sequence[GenreVerdict]) -> str:
    return markdown_table(
        ("genre", "tracks", "groups", "recall", "precision", ""),
        [
            (
                one.genre,
                str(one.tracks),
                str(one.groups),
                "" if one.recall is None else interval(one.recall),
                "" if one.precision is None else f"{one.precision:.3f}",
                one.note,
            )
            for one in rows
        ],
    )


def _pairs(pairs: Sequence[Pair]) -> str:
    return "\n".join(
        f"- {one.one} and {one.other}: {interval(one.told_apart)} of their tracks fall on the "
        f"right side, and guessing gets {one.guessing:.3f}"
        for one in pairs
    )


def _doubts(doubts: Sequence[Doubt]) -> str:
    rows = [(one.path, one.labelled, one.heard, f"{one.probability:.2f}") for one in doubts]
    table = markdown_table(("track", "labelled", "sounds like", "probability"), rows)
    return (
        f"{table}\n\nListen to them; put what is wrong into a CSV of path and genre, and learn "
        "again with --corrections."
    )


def _curve(report: LearnReport) -> str:
    table = markdown_table(
        ("tracks learnt from", report.measure),
        [(f"{one.tracks:.0f}", interval(one.score)) for one in report.curve],
    )
    if (one := report.forecast) is None:
        return f"{table}\n\nThe curve says nothing of what more tracks would bring."
    return (
        f"{table}\n\nIf the curve goes on like this, {one.more} more tracks bring "
        f"{100 * one.gain:+.1f} points (from {100 * one.low:+.1f} to {100 * one.high:+.1f} over "
        "draws); tracks of new artists bring most."
    )


def _unknown(report: LearnReport) -> str:
    right = report.right_of_answered
    of = "" if right is None else f", and {right:.1%} of the answers are right"
    return (
        f'Below a probability of {report.unknown_below:.3f} the answer is "unknown". Of the '
        f"held-out tracks {report.answered:.1%} are told a genre{of}."
    )


def _left_out(report: LearnReport) -> str:
    lines = [*report.notes]
    lines += [f"{path} could not be read: {why}" for path, why in report.unreadable.items()]
    lines += [
        f"{one} and {other} are the same audio, or nearly; they count as one group"
        for one, other in report.duplicates
    ]
    return bullets(map(plain, lines))


def summary(report: LearnReport) -> Mapping[str, float]:
    """Return the numbers of a report, for a tracker of experiments."""
    found = {
        "score": report.score.value,
        "score_low": report.score.low,
        "score_high": report.score.high,
        "majority": report.majority,
        "tracks": float(report.tracks),
    }
    if report.nearest_centroid is not None:
        found["nearest_centroid"] = report.nearest_centroid.value
    return found
