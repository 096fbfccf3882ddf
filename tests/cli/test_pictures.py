"""``genrekit pictures``: audio as spectrogram pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genrekit.datasets import load_dataset

Run = Callable[..., Any]


def test_every_track_is_drawn_and_a_broken_one_is_named(
    run: Run, song: Path, tmp_path: Path
) -> None:
    for genre in ("jazz", "pop"):
        (tmp_path / "music" / genre).mkdir(parents=True)
        shutil.copy(song, tmp_path / "music" / genre / f"{genre}.wav")
    out = tmp_path / "drawn"
    ran = run("pictures", tmp_path / "music", "-o", out)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{out}: 2 pictures; 0 tracks could not be read\n"
    drawn = load_dataset("pictures", out)
    assert drawn.labels == ("jazz", "pop")
    (tmp_path / "music" / "pop" / "broken.wav").write_bytes(b"RIFF nothing")
    ran = run("pictures", tmp_path / "music", "-o", out, "--json")
    assert ran.code == 3
    assert "broken" in ran.err
    assert json.loads(ran.out) == {"folder": str(out), "pictures": 2, "failed": 1}
