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
    from genrekit.batch.entry import Entry, Reason, ReasonKind, State
    from genrekit.batch.find import find_audio
    from genrekit.batch.index import describe_file, read_index, update_index
    from genrekit.batch.local import predict_many
    from genrekit.batch.run import Run, RunManifest, open_run, read_manifest, read_run
    from genrekit.batch.work import FILE_LIMITS, work_through

# Workers import this room before every model: only what is asked for is loaded.
_HOMES = {
    "FILE_LIMITS": "work",
    "Entry": "entry",
    "Reason": "entry",
    "ReasonKind": "entry",
    "Run": "run",
    "RunManifest": "run",
    "State": "entry",
    "describe_file": "index",
    "find_audio": "find",
    "open_run": "run",
    "predict_many": "local",
    "read_index": "index",
    "read_manifest": "run",
    "read_run": "run",
    "update_index": "index",
    "work_through": "work",
}

__all__ = [
    "FILE_LIMITS",
    "Entry",
    "Reason",
    "ReasonKind",
    "Run",
    "RunManifest",
    "State",
    "describe_file",
    "find_audio",
    "open_run",
    "predict_many",
    "read_index",
    "read_manifest",
    "read_run",
    "update_index",
    "work_through",
]

__getattr__ = resolver(__name__, {name: f"{__name__}.{home}" for name, home in _HOMES.items()})
