"""``genrekit explore``: what data looks like before anything is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, LeaveOut, Reading, reads_data

if TYPE_CHECKING:
    from genrekit.explain import Exploration

_SHOWN_COLUMNS = 5


@reads_data
def explore(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of audio, or table.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Write a page with charts: .html.")],
    leave_out: LeaveOut = None,
    examples: Annotated[
        bool, typer.Option("--examples/--no-examples", help="Pictures of a track of each genre.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the maps.")] = 0,
    jobs: Jobs = None,
    as_json: Annotated[bool, typer.Option("--json", help="An Exploration as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Show balance, columns, correlation, tempo, examples, maps and outliers of a set.

    Beside the page, a folder of its name gets each chart as a PNG.
    """
    from genrekit.cli.paths import check_file, check_folder, open_cache
    from genrekit.errors import ConfigError
    from genrekit.explain import explore_dataset, write_exploration
    from genrekit.terminal import print_json_line, progress_bars, workers

    if out.suffix != ".html":
        raise ConfigError(f"{out} is not a page; name a file that ends in .html")
    check_file(out)
    check_folder(out.with_suffix(""))
    dataset = reading.open(data, leave_out)
    with progress_bars() as bars:
        explored = explore_dataset(
            dataset,
            workers=workers(jobs, len(dataset)),
            cache=open_cache(),
            seed=seed,
            progress=bars,
        )
    files = write_exploration(explored, out, examples=examples)
    names = tuple(file.relative_to(out.parent).as_posix() for file in files)
    found = explored.found.model_copy(update={"files": names})
    if as_json:
        print_json_line(found)
    else:
        _show(found, out)


def _show(found: Exploration, out: Path) -> None:
    from genrekit.terminal import plain, print_problem, results

    say = results().print
    for note in found.notes:
        print_problem("warning", plain(note))
    say(f"{found.dataset}: {found.items} items of {found.recordings} recordings")
    for genre, count in found.counts.items():
        tempo = found.median_tempo.get(genre)
        text = "" if tempo is None else f"  median tempo {tempo:.0f}"
        say(f"  {plain(genre):<16}{count:>7}{text}")
    say("columns that tell genres apart best, by their share of variance between genres:")
    for column in found.columns[:_SHOWN_COLUMNS]:
        say(f"  {column.name:<32}{column.between_genres:.2f}")
    say(f"nearest neighbours of the same genre: {found.neighbours_agree:.0%}")
    say(f"far out: {len(found.outliers)} items")
    say(str(out))
