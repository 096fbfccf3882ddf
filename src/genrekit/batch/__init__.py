"""Many files: the one journal, on the one supervised pool of `genrekit.workers`.

A run is a folder. `open_run` begins it or goes on with it, and `work_through` does to each file
what has not been done yet::

    with open_run(folder, "tag", {"model": sha256, "style": "id3"}) as run:
        for entry in work_through(run, paths, plan_file, workers=2):
            ...  # one Entry as each file ends: ok, failed or quarantined

It may be killed at any moment: the same lines go on from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.batch.analysis import Analysis, prediction_of
    from genrekit.batch.engine import BatchOptions, BatchProgress, Report, run_batch
    from genrekit.batch.entry import Entry, Reason, ReasonKind, State
    from genrekit.batch.feature_table import write_features
    from genrekit.batch.find import Found, find_audio, scan_for_audio, walk_audio
    from genrekit.batch.index import (
        Index,
        Neighbour,
        describe,
        describe_file,
        read_index,
        update_index,
    )
    from genrekit.batch.journal import Journal
    from genrekit.batch.local import predict_many
    from genrekit.batch.merge import merge_runs
    from genrekit.batch.on_ray import RayOptions, ray_through
    from genrekit.batch.on_spark import SparkOptions, spark_through
    from genrekit.batch.run import (
        Run,
        RunManifest,
        open_run,
        read_manifest,
        read_run,
        work_fingerprint,
    )
    from genrekit.batch.sources import Shard, SourceOptions, read_sources
    from genrekit.batch.storage import check_url, publish
    from genrekit.batch.summary import Summary
    from genrekit.batch.watch import watch_folder
    from genrekit.batch.work import FILE_LIMITS, SUPERVISED_FROM, work_through

__all__ = [
    "FILE_LIMITS",
    "SUPERVISED_FROM",
    "Analysis",
    "BatchOptions",
    "BatchProgress",
    "Entry",
    "Found",
    "Index",
    "Journal",
    "Neighbour",
    "RayOptions",
    "Reason",
    "ReasonKind",
    "Report",
    "Run",
    "RunManifest",
    "Shard",
    "SourceOptions",
    "SparkOptions",
    "State",
    "Summary",
    "check_url",
    "describe",
    "describe_file",
    "find_audio",
    "merge_runs",
    "open_run",
    "predict_many",
    "prediction_of",
    "publish",
    "ray_through",
    "read_index",
    "read_manifest",
    "read_run",
    "read_sources",
    "run_batch",
    "scan_for_audio",
    "spark_through",
    "update_index",
    "walk_audio",
    "watch_folder",
    "work_fingerprint",
    "work_through",
    "write_features",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "Analysis": "genrekit.batch.analysis",
    "prediction_of": "genrekit.batch.analysis",
    "BatchOptions": "genrekit.batch.engine",
    "BatchProgress": "genrekit.batch.engine",
    "Report": "genrekit.batch.engine",
    "run_batch": "genrekit.batch.engine",
    "Entry": "genrekit.batch.entry",
    "Reason": "genrekit.batch.entry",
    "ReasonKind": "genrekit.batch.entry",
    "State": "genrekit.batch.entry",
    "write_features": "genrekit.batch.feature_table",
    "Found": "genrekit.batch.find",
    "find_audio": "genrekit.batch.find",
    "scan_for_audio": "genrekit.batch.find",
    "walk_audio": "genrekit.batch.find",
    "Index": "genrekit.batch.index",
    "Neighbour": "genrekit.batch.index",
    "describe": "genrekit.batch.index",
    "describe_file": "genrekit.batch.index",
    "read_index": "genrekit.batch.index",
    "update_index": "genrekit.batch.index",
    "Journal": "genrekit.batch.journal",
    "predict_many": "genrekit.batch.local",
    "merge_runs": "genrekit.batch.merge",
    "RayOptions": "genrekit.batch.on_ray",
    "ray_through": "genrekit.batch.on_ray",
    "SparkOptions": "genrekit.batch.on_spark",
    "spark_through": "genrekit.batch.on_spark",
    "Run": "genrekit.batch.run",
    "RunManifest": "genrekit.batch.run",
    "open_run": "genrekit.batch.run",
    "read_manifest": "genrekit.batch.run",
    "read_run": "genrekit.batch.run",
    "work_fingerprint": "genrekit.batch.run",
    "Shard": "genrekit.batch.sources",
    "SourceOptions": "genrekit.batch.sources",
    "read_sources": "genrekit.batch.sources",
    "check_url": "genrekit.batch.storage",
    "publish": "genrekit.batch.storage",
    "Summary": "genrekit.batch.summary",
    "watch_folder": "genrekit.batch.watch",
    "FILE_LIMITS": "genrekit.batch.work",
    "SUPERVISED_FROM": "genrekit.batch.work",
    "work_through": "genrekit.batch.work",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
