"""How predictions look: JSON lines for machines, a table or a page for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genrekit.cli.console import named, plain, print_json_line, print_problem, results
from genrekit.schema import UNKNOWN, Timings, TrackPrediction

_BAR_CELLS = 24
_TAGS_SHOWN = 4  # of each group


def show_answers(
    answers: Iterable[TrackPrediction], *, top: int, as_json: bool, tags: bool = False
) -> int:
    """Print every answer, and return how many are errors.

    One track is shown in full, several as a table with one row each. What has been answered
    when the user interrupts is still shown. Where ``tags`` were asked for and the model has none,
    one line on stderr says so.
    """
    done = failed = 0
    missing = tags
    shown: list[TrackPrediction] = []
    try:
        for answer in _announce(answers):
            done += 1
            failed += answer.error is not None
            if missing and answer.error is None:
                missing = False
                _say_if_without_tags(answer)
            if as_json:
                print_json_line(answer)
            elif answer.error is None:
                shown.append(answer)
    except KeyboardInterrupt:
        print_problem("warning", f"stopped after {done} tracks")
        raise
    finally:
        if len(shown) == 1:
            results().print(_page(shown[0], top))
        elif shown:
            results().print(_table(shown, top))
    return failed


def _announce(answers: Iterable[TrackPrediction]) -> Iterator[TrackPrediction]:
    for answer in answers:
        if answer.error is not None:
            print_problem("error", named(answer.path, answer.error.message))
        for warning in answer.warnings:
            print_problem("warning", named(answer.path, warning))
        yield answer


def _say_if_without_tags(answer: TrackPrediction) -> None:
    if answer.tags is None and answer.wide is None and answer.model:
        name = f"{answer.model.name} {answer.model.version}"
        print_problem("warning", f"model {name} has no tags; --tags adds nothing to its answers")


def _bar(probability: float) -> Text:
    filled = round(probability * _BAR_CELLS)
    full, empty = "#." if results().options.ascii_only else "█·"
    return Text.assemble((full * filled, "cyan"), (empty * (_BAR_CELLS - filled), "dim"))


def _genre(answer: TrackPrediction) -> Text:
    genre = ", ".join(answer.genres) or answer.genre or UNKNOWN
    return Text(plain(genre), style="yellow" if genre == UNKNOWN else "bold")


def _page(answer: TrackPrediction, top: int) -> RenderableType:
    model = f"{answer.model.name} {answer.model.version}" if answer.model else ""
    timings = answer.timings_ms
    head = Text.assemble(
        (plain(answer.path), "bold"),
        "  ",
        _genre(answer),
        f"  ({answer.seconds:.1f} s, {model}",
    )
    if timings:
        head.append(
            f", decode {timings.decode:.0f} + front-end {timings.frontend:.0f}"
            f" + model {timings.model:.0f} ms"
        )
    head.append(")")
    scores = Table(box=None, show_header=False, pad_edge=True)
    scores.add_column()
    scores.add_column(no_wrap=True, overflow="crop")
    # Of several genres all that were told are shown, and which they are.
    shown = islice(answer.scores.items(), max(top, len(answer.genres)))
    told = answer.genres if len(answer.genres) > 1 else ()
    for genre, probability in shown:
        name = Text(plain(genre), style="bold" if genre in told else "")
        scores.add_row(name, _bar(probability), f"{probability:.3f}")
    return Group(head, scores, *_tags(answer), *_time_line(answer))


def _tags(answer: TrackPrediction) -> list[RenderableType]:
    """A line for the most probable tags of each group, and one for the wide genres."""
    rows = [(group, list(scores.items())[:_TAGS_SHOWN]) for group, scores in _groups(answer)]
    if not rows:
        return []
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for group, scores in rows:
        table.add_row(plain(group), plain(", ".join(f"{name} {p:.2f}" for name, p in scores)))
    return [table]


def _groups(answer: TrackPrediction) -> Iterator[tuple[str, dict[str, float]]]:
    yield from (answer.tags or {}).items()
    if answer.wide is not None:
        chosen = {genre: answer.wide.scores[genre] for genre in answer.wide.genres}
        # Where none reaches its threshold the nearest are shown, as for the tags.
        yield "wide genres" if chosen else "nearest wide genres", chosen or answer.wide.scores


def _time_line(answer: TrackPrediction) -> list[RenderableType]:
    if not answer.segments:
        return []
    table = Table(box=None, pad_edge=True, header_style="dim")
    for column in ("from", "to"):
        table.add_column(column, justify="right")
    table.add_column("genre")
    table.add_column(no_wrap=True, overflow="crop")
    table.add_column()
    for segment in answer.segments:
        genre, probability = next(iter(segment.scores.items()))
        table.add_row(
            _clock(segment.start_seconds),
            _clock(segment.end_seconds),
            plain(genre),
            _bar(probability),
            f"{probability:.3f}",
        )
    return [table]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _table(answers: list[TrackPrediction], top: int) -> RenderableType:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("genre")
    table.add_column("", justify="right")
    if top > 1:
        table.add_column("then", style="dim")
    table.add_column("track", overflow="fold")
    below: list[RenderableType] = []
    for answer in answers:
        best, *rest = islice(answer.scores.items(), top)
        others = [f"{genre} {p:.2f}" for genre, p in rest if genre not in answer.genres]
        then = plain(", ".join(others))
        cells = [f"{best[1]:.2f}", then, plain(answer.path)]
        table.add_row(_genre(answer), *(cells if top > 1 else cells[::2]))
        if details := [*_tags(answer), *_time_line(answer)]:
            below += [Text(plain(answer.path), style="bold"), *details]
    return Group(table, *below)


def show_stages(answers: list[TrackPrediction]) -> None:
    """Print the median wall time of every stage."""
    timings = [answer.timings_ms for answer in answers if answer.timings_ms is not None]
    table = Table(box=None, header_style="dim", pad_edge=False)
    for stage in Timings.model_fields:
        table.add_column(f"{stage}, ms", justify="right")
    table.add_row(
        *(
            f"{median(getattr(timing, stage) for timing in timings):.1f}"
            for stage in Timings.model_fields
        )
    )
    results().print("\nMedian wall time of each stage:")
    results().print(table)
