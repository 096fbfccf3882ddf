"""``genrekit predict``: the genre of files, folders or standard input."""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import typer

from genrekit.cli.options import Jobs, Model
from genrekit.errors import EXIT_SOME_TRACKS_FAILED, AudioError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genrekit.schema import ExcerptConfig, TrackPrediction


def predict(
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE|FOLDER|-", help="Audio; - reads stdin.")
    ],
    model: Model = "default",
    top: Annotated[int, typer.Option(min=1, metavar="K", help="Genres shown per track.")] = 3,
    segments: Annotated[bool, typer.Option("--segments", help="Show the time line too.")] = False,
    tags: Annotated[
        bool, typer.Option("--tags", help="Moods, instruments and wider genres, if it has them.")
    ] = False,
    unknown_below: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="P", help="Say unknown below this probability."),
    ] = None,
    start: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Analyse from here on.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Analyse this much.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Analyse all of every track.")] = False,
    jobs: Jobs = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One TrackPrediction a line, all genres.")
    ] = False,
) -> None:
    """Tell the genre of every track, from its middle 30 seconds unless told otherwise.

    Exits with 0 when every track was answered and with 3 when some could not be read.
    """
    from genrekit.terminal import results, show_answers

    excerpt = _excerpt(start, duration, whole)
    answers, total = _answers(
        sources,
        model,
        jobs,
        # Lines on the screen show the progress themselves, and would run into the bar.
        bar=not results().is_terminal,
        excerpt=excerpt,
        segments=segments,
        tags=tags,
        unknown_below=unknown_below,
    )
    failed = show_answers(answers, top=top, as_json=as_json, tags=tags, total=total)
    if failed:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


class _How(TypedDict):
    """As for `genrekit.inference.Classifier.predict_file`."""

    excerpt: ExcerptConfig | None
    segments: bool
    tags: bool
    unknown_below: float | None


def _excerpt(start: float | None, duration: float | None, whole: bool) -> ExcerptConfig | None:
    from genrekit.schema import ExcerptConfig

    if whole:
        if start is not None or duration is not None:
            raise ConfigError("--whole analyses everything; leave out --start and --duration")
        return ExcerptConfig(start_seconds=0.0, duration_seconds=None)
    if start is None and duration is None:
        return None
    if inf in (start, duration):
        raise ConfigError("--start and --duration are finite; --whole analyses all of a track")
    return ExcerptConfig(start_seconds=start, duration_seconds=duration)


def _answers(
    sources: list[str],
    model: str,
    jobs: int | None,
    *,
    bar: bool,
    **how: Unpack[_How],
) -> tuple[Iterator[TrackPrediction], int | None]:
    """Answers as they come, and how many there will be; None for more than a few."""
    from genrekit.batch import SUPERVISED_FROM, predict_many
    from genrekit.cli.paths import stream_tracks
    from genrekit.terminal import track, workers
    from genrekit.workers import cores

    if "-" in sources:
        if sources != ["-"]:
            raise ConfigError("- reads one track from stdin; give it alone, without other sources")
        return (_standard_input(model, **how) for _ in range(1)), 1
    few = max(SUPERVISED_FROM, 4 * cores(), jobs or 0) + 1
    first, files = stream_tracks(sources, few)
    total = len(first) if len(first) < few else None
    answers = predict_many(
        files,
        model,
        workers=workers(jobs, len(first)),
        supervised=len(first) >= SUPERVISED_FROM,
        **how,
    )
    return track(answers, total, "Listening", shown=bar), total or few


def _standard_input(model: str, **how: Unpack[_How]) -> TrackPrediction:
    from genrekit.inference import Classifier, error_record

    if sys.stdin.isatty():
        raise ConfigError("- reads a file that is sent to it: genrekit predict - < song.mp3")
    classifier = Classifier.load(model)
    classifier.check_predicts()
    try:
        return classifier.predict_file(sys.stdin.buffer, name="-", **how)
    except AudioError as error:
        return error_record("-", error)
