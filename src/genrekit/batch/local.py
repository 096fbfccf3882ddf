"""Predict many files on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TypedDict

from genrekit.batch.work import FILE_LIMITS
from genrekit.errors import GenreError
from genrekit.inference import Classifier, error_record
from genrekit.schema import ExcerptConfig, TrackPrediction
from genrekit.workers import WorkerDied, ordered_map


def predict_many(
    paths: Iterable[str | Path],
    model: str | Path = "default",
    *,
    workers: int = 1,
    excerpt: ExcerptConfig | None = None,
    segments: bool = False,
    tags: bool = False,
    unknown_below: float | None = None,
    supervised: bool = False,
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
    excerpt, segments, tags, unknown_below
        As for :meth:`genrekit.inference.Classifier.predict_file`.
    supervised : bool
        Whether a single worker is a process of its own too, so that a file that hangs or crashes a
        decoder ends nothing else.

    Returns
    -------
    Iterator of TrackPrediction
        One for each path. A bad file, even one that ends its process or has to be ended after
        `FILE_LIMITS`, is a record with ``error``.

    Raises
    ------
    ConfigError, BundleError
        If the model cannot be loaded or tells no genres; at once, before any file is read.
    """
    options = _Options(excerpt=excerpt, segments=segments, tags=tags, unknown_below=unknown_below)
    # Whatever is wrong with the model is said here, once, and not by every worker.
    classifier = Classifier.load(model)
    classifier.check_predicts()
    if workers == 1 and not supervised:
        return map(partial(_predict, classifier=classifier, options=options), paths)
    predict = partial(_predict_in_worker, model=str(model), options=options)
    outcomes = ordered_map(
        predict,
        paths,
        workers=workers,
        limits=FILE_LIMITS,
        supervised=True,
        prepare=partial(_prepare, str(model)),
    )
    return _records(outcomes)


class _Options(TypedDict):
    excerpt: ExcerptConfig | None
    segments: bool
    tags: bool
    unknown_below: float | None


# Workers live as long as one call, so they never see a model change; each loads it once.
_load = lru_cache(maxsize=1)(Classifier.load)


def _prepare(model: str) -> None:
    _load(model)


def _predict_in_worker(path: str | Path, *, model: str, options: _Options) -> TrackPrediction:
    return _predict(path, classifier=_load(model), options=options)


def _predict(path: str | Path, *, classifier: Classifier, options: _Options) -> TrackPrediction:
    try:
        return classifier.predict_file(path, **options)
    except (GenreError, OSError, MemoryError) as error:
        return error_record(path, error)


def _records(
    outcomes: Iterator[TrackPrediction | WorkerDied[str | Path]],
) -> Iterator[TrackPrediction]:
    for outcome in outcomes:
        if isinstance(outcome, WorkerDied):
            yield error_record(outcome.argument, GenreError(outcome.message))
        else:
            yield outcome
