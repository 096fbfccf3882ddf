from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from genrekit.download.unpacking import unpack
from genrekit.errors import DatasetError

Write = Callable[[Path, dict[str, bytes]], Path]

FILES = {"set/README.txt": b"hello", "set/000/000002.mp3": bytes(range(256)) * 9000}
TOTAL = sum(map(len, FILES.values()))


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_BZIP2) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def run(archive: Path, folder: Path, most_bytes: int = 10**8) -> list[tuple[int, int]]:
    folder.mkdir(exist_ok=True)
    steps: list[tuple[int, int]] = []
    unpack(archive, folder, most_bytes=most_bytes, written=lambda *step: steps.append(step))
    return steps


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if not file.is_dir())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


# FMA compresses with bzip2, which many unpackers do not know.
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_unpacks_whole(tmp_path: Path, method: int) -> None:
    steps = run(write_zip(tmp_path / "a.zip", FILES, method), tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert steps[0] == (0, TOTAL)
    assert steps[-1] == (TOTAL, TOTAL)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_unpacks_whole(tmp_path: Path, mode: str) -> None:
    run(write_tar(tmp_path / "a.tar", FILES, mode), tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


EVIL = ["/etc/cron", "../up.txt", "set/../../up.txt", "C:/up.txt", "..\\up.txt"]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused(tmp_path: Path, write: Write, name: str) -> None:
    archive = write(tmp_path / "a.bin", {name: b"evil"})
    with pytest.raises(DatasetError, match="leads out of its folder"):
        run(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {}
    assert not (tmp_path / "up.txt").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.txt", b"")
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DatasetError, match="'link' is a link or a device"):
        run(tmp_path / "a.zip", tmp_path / "out")
    # All names are looked at before anything is written.
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(entry)
    with pytest.raises(DatasetError, match="'link' is a link or a device"):
        run(tmp_path / "a.tar", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, write: Write) -> None:
    archive = write(tmp_path / "a.bin", {"bomb": bytes(1 << 20)})
    with pytest.raises(DatasetError, match=r"unpacks to 1,048,576 bytes, more than the 1,000"):
        run(archive, tmp_path / "out", most_bytes=1000)
    assert contents(tmp_path / "out") == {}


def test_a_zip_whose_sizes_lie_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"bomb": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    true_size, stated = (1 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true_size, stated))
    with pytest.raises(DatasetError, match="damaged"):
        run(archive, tmp_path / "out", most_bytes=2000)
    assert all(len(content) <= 1000 for content in contents(tmp_path / "out").values())


def test_a_zip_that_states_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"short": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    true_size, stated = (1 << 20).to_bytes(4, "little"), (2 << 20).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true_size, stated))
    with pytest.raises(DatasetError, match="is cut off in short"):
        run(archive, tmp_path / "out")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_an_entry_never_replaces_another(tmp_path: Path, write: Write) -> None:
    archive = write(tmp_path / "a.bin", {"./same.txt": b"first", "same.txt": b"second"})
    with pytest.raises(DatasetError, match=r"same\.txt: damaged"):
        run(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {"same.txt": b"first"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_damaged_byte_in_a_zip_is_found(tmp_path: Path, method: int) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES, method)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 255
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match=r"damaged .*delete the archive"):
        run(archive, tmp_path / "out")


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_tar_that_is_cut_off_is_found(tmp_path: Path, kept: float) -> None:
    archive = write_tar(tmp_path / "a.tar", FILES)
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DatasetError, match=r"cut off|damaged"):
        run(archive, tmp_path / "out")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"secret": b"x"}, zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match="'secret' is encrypted"):
        run(archive, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"PK\x03\x04 and no more"])
def test_something_else_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.zip"):
        run(tmp_path / "a.zip", tmp_path / "out")
