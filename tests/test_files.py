"""Files are there whole or not at all, and in the place that the system has for them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from genrekit import files
from genrekit.features import FeatureCache


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.txt"
    files.replace_file(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    path.chmod(0o640)
    with suppress(RuntimeError), files.replacing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "é\n"
    files.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640 or os.name == "nt"
    assert _names(path.parent) == ["a.txt"]


def test_what_takes_a_place_is_on_the_disk_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power after the rename must not find a name without its bytes."""
    said: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        said.append(f"sync {os.fstat(handle).st_size}")
        fsync(handle)

    def replaced(path: Path, target: Path) -> Path:
        said.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    files.replace_file(tmp_path / "a", b"12345")
    assert said[:2] == ["sync 5", "replace"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "made" / "bundle"
    for content in ("one", "two"):
        with files.replacing_folder(path) as fresh:
            (fresh / "sub").mkdir()
            (fresh / "sub" / "file").write_text(content)
        assert (path / "sub" / "file").read_text() == content
    with suppress(RuntimeError), files.replacing_folder(path) as fresh:
        (fresh / "file").write_text("half")
        raise RuntimeError
    assert _names(path) == ["sub"]
    assert _names(path.parent) == ["bundle"]


def test_nobody_writes_another_way() -> None:
    """Thirteen helpers did; what renames a file that it has written does it through the one.

    ``disk.py`` of tagging reads its copy back, and keeps owner and attributes, before it renames.
    """
    source = Path(files.__file__).parent
    allowed = {"files.py", "corpora.py", "jobs.py", "scratch.py", "checkpoint.py", "disk.py"}
    for path in source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        renames = any(word in text for word in ("os.replace(", ".rename(", "mkstemp(dir=path"))
        assert not renames or path.name in allowed, path


# --- places ---------------------------------------------------------------------------------------


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without settings of ours."""
    for name in ("GENREKIT_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_each_kind_has_its_place(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.home() == user / ".local" / "share" / "genrekit"
    assert files.cache_home() == user / ".cache" / "genrekit"
    assert files.state_home() == user / ".local" / "state" / "genrekit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(user / "fast"))
    assert FeatureCache.default().directory == user / "fast" / "genrekit" / "features"
    monkeypatch.setenv("GENREKIT_HOME", str(user / "all"))
    assert files.home() == files.cache_home() == files.state_home() == user / "all"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_features_that_lie_with_the_models_are_moved_and_it_is_reported(
    user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = files.home() / "features", files.cache_home() / "features"
    (old / "ab").mkdir(parents=True)
    (old / "ab" / "entry.npy").write_text("x")
    assert FeatureCache.default().directory == new
    assert (new / "ab" / "entry.npy").read_text() == "x"
    assert not old.exists()
    assert str(old) in caplog.text
    assert str(new) in caplog.text
    caplog.clear()
    assert FeatureCache.default().directory == new
    assert not caplog.text


def test_what_cannot_be_moved_is_used_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, blocked = tmp_path / "old", tmp_path / "file" / "new"
    old.mkdir()
    (tmp_path / "file").write_text("in the way")
    assert files.moved(old, blocked) == old
    assert "used where it is" in caplog.text


def test_what_would_be_in_the_way_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "entry").write_text(folder.name)
    assert files.moved(old, new) == new
    assert ((old / "entry").read_text(), (new / "entry").read_text()) == ("old", "new")
    assert f"{old} is no longer used" in caplog.text


def test_places_of_other_systems_are_found_from_the_old_one(
    user: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On macOS and Windows models used to lie where Linux has them."""
    library = user / "Library" / "genrekit"
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(library))
    (user / ".local" / "share" / "genrekit" / "models").mkdir(parents=True)
    assert files.home() == library
    assert (library / "models").is_dir()
    assert "has moved" in caplog.text
