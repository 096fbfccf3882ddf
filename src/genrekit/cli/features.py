"""``genrekit features``: tables of audio features."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from genrekit.cli.options import Jobs, RetryFailed
from genrekit.errors import EXIT_SOME_TRACKS_FAILED, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genrekit.features import Extraction, FeatureCache, VectorFrontend
    from genrekit.schema import FrontendConfig


class FeatureSet(StrEnum):
    """Front-ends that give one row per track."""

    gtzan57 = "gtzan57"
    descriptors = "descriptors"


def features(
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE|FOLDER", help="Audio.")
    ] = None,
    feature_set: Annotated[
        FeatureSet, typer.Option("--set", help="Which columns.")
    ] = FeatureSet.gtzan57,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write: .csv or .parquet.")
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=600,
            metavar="SECONDS",
            help="A row for each window, named as in the published features_3_sec.csv.",
        ),
    ] = None,
    labels: Annotated[
        bool | None,
        typer.Option(
            "--labels/--no-labels",
            help="Add the name of each file's folder as label; by default for windows.",
        ),
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="List the columns instead, with unit and meaning.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished table.")
    ] = False,
    jobs: Jobs = None,
    retry_failed: RetryFailed = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Compute everything anew.")] = False,
    cache_limit_gb: Annotated[
        float, typer.Option(min=0.001, help="Size the cache may grow to.")
    ] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Describe or sum up as JSON.")] = False,
) -> None:
    """Write one row of features per track or window, resuming a table that was interrupted.

    The usual data set of 9,990 rows: genrekit features GTZAN --window 3 -o features_3_sec.csv
    """
    from genrekit.cli.paths import find_tracks, name_tracks, open_cache, plain_names
    from genrekit.schema import DescriptorsConfig, Gtzan57Config

    config = Gtzan57Config() if feature_set is FeatureSet.gtzan57 else DescriptorsConfig()
    if describe:
        _show_columns(config, as_json)
        return
    if not sources or output is None:
        raise ConfigError("name the audio and the table to write: genrekit features MUSIC -o x.csv")
    files = name_tracks(find_tracks(sources))
    cache = open_cache(not no_cache, cache_limit_gb)
    if window is not None:
        files = plain_names(files)
    extractions = _write(
        files, output, config, labels, window, overwrite, retry_failed, jobs, cache
    )
    if _report(extractions, len(files), output, as_json):
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def _write(
    files: dict[str, Path],
    output: Path,
    config: FrontendConfig,
    labels: bool | None,
    window: float | None,
    overwrite: bool,
    retry_failed: bool,
    jobs: int | None,
    cache: FeatureCache | None,
) -> Iterator[Extraction]:
    from genrekit.batch import write_features
    from genrekit.cli.paths import check_file
    from genrekit.datasets import parse_name
    from genrekit.terminal import track, workers

    check_file(output)
    folders = {name: path.absolute().parent.name for name, path in files.items()}
    if labels is None:
        labels = window is not None and len(set(folders.values())) > 1
    extractions = write_features(
        files,
        config,
        output,
        labels=folders if labels else None,
        window_seconds=window,
        tracks=window is not None and not all(parse_name(name) for name in files),
        workers=workers(jobs, len(files)),
        cache=cache,
        overwrite=overwrite,
        retry_failed=retry_failed,
    )
    return track(extractions, len(files), "Describing")


def _report(extractions: Iterator[Extraction], total: int, output: Path, as_json: bool) -> int:
    from genrekit.terminal import named, print_json, print_problem, results

    done = failed = 0
    try:
        for extraction in extractions:
            done += 1
            if extraction.error is not None:
                failed += 1
                print_problem("error", named(extraction.path, str(extraction.error)))
    except KeyboardInterrupt:
        print_problem("warning", "stopped; the same command goes on from here")
        raise
    if as_json:
        counts = {"tracks": total - failed, "computed": done - failed, "failed": failed}
        print_json({"table": str(output), **counts})
    else:
        results().print(
            f"{output}: {total - failed} tracks, {done - failed} of them computed now; "
            f"{failed} could not be read"
        )
    return failed


def _show_columns(config: FrontendConfig, as_json: bool) -> None:
    from rich.table import Table

    from genrekit.features import build_frontend
    from genrekit.terminal import print_json, results

    columns = cast("VectorFrontend", build_frontend(config)).columns
    if as_json:
        print_json([asdict(column) for column in columns])
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("column", "unit", "family", "meaning"):
        table.add_column(heading)
    for column in columns:
        table.add_row(column.name, column.unit, column.family, column.meaning)
    results().print(table)
