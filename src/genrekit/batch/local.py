"""Predict many files on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path

from genrekit.errors import GenreError
from genrekit.inference import Classifier, error_record
from genrekit.parallel import WorkerDied, ordered_map
from genrekit.schema import ExcerptConfig, TrackPrediction


def predict_many(
    paths: Iterable[str | Path],
    model: str | Path = "default",
    *,
    workers: int = 1,
    excerpt: ExcerptConfig | None = None,
    segments: bool = False,
    unknown_below: float | None = None,
) -> Iterator[TrackPrediction]:
    """Predict each file, in order.

    Parameters
    ----------
    paths : iterable of str or Path
        Audio files; consumed lazily.
    model : str or Path
        Name or directory of a bundle.
    workers : int
        1 predicts in this process; more start that many fresh ones, which load the model once
        each. The calling script then needs the usual ``if __name__ == "__main__":``.
    excerpt, segments, unknown_below
        As for :meth:`genrekit.inference.Classifier.predict_file`.

    Returns
    -------
    Iterator of TrackPrediction
        One for each path. A bad file, even one that kills its process, is a record with ``error``.

    Raises
    ------
    ConfigError, BundleError
        If the model cannot be loaded; at once, before any file is read.
    """
    # Whatever is wrong with the model is said here, once, and not by every worker.
    _classifier(str(model))
    predict = partial(
        _predict,
        model=str(model),
        excerpt=excerpt,
        segments=segments,
        unknown_below=unknown_below,
    )
    return _records(ordered_map(predict, paths, workers=workers))


# Each process loads a model once.
@lru_cache(maxsize=1)
def _classifier(model: str) -> Classifier:
    return Classifier.load(model)


def _predict(
    path: str | Path,
    *,
    model: str,
    excerpt: ExcerptConfig | None,
    segments: bool,
    unknown_below: float | None,
) -> TrackPrediction:
    classifier = _classifier(model)
    try:
        return classifier.predict_file(
            path, excerpt=excerpt, segments=segments, unknown_below=unknown_below
        )
    except (GenreError, OSError, MemoryError) as error:
        return error_record(path, error)


def _records(
    outcomes: Iterable[TrackPrediction | WorkerDied[str | Path]],
) -> Iterator[TrackPrediction]:
    for outcome in outcomes:
        if isinstance(outcome, WorkerDied):
            reason = "analysing it killed its process; the file is damaged or needs more memory"
            yield error_record(outcome.argument, GenreError(reason))
        else:
            yield outcome
