"""``genrekit explain``: why a model says what it says, of a track or of a whole set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from genrekit.explain import TrackExplanation
    from genrekit.inference import Classifier


def explain(
    bundle: Annotated[str, typer.Argument(metavar="NAME|PATH", help="A saved model.")],
    what: Annotated[Path, typer.Argument(metavar="TRACK|DATA", help="A file of audio.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for page, pictures, sounds.")],
    genre: Annotated[
        str | None, typer.Option(help="Explain this genre; by default the most probable one.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.05, help="Hidden at once.")] = 1.0,
    fill: Annotated[
        Literal["cut", "silence", "noise"],
        typer.Option(help="How: cut out, or replaced by silence or by noise like the track."),
    ] = "cut",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Measure whether it is faithful.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="A TrackExplanation as JSON.")] = False,
) -> None:
    """Say what in a track an answer rests on, and measure whether that is true.

    Writes index.html, a PNG for each chart, and WAV snippets of the seconds that speak most for
    and against the genre.
    """
    from genrekit.cli.console import print_json_line
    from genrekit.cli.outputs import check_folder
    from genrekit.inference import Classifier

    check_folder(out)
    classifier = Classifier.load(bundle)
    result = _track(classifier, what, out, genre, seconds, fill, check)
    if as_json:
        print_json_line(result.model_dump_json())
    else:
        _show(result, out)


def _track(
    classifier: Classifier,
    path: Path,
    out: Path,
    genre: str | None,
    seconds: float,
    fill: Literal["cut", "silence", "noise"],
    check: bool,
) -> TrackExplanation:
    from genrekit.cli.console import follow
    from genrekit.explain import explain_track, write_track_page

    out.mkdir(parents=True, exist_ok=True)
    steps = explain_track(
        classifier, path, out, genre=genre, piece_seconds=seconds, fill=fill, check=check
    )
    last = follow(steps)
    result = last.result
    assert result is not None, "the last step carries the result"
    files = write_track_page(result, out, last.sections)
    return result.model_copy(update={"files": tuple(file.name for file in files)})


def _show(result: TrackExplanation, out: Path) -> None:
    from genrekit.cli.console import plain, results

    say = results().print
    say(f"{plain(result.path)}: {result.genre} {result.probability:.3f}")
    for side, snippets in (("for", result.speaks_for), ("against", result.speaks_against)):
        for one in snippets:
            say(
                f"  {side:<8}{one.start_seconds:6.1f} to {one.end_seconds:6.1f} s  "
                f"{one.loss:+.3f}  {one.file}"
            )
    if result.faithfulness is not None:
        say(f"  faithfulness against random orders: {result.faithfulness.gain:+.3f}")
    say(str(out / "index.html"))
