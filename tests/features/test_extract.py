"""Extraction gives one outcome per file, whatever the files are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrekit.errors import AudioFormatError, AudioNotFoundError
from genrekit.features.cache import FeatureCache
from genrekit.features.extraction import extract
from genrekit.jukebox import synthesise
from genrekit.schema import ExcerptConfig, Gtzan57Config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for genre in ("disco", "jazz"):
        waveform = synthesise(genre, seconds=3, seed=1)
        soundfile.write(folder / f"{genre}.wav", waveform.samples, waveform.sample_rate_hz)
    (folder / "page.mp3").write_text("<html>no music here</html>")
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_gets_one_outcome_in_order(folder: Path, workers: int) -> None:
    names = ["disco.wav", "page.mp3", "missing.wav", "jazz.wav"]
    outcomes = list(extract([folder / name for name in names], Gtzan57Config(), workers=workers))
    assert [outcome.path.name for outcome in outcomes] == names
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None),
        AudioFormatError,
        AudioNotFoundError,
        type(None),
    ]
    assert outcomes[0].features is not None
    assert outcomes[0].features.shape == (57,)


def test_the_cache_answers_with_the_same_features(folder: Path, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    files = [folder / "disco.wav", folder / "jazz.wav"]
    first = list(extract(files, Gtzan57Config(), cache=cache))
    assert len(list(tmp_path.glob("*/*.npy"))) == 2
    again = list(extract(files, Gtzan57Config(), cache=cache))
    fresh = list(extract(files, Gtzan57Config()))
    for one, two, three in zip(first, again, fresh, strict=True):
        np.testing.assert_array_equal(one.features, two.features)
        np.testing.assert_array_equal(one.features, three.features)


def test_a_source_may_bring_its_own_excerpt(folder: Path) -> None:
    path = folder / "disco.wav"
    part = ExcerptConfig(start_seconds=1, duration_seconds=1)
    whole, excerpt = extract([path, (path, part)], Gtzan57Config())
    assert whole.features is not None
    assert excerpt.features is not None
    assert not np.allclose(whole.features, excerpt.features, rtol=1e-3)
