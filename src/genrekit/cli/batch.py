"""``genrekit batch``: a whole catalogue, in a run that may be stopped and killed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from genrekit.cli.options import Model
from genrekit.errors import EXIT_SOME_TRACKS_FAILED

if TYPE_CHECKING:
    from genrekit.batch import Summary


class _RunUnlessNamed(TyperGroup):
    """A group whose command is ``run`` unless another one is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands:
            args = ["run", *args]  # also for --help, which is about that
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunUnlessNamed,
    no_args_is_help=True,
    help="Predict every track of a catalogue, so that nothing is lost or done twice.",
)


class _Table(StrEnum):
    jsonl = "jsonl"
    parquet = "parquet"


class _Strategy(StrEnum):
    middle = "middle"
    spread = "spread"
    whole = "whole"


class _Engine(StrEnum):
    local = "local"
    ray = "ray"


_Format = Annotated[_Table, typer.Option("--format", help="Of the final table.")]
_Json = Annotated[bool, typer.Option("--json", help="The summary as JSON.")]
_HOW = "How it is done"
_WHAT = "What is read"
_RAY = "On several machines"


@app.command("run")
def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Folder, manifest (.csv, .jsonl, .parquet), list (.txt, .m3u, - for stdin), "
            "'pattern/**/*.mp3', URL, or file.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run; gone on with.")
    ],
    model: Model = "default",
    strategy: Annotated[
        _Strategy,
        typer.Option(help="Of each track: 30 s from its middle, as much in five parts, all."),
    ] = _Strategy.middle,
    segments: Annotated[bool, typer.Option("--segments", help="The time line too.")] = False,
    tags: Annotated[bool, typer.Option("--tags", help="Moods, instruments, wider genres.")] = False,
    unknown_below: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="P", help="Say unknown below this.")
    ] = None,
    table: _Format = _Table.jsonl,
    column: Annotated[
        str, typer.Option(help="Of a manifest: where the paths are.", rich_help_panel=_WHAT)
    ] = "path",
    root: Annotated[
        Path | None,
        typer.Option(help="Relative paths of lists are below it.", rich_help_panel=_WHAT),
    ] = None,
    null: Annotated[
        bool,
        typer.Option("--null", "-0", help="As find -print0 writes.", rich_help_panel=_WHAT),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="i/n", help="Part i of n, by hash.", rich_help_panel=_WHAT),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try them again.", rich_help_panel=_HOW)
    ] = False,
    redo: Annotated[
        bool,
        typer.Option("--redo", help="Do all again for a changed model.", rich_help_panel=_HOW),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes; all cores.", rich_help_panel=_HOW),
    ] = None,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="How far others go first.", rich_help_panel=_HOW)
    ] = 0,
    max_load: Annotated[
        float | None,
        typer.Option(min=0.1, help="Begin nothing above this load.", rich_help_panel=_HOW),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Wall time a file may take.", rich_help_panel=_HOW)
    ] = 120.0,
    memory_mb: Annotated[
        int, typer.Option(min=64, help="Memory a file may take.", rich_help_panel=_HOW)
    ] = 2048,
    engine: Annotated[
        _Engine, typer.Option(help="This machine, or a Ray cluster.", rich_help_panel=_RAY)
    ] = _Engine.local,
    address: Annotated[
        str | None,
        typer.Option(help="Of the cluster; none begins one here.", rich_help_panel=_RAY),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(min=1, help="By default one for each processor.", rich_help_panel=_RAY),
    ] = None,
    publish_to: Annotated[
        str | None,
        typer.Option(
            "--publish", metavar="URL", help="Copy the run there at the end.", rich_help_panel=_RAY
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Predict every track of a catalogue, so that nothing is lost or done twice.

    Ctrl-C once finishes what is in flight, twice stops; the same command goes on. Exits with 3 when
    some files failed. To join runs of parts: genrekit batch merge RUN... -o OUT
    """
    from genrekit.batch import (
        Analysis,
        BatchOptions,
        RayOptions,
        Shard,
        SourceOptions,
        check_url,
        publish,
        run_batch,
    )
    from genrekit.terminal import following
    from genrekit.workers import WorkerLimits, cores

    options = BatchOptions(
        workers=jobs or cores(),
        limits=WorkerLimits(seconds, memory_mb << 20),
        niceness=nice,
        max_load=max_load,
        retry_failed=retry_failed,
        redo=redo,
        table=table.value,
        ray=RayOptions(address, actors) if engine is _Engine.ray else None,
    )
    if publish_to is not None:
        check_url(publish_to)
    with following() as (stop, report):
        summary = run_batch(
            sources,
            out,
            Analysis(model, strategy.value, segments, tags, unknown_below),
            options,
            reading=SourceOptions(column, root, null),
            shard=None if shard is None else Shard.parse(shard),
            stop=stop,
            report=report,
        )
        stopped = stop()
    if publish_to is not None:
        publish(out, publish_to)
    _end(summary, out, as_json, stopped)


@app.command()
def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the merged run.")],
    table: _Format = _Table.jsonl,
    as_json: _Json = False,
) -> None:
    """Join runs of parts of a catalogue to one; again changes nothing.

    Runs of different models or options are refused. Exits with 3 when some files failed.
    """
    from genrekit.batch import merge_runs

    _end(merge_runs(runs, out, table.value), out, as_json, False)


def _end(summary: Summary, out: Path, as_json: bool, stopped: bool) -> None:
    from genrekit.terminal import print_json_line, show_summary

    if as_json:
        print_json_line(summary)
    else:
        show_summary(summary, out, stopped)
    if stopped:
        from genrekit.interrupts import INTERRUPTED

        raise typer.Exit(INTERRUPTED)
    if summary.failed or summary.quarantined:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)
