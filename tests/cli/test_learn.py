"""``genrekit learn``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import soundfile

from genrekit.jukebox import synthesise
from genrekit.tagging import read_tags


def test_a_folder_is_learnt_used_by_name_and_learnt_again(run: Any, tmp_path: Path) -> None:
    music, out = tmp_path / "music", tmp_path / "my-genres"
    for genre, sound in (("rap", "metal"), ("classical", "classical")):
        for artist in range(4):
            file = music / genre / f"{genre} {artist}" / "track.wav"
            file.parent.mkdir(parents=True)
            clip = synthesise(sound, seconds=3.1, seed=artist, sample_rate_hz=16000)
            soundfile.write(file, clip.samples, 16000)
    report = tmp_path / "report.md"
    made = run("learn", str(music), "-o", str(out), "--no-curve", "--report", str(report))
    assert made.code == 0, made.err
    assert "nearest centroid" in made.out
    assert report.read_text() in made.out
    song = music / "rap" / "rap 0" / "track.wav"
    told = run("predict", str(song), "-m", "my-genres", "--json")
    assert json.loads(told.out)["genre"] == "rap"
    # One's own genres are written as one spells them; a taxonomy knows another name of this one.
    written = run("tag", song, "-m", "my-genres", "--top", "1", "--write", "-j", "1")
    assert written.code == 0, written.err
    assert read_tags(song)["genre"] == ("rap",)
    assert read_tags(song)["model"] == ("my-genres@1.0.0",)
    plan = run("tag", song, "-m", "my-genres", *("--taxonomy", "box", "--replace", "--csv"))
    assert "Hip Hop" in plan.out
    (tmp_path / "fixes.csv").write_text("path,genre\nrap/rap 2/track.wav,noise\n")
    again = run(
        *("learn", "--again", "my-genres", "--corrections", str(tmp_path / "fixes.csv")),
        *("-o", str(out), "--overwrite", "--no-curve", "--json"),
    )
    assert again.code == 0, again.err
    found = json.loads(again.out)
    assert found["version"] == "1.1.0"
    assert found["labels"] == ["classical", "noise", "rap"]
    neither = run("learn", "-o", str(out))
    assert neither.code == 2
    assert "--again" in neither.err
