from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrekit.datasets import fma, load_dataset
from genrekit.datasets.gtzan_facts import GTZAN_GENRES
from genrekit.download import Fault, expected, verify_copy
from genrekit.errors import ConfigError, DatasetError

RATE = 8000


def write_clip(file: Path, seconds: float = 30.0, kind: str = "WAV") -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(file))).normal(0, 0.1, int(seconds * RATE))
    soundfile.write(file, noise.astype(np.float32), RATE, format=kind)
    return file.read_bytes()


def write_text(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def faults_of(corpus: str, path: Path, *, checksums: bool = True) -> list[Fault]:
    return list(verify_copy(corpus, path, checksums=checksums).faults)


def kinds(faults: list[Fault], root: Path) -> set[tuple[str, str]]:
    return {(fault.kind, fault.file.relative_to(root).as_posix()) for fault in faults}


# --- GTZAN --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clip") / "clip.wav"
    write_clip(file)
    return file


@pytest.fixture
def gtzan(tmp_path: Path, clip: Path) -> Path:
    root = tmp_path / "gtzan"
    for genre in GTZAN_GENRES:
        (root / genre).mkdir(parents=True)
        for number in range(100):
            (root / genre / f"{genre}.{number:05d}.wav").hardlink_to(clip)
    return root


def replace_by(file: Path, content: bytes) -> None:
    file.unlink()  # the clips are one file under many names
    file.write_bytes(content)


def test_a_whole_gtzan_has_no_fault(gtzan: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    copy = verify_copy("gtzan", gtzan, progress=lambda *step: steps.append(step))
    assert (copy.files, copy.faults) == (1000, ())
    assert steps[0] == ("reading the index", 1, 1)
    assert steps[-1] == ("checking files", 1000, 1000)


def test_every_fault_of_a_gtzan_copy_is_named(gtzan: Path) -> None:
    (gtzan / "blues/blues.00007.wav").unlink()
    replace_by(gtzan / "rock/rock.00001.wav", b"")
    replace_by(gtzan / "pop/pop.00002.wav", b"RIFF but no audio at all")
    (gtzan / "jazz/jazz.00003.wav").unlink()
    write_clip(gtzan / "jazz/jazz.00003.wav", 12.0)
    assert kinds(faults_of("gtzan", gtzan), gtzan) == {
        ("missing", "blues.00007"),
        ("empty", "rock/rock.00001.wav"),
        ("unreadable", "pop/pop.00002.wav"),
        ("length", "jazz/jazz.00003.wav"),
    }


def test_the_clip_that_kaggle_spoiled_is_a_known_fault(gtzan: Path) -> None:
    replace_by(gtzan / "jazz/jazz.00054.wav", b"no header")
    (fault,) = faults_of("gtzan", gtzan)
    assert (fault.kind, fault.known) == ("missing", True)
    assert "Kaggle" in fault.message


def test_a_track_that_is_there_twice_is_a_fault_of_the_index(gtzan: Path) -> None:
    (gtzan / "copy").mkdir()
    (gtzan / "copy/blues.00000.wav").hardlink_to(gtzan / "blues/blues.00000.wav")
    (fault,) = faults_of("gtzan", gtzan)
    assert fault.kind == "index"
    assert "there twice" in fault.message


# --- FMA ----------------------------------------------------------------------------------------

GROUPS = ",set,set,track,track,track,artist,album"
NAMES = ",split,subset,genre_top,genres,genres_all,id,id"
CLIPS = {2: 30.0, 5: 30.0, 98565: 1.6}


def write_sums(folder: Path, names: list[str]) -> None:
    lines = (
        f"{hashlib.sha1((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    )
    (folder / "checksums").write_text("".join(lines))


@pytest.fixture
def fma_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three clips in the published shape; the published counts are made to fit them."""
    monkeypatch.setattr(fma, "PUBLISHED_TRACKS", {"small": 3, "medium": 3, "large": 3, "full": 3})
    metadata = tmp_path / "fma_metadata"
    rows = [f"{n},training,small,Rock,[12],[12],1,1" for n in CLIPS]
    tracks = "\n".join([GROUPS, NAMES, "track_id" + "," * 7, *rows, ""])
    write_text(metadata / "tracks.csv", tracks)
    write_text(metadata / "genres.csv", "genre_id,#tracks,parent,title,top_level\n12,1,0,Rock,12\n")
    write_sums(metadata, ["tracks.csv", "genres.csv"])
    for number, seconds in CLIPS.items():
        write_clip(tmp_path / "fma_small" / fma.audio_name(number), seconds, "MP3")
    write_sums(tmp_path / "fma_small", [fma.audio_name(number) for number in CLIPS])
    return tmp_path


def test_a_whole_fma_has_known_faults_alone(fma_copy: Path) -> None:
    (fault,) = faults_of("fma", fma_copy)
    assert (fault.kind, fault.known, fault.file.name) == ("length", True, "098565.mp3")
    assert "published to hold 1.6 s" in fault.message
    assert faults_of("fma", fma_copy / "fma_metadata") == [fault]


def test_faults_of_fma_are_found_by_its_checksums(fma_copy: Path) -> None:
    table, clip = fma_copy / "fma_metadata/genres.csv", fma_copy / "fma_small/000/000002.mp3"
    table.write_text(table.read_text() + "13,1,0,Jazz,13\n")
    data = bytearray(clip.read_bytes())
    data[-100] ^= 1
    clip.write_bytes(data)
    (fma_copy / "fma_small/000/000005.mp3").rename(fma_copy / "fma_small/000/000006.mp3")
    found = [fault for fault in faults_of("fma", fma_copy) if not fault.known]
    assert kinds(found, fma_copy) == {
        ("checksum", "fma_metadata/genres.csv"),
        ("checksum", "fma_small/000/000002.mp3"),
        ("missing", "fma_small/000/000005.mp3"),
        ("unexpected", "fma_small/000/000006.mp3"),
    }
    without = [f for f in faults_of("fma", fma_copy, checksums=False) if not f.known]
    assert {fault.kind for fault in without} == {"missing", "unexpected"}


def test_tracks_csv_cut_off_is_a_fault_of_the_index(fma_copy: Path) -> None:
    table = fma_copy / "fma_metadata/tracks.csv"
    table.write_bytes(table.read_bytes()[:-9])
    (fault,) = faults_of("fma", fma_copy)
    assert fault.kind == "index"
    assert "tracks.csv" in fault.message
    assert "cut off" in fault.message


def test_a_list_that_is_shorter_than_published_is_counted(fma_copy: Path) -> None:
    write_sums(fma_copy / "fma_small", [fma.audio_name(2)])
    assert kinds(faults_of("fma", fma_copy), fma_copy) == {
        ("count", "fma_small"),
        ("unexpected", "fma_small/000/000005.mp3"),
        ("unexpected", "fma_small/098/098565.mp3"),
    }


# --- MTG-Jamendo, ISMIR04, MSD ------------------------------------------------------------------

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"


@pytest.fixture
def jamendo_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(expected, "JAMENDO_TRACKS", 3)
    rows = [
        f"track_{n:07d}\tartist_1\talbum_1\t{n % 100:02d}/{n}.mp3\t30\tgenre---rock\n"
        for n in (214, 314, 9900)
    ]
    write_text(tmp_path / "data/autotagging_genre.tsv", HEADER + "".join(rows))
    clips = {
        name: write_clip(tmp_path / "audio-low" / name, 1, "MP3")
        for name in ("14/214.low.mp3", "14/314.low.mp3")
    }
    lines = [f"{hashlib.sha256(clip).hexdigest()} {name}\n" for name, clip in clips.items()]
    missing = f"{'0' * 64} 00/9900.low.mp3\n"
    sums = tmp_path / "data/download/raw_30s_audio-low_sha256_tracks.txt"
    write_text(sums, "".join([*lines, missing]))
    return tmp_path


def test_folders_of_jamendo_that_were_not_fetched_are_no_fault(jamendo_copy: Path) -> None:
    assert faults_of("jamendo", jamendo_copy) == []


@pytest.mark.parametrize("with_sums", [True, False])
def test_faults_of_jamendo_are_named(jamendo_copy: Path, with_sums: bool) -> None:
    if not with_sums:
        (jamendo_copy / "data/download/raw_30s_audio-low_sha256_tracks.txt").unlink()
    (jamendo_copy / "audio-low/14/214.low.mp3").unlink()
    (jamendo_copy / "audio-low/14/314.low.mp3").write_bytes(b"<html>")
    found = kinds(faults_of("jamendo", jamendo_copy), jamendo_copy)
    assert found - {("checksum", "audio-low/14/314.low.mp3")} == {
        ("missing", "audio-low/14/214.low.mp3"),
        ("unreadable", "audio-low/14/314.low.mp3"),
    }
    assert (("checksum", "audio-low/14/314.low.mp3") in found) == with_sums


def test_a_list_of_jamendo_with_fewer_tracks_is_counted(jamendo_copy: Path) -> None:
    table = jamendo_copy / "data/autotagging_genre.tsv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:3]))
    (fault,) = faults_of("jamendo", jamendo_copy)
    assert (fault.kind, fault.message) == ("count", "2 tracks with a genre; 3 are published")


def test_ismir04_is_counted_and_its_audio_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "ISMIR04_TRACKS", 1)
    for part in ("training", "development", "evaluation"):
        row = f'"world","a","b","c","1","world/{part}.wav"\n'
        write_text(tmp_path / f"metadata/{part}/tracklist.csv", row)
    assert faults_of("ismir04", tmp_path) == []
    write_clip(tmp_path / "audio/training/world/training.wav", 1)
    missing = {fault.file.name for fault in faults_of("ismir04", tmp_path)}
    assert missing == {"development.wav", "evaluation.wav"}
    with (tmp_path / "metadata/training/tracklist.csv").open("a") as file:
        file.write('"world","a","b","c","2","world/training.wav"\n')
    assert "index" in {fault.kind for fault in faults_of("ismir04", tmp_path)}


def test_msd_files_that_are_none_or_lie_elsewhere_are_named(tmp_path: Path) -> None:
    write_text(tmp_path / "good.cls", "TRAAAAW128F429D538\tRock\n")
    write_text(tmp_path / "bad.cls", "TRAAAAW128F429D538\n")
    write_text(tmp_path / "data/A/A/B/TRAAAAW128F429D538.h5", "no HDF5")
    assert kinds(faults_of("msd", tmp_path), tmp_path) == {
        ("index", "bad.cls"),
        ("count", "."),
        ("unexpected", "data/A/A/B/TRAAAAW128F429D538.h5"),
        ("unreadable", "data/A/A/B/TRAAAAW128F429D538.h5"),
    }


# --- a user's own -------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for label in ("calm", "loud"):
        for number in range(2):
            write_clip(tmp_path / label / f"{number}.wav", 1)
    return tmp_path


def test_a_folder_and_a_manifest_name_what_cannot_be_read(own: Path) -> None:
    rows = ["path,label", "calm/0.wav,calm", "loud/0.wav,loud", "loud/9.wav,loud"]
    manifest = write_text(own / "manifest.csv", "\n".join(rows))
    assert faults_of("folder", own) == []
    (own / "loud/0.wav").write_bytes(b"no audio")
    assert kinds(faults_of("folder", own), own) == {("unreadable", "loud/0.wav")}
    assert {(f.kind, f.file.name) for f in faults_of("manifest", manifest)} == {
        ("unreadable", "0.wav"),
        ("missing", "9.wav"),
    }


def test_pictures_that_are_cut_off_are_named(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for genre in ("blues", "jazz"):
        (tmp_path / genre).mkdir()
        for number in range(3):
            image.new("RGB", (9, 9)).save(tmp_path / genre / f"{genre}0000{number}.png")
    assert faults_of("pictures", tmp_path) == []
    cut, other = tmp_path / "blues/blues00000.png", tmp_path / "jazz/jazz00001.png"
    cut.write_bytes(cut.read_bytes()[:-20])
    other.write_bytes(b"GIF89a and so on")
    assert kinds(faults_of("pictures", tmp_path), tmp_path) == {
        ("unreadable", "blues/blues00000.png"),
        ("unreadable", "jazz/jazz00001.png"),
    }


def test_a_table_that_cannot_be_loaded_says_where(tmp_path: Path) -> None:
    rows = ["filename,f,label", "blues.00000.wav,1.5,blues", "jazz.00000.wav,2.5,jazz"]
    table = write_text(tmp_path / "table.csv", "\n".join(rows))
    assert faults_of("table", table) == []
    write_text(table, "\n".join([*rows, "rock.00000.wav,2.5,"]))
    (fault,) = faults_of("table", table)
    assert (fault.kind, fault.file) == ("index", table)
    assert "line 4" in fault.message


def test_the_jukebox_keeps_its_length(tmp_path: Path) -> None:
    load_dataset("jukebox", tmp_path / "j", clips_per_genre=1, seconds=1.0, sample_rate_hz=RATE)
    assert faults_of("jukebox", tmp_path / "j") == []
    write_clip(tmp_path / "j/blues/blues.00000.wav", 2.0)
    assert kinds(faults_of("jukebox", tmp_path / "j"), tmp_path / "j") == {
        ("length", "blues/blues.00000.wav")
    }
    write_text(tmp_path / "j/jukebox.json", json.dumps({"edition": 1}))
    assert {fault.kind for fault in faults_of("jukebox", tmp_path / "j")} == {"index"}


def test_nothing_there_and_an_unknown_corpus_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no"):
        faults_of("gtzan", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="'gtzna'"):
        faults_of("gtzna", tmp_path)


# --- real copies --------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_clips_are_sound_and_the_others_missing(real_data: Path) -> None:
    faults = faults_of("gtzan", real_data / "gtzan_audio/clips")
    assert {fault.kind for fault in faults} == {"missing"}
    assert len(faults) == 1000 - 80
    assert [fault.file.name for fault in faults if fault.known] == ["jazz.00054"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("corpus", "path", "files"),
    [
        ("pictures", "gtzan_pictures", 985),
        ("table", "gtzan_tables/features_30_sec.csv", 1),
        ("ismir04", "other_tables/ismir04", 4),
        ("jamendo", "other_tables/mtg_jamendo", 0),
    ],
)
def test_real_copies_have_no_faults(real_data: Path, corpus: str, path: str, files: int) -> None:
    copy = verify_copy(corpus, real_data / path)
    assert (copy.files, copy.faults) == (files, ())
