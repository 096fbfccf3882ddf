"""Writing is all or nothing, and the same for the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrekit.audio import Waveform
from genrekit.bundles import load_bundle, write_bundle
from genrekit.errors import BundleError
from genrekit.jukebox import synthesise
from genrekit.schema import WindowConfig

Factory = Callable[..., Path]


def test_equal_inputs_give_equal_bytes(bundle_factory: Factory, tmp_path: Path) -> None:
    first, second = (bundle_factory(tmp_path / name) for name in ("a", "b"))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["CARD.md", "golden.npz", "manifest.json", "metrics.json", "model.onnx"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_target_that_exists_is_kept(bundle_factory: Factory, tmp_path: Path) -> None:
    target = bundle_factory(tmp_path / "model")
    with pytest.raises(BundleError, match="exists already"):
        bundle_factory(target)
    assert load_bundle(target).manifest.version == "0.1.0"


def _again(source: Path, target: Path, *, version: str, overwrite: bool) -> Path:
    bundle = load_bundle(source)
    return write_bundle(
        target,
        manifest=bundle.manifest.model_copy(update={"files": (), "version": version}),
        model_onnx=(source / "model.onnx").read_bytes(),
        metrics=bundle.metrics,
        golden=synthesise("jazz", seconds=1.0, sample_rate_hz=22050),
        extra_files={"notes.txt": b"hello"},
        overwrite=overwrite,
    )


def test_overwriting_replaces_a_bundle(
    tiny_bundle: Path, bundle_factory: Factory, tmp_path: Path
) -> None:
    target = bundle_factory(tmp_path / "model")
    _again(tiny_bundle, target, version="0.2.0", overwrite=True)
    assert load_bundle(target).manifest.version == "0.2.0"
    assert (target / "notes.txt").read_bytes() == b"hello"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_overwriting_never_replaces_anything_else(tiny_bundle: Path, tmp_path: Path) -> None:
    music = tmp_path / "Music"
    music.mkdir()
    (music / "song.mp3").write_bytes(b"precious")
    with pytest.raises(BundleError, match="not a bundle"):
        _again(tiny_bundle, music, version="0.2.0", overwrite=True)
    assert (music / "song.mp3").read_bytes() == b"precious"


def test_a_failed_write_leaves_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    for extra in ("../escape.txt", "weights.pkl"):
        with pytest.raises(BundleError):
            write_bundle(
                tmp_path / "new",
                manifest=bundle.manifest.model_copy(update={"files": ()}),
                model_onnx=(tiny_bundle / "model.onnx").read_bytes(),
                metrics=bundle.metrics,
                golden=synthesise("jazz", seconds=1.0, sample_rate_hz=22050),
                extra_files={extra: b"x"},
            )
    assert list(tmp_path.iterdir()) == []


def test_a_golden_clip_of_another_rate_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    with pytest.raises(BundleError, match="16000 Hz, the bundle 22050"):
        write_bundle(
            tmp_path / "new",
            manifest=bundle.manifest.model_copy(update={"files": ()}),
            model_onnx=(tiny_bundle / "model.onnx").read_bytes(),
            metrics=bundle.metrics,
            golden=Waveform(np.zeros(16000, np.float32), 16000),
        )


@pytest.mark.parametrize("short", ["keep", "loop", "pad"])
def test_the_golden_clip_follows_the_policy_for_short_audio(
    bundle_factory: Factory, tmp_path: Path, short: str
) -> None:
    windows = WindowConfig.model_validate(
        {"window_seconds": 4.0, "hop_seconds": 4.0, "short": short}
    )
    target = bundle_factory(tmp_path / short, windows=windows)
    golden = np.load(target / "golden.npz", allow_pickle=False)
    seconds = 1.5 if short == "keep" else 4.0
    frames = (round(seconds * 22050) - 1024) // 1024 + 1
    assert golden["features_mel"].shape == (16, frames)
    assert golden["samples"].dtype == np.int16
    assert load_bundle(target).manifest.windows.short == short
