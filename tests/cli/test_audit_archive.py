"""The archive that GTZAN is mostly got as, and which copy of a recording a plan keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import soundfile
import soxr
import yaml

from genrekit.jukebox import synthesise

Run = Callable[..., Any]
RATE_HZ = 22050


def test_audio_beside_pictures_is_decoded_and_a_broken_clip_is_a_finding(
    run: Run, tmp_path: Path
) -> None:
    for genre in ("jazz", "metal"):
        folder = tmp_path / "genres_original" / genre
        folder.mkdir(parents=True)
        for number in range(3):
            clip = synthesise(genre, seconds=4, sample_rate_hz=RATE_HZ, seed=number).samples
            soundfile.write(folder / f"{genre}.{number:05d}.wav", clip, RATE_HZ)
        pictures = tmp_path / "images_original" / genre
        pictures.mkdir(parents=True)
        (pictures / f"{genre}00000.png").write_bytes(b"no picture")
    (tmp_path / "genres_original" / "jazz" / "jazz.00054.wav").write_bytes(b"\0" * 4096)
    ran = run("audit", tmp_path, "--no-labels", "-j", 1, "--json")
    assert ran.code == 0, ran.err
    reports = {one["data"]: one for one in map(json.loads, ran.out.splitlines())}
    assert set(reports) == {"genres_original", "images_original"}
    analysed = reports["genres_original"]
    assert (analysed["medium"], analysed["items"]) == ("audio", 7)
    broken = [one for one in analysed["findings"] if one["kind"] == "unreadable"]
    assert [item["item_id"] for one in broken for item in one["items"]] == ["jazz.00054"]


def test_a_plan_keeps_the_best_copy(run: Run, tmp_path: Path) -> None:
    """Not the telephone's, though that is a little longer, and its rate is high again."""
    original = synthesise("metal", seconds=8, sample_rate_hz=RATE_HZ, seed=1).samples
    narrow = soxr.resample(soxr.resample(original, RATE_HZ, 6800), 6800, 44100)
    music = {
        "metal/a telephone.wav": (narrow, 44100),
        "metal/the original.flac": (original[: -RATE_HZ // 50], RATE_HZ),
        "metal/an excerpt.wav": (original[: 4 * RATE_HZ], RATE_HZ),
        "metal/quiet.flac": (0.05 * original[: -RATE_HZ // 50], RATE_HZ),
        "jazz/other.wav": (
            synthesise("jazz", seconds=8, sample_rate_hz=RATE_HZ, seed=2).samples,
            RATE_HZ,
        ),
    }
    for name, (samples, rate) in music.items():
        file = tmp_path / "music" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, samples, rate)
    plan = tmp_path / "plan.yaml"
    ran = run("audit", tmp_path / "music", "--no-labels", "-j", 1, "--fix", plan)
    assert ran.code == 0, ran.err
    dropped = {one["item"] for one in yaml.safe_load(plan.read_text())["drop"] if one["accepted"]}
    assert dropped == {"metal/a telephone.wav", "metal/an excerpt.wav", "metal/quiet.flac"}
