"""A classifier in the manner of scikit-learn, over audio files or over arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from genrekit.bundles import find_bundle
from genrekit.errors import AudioError
from genrekit.features import FeatureCache
from genrekit.inference import calibrated
from genrekit.learn import Embedded, embed_tracks, fit_softmax, joined


class GenreEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Genres learnt on a model's embedding, as ``genrekit learn`` does.

    Parameters
    ----------
    model : str
        A model that has an embedding.
    c : float
        Inverse of the penalty of the regression.
    workers : int
        Processes that listen to files.
    cache : bool
        Keep embeddings of files for the next time.

    Attributes
    ----------
    classes_ : ndarray
        The genres, sorted.
    n_features_in_ : int
        Columns of the embedding, or of the array.

    Examples
    --------
    ``GenreEstimator().fit(paths, genres).predict(others)``; and
    ``cross_val_score(GenreEstimator(), paths, genres, groups=artists, cv=GroupKFold())``, as tracks
    of one artist on both sides flatter.
    """

    def __init__(
        self, model: str = "default", *, c: float = 0.1, workers: int = 1, cache: bool = True
    ) -> None:
        self.model = model
        self.c = c
        self.workers = workers
        self.cache = cache

    def fit(self, X: Any, y: Any) -> GenreEstimator:
        """Learn from tracks.

        Parameters
        ----------
        X : sequence of path, or (n, columns) array
            Audio files, or numbers that describe a track each.
        y : (n,) sequence
            The genre of each.

        Raises
        ------
        AudioError
            If a file cannot be read.
        ValueError
            If numbers are of another form, as scikit-learn says it.
        """
        if _are_paths(X):
            tracks, targets = self._extract(X), np.asarray(y)
            if len(targets) != tracks.tracks:
                raise ValueError(f"there are {tracks.tracks} tracks and {len(targets)} genres")
            self.n_features_in_ = int(tracks.rows.shape[1])
        else:
            rows, targets = validate_data(self, X, y, dtype=np.float64)
            tracks = _one_each(rows)
        check_classification_targets(targets)
        self.classes_, numbers = np.unique(targets, return_inverse=True)
        head = fit_softmax(tracks, numbers.astype(np.int64), len(self.classes_), self.c)
        self.coef_, self.intercept_ = head.weights.T, head.bias
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of tracks, as `fit` takes them."""
        return calibrated(self._logits(X), task="single-label", temperature=1.0)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the genre (n,) of tracks, as `fit` takes them."""
        best = self._logits(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _logits(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        if _are_paths(X):
            tracks = self._extract(X)
        else:
            tracks = _one_each(validate_data(self, X, dtype=np.float64, reset=False))
        return tracks.means(tracks.rows @ self.coef_.T + self.intercept_)

    def _extract(self, paths: Sequence[str | Path]) -> Embedded:
        found = embed_tracks(
            [Path(path) for path in paths],
            find_bundle(self.model),
            workers=self.workers,
            cache=FeatureCache.default() if self.cache else None,
        )
        for path, one in zip(paths, found, strict=True):
            if isinstance(one, AudioError):
                raise AudioError(f"{path}: {one}") from one
        return joined([one for one in found if not isinstance(one, AudioError)])


def _are_paths(tracks: Any) -> bool:
    """Whether tracks are named rather than described."""
    if isinstance(tracks, np.ndarray):
        return tracks.ndim == 1 and len(tracks) > 0 and isinstance(tracks[0], str | Path)
    known = hasattr(tracks, "__len__") and hasattr(tracks, "__getitem__")
    plain = known and not hasattr(tracks, "shape")
    return plain and len(tracks) > 0 and isinstance(tracks[0], str | Path)


def _one_each(rows: NDArray[np.float64]) -> Embedded:
    """Rows that are a track each."""
    return Embedded(rows, np.arange(len(rows)))  # type: ignore[arg-type]
