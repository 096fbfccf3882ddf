"""``genrekit index`` and ``genrekit similar``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import soundfile

from genrekit.jukebox import synthesise


def test_a_folder_is_indexed_and_asked(run: Any, tmp_path: Path) -> None:
    music, out = tmp_path / "music", tmp_path / "index"
    music.mkdir()
    for number, genre in enumerate(("metal", "metal", "classical")):
        samples = synthesise(genre, seconds=1.5, seed=number).samples
        soundfile.write(music / f"{number}.wav", samples, 22050)
    (music / "bad.flac").write_bytes(b"nothing")
    made = run("index", str(music), "-o", str(out), "--json")
    assert made.code == 3
    assert "bad.flac" in made.err
    assert json.loads(made.out) == {"tracks": 3, "listened": 3, "kept": 0, "failed": 1}
    found = run("similar", str(music / "0.wav"), "--index", str(out), "--json")
    assert [one["path"] for one in json.loads(found.out)] == ["1.wav", "2.wav"]
    shown = run("similar", str(music / "0.wav"), "--index", str(out), "--top", "1")
    assert shown.out.split()[1:] == ["1.wav"]
    refused = run("similar", str(music / "0.wav"), "--index", str(tmp_path / "none"))
    assert refused.code == 2
    assert "genrekit index FOLDER" in refused.err
