"""``genrekit calibrate``: a threshold for a stated error, in a new version of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.bundles import load_bundle, rewrite_bundle
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import PredictionSets

N_TRACKS = 24


@pytest.fixture(scope="module")
def music(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tracks of the genres that the model tells, but for two."""
    folder, classifier = tmp_path_factory.mktemp("music"), Classifier.load(tiny_bundle)
    for number in range(N_TRACKS):
        clip = synthesise(("classical", "metal")[number % 2], seconds=1.5, seed=number)
        ranked = list(classifier.predict(clip).scores)
        genre = folder / ranked[0 if number > 1 else -1]
        genre.mkdir(exist_ok=True)
        soundfile.write(genre / f"{number}.wav", clip.samples, clip.sample_rate_hz)
    return folder


def test_nothing_is_written_unless_asked(
    run: Any, music: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out, plot = tmp_path / "next", tmp_path / "risk.svg"
    asked = ("calibrate", str(tiny_bundle), "--data", str(music), "--error", "0.4", "--sets")
    said = run(*asked, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["abstention"]["groups"] == N_TRACKS
    assert found["abstention"]["chosen"]["error"]["method"].startswith("clopper")
    assert "Nothing is written" in run(*asked).out
    done = run(*asked, "--out", str(out), "--plot", str(plot))
    assert f"version {found['version']}" in done.out
    assert "coverage" in plot.read_text()
    made = load_bundle(out)
    before = load_bundle(tiny_bundle).manifest
    assert made.manifest.version == found["version"] != before.version
    assert made.manifest.unknown_below == found["abstention"]["unknown_below"]
    assert made.manifest.prediction_sets is not None
    assert "together miss the true one" in (out / "CARD.md").read_text()
    answer = json.loads(
        run("predict", str(next(music.rglob("*.wav"))), "--model", str(out), "--json").out
    )
    least = made.manifest.prediction_sets.least
    expected = [genre for genre, score in answer["scores"].items() if score >= least]
    assert answer["prediction_set"] == expected
    again = run(*asked, "--out", str(out))
    assert again.code != 0
    assert "exists already" in again.err


def test_what_cannot_be_promised_is_reported(run: Any, music: Path, tiny_bundle: Path) -> None:
    done = run("calibrate", str(tiny_bundle), "--data", str(music), "--error", "0.01")
    assert done.code == 4
    assert "larger --error" in done.err


def test_tracks_that_it_learnt_from_are_refused(
    run: Any, music: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    import hashlib

    from genrekit.datasets.opening import open_data

    groups = {item.group for item in open_data(music).items}
    learnt = sorted(hashlib.sha256(group.encode()).hexdigest()[:12] for group in groups)[:3]
    bundle = load_bundle(tiny_bundle)
    provenance = bundle.manifest.provenance.model_dump() | {
        "trained_on": tuple(learnt),
        "dataset": open_data(music).name,
    }
    knows = rewrite_bundle(bundle, tmp_path / "knows", provenance=provenance)
    done = run("calibrate", str(knows), "--data", str(music), "--error", "0.4")
    assert done.code == 9
    assert "trained on 3 of the 24" in done.err


def test_a_model_without_sets_says_nothing_of_them(
    music: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    track = next(music.rglob("*.wav"))
    without = Classifier.load(tiny_bundle).predict_file(track)
    assert "prediction_set" not in without.model_dump(mode="json")
    assert "prediction_sets" not in (tiny_bundle / "manifest.json").read_text()
    sets = PredictionSets(error=0.1, least=0.0, groups=30)
    made = rewrite_bundle(load_bundle(tiny_bundle), tmp_path / "sets", prediction_sets=sets)
    answer = Classifier.load(made).predict_file(track)
    assert answer.prediction_set == tuple(answer.scores)
    assert without.scores == answer.scores
