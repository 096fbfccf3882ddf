"""What is like what: nearest by hand, nothing analysed twice, nothing half written."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from genrekit.batch import describe_file, read_index, update_index
from genrekit.batch.index import Index
from genrekit.batch.index_store import IndexedTrack, IndexManifest, write_files
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import ModelIdentity

_IDENTITY = ModelIdentity(name="m", version="0.1.0", sha256="0" * 64)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "sub").mkdir(parents=True)
    for genre, place in (("metal", "a.wav"), ("metal", "sub/b.wav"), ("classical", "c.wav")):
        samples = synthesise(genre, seconds=1.5, seed=len(place)).samples
        soundfile.write(folder / place, samples, 22050)
    return folder


def _made(kind: Any, vectors: NDArray[np.float32]) -> Index:
    tracks = tuple(
        IndexedTrack(path=str(n), size_bytes=1, modified_ns=1) for n in range(len(vectors))
    )
    manifest = IndexManifest(
        folder="/music",
        asked_for="m",
        model=_IDENTITY,
        kind=kind,
        tracks=tracks,
        vectors_sha256="0" * 64,
    )
    return Index(manifest, vectors)


def test_nearness_is_the_cosine() -> None:
    rows = np.array([[1, 0], [3, 3], [0, 2], [-1, 0], [0, 0]], np.float32)
    found = _made("embedding", rows).similar(np.array([5, 0], np.float32), top=4)
    assert [one.path for one in found] == ["0", "1", "2", "4"]
    assert [one.similarity for one in found] == pytest.approx([1, 2**-0.5, 0, 0])
    without = _made("embedding", rows).similar(np.array([5, 0], np.float32), top=1, without="0")
    assert [one.path for one in without] == ["1"]


def test_features_count_by_how_much_they_vary() -> None:
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(20, 3)).astype(np.float32) * np.array([1, 1000, 0], np.float32)
    one = rows[4] + np.array([0.01, 10, 0], np.float32)
    scaled = ((rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-12))[:, :2]
    mine = ((one - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-12))[:2]
    expected = scaled @ mine / np.linalg.norm(scaled, axis=1) / np.linalg.norm(mine)
    found = _made("features", rows).similar(one, top=3)
    assert [int(each.path) for each in found] == np.argsort(-expected)[:3].tolist()
    assert found[0].similarity == pytest.approx(expected.max(), abs=1e-5)


def test_another_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="shape"):
        _made("embedding", np.ones((2, 3), np.float32)).similar(np.ones(4, np.float32))


def test_unchanged_files_are_not_analysed_again(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    first = list(update_index(music, out))[-1]
    assert (first.done, first.kept) == (3, 0)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    again = list(update_index(music, out))[-1]
    assert (again.done, again.kept) == (0, 3)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    (music / "a.wav").unlink()
    shutil.copy(music / "c.wav", music / "sub" / "b.wav")
    (music / "bad.mp3").write_bytes(b"not audio")
    changed = list(update_index(music, out))
    assert (changed[-1].done, changed[-1].kept) == (2, 1)
    assert [step.failure[0] for step in changed if step.failure] == ["bad.mp3"]
    index = read_index(out)
    assert [track.path for track in index.manifest.tracks] == ["c.wav", "sub/b.wav"]
    assert len(list(out.iterdir())) == 3  # the journal among them
    assert np.array_equal(index.vectors[0], index.vectors[1])
    vector = describe_file(Classifier.load("default"), music / "c.wav")
    assert np.array_equal(index.vectors[0], vector)


def test_what_is_interrupted_is_kept(music: Path, tmp_path: Path) -> None:
    steps = update_index(music, tmp_path / "index")
    assert [next(steps).done, next(steps).done] == [0, 1]
    steps.close()
    assert len(read_index(tmp_path / "index").manifest.tracks) == 1
    assert list(update_index(music, tmp_path / "index"))[-1].kept == 1


def test_damage_and_strangers_are_refused(
    music: Path, tmp_path: Path, bundle_factory: Callable[..., Path]
) -> None:
    out = tmp_path / "index"
    with pytest.raises(ConfigError, match="genrekit index FOLDER"):
        read_index(out)
    list(update_index(music, out))
    other = bundle_factory(tmp_path / "other")
    with pytest.raises(ConfigError, match="made with"):
        read_index(out).check_model(Classifier.load(other))
    with pytest.raises(ConfigError, match="neither an embedding"):
        list(update_index(music, tmp_path / "second", other))
    [vectors] = out.glob("*.npz")
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    with pytest.raises(ConfigError, match="damaged"):
        read_index(out)
    with pytest.raises(ConfigError, match="not a folder"):
        list(update_index(tmp_path / "nowhere", out))
    assert json.loads((out / "index.json").read_text())["kind"] == "embedding"


def _stored(out: Path, vectors: NDArray[Any]) -> None:
    """Put other vectors into an index, with the hash that they want."""
    memory = io.BytesIO()
    np.savez(memory, vectors=vectors)
    sha256 = hashlib.sha256(memory.getvalue()).hexdigest()
    (out / f"vectors-{sha256[:16]}.npz").write_bytes(memory.getvalue())
    manifest = json.loads((out / "index.json").read_text()) | {"vectors_sha256": sha256}
    (out / "index.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.array([[{}], [{}], [{}]], object), "allow_pickle"),
        (np.array([[1.0], [np.nan], [3.0]]), "not finite"),
        (np.array([[1.0], [-np.inf], [3.0]]), "not finite"),
        (np.array([[1e300], [1.0], [3.0]]), "not finite"),
        (np.ones((2, 4)), "3 rows"),
        (np.ones(3), "3 rows"),
        (np.array([["a"], ["b"], ["c"]]), "not numbers"),
    ],
)
def test_vectors_that_are_none_are_refused(
    tmp_path: Path, vectors: NDArray[Any], message: str
) -> None:
    index = _made("embedding", np.ones((3, 1), np.float32))
    write_files(tmp_path, index.manifest, index.vectors)
    assert read_index(tmp_path).vectors.shape == (3, 1)
    _stored(tmp_path, vectors)
    with pytest.raises(ConfigError, match=message):
        read_index(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_files_that_are_no_archive_are_refused(tmp_path: Path, raw: bytes) -> None:
    index = _made("embedding", np.ones((3, 1), np.float32))
    write_files(tmp_path, index.manifest, index.vectors)
    sha256 = hashlib.sha256(raw).hexdigest()
    (tmp_path / f"vectors-{sha256[:16]}.npz").write_bytes(raw)
    manifest = json.loads((tmp_path / "index.json").read_text()) | {"vectors_sha256": sha256}
    (tmp_path / "index.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="cannot be used"):
        read_index(tmp_path)


def test_a_question_that_is_not_finite_is_refused() -> None:
    index = _made("embedding", np.ones((3, 2), np.float32))
    with pytest.raises(ConfigError, match="not finite"):
        index.similar(np.array([1, np.nan], np.float32))


def test_a_run_that_is_killed_keeps_what_it_analysed(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    steps = update_index(music, out)
    assert [next(steps).done for _ in range(3)] == [0, 1, 2]
    killed = tmp_path / "killed"
    shutil.copytree(out, killed)  # before the iterator can close
    steps.close()
    assert [path.name for path in killed.iterdir()] == ["run"]
    journal = killed / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])  # as a crash cuts it off
    last = list(update_index(music, killed))[-1]
    assert (last.done, last.kept) == (2, 1)
    expected = list(update_index(music, tmp_path / "again"))[-1]
    assert expected.done == 3
    assert np.array_equal(read_index(killed).vectors, read_index(tmp_path / "again").vectors)
