"""From sound files to a bundle, by the windows that prediction will cut."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset
from genrekit.errors import DatasetError
from genrekit.features import build_frontend
from genrekit.features.cache import FeatureCache
from genrekit.jukebox import synthesise
from genrekit.models.classical import Logistic
from genrekit.schema import ExcerptConfig, Gtzan57Config, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.rows import Gathering, audio_windows, readable_by_all

GENRES = ("classical", "disco", "metal")
EXCERPT = ExcerptConfig(start_seconds=0.5, duration_seconds=2.5)
WINDOWS = WindowConfig(window_seconds=1.0, hop_seconds=1.0)
RATE = 22050


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for genre in GENRES:
        (folder / genre).mkdir()
        for number in range(7):
            wave = synthesise(genre, seconds=3, seed=number)
            soundfile.write(folder / genre / f"{number}.wav", wave.samples, RATE)
    return folder


def recipe(clips: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "small",
        "data": DataConfig(corpus="folder", path=clips),
        "model": Logistic(c=1),
        "protocol": ProtocolConfig(name="holdout"),
        "excerpt": EXCERPT,
        "windows": WINDOWS,
    } | changes
    return Recipe(**fields)


def test_a_bundle_from_audio_tells_synthetic_genres_apart(clips: Path, tmp_path: Path) -> None:
    bundle = load_bundle(train(recipe(clips), tmp_path / "small"))
    (result,) = bundle.metrics.results
    assert result.unit == "track"
    assert result.accuracy.value > 0.6
    assert bundle.manifest.windows == WINDOWS
    assert bundle.manifest.excerpt == EXCERPT


def test_rows_are_the_features_of_the_windows_of_the_excerpt(clips: Path) -> None:
    dataset = load_dataset("folder", clips).select([0])
    (outcome,) = audio_windows(dataset, Gtzan57Config(), excerpt=EXCERPT, windows=WINDOWS)
    frontend = build_frontend(Gtzan57Config())
    path = dataset.items[0].path
    assert path is not None
    samples, _ = soundfile.read(path, dtype="float32")
    first = round(0.5 * RATE)
    last = first + round(2.5 * RATE)
    # The last window is moved back to end with the excerpt.
    starts = (first, first + RATE, last - RATE)
    expected = np.stack([frontend(samples[start : start + RATE]) for start in starts])
    assert outcome.features is not None
    assert np.allclose(outcome.features, expected, rtol=1e-4, atol=1e-5)


def test_the_cache_and_processes_change_nothing(clips: Path, tmp_path: Path) -> None:
    dataset = load_dataset("folder", clips).select([0, 8])
    cache = FeatureCache(tmp_path / "cache")
    runs = [
        list(
            audio_windows(
                dataset,
                Gtzan57Config(),
                excerpt=EXCERPT,
                windows=WINDOWS,
                workers=workers,
                cache=kept,
            )
        )
        for workers, kept in ((1, None), (2, cache), (1, cache))
    ]
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2
    for run in runs[1:]:
        for one, other in zip(runs[0], run, strict=True):
            assert one.features is not None
            assert other.features is not None
            assert np.array_equal(one.features, other.features)


def test_other_windows_are_other_entries_of_the_cache(clips: Path, tmp_path: Path) -> None:
    dataset = load_dataset("folder", clips).select([0])
    cache = FeatureCache(tmp_path / "cache")
    counts = []
    for seconds in (1.0, 0.5):
        windows = WindowConfig(window_seconds=seconds, hop_seconds=seconds, minimum_seconds=0.25)
        (outcome,) = audio_windows(
            dataset, Gtzan57Config(), excerpt=EXCERPT, windows=windows, cache=cache
        )
        assert outcome.features is not None
        counts.append(len(outcome.features))
    assert counts == [3, 5]


def test_unreadable_files_are_left_out_and_named(
    clips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "with damage"
    for genre in GENRES:
        (folder / genre).mkdir(parents=True)
        for clip in (clips / genre).iterdir():
            (folder / genre / clip.name).symlink_to(clip)
    (folder / "disco" / "broken.wav").write_bytes(b"RIFF, and then nothing of use")
    short = folder / "metal" / "short.wav"
    soundfile.write(short, np.zeros(RATE // 2, np.float32), RATE)
    with caplog.at_level(logging.WARNING):
        out = train(recipe(folder, excerpt=ExcerptConfig(duration_seconds=2.0)), tmp_path / "out")
    assert "broken.wav" in caplog.text
    assert "short.wav" in caplog.text
    assert load_bundle(out).metrics.results[0].items > 0


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    for genre in GENRES:
        (tmp_path / "songs" / genre).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "songs" / genre / f"{number}.wav").write_bytes(b"no audio")
    dataset = load_dataset("folder", tmp_path / "songs")
    gathering = Gathering(Path())
    for outcome in audio_windows(dataset, Gtzan57Config(), excerpt=EXCERPT, windows=WINDOWS):
        gathering.add(outcome)
    with pytest.raises(DatasetError, match="not one of 12 files"):
        readable_by_all(dataset, {"": gathering})
