"""Real records decode to what their index says."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from genrekit.audio import decode, probe

pytestmark = pytest.mark.real


def test_every_full_clip_has_the_length_of_its_index(real_data: Path) -> None:
    folder = real_data / "gtzan_audio"
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "clips"]
    assert len(rows) == 80
    for row in rows:
        waveform = decode(folder / row["file"], sample_rate_hz=int(row["sample_rate"]))
        assert waveform.seconds == pytest.approx(float(row["seconds"]), abs=1e-3), row["file"]
        assert np.isfinite(waveform.samples).all()
        assert 0.01 < np.abs(waveform.samples).max() <= 1.0
        assert waveform.warnings == ()


def test_a_crop_at_another_rate_is_the_clip_it_was_cut_from(real_data: Path) -> None:
    folder = real_data / "gtzan_audio"
    crops = [path for path in sorted((folder / "crops").rglob("*")) if path.is_file()]
    assert crops
    for path in crops:
        info = probe(path)
        assert decode(path).seconds == pytest.approx(info.seconds, abs=1e-3)
