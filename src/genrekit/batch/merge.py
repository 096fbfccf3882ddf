"""Runs of parts of one catalogue to one run."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from genrekit.batch.entry import Entry
from genrekit.batch.finish import finish
from genrekit.batch.journal import Journal
from genrekit.batch.run import JOURNAL, MANIFEST, Run, RunManifest, read_manifest, read_run
from genrekit.batch.summary import Summary
from genrekit.batch.table import Format, check_format
from genrekit.errors import ConfigError
from genrekit.files import replace_file, replacing_folder


def merge_runs(folders: Sequence[Path], out: Path, kind: Format = "jsonl") -> Summary:
    """Write the run in ``out`` anew, from the last entries of several runs.

    Of a path in more than one, an answer goes before a failure, and a later entry before an earlier
    one. Merging again, also with parts that were merged before, changes nothing.

    Returns
    -------
    Summary
        Of the merged run.

    Raises
    ------
    ConfigError
        If one of them is not a run, they differ in kind, model or options, or ``out`` holds
        something that is not a merged run.
    """
    check_format(kind)
    with ExitStack() as stack:
        runs = [stack.enter_context(read_run(folder)) for folder in folders]
        manifest = _common(folders, runs)
        _check_out(out, folders)
        with replacing_folder(out) as fresh:
            replace_file(fresh / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
            journal = Journal(fresh / JOURNAL, sync_entries=1 << 20)
            try:
                for entry in _merged(runs):
                    journal.append(entry)
            finally:
                journal.close()
            with read_run(fresh) as merged:
                return finish(merged, kind)


def _merged(runs: Sequence[Run]) -> Iterator[Entry]:
    streams = [run.entries() for run in runs]
    in_order = heapq.merge(*streams, key=lambda entry: entry.key)
    for _, same in groupby(in_order, key=lambda entry: entry.key):
        yield max(same, key=_rank)


def _rank(entry: Entry) -> tuple[bool, float, str]:
    return entry.state == "ok", entry.at, entry.model_dump_json()


def _common(folders: Sequence[Path], runs: Sequence[Run]) -> RunManifest:
    if not runs:
        raise ConfigError("there is no run to merge; name their folders")
    first = runs[0].manifest
    for folder, run in zip(folders, runs, strict=True):
        if run.manifest.work != first.work:
            raise ConfigError(
                f"{folder} was not made as {folders[0]} was ({_difference(first, run.manifest)}); "
                "only runs of one model and the same options can be merged"
            )
    sources = dict.fromkeys(source for run in runs for source in run.manifest.sources)
    began = min(run.manifest.began for run in runs)
    return first.model_copy(update={"sources": tuple(sorted(sources)), "began": began})


def _difference(one: RunManifest, other: RunManifest) -> str:
    if one.kind != other.kind:
        return f"genrekit {one.kind} and genrekit {other.kind}"
    names = sorted(one.settings.keys() | other.settings.keys())
    changed = [name for name in names if one.settings.get(name) != other.settings.get(name)]
    return f"they differ in {', '.join(changed)}"


def _check_out(out: Path, folders: Sequence[Path]) -> None:
    if any(out.resolve() == folder.resolve() for folder in folders):
        raise ConfigError(f"{out} is one of the runs to merge; name another folder with -o")
    if out.exists() and read_manifest(out) is None and any(os.scandir(out)):
        raise ConfigError(
            f"{out} holds other things than a run; name an empty folder, or a new one"
        )
