"""What a fit scored, kept in a file, so that long work that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Fold
from genrekit.errors import ConfigError
from genrekit.evaluation import probability_problem
from genrekit.files import replacing
from genrekit.training import Rows, Task, fold_scores

#: Packages whose version a score may depend on.
_PACKAGES = ("genrekit", "numpy", "scikit-learn", "xgboost-cpu")


def kept_scores(
    task: Task, rows: Rows, fold: Fold, fit_on: str, *, data: str, folder: Path
) -> NDArray[np.float64]:
    """As `fold_scores`, but read from ``folder`` if it was scored before.

    Parameters
    ----------
    data : str
        Fingerprint of the dataset that ``rows`` are of.

    Raises
    ------
    ConfigError
        If what is kept cannot be read, or does not hold probabilities of these rows and labels.
    """
    identity = {
        "model": task.model.model_dump(mode="json"),
        "columns": task.feature_names,
        "labels": task.labels,
        "seed": task.seed,
        "data": data,
        "fold": fold.model_dump(mode="json"),
        "fit_on": fit_on,
        "versions": {name: _version(name) for name in _PACKAGES},
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    file = folder / f"{task.model.architecture}-{digest[:24]}.npy"
    if file.exists():
        return _read(file, (len(rows.of(fold.test)), len(task.labels)))
    scores = fold_scores(task, rows, fold, fit_on)
    with replacing(file) as stream:
        np.save(stream, scores, allow_pickle=False)
    return scores


def _read(file: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    try:
        scores = np.asarray(np.load(file, allow_pickle=False), np.float64)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise ConfigError(f"{file}: {error}; remove it, and it is scored anew") from None
    if problem := probability_problem(scores, shape):
        raise ConfigError(f"{file} {problem}; remove it, and it is scored anew")
    return scores


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
