"""The model's answers for files, each computed once and then read from a journal.

The journal is one of the batch engine, one for each model and its settings. A file is analysed
again when it has changed, but not because genrekit wrote its tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from genrekit.batch import (
    SUPERVISED_FROM,
    Analysis,
    Entry,
    Run,
    open_run,
    prediction_of,
    work_fingerprint,
    work_through,
)
from genrekit.progress import Progress, silent
from genrekit.schema import TrackPrediction
from genrekit.tagging.choose import Labels
from genrekit.tagging.disk import Stamp, stamp_of
from genrekit.tagging.plan import Answering
from genrekit.tagging.runs import own_changes, runs_home

_KIND = "tag"


def answers_home() -> Path:
    """Return the folder of the journals of all models."""
    return runs_home() / "heard"


def answering(
    model: str | Path = "default",
    *,
    labels: Labels = "genres",
    unknown_below: float | None = None,
    workers: int = 1,
    retry_failed: bool = False,
    progress: Progress = silent,
) -> Answering:
    """Return the function that answers for files, as `make_plan` takes it.

    Parameters
    ----------
    model : str or Path
        Name or directory of a bundle.
    labels : str
        Which answers will count; others than ``genres`` need a model that has them.
    unknown_below : float, optional
        As for :meth:`genrekit.inference.Classifier.predict_file`.
    workers : int
    retry_failed : bool
        Whether files that could not be read are tried again, though they have not changed.

    Raises
    ------
    ConfigError, BundleError
        If the model cannot be loaded or tells no genres.
    """
    analysis = Analysis(model=str(model), tags=labels != "genres", unknown_below=unknown_below)
    settings, identity = analysis.settings(), analysis.identity()
    folder = answers_home() / work_fingerprint(_KIND, settings)

    def answer(paths: Sequence[Path]) -> Iterator[tuple[Path, TrackPrediction]]:
        if not paths:
            return
        with open_run(folder, _KIND, settings) as run:
            known = _known(run.entries(), paths)
            todo = {str(path) for path in paths}
            for name, entry in known.items():
                if entry.state == "ok" or not retry_failed:
                    todo.discard(name)
                    yield Path(name), prediction_of(entry, identity)
            for number, entry in enumerate(predict(run, sorted(todo)) if todo else ()):
                progress("Listening", number, len(todo))
                yield Path(entry.file), prediction_of(entry, identity)

    def predict(run: Run, todo: Sequence[str]) -> Iterator[Entry]:
        return work_through(
            run,
            todo,
            analysis,
            prepare=analysis.prepare,
            workers=min(workers, len(todo)),
            supervised=len(todo) >= SUPERVISED_FROM,
            retry_failed=True,
        )

    return answer


def _known(entries: Iterator[Entry], paths: Sequence[Path]) -> dict[str, Entry]:
    """Entries that still hold, by path."""
    wanted = {str(path) for path in paths}
    ours = own_changes()
    found = {}
    for entry in entries:
        name = entry.file
        if name in wanted and _holds(entry, Path(name), ours.get(name, {})):
            found[name] = entry
    return found


def _holds(entry: Entry, path: Path, ours: dict[Stamp, Stamp]) -> bool:
    """Whether the file is as it was, or differs by the tags that we wrote."""
    try:
        stamp = stamp_of(path.stat())
    except OSError:
        return False
    seen: set[Stamp] = set()
    while stamp not in seen:
        if stamp == (entry.size_bytes, entry.modified_ns):
            return True
        seen.add(stamp)
        stamp = ours.get(stamp, stamp)
    return False
