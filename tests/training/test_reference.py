"""What a bundle was given and answered is kept in it, as it will be seen when it serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.bundles import load_bundle, render_card
from genrekit.datasets import load_dataset, make_split
from genrekit.evaluation import score_items
from genrekit.features import build_frontend
from genrekit.inference import Classifier
from genrekit.inference.inputs import MOST_NUMBERS, input_numbers, spread_of
from genrekit.models.classical import Logistic
from genrekit.schema import (
    UNKNOWN,
    DescriptorsConfig,
    Gtzan57Config,
    MelConfig,
    TrajectoriesConfig,
    WaveformConfig,
)
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train

ONE_SECOND = np.random.default_rng(0).normal(0, 0.1, 22050).astype(np.float32)


def recipe(table: Path, **changes: object) -> Recipe:
    fields: dict[str, object] = {
        "name": "small",
        "data": DataConfig(corpus="table", path=table),
        "frontend": Gtzan57Config(),
        "model": Logistic(),
        "protocol": ProtocolConfig(name="holdout"),
        "unknown_below": 0.4,
    } | changes
    return Recipe.model_validate(fields)


def test_a_reference_is_what_the_bundle_says_of_the_test_tracks(
    table: Path, tmp_path: Path
) -> None:
    out = train(recipe(table), tmp_path / "small")
    bundle = load_bundle(out)
    reference = bundle.metrics.reference
    assert reference is not None
    dataset = load_dataset("table", table)
    split = make_split(dataset, "holdout")
    answers = list(score_items(Classifier(bundle), dataset, split))
    best = [max(one.probabilities) for one in answers]
    told = [
        bundle.manifest.labels[int(np.argmax(one.probabilities))] if sure >= 0.4 else UNKNOWN
        for one, sure in zip(answers, best, strict=True)
    ]
    assert (reference.protocol, reference.tracks) == ("holdout", len(answers))
    assert reference.genres == pytest.approx(
        {genre: told.count(genre) / len(told) for genre in {*told, UNKNOWN}}, abs=1e-6
    )
    assert reference.confidence == spread_of(np.array(best).round(6))
    names = build_frontend(Gtzan57Config()).feature_names
    assert list(reference.inputs) == [f"gtzan57: {name}" for name in names]
    tempo = dataset.features[:, dataset.feature_names.index("tempo")]  # type: ignore[index]
    assert reference.inputs["gtzan57: tempo"] == spread_of(tempo.astype(np.float32))
    assert "Drift is told from this" in render_card(bundle.manifest, bundle.metrics)


def test_answers_of_folds_are_as_sure_as_the_bundle_will_be(table: Path, tmp_path: Path) -> None:
    folds = ProtocolConfig(name="grouped-kfold", n_folds=3)
    out = train(
        recipe(table, protocol=folds, final_fit="everything", unknown_below=0.0), tmp_path / "all"
    )
    bundle = load_bundle(out)
    reference, result = bundle.metrics.reference, bundle.metrics.results[0]
    assert reference is not None
    assert reference.tracks == result.items
    assert bundle.manifest.temperature != 1.0
    # The log loss of the result is of the graphs' own probabilities; these are other ones.
    plain = train(
        recipe(table, protocol=folds, final_fit="everything", calibrate=False), tmp_path / "plain"
    )
    uncooled = load_bundle(plain).metrics.reference
    assert uncooled is not None
    warmer = np.median(reference.confidence.edges) < np.median(uncooled.confidence.edges)
    assert warmer == (bundle.manifest.temperature > 1)


# --- numbers ------------------------------------------------------------------------------------


def test_bins_hold_equally_many_and_values_that_repeat_share_one() -> None:
    spread = spread_of(np.arange(1000.0))
    assert len(spread.shares) == 10
    assert spread.shares == pytest.approx([0.1] * 10, abs=0.002)
    assert len(spread_of(np.arange(80.0)).shares) == 5
    heaped = spread_of(np.array([1.0] * 900 + [2.0] * 100))
    assert heaped.edges[0] == 1.0
    assert sum(heaped.shares) == pytest.approx(1)
    assert spread_of(np.array([3.0])).shares == (0.0, 1.0)


def test_every_kind_of_input_has_a_few_numbers() -> None:
    for config, expected in (
        (MelConfig(n_mels=16), 5),
        (Gtzan57Config(separation=False), 53),
        (DescriptorsConfig(), MOST_NUMBERS),
        (TrajectoriesConfig(), MOST_NUMBERS),
        (WaveformConfig(sample_rate_hz=22050), 1),
    ):
        frontend = build_frontend(config)
        rows = frontend(ONE_SECOND)[np.newaxis]
        found = input_numbers("it", frontend, np.concatenate([rows, rows]))
        assert len(found) == expected
        for name, values in found.items():
            assert name.startswith("it: ")
            assert values.shape == (2,)
            assert np.isfinite(values).all()
            assert values[0] == values[1]


def test_numbers_of_sound_are_what_they_are_called() -> None:
    frontend = build_frontend(WaveformConfig(sample_rate_hz=22050))
    one = input_numbers("waveform", frontend, frontend(ONE_SECOND)[np.newaxis])
    level = 10 * np.log10(float((ONE_SECOND.astype(np.float64) ** 2).mean()))
    assert one["waveform: level"][0] == pytest.approx(level)
    mel = build_frontend(MelConfig(n_mels=18))
    loud = input_numbers("mel", mel, mel(ONE_SECOND)[np.newaxis])
    soft = input_numbers("mel", mel, mel(ONE_SECOND / np.float32(10))[np.newaxis])
    for part in ("mean", "low", "middle", "high"):
        difference = float(loud[f"mel: {part}"][0] - soft[f"mel: {part}"][0])
        assert difference == pytest.approx(20, abs=0.1)
