"""Descriptors of real music against what people annotated."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrekit.features.descriptors import DescriptorsFrontend
from genrekit.schema import DescriptorsConfig

# Tempo octaves and triple metres that listeners disagree about as well.
METRICAL_LEVELS = (1 / 3, 1 / 2, 1, 2, 3)


@pytest.mark.real
@pytest.mark.slow
def test_tempo_agrees_with_annotations(real_data: Path) -> None:
    with (real_data / "gtzan_tables" / "tempo_annotations.csv").open() as file:
        annotated = {row["track"]: float(row["bpm"]) for row in csv.DictReader(file)}
    clips = sorted((real_data / "gtzan_audio" / "clips").glob("*/*.flac"))[::4]
    frontend = DescriptorsFrontend(DescriptorsConfig())
    column = frontend.feature_names.index("tempo")
    ratios = []
    for clip in clips:
        samples, _ = soundfile.read(clip, dtype="float32")
        features = frontend(samples)
        assert np.isfinite(features).all()
        ratios.append(float(features[column]) / annotated[clip.stem])
    near = [any(abs(ratio / level - 1) < 0.04 for level in METRICAL_LEVELS) for ratio in ratios]
    exact = [abs(ratio - 1) < 0.04 for ratio in ratios]
    assert np.mean(exact) > 0.6
    assert np.mean(near) > 0.8
