"""Files for the benchmark of batches, and what is done to them beside genrekit."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE_HZ = 22050
GENRES = ("blues", "classical", "disco", "jazz", "metal", "rock")
SONG_SECONDS = 240.0
TRACK_SECONDS = 150.0
TRACK_SEEDS = (0, 1)


def catalogue(
    folder: Path, good: int, planted: tuple[int, int, int], mark: bytes
) -> dict[str, str]:
    """Good files, planted faults and 20 that are bad in different ways.

    Returns the path and the right answer of the good ones: what one call of the library says.
    """
    from genrekit.inference import Classifier

    if folder.exists():
        return dict(json.loads((folder.parent / "expected.json").read_text()))
    folder.mkdir(parents=True)
    classifier = Classifier.load()
    expected: dict[str, str] = {}
    clips = [_clip(folder.parent / f"clip{number}.wav", number) for number in range(12)]
    answers = [str(classifier.predict_file(clip).genre) for clip in clips]
    for number in range(good):
        path = folder / f"good{number:04}.wav"
        path.write_bytes(clips[number % len(clips)].read_bytes())
        expected[str(path)] = answers[number % len(clips)]
    for how, count in zip((b"crash", b"hang", b"eat"), planted, strict=True):
        for number in range(count):
            (folder / f"{how.decode()}{number}.mp3").write_bytes(mark + how + b" " * 64)
    if good > 500:
        _bad(folder, clips[0].read_bytes())
    (folder.parent / "expected.json").write_text(json.dumps(expected))
    return expected


def _clip(path: Path, number: int) -> Path:
    from genrekit.jukebox import synthesise

    genre = GENRES[number % len(GENRES)]
    clip = synthesise(genre, seconds=3.1, seed=number, sample_rate_hz=RATE_HZ)
    soundfile.write(path, clip.samples, RATE_HZ)
    return path


def _bad(folder: Path, wav: bytes) -> None:
    """Twenty ways to be no track."""
    noise = np.random.default_rng(0).bytes(5000)
    with zipfile.ZipFile(folder / "bad00.mp3", "w") as archive:
        archive.writestr("a.txt", "no music")
    nan = np.full(RATE_HZ, np.nan, np.float32)
    soundfile.write(folder / "bad01.wav", nan, RATE_HZ, subtype="FLOAT")
    soundfile.write(folder / "bad02.wav", np.zeros(0, np.float32), RATE_HZ)
    soundfile.write(folder / "bad03.wav", np.zeros(9, np.float32), RATE_HZ)
    soundfile.write(folder / "bad04.wav", np.ones(2000, np.float32), RATE_HZ)
    huge = bytearray(wav[:44])
    huge[22:24] = struct.pack("<H", 60000)  # channels
    contents = [
        b"",
        b"\0" * 5000,
        b"no music",
        b"<!DOCTYPE html><title>404</title>",
        noise,
        b"\x89PNG\r\n\x1a\n" + noise,
        b"ID3\x04\x00\x00\x00\x00\x00\x00",
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + noise,
        b"OggS" + noise,
        b"fLaC" + noise,
        b"RIFF\xff\xff\xff\xffWAVE",
        wav[:44],
        bytes(huge) + noise,
        b"%PDF-1.7" + noise,
    ]
    for number, content in enumerate(contents, start=5):
        (folder / f"bad{number:02}.mp3").write_bytes(content)
    (folder / "bad19.mp3").symlink_to(folder / "gone.mp3")


def rows(table: Path) -> dict[str, dict[str, Any]]:
    """Rows of a final table by path."""
    with table.open() as file:
        return {row["path"]: row for row in map(json.loads, file)}


def digest(table: Path, music: Path) -> str:
    """A digest of a table, without the folder that its paths begin with."""
    return hashlib.sha256(table.read_bytes().replace(str(music).encode(), b"")).hexdigest()


def links(folder: Path, count: int) -> None:
    """Many links to a few files, a thousand in a folder."""
    targets = []
    for number in range(4):
        targets.append(folder.parent / f"target{number}.mp3")
        targets[-1].write_bytes(b"x")
    for number in range(count):
        place = folder / f"{number // 1000:05}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"{number:08}.mp3").symlink_to(targets[number % 4])


def song(path: Path) -> Path:
    """Four minutes of stereo mp3 at 44.1 kHz."""
    from genrekit.jukebox import synthesise

    clip = synthesise("rock", seconds=SONG_SECONDS, seed=1, sample_rate_hz=44100)
    soundfile.write(path, np.stack([clip.samples] * 2, axis=1), 44100, format="MP3")
    return path


def accuracy(folder: Path) -> dict[str, Any]:
    """Each strategy on whole tracks of the jukebox: right answers, and CPU seconds a track."""
    from genrekit.batch.analysis import STRATEGIES, Analysis
    from genrekit.evaluation.intervals import wilson
    from genrekit.jukebox import JUKEBOX_GENRES, synthesise

    folder.mkdir()
    tracks: list[tuple[str, Path]] = []
    for genre in JUKEBOX_GENRES:
        for seed in TRACK_SEEDS:
            clip = synthesise(genre, seconds=TRACK_SECONDS, seed=100 + seed, sample_rate_hz=44100)
            path = folder / f"{genre}{seed}.mp3"
            soundfile.write(path, np.stack([clip.samples] * 2, axis=1), 44100, format="MP3")
            tracks.append((genre, path))
    found: dict[str, Any] = {}
    answers: dict[str, list[str]] = {}
    for strategy in STRATEGIES:
        analysis = Analysis(strategy=strategy)  # type: ignore[arg-type]
        analysis.prepare()
        begin = time.process_time()
        answers[strategy] = [next(iter(analysis.predict(str(path)).scores)) for _, path in tracks]
        seconds = (time.process_time() - begin) / len(tracks)
        pairs = zip(answers[strategy], tracks, strict=True)
        right = sum(predicted == genre for predicted, (genre, _) in pairs)
        interval = wilson(right, len(tracks))
        found[strategy] = {
            "tracks": len(tracks),
            "right": right,
            "accuracy": interval.value,
            "low": interval.low,
            "high": interval.high,
            "cpu_seconds": seconds,
        }
    for strategy, predicted in answers.items():
        same = sum(one == other for one, other in zip(predicted, answers["whole"], strict=True))
        found[strategy]["as_whole"] = same / len(tracks)
    return found


def librosa_features(path: str, times: int) -> None:
    """What the tutorials do to a track, on 30 s from its middle."""
    import librosa

    from features import tutorial_features

    offset = (librosa.get_duration(path=path) - 30.0) / 2
    for _ in range(times):
        samples, rate = librosa.load(path, sr=RATE_HZ, offset=offset, duration=30.0)
        soundfile.write(f"{path}.cut.wav", samples, rate)
        tutorial_features(f"{path}.cut.wav")


if __name__ == "__main__":
    librosa_features(sys.argv[2], int(sys.argv[3]))
