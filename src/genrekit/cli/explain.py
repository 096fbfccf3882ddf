"""``genrekit explain``: why a model says what it says, of a track or of a whole set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrekit.cli.options import SavedModel
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genrekit.explain import DataExplanation, TrackExplanation
    from genrekit.inference import Classifier

_DATA_SUFFIXES = {".csv", ".tsv", ".parquet", ".npz", ".jsonl", ".ndjson"}
_SHOWN = 5


def explain(
    bundle: SavedModel,
    what: Annotated[
        Path, typer.Argument(metavar="TRACK|DATA", help="A file of audio; or a folder or table.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for page, pictures, sounds.")],
    genre: Annotated[
        str | None, typer.Option(help="Explain this genre; by default the most probable one.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.05, help="Hidden at once.")] = 1.0,
    fill: Annotated[
        Literal["all", "cut", "silence", "noise"],
        typer.Option(
            help="How: cut out, or replaced by silence or by noise like the track; all compares."
        ),
    ] = "all",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Measure whether it is faithful.")
    ] = True,
    corpus: Annotated[
        str | None, typer.Option(help="Of data; by default table for a file, else folder.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="How to read data (label_column=genre)."),
    ] = None,
    item: Annotated[
        str | None, typer.Option(help="Of a table: the id of an item to explain by itself.")
    ] = None,
    plane: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,COLUMN",
            help="Of a table: draw decisions in this plane; by default of the two columns that "
            "matter most. component-1,component-3 is one of principal components.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A TrackExplanation or DataExplanation as JSON.")
    ] = False,
) -> None:
    """Say what answers rest on, and measure whether that is true.

    For a track: index.html, a PNG for each chart, and WAV snippets of the seconds that speak most
    for and against the genre. For data with labels: confusions with the tracks behind them, the
    most confident mistakes, maps, and for tables what columns are worth.
    """
    from genrekit.cli.paths import check_folder
    from genrekit.inference import Classifier
    from genrekit.terminal import print_json_line

    check_folder(out)
    classifier = Classifier.load(bundle)
    classifier.check_predicts()
    if corpus is not None or settings or _is_data(what):
        about = _data(classifier, what, out, corpus, settings or (), item, plane)
        if as_json:
            print_json_line(about)
        else:
            _show_data(about, out)
        return
    if item is not None or plane is not None:
        raise ConfigError(f"--item and --plane are for tables; {what} is taken for a track")
    result = _track(classifier, what, out, genre, seconds, fill, check)
    if as_json:
        print_json_line(result)
    else:
        _show(result, out)


def _is_data(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in _DATA_SUFFIXES


def _data(
    classifier: Classifier,
    path: Path,
    out: Path,
    corpus: str | None,
    settings: Sequence[str],
    item: str | None,
    plane: str | None,
) -> DataExplanation:
    from genrekit.cli.options import Reading
    from genrekit.explain import explain_data, write_data_page
    from genrekit.terminal import progress_bars

    dataset = Reading(corpus, settings=settings).open(path)
    pair = None if plane is None else _pair(plane)
    with progress_bars() as bars:
        evaluated = explain_data(classifier, dataset, item=item, plane=pair, progress=bars)
    out.mkdir(parents=True, exist_ok=True)
    files = write_data_page(evaluated, out)
    return evaluated.found.model_copy(update={"files": tuple(file.name for file in files)})


def _pair(plane: str) -> tuple[str, str]:
    names = [name.strip() for name in plane.split(",")]
    if len(names) != 2:
        raise ConfigError(
            f"--plane {plane!r} names {len(names)} columns; write two, such as tempo,rms_mean or "
            "component-1,component-3"
        )
    return names[0], names[1]


def _track(
    classifier: Classifier,
    path: Path,
    out: Path,
    genre: str | None,
    seconds: float,
    fill: Literal["all", "cut", "silence", "noise"],
    check: bool,
) -> TrackExplanation:
    from genrekit.explain import explain_track, write_track_page
    from genrekit.terminal import progress_bars

    out.mkdir(parents=True, exist_ok=True)
    with progress_bars() as bars:
        explained = explain_track(
            classifier,
            path,
            out,
            genre=genre,
            piece_seconds=seconds,
            fill=fill,
            check=check,
            progress=bars,
        )
    result = explained.result
    files = write_track_page(result, out, explained.sections)
    return result.model_copy(update={"files": tuple(file.name for file in files)})


def _show(result: TrackExplanation, out: Path) -> None:
    from genrekit.explain import verdict as faithfulness_verdict
    from genrekit.terminal import plain, results

    say = results().print
    say(f"{plain(result.path)}: {result.genre} {result.probability:.3f}")
    for side, snippets in (("for", result.speaks_for), ("against", result.speaks_against)):
        for one in snippets:
            say(
                f"  {side:<8}{one.start_seconds:6.1f} to {one.end_seconds:6.1f} s  "
                f"{one.loss:+.3f} log-odds  {one.file}"
            )
    for note in result.notes:
        say(f"  note: {plain(note)}")
    for line in (result.verdict, result.line_verdict):
        if line:
            say(f"  {plain(line)}")
    if result.faithfulness is not None:
        say(f"  {faithfulness_verdict(result.faithfulness)}")
    say(str(out / "index.html"))


def _show_data(found: DataExplanation, out: Path) -> None:
    from genrekit.terminal import plain, print_problem, results

    say = results().print
    for note in found.notes:
        print_problem("warning", plain(note))
    say(f"{found.model.name} on {found.dataset}: {found.right} of {found.items} as labelled")
    if found.trained_on:
        say(f"  {found.trained_on} of them are of recordings that it was trained on")
    for one in found.importance[:_SHOWN]:
        say(f"  column {plain(one.name):<30}{one.drop.value:+.3f} of accuracy")
    for column in found.columns[:_SHOWN]:
        say(f"  {found.item}: without {plain(column.name):<30}{column.loss:+.3f}")
    for mistake in found.mistakes[:_SHOWN]:
        say(
            f"  {mistake.item}: labelled {mistake.true}, told {mistake.predicted} "
            f"{mistake.probability:.2f}, label {mistake.audit}"
        )
    say(str(out / "index.html"))
