from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from genrekit.datasets import DATASETS, corpus_info
from genrekit.download import OFFERS, YOUR_OWN, RetryPolicy, corpus_folder, present_parts
from genrekit.download import corpora as download
from genrekit.download.archives import Archive, Offer
from genrekit.download.checksums import has_sum, read_sums
from genrekit.download.part_file import part_of
from genrekit.download.places import PARTS
from genrekit.errors import ConfigError, DatasetError

HASTY = RetryPolicy(stall_seconds=2, attempts=2, first_wait_seconds=0.01)
CLIPS = {f"000/{number:06d}.mp3": bytes([number]) * 5000 for number in (2, 5, 10)}
TABLE = b"TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
PlanOf = Callable[..., download.DownloadPlan]


def fma_zip(name: str, files: dict[str, bytes]) -> bytes:
    """An archive as FMA's creation.py writes it: bzip2, with README.txt and checksums."""
    lines = [f"{hashlib.sha1(data).hexdigest()}  {path}\n" for path, data in files.items()]
    whole = {"README.txt": b"part of the FMA", "checksums": "".join(lines).encode()} | files
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
        for path, data in whole.items():
            archive.writestr(f"fma_{name}/{path}", data)
    return target.getvalue()


def folder_tar(number: int, files: dict[str, bytes]) -> bytes:
    """An archive as MTG-Jamendo has them: a folder entry, then its files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        folder = tarfile.TarInfo(f"{number:02d}")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def fma_archive(site: Any, name: str, content: bytes) -> Archive:
    site.files[f"fma_{name}.zip"] = content
    return Archive(
        url=site.url(f"fma_{name}.zip"),
        target=f"fma_{name}",
        about_bytes=len(content),
        size_bytes=len(content),
        checksum=f"sha1:{hashlib.sha1(content).hexdigest()}",
        inner=f"fma_{name}",
        unpacked_bytes=100_000,
        sums=f"fma_{name}/checksums",
        sums_root=f"fma_{name}",
    )


@pytest.fixture
def plan_of(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanOf:
    """Plans for small corpora in the published shape, served here."""
    metadata = fma_archive(site, "metadata", fma_zip("metadata", {"tracks.csv": b"x\n"}))
    small = fma_archive(site, "small", fma_zip("small", CLIPS))
    tracks = {f"{n:02d}/12{n:02d}.low.mp3": bytes([n]) * 3000 for n in range(2)}
    tars = {n: folder_tar(n, {f"{n:02d}/12{n:02d}.low.mp3": bytes([n]) * 3000}) for n in range(2)}
    for number, content in tars.items():
        site.files[f"raw-{number:02d}.tar"] = content
    sums = [f"{hashlib.sha256(data).hexdigest()} raw-{n:02d}.tar\n" for n, data in tars.items()]
    site.files["tars.txt"] = "".join(sums).encode()
    lines = [f"{hashlib.sha256(data).hexdigest()} {path}\n" for path, data in tracks.items()]
    site.files["tracks.txt"] = "".join(lines).encode()
    site.files["genre.tsv"] = TABLE
    tables = tuple(
        Archive(site.url(name), target=f"data/{name}", about_bytes=1000)
        for name in ("genre.tsv", "tars.txt", "tracks.txt")
    )
    audio = tuple(
        Archive(
            url=site.url(f"raw-{number:02d}.tar"),
            target=f"audio-low/{number:02d}",
            about_bytes=20_000,
            checksum_list="data/tars.txt",
            inner=f"{number:02d}",
            unpacked_bytes=20_000,
            sums="data/tracks.txt",
            sums_root="audio-low",
        )
        for number in range(2)
    )
    offers = {
        "fma": Offer({"metadata": (metadata,), "small": (metadata, small)}, default="small"),
        "jamendo": Offer({"tables": tables, "audio-low": (*tables, *audio)}, default="tables"),
    }
    monkeypatch.setattr(download, "OFFERS", offers)

    def plan(corpus: str = "fma", size: str | None = None) -> download.DownloadPlan:
        return download.plan_download(corpus, size, tmp_path / corpus)

    return plan


class Step(NamedTuple):
    stage: str
    done: int
    total: int


def carry_out(plan: download.DownloadPlan, **options: Any) -> list[Step]:
    steps: list[Step] = []
    download.download(
        plan, retries=HASTY, progress=lambda *step: steps.append(Step(*step)), **options
    )
    return steps


def stopping_after(count: int) -> Callable[[str, int, int], None]:
    """What Ctrl-C does in the middle of a report."""
    left = iter(range(count - 1))

    def report(stage: str, done: int, total: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return report


def files_in(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".genrekit")}


SMALL_FILES = {f"fma_small/{name}" for name in ("README.txt", "checksums", *CLIPS)}
METADATA_FILES = {f"fma_metadata/{name}" for name in ("README.txt", "checksums", "tracks.csv")}


def test_a_corpus_is_fetched_checked_unpacked_and_tidied(plan_of: PlanOf) -> None:
    plan = plan_of()
    assert [archive.target for archive in plan.missing] == ["fma_metadata", "fma_small"]
    steps = carry_out(plan)
    assert files_in(plan.folder) == SMALL_FILES | METADATA_FILES
    assert all((plan.folder / "fma_small" / name).read_bytes() == CLIPS[name] for name in CLIPS)
    assert {step.stage for step in steps} == {"fetching", "unpacking"}
    for stage in ("fetching", "unpacking"):
        done = [step.done for step in steps if step.stage == stage]
        assert done == sorted(done)
    assert steps[-1].done == steps[-1].total


def test_what_is_complete_is_left_alone(plan_of: PlanOf, site: Any) -> None:
    carry_out(plan_of())
    asked = len(site.seen)
    plan = plan_of()
    assert plan.missing == ()
    assert plan.needed_bytes == 0
    assert carry_out(plan) == []
    assert len(site.seen) == asked


def test_a_larger_size_keeps_what_is_there(plan_of: PlanOf, site: Any) -> None:
    carry_out(plan_of(size="metadata"))
    plan = plan_of()
    assert [archive.target for archive in plan.missing] == ["fma_small"]
    carry_out(plan)
    assert len(site.seen) == 2


def test_a_copy_that_lacks_files_is_not_called_complete(plan_of: PlanOf) -> None:
    plan = plan_of()
    carry_out(plan)
    (plan.folder / "fma_small/000/000005.mp3").unlink()
    with pytest.raises(DatasetError, match=r"fma_small is there but lacks 1 of its files, .*5\.mp"):
        plan_of()


def test_sums_from_a_list_that_comes_with_the_tables(plan_of: PlanOf, site: Any) -> None:
    plan = plan_of("jamendo", "audio-low")
    carry_out(plan)
    assert {"audio-low/00/1200.low.mp3", "audio-low/01/1201.low.mp3"} < files_in(plan.folder)
    shutil.rmtree(plan.folder / "audio-low/01")
    again = plan_of("jamendo", "audio-low")
    assert [archive.target for archive in again.missing] == ["audio-low/01"]
    site.script = ["corrupt", "corrupt"]
    with pytest.raises(DatasetError, match="published is sha256:"):
        carry_out(again)
    assert not (plan.folder / "audio-low/01").exists()


def test_an_archive_that_is_not_listed_is_not_fetched(plan_of: PlanOf, site: Any) -> None:
    site.files["tars.txt"] = f"{'0' * 64} other.tar\n".encode()
    with pytest.raises(DatasetError, match=r"tars\.txt does not list raw-00\.tar"):
        carry_out(plan_of("jamendo", "audio-low"))


def test_a_break_of_the_second_archive_keeps_the_first(plan_of: PlanOf, site: Any) -> None:
    site.script = ["good", "break", "503"]
    plan = plan_of()
    with pytest.raises(DatasetError, match="same command goes on from there"):
        carry_out(plan)
    assert files_in(plan.folder) >= METADATA_FILES
    part = part_of(plan.folder / "fma_small.zip")
    size = part.stat().st_size
    again = plan_of()
    assert again.needed_bytes == 100_000 + len(site.files["fma_small.zip"]) - size
    carry_out(again)
    assert site.ranges[-1] == f"bytes={size}-"
    assert files_in(plan.folder) == SMALL_FILES | METADATA_FILES


def test_interrupted_between_any_two_steps_it_goes_on(plan_of: PlanOf) -> None:
    total = len(carry_out(plan_of()))
    folder = plan_of().folder
    for stop in range(total):
        shutil.rmtree(folder)
        with pytest.raises(KeyboardInterrupt):
            download.download(plan_of(), retries=HASTY, progress=stopping_after(stop + 1))
        visible = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        for name in visible & {"fma_small", "fma_metadata"}:
            assert any(a.target == name for a in plan_of().archives if a not in plan_of().missing)
        carry_out(plan_of())
        assert files_in(folder) == SMALL_FILES | METADATA_FILES


def test_an_archive_put_there_by_hand_is_checked_and_used(plan_of: PlanOf, site: Any) -> None:
    plan = plan_of()
    plan.folder.mkdir()
    (plan.folder / "fma_small.zip").write_bytes(site.files["fma_small.zip"])
    steps = carry_out(plan_of(), keep_archives=True)
    assert "checking" in {step.stage for step in steps}
    assert len(site.seen) == 1
    assert (plan.folder / "fma_small.zip").is_file()


def test_an_archive_put_there_that_is_another_is_refused(plan_of: PlanOf) -> None:
    plan = plan_of("fma", "metadata")
    plan.folder.mkdir()
    (plan.folder / "fma_metadata.zip").write_bytes(b"something else")
    with pytest.raises(DatasetError, match=r"fma_metadata\.zip is not the published file: sha1:"):
        carry_out(plan_of("fma", "metadata"))
    assert (plan.folder / "fma_metadata.zip").read_bytes() == b"something else"


def test_an_archive_without_the_folder_is_refused(
    plan_of: PlanOf, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = fma_archive(site, "small", fma_zip("medium", CLIPS))
    monkeypatch.setattr(download, "OFFERS", {"fma": Offer({"small": (wrong,)}, default="small")})
    plan = plan_of()
    with pytest.raises(DatasetError, match=r"fma_small\.zip holds no fma_small"):
        carry_out(plan)
    assert files_in(plan.folder) == {"fma_small.zip"}


def test_without_room_nothing_is_fetched(
    plan_of: PlanOf, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=90 << 20))
    with pytest.raises(DatasetError, match=r"0\.\d\d GB are needed .* and 0\.09 GB are free"):
        carry_out(plan_of())
    assert site.seen == []


def test_room_is_counted_for_the_largest_moment(site: Any, tmp_path: Path) -> None:
    first = replace(fma_archive(site, "a", b"x" * 100), unpacked_bytes=1000)
    second = replace(fma_archive(site, "b", b"x" * 300), unpacked_bytes=400)
    # The first archive is gone when the second is fetched.
    assert download.needed_bytes([first, second], tmp_path) == 1000 + 300 + 400
    (tmp_path / "fma_b.zip").write_bytes(b"x" * 300)
    assert download.needed_bytes([first, second], tmp_path) == 1000 + 400


def test_a_second_download_into_the_folder_is_refused(plan_of: PlanOf) -> None:
    refused: list[str] = []

    def report(stage: str, done: int, total: int) -> None:
        if not refused:
            with pytest.raises(DatasetError, match="another download is running in"):
                carry_out(plan_of())
            refused.append(stage)

    download.download(plan_of(), retries=HASTY, progress=report)
    assert refused
    assert plan_of().missing == ()


def test_unknown_names_are_refused_with_those_that_are_known(plan_of: PlanOf) -> None:
    with pytest.raises(ConfigError, match="no size 'tiny'; known: metadata, small"):
        plan_of("fma", "tiny")
    with pytest.raises(ConfigError, match="gtzan cannot be fetched freely; known: fma, jamendo"):
        plan_of("gtzan")


# --- what is published --------------------------------------------------------------------------


ALL = [(name, size) for name, offer in OFFERS.items() for size in offer.sizes]


@pytest.mark.parametrize(("corpus", "size"), ALL)
def test_every_offer_makes_sense(corpus: str, size: str) -> None:
    offer = OFFERS[corpus]
    assert corpus in DATASETS
    assert offer.default in offer.sizes
    archives = offer.sizes[size]
    assert len({archive.target for archive in archives}) == len(archives)
    fetched: set[str] = set()
    for archive in archives:
        assert urlsplit(archive.url).scheme == "https"
        assert not Path(archive.target).is_absolute()
        assert ".." not in Path(archive.target).parts
        assert not archive.checksum_list or archive.checksum_list in fetched
        assert bool(archive.inner) == bool(archive.unpacked_bytes)
        if archive.size_bytes:
            # The exact size rounds to the published one.
            assert abs(archive.size_bytes / archive.about_bytes - 1) < 0.01
        fetched.add(archive.target)


def test_a_fetched_corpus_lies_where_its_loader_and_the_list_look(plan_of: PlanOf) -> None:
    plan = plan_of()
    carry_out(plan)
    assert present_parts("fma", plan.folder) == ("metadata", "small")
    assert "fma_<small|medium|large|full>" in corpus_info("fma").layout
    low = plan_of("jamendo", "audio-low")
    carry_out(low)
    assert "audio-low" in present_parts("jamendo", low.folder)


def test_places_are_known_for_every_corpus(tmp_path: Path) -> None:
    assert set(PARTS) | YOUR_OWN == set(DATASETS)
    for corpus in DATASETS:
        assert present_parts(corpus, corpus_folder(corpus, tmp_path)) == ()


@pytest.mark.parametrize("separator", ["  ", " ", " *"])
def test_lists_of_checksums_are_read_as_published(tmp_path: Path, separator: str) -> None:
    (tmp_path / "a b.mp3").write_bytes(b"abc")
    digest = hashlib.sha1(b"abc").hexdigest()
    (tmp_path / "checksums").write_text(f"{digest}{separator}a b.mp3\n")
    sums = read_sums(tmp_path / "checksums")
    assert sums == {"a b.mp3": f"sha1:{digest}"}
    assert has_sum(tmp_path / "a b.mp3", sums["a b.mp3"])
    assert not has_sum(tmp_path / "checksums", sums["a b.mp3"])


@pytest.mark.parametrize("text", ["abc  file\n", f"{'0' * 40}\n", "<html>\n", f"{'0' * 39}  a\n"])
def test_a_malformed_list_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "checksums").write_text(f"{'0' * 40}  fine\n{text}")
    with pytest.raises(DatasetError, match=r"checksums, line 2: .* is not a checksum and path"):
        read_sums(tmp_path / "checksums")
