"""How predictions look: JSON lines for machines, a table or a page for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genrekit.schema import UNKNOWN, Timings, TrackPrediction
from genrekit.terminal.console import named, plain, print_json_line, print_problem, results

_BAR_CELLS = 24
_THEN_CELLS = 40  # rows that need more are longer
_TAGS_SHOWN = 4  # of each group


def show_answers(
    answers: Iterable[TrackPrediction],
    *,
    top: int,
    as_json: bool,
    tags: bool = False,
    total: int | None = None,
) -> int:
    """Print every answer as it comes, and return how many are errors.

    One track is shown in full, several as a table with one row each. Where ``tags`` were asked for
    and the model has none, one line on stderr says so.

    Parameters
    ----------
    total : int, optional
        How many answers there will be; if not given, the first is held back until a second comes.
    """
    done = failed = 0
    missing = tags
    show: Callable[[TrackPrediction], None] = print_json_line if as_json else _Shown(top, total)
    try:
        for answer in _announce(answers):
            done += 1
            failed += answer.error is not None
            if missing and answer.error is None:
                missing = False
                _say_if_without_tags(answer)
            if as_json or answer.error is None:
                show(answer)
    except KeyboardInterrupt:
        print_problem("warning", f"stopped after {done} tracks")
        raise
    finally:
        if isinstance(show, _Shown):
            show.finish()
    return failed


class _Shown:
    """Answers for people: a page for a single one, and rows of a table for more."""

    def __init__(self, top: int, total: int | None) -> None:
        self._top, self._total = top, total
        self._held: TrackPrediction | None = None
        self._columns: _Columns | None = None

    def __call__(self, answer: TrackPrediction) -> None:
        """Show an answer, unless it may be the only one."""
        if self._columns is None and self._total in (None, 1) and self._held is None:
            self._held = answer
            return
        for one in (self._held, answer):
            if one is not None:
                self._row(one)
        self._held = None

    def finish(self) -> None:
        """Show the only answer."""
        if self._held is not None:
            results().print(_page(self._held, self._top))
            self._held = None

    def _row(self, answer: TrackPrediction) -> None:
        if self._columns is None:
            self._columns = _Columns(answer, self._top)
            results().print(Text(self._columns.heading, style="dim"))
        results().print(self._columns.row(answer))
        for detail in (*_tags(answer), *_time_line(answer)):
            results().print(detail)
        results().file.flush()


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
    predicted = answer.genres if len(answer.genres) > 1 else ()
    for genre, probability in shown:
        name = Text(plain(genre), style="bold" if genre in predicted else "")
        scores.add_row(name, _bar(probability), f"{probability:.3f}")
    return Group(head, scores, *_tags(answer), *_time_line(answer))


def _tags(answer: TrackPrediction) -> list[RenderableType]:
    """Return a line for the most probable tags of each group, one for wide genres."""
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


class _Columns:
    """Columns as wide as the longest genres need, so that no row has to wait for others."""

    def __init__(self, answer: TrackPrediction, top: int) -> None:
        lengths = sorted((len(plain(genre)) for genre in answer.scores), reverse=True)
        self._top = top
        self._genre = max(len(UNKNOWN), *lengths)
        # Each with a number behind it, separated by commas.
        self._then = min(sum(lengths[: top - 1]) + 7 * min(top - 1, len(lengths)) - 2, _THEN_CELLS)
        middle = f"        {'then':<{self._then}}  " if top > 1 else "  "
        self.heading = f"{'genre':<{self._genre}}{middle}track"

    def row(self, answer: TrackPrediction) -> Text:
        """One line."""
        genre = _genre(answer)
        genre.pad_right(max(self._genre - genre.cell_len, 0))
        path = plain(answer.path)
        if self._top == 1:
            return Text.assemble(genre, f"  {path}")
        best, *rest = islice(answer.scores.items(), self._top)
        others = ", ".join(f"{one} {p:.2f}" for one, p in rest if one not in answer.genres)
        then = (f"{plain(others):<{self._then}}", "dim")
        return Text.assemble(genre, f"  {best[1]:.2f}  ", then, f"  {path}")


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
