"""``genrekit tag`` and ``genrekit undo``: genres into the tags of a library, and out again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import AsJson, Jobs, Mapping, Model, RetryFailed
from genrekit.errors import EXIT_SOME_TRACKS_FAILED, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genrekit.tagging import Plan, Run


def tag(
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER|FILE", help="Music to tag.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the plan into the files; else it is shown.")
    ] = False,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="A plan that was saved before.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Save the plan: .csv to edit, or .json."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the plan as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace genres too, not only fill in missing ones.")
    ] = False,
    add: Annotated[bool, typer.Option("--add", help="Add to the genres that are there.")] = False,
    top: Annotated[int, typer.Option(min=1, max=100, help="Genres per track, at most.")] = 5,
    min_score: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="P", help="Genres with a lower score are left out."),
    ] = 0.0,
    relative: Annotated[
        float, typer.Option(min=0, max=1, help="So are those below this part of the best score.")
    ] = 0.5,
    keep: Annotated[
        str, typer.Option(metavar="GENRE,...", help="Leave files alone that have one of these.")
    ] = "",
    missing: Annotated[
        str | None, typer.Option(metavar="GENRE,...", help="What counts as no genre, besides none.")
    ] = None,
    album: Annotated[
        bool, typer.Option("--album", help="One answer for all tracks of an album.")
    ] = False,
    labels: Annotated[
        str, typer.Option("--labels", metavar="genres|wide|tags", help="Which answers count.")
    ] = "genres",
    taxonomy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Names of genres, their parents and spellings; box."
        ),
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Spellings by pattern, as beets has them.")
    ] = None,
    mapping: Mapping = None,
    parents: Annotated[
        str, typer.Option(metavar="none|with|only", help="Write parents of genres too, or instead.")
    ] = "none",
    casing: Annotated[
        str | None, typer.Option(metavar="title|lower|as-is", help="Letters of names.")
    ] = None,
    v23_separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Between genres in ID3v2.3, where players want no NUL."),
    ] = None,
    no_own_fields: Annotated[
        bool, typer.Option("--no-own-fields", help="Write neither the model nor its scores.")
    ] = False,
    keep_time: Annotated[
        bool, typer.Option("--keep-time", help="Keep the time of the last change of files.")
    ] = False,
    hard_links: Annotated[
        str,
        typer.Option(
            metavar="ask|leave|separate",
            help="Files with several names; without a terminal to ask at, they are left alone.",
        ),
    ] = "ask",
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="A JSON file beside what cannot be tagged.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Listen to at most N files.")
    ] = None,
    model: Model = "default",
    jobs: Jobs = None,
    retry_failed: RetryFailed = False,
    run_after: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Run once after files were written: a rescan."),
    ] = None,
) -> None:
    """Plan genres for a library, and write them with --write; undo takes them back to the byte.

    By default only files without a genre get one. Exits with 3 when some files were left out.
    """
    from genrekit.cli.tag_plan import Wishes, chosen_plan
    from genrekit.cli.tag_show import show_plan, write_and_show

    wishes = Wishes(
        **{name: value for name, value in locals().items() if name in Wishes.__dataclass_fields__}
    )
    made = chosen_plan(sources or [], plan, wishes)
    if out is not None:
        _save(made, out)
    if not write:
        show_plan(made, as_csv=as_csv, as_json=as_json, saved=out)
        failed = any(one.why == "error" for one in made.files)
    else:
        failed = write_and_show(made, sources or [], wishes, as_json=as_json)
    if failed:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def _save(made: Plan, out: Path) -> None:
    from genrekit.cli.paths import check_file
    from genrekit.tagging import write_plan

    check_file(out)
    write_plan(made, out)


def undo(
    which: Annotated[
        str | None,
        typer.Argument(metavar="RUN|PATH", help="A run, last, or what lies at a path."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="All runs since a day or a time, local.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Rehearse it: say what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give files the bytes back that they had before genrekit wrote their tags.

    All of it is rehearsed first. What has changed since is left as it is, named, and ends with 3.
    """
    from genrekit.cli.tag_show import show_undone
    from genrekit.tagging import undo as take_back
    from genrekit.terminal import progress_bars

    runs, below = _meant(which, since)
    with progress_bars() as progress:
        answers = take_back(runs, below=below, dry_run=dry_run, progress=progress)
    if show_undone(answers, as_json=as_json):
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def _meant(which: str | None, since: str | None) -> tuple[Sequence[Run], Path | None]:
    """Return the runs to take back, and the path that limits them."""
    from genrekit.tagging import find_run, is_below, list_runs

    if (which is None) == (since is None):
        raise ConfigError("name one run (genrekit history lists them), a path, or --since a date")
    if since is not None:
        return _since(since), None
    assert which is not None
    path = Path(which).absolute()
    if which and (path.exists() or "/" in which):
        changed = [
            run for run in list_runs() if any(is_below(one.file, path) for one in run.changes())
        ]
        if not changed:
            raise ConfigError(f"no run has changed {path}, or that was taken back already")
        return changed, path
    return [find_run(which)], None


def _since(text: str) -> list[Run]:
    from genrekit.tagging import list_runs

    try:
        moment = datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise ConfigError(
            f"{text!r} is not a date such as 2026-11-28, or 2026-11-28T20:15"
        ) from None
    return [run for run in list_runs() if datetime.fromisoformat(run.info.begun) >= moment]
