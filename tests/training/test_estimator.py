"""`GenreEstimator` behaves as scikit-learn expects, over arrays and over files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import genrekit
from genrekit.errors import AudioError
from genrekit.jukebox import synthesise


@parametrize_with_checks([genrekit.GenreEstimator()])  # type: ignore[untyped-decorator]
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_files_are_learnt_and_cross_validated(tmp_path: Path) -> None:
    paths, genres = [], []
    for genre in ("disco", "classical"):
        for seed in range(3):
            file = tmp_path / f"{genre}{seed}.wav"
            clip = synthesise(genre, seconds=3.1, seed=seed, sample_rate_hz=16000)
            soundfile.write(file, clip.samples, 16000)
            paths.append(str(file))
            genres.append(genre)
    model = genrekit.GenreEstimator().fit(paths, genres)
    assert list(model.predict(paths)) == genres
    assert model.predict_proba(np.array(paths)).sum(axis=1) == pytest.approx(np.ones(6))
    assert model.score(paths, genres) == 1
    assert cross_val_score(genrekit.GenreEstimator(), paths, genres, cv=3).mean() > 0.5
    with pytest.raises(AudioError, match=r"none\.wav: "):
        model.predict([tmp_path / "none.wav"])
    with pytest.raises(ValueError, match="6 tracks and 5 genres"):
        genrekit.GenreEstimator().fit(paths, genres[:5])
