"""Distillation: a backbone teaches a small network, on a few seconds of synthetic music."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import soundfile
import torch
import yaml
from sklearn.metrics import r2_score

from genrekit.bundles import load_bundle
from genrekit.distil import (
    DistilRecipe,
    descent,
    distil,
    is_distil_recipe,
    load_distil_recipe,
)
from genrekit.distil.blocks import Hints, strongest_filters, teacher_network
from genrekit.distil.fit import agreement
from genrekit.distil.music import gather
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.models.classical import Logistic
from genrekit.models.musicnn import MEL, WINDOW_SECONDS, MusicnnBody
from genrekit.models.networks import Musicnn
from genrekit.models.pretrained.musicnn import Block, MusicnnNetwork
from genrekit.progress import silent
from genrekit.schema import ExcerptConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.recipe import BundleBackbone

RATE_HZ = 16000
TEACHER = {"name": "vggish", "weights": "random", "width": 4, "dense": 32}
CALM = dict.fromkeys(
    ("speed", "band_limit", "codec", "noise", "mixing", "short", "level"), 0.0
)  # nothing is disturbed
Read = Callable[..., DistilRecipe]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of each of two genres, of 6.1 s, in a folder for each genre."""
    folder = tmp_path_factory.mktemp("music")
    for genre in ("jazz", "metal"):
        (folder / genre).mkdir()
        for seed in range(3):
            clip = synthesise(genre, seconds=6.1, seed=seed, sample_rate_hz=RATE_HZ)
            soundfile.write(folder / genre / f"{genre}.{seed:05d}.wav", clip.samples, RATE_HZ)
    return folder


def settings(music: Path, /, **changes: Any) -> dict[str, Any]:
    """A recipe for a small network on windows of a second."""
    return {
        "kind": "distil",
        "name": "student",
        "teacher": TEACHER,
        "student": {"architecture": "cnn", "channels": [4, 8]},
        "frontend": {"kind": "mel", "sample_rate_hz": 8000, "fft_samples": 512, "n_mels": 16},
        "window_seconds": 1.0,
        "music": [{"path": str(music), "include": ["*/*[01].wav"]}],
        "validation": [
            {"path": str(music), "include": ["*/*2.wav"], "name": "others"},
            {"path": str(music / "jazz")},
        ],
        "licence_of_music": "CC0-1.0",
        "steps": 10,
        "batch": 4,
    } | changes


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """``read(settings, *overrides)``: as a recipe that lies in a file."""

    def read_recipe(changed: dict[str, Any], *overrides: str) -> DistilRecipe:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        assert is_distil_recipe(path)
        return load_distil_recipe(path, overrides)

    return read_recipe


@pytest.fixture(scope="module")
def student(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that a VGGish of random weights has trained."""
    folder = tmp_path_factory.mktemp("student")
    recipe = DistilRecipe.model_validate(settings(music, text="kind: distil"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GENREKIT_HOME", str(folder / "home"))
        return distil(recipe, folder / "student")


# --- end to end ---------------------------------------------------------------------------------


def test_a_student_is_a_bundle_that_only_embeds(student: Path, music: Path) -> None:
    bundle = load_bundle(student)
    manifest = bundle.manifest
    assert manifest.embedding_only
    assert manifest.embedding_size == len(manifest.labels) == 128 == bundle.embedding_size
    assert manifest.provenance.tracks == 4
    assert manifest.provenance.data_licence == "CC0-1.0"
    assert [one.music for one in bundle.metrics.agreement] == ["others", "jazz"]
    assert [one.files for one in bundle.metrics.agreement] == [2, 3]
    for one in bundle.metrics.agreement:
        assert np.isfinite([one.r2_windows, one.r2_files]).all()
    embedded = Classifier.load(student).embed_file(music / "jazz" / "jazz.00002.wav")
    assert embedded.shape == (128,)
    assert np.isfinite(embedded).all()


def test_training_brings_the_student_closer(read: Read, music: Path, tmp_path: Path) -> None:
    same = settings(
        music,
        disturb=CALM,
        student={"architecture": "cnn", "channels": [4, 8], "dropout": 0},
        music=[{"path": str(music)}],
        validation=[{"path": str(music)}],
    )

    def r2(steps: int) -> float:
        recipe = read(same, f"steps={steps}", "learning_rate=0.01")
        bundle = load_bundle(distil(recipe, tmp_path / str(steps)))
        return bundle.metrics.agreement[0].r2_windows

    assert r2(120) > r2(0) + 0.2


def test_a_head_stands_on_a_student(student: Path, music: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        name="head",
        data=DataConfig(corpus="folder", path=music),
        backbone=BundleBackbone(bundle=str(student)),
        excerpt=ExcerptConfig(start_seconds=0, duration_seconds=3),
        model=Logistic(c=0.01),
        protocol=ProtocolConfig(name="holdout"),
        calibrate=False,
    )
    bundle = load_bundle(train(recipe, tmp_path / "head"))
    assert bundle.manifest.labels == ("jazz", "metal")
    predicted = Classifier.load(bundle.directory).predict_file(music / "jazz" / "jazz.00001.wav")
    assert set(predicted.scores) == {"jazz", "metal"}


def test_a_saved_model_teaches(read: Read, student: Path, music: Path, tmp_path: Path) -> None:
    shutil.copytree(student, tmp_path / "teacher")
    recipe = read(settings(music, teacher={"bundle": "./teacher"}, name="second"), "steps=2")
    manifest = load_bundle(distil(recipe, tmp_path / "second")).manifest
    assert manifest.embedding_size == 128
    assert manifest.provenance.protocol == "distilled from student, end-to-end"
    assert "# overridden: steps=2" in manifest.provenance.recipe


@pytest.mark.parametrize("teacher", [{"bundle": "./tiny"}])
def test_a_model_without_embedding_teaches_nobody(
    read: Read, tiny_bundle: Path, music: Path, tmp_path: Path, teacher: dict[str, str]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    with pytest.raises(ConfigError, match="tiny has no embedding"):
        distil(read(settings(music, teacher=teacher)), tmp_path / "out")


def test_every_disturbance_leaves_windows(read: Read, music: Path, tmp_path: Path) -> None:
    recipe = read(settings(music, disturb=dict.fromkeys(CALM, 1.0)))
    found, again, calm = (
        gather(
            recipe,
            recipe.music,
            tmp_path / work,
            teacher=None,
            disturb=disturb,
            workers=1,
            progress=silent,
            stage="read",
        )
        for work, disturb in (("a", True), ("b", True), ("c", False))
    )
    assert len(np.unique(found.files)) == 4
    assert np.isfinite(found.mel).all()
    np.testing.assert_array_equal(found.mel, again.mel)
    assert not np.array_equal(found.mel[0], calm.mel[0])


# --- a run that is stopped ----------------------------------------------------------------------


def test_a_run_that_was_stopped_goes_on(
    read: Read, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent, "_STEPS_BETWEEN_CHECKPOINTS", 4)
    recipe = read(settings(music))  # with dropout
    whole = distil(recipe, tmp_path / "whole", work=tmp_path / "one work")

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("all layers", 7):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distil(recipe, tmp_path / "stopped", work=tmp_path / "work", progress=stop)
    assert not (tmp_path / "stopped").exists()

    seen: list[tuple[str, int]] = []
    stopped = distil(
        recipe,
        tmp_path / "stopped",
        work=tmp_path / "work",
        progress=lambda stage, done, total: seen.append((stage, done)),
    )
    assert [done for stage, done in seen if stage == "all layers"] == [5, 6, 7, 8, 9, 10]
    assert not [stage for stage, _ in seen if stage.startswith("read")]
    expected, found = (
        safetensors.numpy.load_file(one / "weights.safetensors") for one in (whole, stopped)
    )
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


# --- block by block -----------------------------------------------------------------------------

PLAN: dict[str, Any] = {"timbre": [2, 2], "tempo": [1, 1, 1], "middle": 64, "embedding": 200}


@pytest.fixture
def by_blocks(music: Path, tmp_path: Path) -> dict[str, Any]:
    """A recipe with a musicnn of few filters and random weights as the teacher."""
    torch.manual_seed(0)
    state = MusicnnNetwork((2, 2), (1, 1, 1)).state_dict()
    safetensors.torch.save_file(state, tmp_path / "teacher.safetensors")
    folder = [{"path": str(music)}]
    return settings(
        music,
        teacher={"name": "musicnn", "weights": "teacher.safetensors"},
        student={"architecture": "musicnn", **PLAN},
        frontend=MEL.model_dump(mode="json"),
        window_seconds=WINDOW_SECONDS,
        music=folder,
        validation=folder,
        method="blocks",
        block_steps=40,
        steps=6,
        learning_rate=1e-6,
        disturb=CALM,
    )


def test_blocks_of_a_teacher_are_learnt_one_by_one(
    read: Read, by_blocks: dict[str, Any], tmp_path: Path
) -> None:
    recipe = read(by_blocks)
    out = distil(recipe, tmp_path / "out", work=tmp_path / "work")
    (learnt,) = load_bundle(out).metrics.agreement
    windows = gather(
        recipe,
        recipe.music,
        tmp_path / "work" / "windows",
        teacher=None,
        disturb=True,
        workers=1,
        progress=silent,
        stage="read",
    )
    torch.manual_seed(1)
    body = MusicnnBody(Musicnn.model_validate(PLAN), MEL.n_mels).eval()
    hints = Hints(teacher_network(tmp_path / "teacher.safetensors"))
    mel = torch.from_numpy(windows.decibels(np.arange(len(windows.mel))))
    with torch.no_grad():
        wanted, own = (x.double().numpy() for x in (hints(body.levels(mel)), body(mel)))
    untrained, _ = agreement(own, wanted, windows.files)
    assert learnt.windows == len(windows.mel)
    assert learnt.r2_windows > 0.5
    assert learnt.r2_windows > untrained + 0.5


def test_the_filters_that_move_what_follows_most_teach_a_narrower_student() -> None:
    teacher = MusicnnNetwork((3, 2), (1, 2, 2))
    middle, front = teacher.mid[0], teacher.timbre[0]
    assert isinstance(middle, Block)
    assert isinstance(front, Block)
    with torch.no_grad():
        weights = middle.conv.weight
        strengths = [1, 3, 2, 5, 4, 1, 1, 9, 6, 7]
        weights.copy_(
            torch.tensor(strengths, dtype=torch.float32)[None, :, None].expand_as(weights)
        )
        front.norm.weight[0] = -7
    assert strongest_filters(teacher, (2, 1, 1, 1, 0)).tolist() == [0, 1, 3, 5, 7]
    assert strongest_filters(teacher).tolist() == list(range(10))
    levels = torch.rand(2, 187, 96)
    every, some = (Hints(teacher, counts) for counts in (None, (2, 1, 1, 1, 0)))
    kept = [0, 1, 3, 5, 7]
    peaks = every.peaks(levels, 12)
    assert torch.equal(some.peaks(levels, 12), peaks[:, kept])
    assert torch.equal(some.scaled(peaks[:, kept]), every.scaled(peaks)[:, kept])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"student": {"architecture": "musicnn"}}, r"or fewer.*here.*'timbre': \(23, 14\)"),
        (
            {"student": {"architecture": "musicnn", **PLAN, "middle": 32}},
            r"as wide behind them.*here the student has \{'middle': 32\}",
        ),
        ({"window_seconds": 2.0}, "187 frames .*; here it takes 124 frames"),
        ({"frontend": {"kind": "mel", "n_mels": 64}}, "takes what its teacher takes"),
    ],
)
def test_a_student_of_another_width_learns_nothing_by_blocks(
    read: Read, by_blocks: dict[str, Any], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        distil(read(by_blocks | changes), tmp_path / "out")


# --- recipes that make no sense -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"teacher": {"name": "vgish"}}, "did you mean vggish"),
        ({"student": {"architecture": "mlp"}}, "mlp takes vector; a student takes one spectrogram"),
        ({"student": {"architecture": "logistic"}}, "logistic is not a network"),
        ({"student": {"architecture": "cnn", "chanels": [4]}}, "chanels: there is no such setting"),
        ({"method": "blocks"}, "here vggish teaches cnn: take method end-to-end"),
        (
            {"method": "blocks", "teacher": {"bundle": "./x"}},
            "here a saved model teaches cnn: take method end-to-end",
        ),
        (
            {
                "method": "blocks",
                "student": {"architecture": "musicnn"},
                "teacher": {"name": "musicnn", "weights": "random"},
            },
            "layer penultimate of published weights",
        ),
        ({"music": [{"path": "nowhere"}]}, "nowhere does not exist"),
        ({"validation": [{"path": "${NO_SUCH_VARIABLE}/x"}]}, "environment variable"),
        ({"leave_out": "nothing.txt"}, "nothing.txt does not exist"),
        ({"music": []}, "music: "),
        ({"name": "../outside"}, "name: "),
        ({"steps": -1}, "steps: "),
    ],
)
def test_what_is_wrong_with_a_recipe_is_reported(
    read: Read, music: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read(settings(music, **changes))


@pytest.mark.parametrize("part", ["music", "validation"])
def test_a_folder_without_audio_is_told_before_training(
    read: Read, music: Path, tmp_path: Path, part: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no music")
    recipe = read(settings(music, **{part: [{"path": "empty"}]}))
    stages: set[str] = set()
    with pytest.raises(ConfigError, match=r"there is no audio in .*empty"):
        distil(recipe, tmp_path / "out", progress=lambda stage, done, total: stages.add(stage))
    assert "all layers" not in stages


# --- which files teach --------------------------------------------------------------------------


def names(recipe: DistilRecipe, work: Path) -> int:
    """How many files of the music have windows."""
    windows = gather(
        recipe,
        recipe.music,
        work,
        teacher=None,
        disturb=False,
        workers=1,
        progress=silent,
        stage="read",
    )
    return len(np.unique(windows.files))


def test_files_that_cannot_be_read_are_passed_over(
    read: Read, music: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(music / "jazz", tmp_path / "some")
    (tmp_path / "some" / "broken.wav").write_bytes(b"not audio")
    recipe = read(settings(music, music=[{"path": "some"}]))
    assert names(recipe, tmp_path / "work") == 3
    assert "broken.wav is passed over" in caplog.text
    alone = read(settings(music, music=[{"path": "some", "include": ["broken.wav"]}]))
    with pytest.raises(ConfigError, match=r"no window of music in .*some; .*broken\.wav: "):
        names(alone, tmp_path / "work")


def test_silence_teaches_nothing(read: Read, music: Path, tmp_path: Path) -> None:
    (tmp_path / "quiet").mkdir()
    soundfile.write(tmp_path / "quiet" / "quiet.wav", np.zeros(2 * RATE_HZ), RATE_HZ)
    with pytest.raises(ConfigError, match="all of it is silent"):
        names(read(settings(music, music=[{"path": "quiet"}])), tmp_path / "work")


@pytest.mark.parametrize(
    ("excluded", "left_out", "kept"),
    [
        ((), "", 6),
        (("jazz/*",), "", 3),
        (("*/*[01].wav",), "", 2),
        ((), "jazz.00000\nmetal.00002\n", 4),
        ((), "jazz.00000.wav\n\n", 5),
        (("jazz/*",), "jazz.00000\nmetal.00002\n", 2),
    ],
)
def test_files_are_kept_out(
    read: Read, music: Path, tmp_path: Path, excluded: tuple[str, ...], left_out: str, kept: int
) -> None:
    (tmp_path / "away.txt").write_text(left_out)
    folder = {"path": str(music), "exclude": list(excluded)}
    recipe = read(settings(music, music=[folder], leave_out="away.txt"))
    assert names(recipe, tmp_path / "work") == kept


def test_a_recording_is_left_out_by_its_name_whatever_its_ending(
    read: Read, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "some").mkdir()
    clip = music / "jazz" / "jazz.00000.wav"
    for name in ("song.wav", "other.wav", "jazz.00007.snippet.wav"):
        shutil.copy(clip, tmp_path / "some" / name)
    (tmp_path / "away.txt").write_text("song\njazz.00007\n")
    recipe = read(settings(music, music=[{"path": "some"}], leave_out="away.txt"))
    assert names(recipe, tmp_path / "work") == 1


# --- agreement ----------------------------------------------------------------------------------


def test_agreement_is_the_r2_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    wanted = generator.normal(2, [1, 5, 0.1], (40, 3))
    found = wanted + generator.normal(0, [0.5, 2, 0.2], (40, 3))
    files = np.repeat(np.arange(8), 5)[generator.permutation(40)]
    by_window, by_file = agreement(found, wanted, files)
    assert by_window == pytest.approx(r2_score(wanted, found, multioutput="uniform_average"))
    means = [np.array([x[files == one].mean(axis=0) for one in range(8)]) for x in (wanted, found)]
    assert by_file == pytest.approx(r2_score(*means, multioutput="uniform_average"))


def test_columns_that_never_change_say_nothing() -> None:
    generator = np.random.default_rng(1)
    wanted = np.column_stack([generator.normal(size=(20, 2)), np.full(20, 3.0)])
    found = wanted + generator.normal(0, 0.3, (20, 3))
    by_window, _ = agreement(found, wanted, np.arange(20))
    assert by_window == pytest.approx(r2_score(wanted[:, :2], found[:, :2]))
