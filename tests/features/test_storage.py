"""Rows on disk are read as rows in memory are, and train the same network."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.datasets import load_dataset
from genrekit.errors import TrainingError
from genrekit.features.storage import DiskRows, Numbers, RowWriter, joined, taken
from genrekit.models.classical import Logistic
from genrekit.models.networks import Fusion
from genrekit.schema import ExcerptConfig, Gtzan57Config, MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.loop import EpochRecord
from genrekit.training.settings import Augment, TrainingConfig, WaveformAugment

BLOCKS = [np.random.default_rng(n).normal(size=(n % 3 + 1, 4, 5)).astype("f4") for n in range(20)]
WHOLE = np.concatenate(BLOCKS)


def written(path: Path, limit_bytes: float) -> Numbers:
    writer = RowWriter(path, limit_bytes)
    for block in BLOCKS:
        writer.add(block)
    return writer.finish()


@pytest.mark.parametrize("limit_bytes", [0, 500, WHOLE.nbytes - 1])
def test_what_passes_the_limit_is_a_npy_file_of_the_same_rows(
    tmp_path: Path, limit_bytes: float
) -> None:
    rows = written(tmp_path / "new" / "rows.npy", limit_bytes)
    assert isinstance(rows, DiskRows)
    assert isinstance(rows.source, np.memmap)
    assert np.array_equal(np.load(tmp_path / "new" / "rows.npy"), WHOLE)
    assert np.array_equal(np.asarray(rows), WHOLE)


def test_what_does_not_pass_it_stays_in_memory(tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.npy", WHOLE.nbytes)
    assert isinstance(rows, np.ndarray)
    assert np.array_equal(rows, WHOLE)
    assert not list(tmp_path.iterdir())


@given(st.lists(st.integers(0, len(WHOLE) - 1), min_size=1), st.integers(0, 9), st.integers(1, 9))
def test_rows_on_disk_are_read_like_an_array(chosen: list[int], start: int, length: int) -> None:
    numbers = np.array(chosen)
    rows, array = DiskRows(WHOLE, numbers), WHOLE[numbers]
    assert rows.shape == array.shape
    assert rows.ndim == array.ndim
    assert len(rows) == len(array)
    assert np.array_equal(rows[start : start + length], array[start : start + length])
    assert np.array_equal(rows[numbers % len(array)], array[numbers % len(array)])
    assert all(np.array_equal(a, b) for a, b in zip(rows, array, strict=True))
    mask = numbers % 2 == 0
    part, rest = taken(rows, mask), taken(rows, ~mask)
    assert isinstance(part, DiskRows)
    assert np.array_equal(np.asarray(part), array[mask])
    back = joined(part, rest)
    assert isinstance(back, DiskRows)
    assert np.array_equal(np.asarray(back), np.concatenate([array[mask], array[~mask]]))


def test_no_room_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TrainingError, match="make room there, or raise"):
        written(tmp_path / "file" / "rows.npy", 0)


# --- through training ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jukebox")
    load_dataset("jukebox", folder, clips_per_genre=3, seconds=1.0)
    return folder


def recipe(clips: Path, rows_in_memory_mb: float, *, classical: bool) -> Recipe:
    copies = WaveformAugment(copies=1, pitch_semitones=2)
    return Recipe(
        name="stored",
        data=DataConfig(
            corpus="jukebox", path=clips, options={"clips_per_genre": 3, "seconds": 1.0}
        ),
        frontend=Gtzan57Config(separation=False)
        if classical
        else MelConfig(n_mels=16, fft_samples=1024, hop_samples=1024),
        more_frontends=() if classical else (Gtzan57Config(separation=False),),
        excerpt=ExcerptConfig(start_seconds=0, duration_seconds=1),
        windows=WindowConfig(window_seconds=0.5, hop_seconds=0.5, short="loop"),
        model=Logistic() if classical else Fusion(channels=(4,), layers=(8,), fused=8),
        training=TrainingConfig(
            epochs=2,
            rows_in_memory_mb=rows_in_memory_mb,
            augment=Augment(waveform=copies),
        ),
        protocol=ProtocolConfig(name="holdout"),
    )


def graph_alone(bundle: Path) -> bytes:
    """Without what it says of its bundle, whose recipe differs."""
    model = onnx.load(bundle / "model.onnx")
    del model.metadata_props[:]
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("classical", [True, False])
def test_where_rows_are_kept_changes_nothing(clips: Path, tmp_path: Path, classical: bool) -> None:
    files: list[str] = []

    def watch(name: str, stage: str, done: int, total: int) -> None:
        if stage.startswith("fit"):
            files.extend(str(file) for file in (tmp_path / f"{name}.training").glob("rows/*.npy"))

    for name, limit in (("memory", 1024.0), ("disk", 0.0)):
        one = recipe(clips, limit, classical=classical)
        train(one, tmp_path / name, progress=partial(watch, name))
    kinds = {"gtzan57"} if classical else {"gtzan57", "mel"}
    assert set(files) == {str(tmp_path / f"disk.training/rows/{kind}.npy") for kind in kinds}
    assert graph_alone(tmp_path / "memory") == graph_alone(tmp_path / "disk")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "memory"]


def test_a_run_that_is_stopped_leaves_no_rows(clips: Path, tmp_path: Path) -> None:
    one = recipe(clips, 0, classical=False)

    def stop(fit: str, record: EpochRecord) -> None:
        assert list(tmp_path.glob("out.training/rows/*.npy"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(one, tmp_path / "out", each_epoch=stop)
    assert not list(tmp_path.glob("out.training/rows"))
