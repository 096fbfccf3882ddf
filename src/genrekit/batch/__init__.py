"""Many files: the one journal, on the one supervised pool of `genrekit.workers`.

A run is a folder. `open_run` begins it or goes on with it, and `work_through` does to each file
what has not been done yet::

    with open_run(folder, "tag", {"model": sha256, "style": "id3"}) as run:
        for entry in work_through(run, paths, plan_file, workers=2):
            ...  # one Entry as each file ends: ok, failed or quarantined

It may be killed at any moment: the same lines go on from there.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
