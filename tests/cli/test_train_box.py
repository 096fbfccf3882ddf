"""``genrekit train recipes/box.yaml``: what the model in the box is made with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.datasets import track_digest
from genrekit.schema import TrackPrediction

# 11 seconds at the collection's rate: more than the longest excerpt that the recipe takes.
_SAMPLES = 11 * 22050
Run = Callable[..., Any]
RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "box.yaml"


@pytest.fixture
def box_data(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENREKIT_DATA", str(real_data))
    return real_data


@pytest.fixture
def little_music(box_data: Path, tmp_path: Path) -> Path:
    """Beginnings of two tracks and a short cut of one of each genre, of all parts of the split."""
    folder = tmp_path / "music"
    for kind, numbers in (("clips", "0000[07]"), ("snippets", "00045")):
        for file in (box_data / "gtzan_audio" / kind).glob(f"*/*.{numbers}.flac"):
            copy = folder / kind / file.parent.name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            samples, rate_hz = soundfile.read(file, stop=_SAMPLES, dtype="int16")
            soundfile.write(copy, samples, rate_hz)
    return folder


@pytest.mark.real
@pytest.mark.slow
def test_the_recipe_of_the_box_scaled_down(
    run: Run, box_data: Path, little_music: Path, song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "box"
    ran = run(
        *("train", RECIPE, "-o", out, "--set", f"music={little_music}", "--set", "steps=3"),
        *("--set", "seeds=1", "--set", "folds=2", "--set", "nonmusic_each=2"),
        *("--set", "ablations=false"),
    )
    assert (ran.code, ran.err) == (0, "")
    bundle = load_bundle(out)
    headline, other_artists, clips, left_out = bundle.metrics.results
    assert (headline.protocol, headline.items) == ("fault-filtered", 290)
    # The tables teach, whatever a listener of three steps says.
    assert headline.accuracy.value > 0.7
    assert (clips.protocol, clips.items) == ("grouped-kfold", 20)
    assert 0 < other_artists.items < 20
    aside = (box_data / "splits" / "held_out_tracks.txt").read_text(encoding="utf-8").split()
    assert left_out.items == len(aside)
    taught = set(bundle.manifest.provenance.trained_on)
    assert len(taught) > 900
    assert not taught & {track_digest(track) for track in aside}
    answer = TrackPrediction.model_validate_json(run("predict", song, "-m", out, "--json").out)
    assert len(answer.scores) == 10


@pytest.mark.real
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (
            ("--data", "songs", "--resume"),
            2,
            "--data, --resume: a recipe of kind box takes no such",
        ),
        (("--set", "steps=0"), 2, "steps"),
        (("--set", "tags=[]"), 2, "tags"),
        (("--set", "published=nowhere.npz"), 2, "nowhere.npz is not there"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    run: Run, box_data: Path, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    ran = run("train", RECIPE, "-o", tmp_path / "out", *options)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.real
def test_what_is_there_is_found_before_an_hour_has_passed(
    run: Run, box_data: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "box"
    shutil.copytree(tiny_bundle, out)
    ran = run("train", RECIPE, "-o", out)
    assert (ran.code, ran.out) == (5, "")
    assert "exists already" in ran.err
    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    ran = run("train", RECIPE, "-o", tmp_path, "--overwrite")
    assert (ran.code, ran.out) == (5, "")
    assert "not a bundle" in ran.err
