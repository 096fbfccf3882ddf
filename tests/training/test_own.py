"""Data of one's own: what it is, the protocol that fits it, and all errors before the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.errors import ConfigError, DatasetError, GenreError
from genrekit.features.cache import FeatureCache
from genrekit.models import classical_config, model_config
from genrekit.models.classical import Logistic
from genrekit.schema import MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, load_recipe, train
from genrekit.training.own import load_data, pointed, recipe_for
from genrekit.training.plan import planned
from genrekit.training.settings import Augment, TrainingConfig

RECIPES = Path(__file__).parents[2] / "recipes"


def list_of(folder: Path, labels: dict[str, int], *columns: str) -> Path:
    """A manifest of files that nobody can decode; further columns are ``name=a,b,...`` in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    named = [column.partition("=")[::2] for column in columns]
    lines = [",".join(["path", "label", *(name for name, _ in named)])]
    number = 0
    for label, count in labels.items():
        for _ in range(count):
            (folder / f"{number}.wav").write_bytes(b"no audio")
            cells = [values.split("/")[number % len(values.split("/"))] for _, values in named]
            lines.append(",".join([f"{number}.wav", label, *cells]))
            number += 1
    file = folder / "tracks.csv"
    file.write_text("\n".join(lines))
    return file


def noises(folder: Path, count: int, silent: int | None = None) -> Path:
    """Bright noise of a genre ``a`` and dark noise of a genre ``b``, in turn."""
    generator = np.random.default_rng(0)
    for number in range(count):
        file = folder / "ab"[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = 0.1 * generator.normal(size=22050 * 2)
        noise = np.cumsum(noise) / 50 if number % 2 else noise
        soundfile.write(file, 0.0 * noise if number == silent else noise, 22050)
    return folder


def recipe(data: Path, **settings: Any) -> Recipe:
    settings = {"name": "own", "model": Logistic(), "data": DataConfig(path=data)} | settings
    return Recipe(**settings)


# --- one command --------------------------------------------------------------------------------


def test_a_folder_and_no_recipe_become_a_model(tmp_path: Path) -> None:
    music = noises(tmp_path / "music", 8)
    bundle = load_bundle(train(recipe_for(music, "My Music!"), tmp_path / "mine"))
    assert (bundle.manifest.name, bundle.manifest.labels) == ("my-music", ("a", "b"))
    (result,) = bundle.metrics.results
    assert (result.protocol, len(result.fold_accuracies), result.items) == ("grouped-kfold", 4, 8)
    assert bundle.manifest.provenance.tracks == 8
    own = load_recipe(RECIPES / "own" / "classical.yaml")
    made = recipe_for(music, "own-classical")
    assert (made.model, made.frontend, made.protocol) == (own.model, own.frontend, own.protocol)


def test_a_table_is_taken_for_the_front_end_that_it_has(table: Path, tmp_path: Path) -> None:
    assert recipe_for(table, "x").frontend.kind == "gtzan57"
    other = tmp_path / "songs.csv"
    other.write_text("song,bpm,genre\n" + "".join(f"s{n},{n},{'ab'[n % 2]}\n" for n in range(8)))
    made = recipe_for(other, "x", options={"id_column": "song"})
    assert made.frontend.kind == "columns"
    assert load_bundle(train(made, tmp_path / "out")).manifest.labels == ("a", "b")


@pytest.mark.parametrize(
    ("per_label", "columns", "name", "folds"),
    [
        ({"a": 20, "b": 25}, (), "holdout", 10),
        ({"a": 20, "b": 7}, (), "grouped-kfold", 5),
        ({"a": 3, "b": 9}, (), "grouped-kfold", 3),
        ({"a": 9, "b": 9}, ("split=train/train/test",), "official", 10),
        ({"a": 9, "b": 9}, ("split=train",), "grouped-kfold", 5),
        ({"a": 8, "b": 9}, ("artist=x/y/z",), "grouped-kfold", 3),
    ],
)
def test_the_protocol_fits_what_is_known(
    tmp_path: Path, per_label: dict[str, int], columns: tuple[str, ...], name: str, folds: int
) -> None:
    own = recipe(list_of(tmp_path, per_label, *columns))
    found = planned(own, load_data(own.data))
    assert (found.protocol.name, found.protocol.n_folds) == (name, folds)
    assert found.final_fit == ("everything" if name == "grouped-kfold" else "protocol")


@pytest.mark.parametrize(
    ("title", "corpora", "name"),
    [
        ("Ten genres", ("gtzan",), "fault-filtered"),
        ("Made after GTZAN, from other tracks", (), "official"),
    ],
)
def test_a_corpus_is_known_by_its_name_and_not_by_its_title(
    tmp_path: Path, title: str, corpora: tuple[str, ...], name: str
) -> None:
    own = recipe(list_of(tmp_path, {"a": 9, "b": 9}, "split=train/train/test"))
    dataset = load_data(own.data)
    dataset = replace(dataset, info=replace(dataset.info, title=title, corpora=corpora))
    assert planned(own, dataset).protocol.name == name


def test_a_recipe_for_another_corpus_takes_what_the_path_is(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREKIT_DATA", "/data")
    svm = load_recipe(RECIPES / "classical" / "svm.yaml")
    listed = list_of(tmp_path / "listed", {"a": 6, "b": 6})
    folder = tmp_path / "folder"
    for name in ("a/1.wav", "b/2.wav"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    assert pointed(svm, table).data.corpus == "table"
    assert pointed(svm, folder).data.corpus == "folder"
    assert pointed(svm, listed).data.corpus == "manifest"
    cnn = load_recipe(RECIPES / "networks" / "cnn.yaml")
    assert pointed(cnn, folder).data.corpus == "folder"
    (folder / "a" / "blues.00001.wav").touch()
    assert pointed(cnn, folder).data.corpus == "gtzan"
    own = pointed(svm, listed)
    found = planned(own, load_data(own.data), replaced=True)
    assert found.protocol.name == "grouped-kfold"
    assert "names no parts for training and testing" in caplog.text
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        pointed(svm, tmp_path / "absent")


def test_what_is_left_out_stays_out_where_a_recipe_is_pointed_elsewhere(tmp_path: Path) -> None:
    """A plan, tracks kept away and a word nobody knows were dropped with the old path."""
    listed = list_of(tmp_path, {"a": 6, "b": 6})
    given = DataConfig(corpus="table", path=tmp_path / "t.csv", options={"leave_out": ["0.wav"]})
    own = pointed(Recipe(name="own", model=Logistic(), data=given), listed)
    assert own.data.corpus == "manifest"
    assert len(load_data(own.data)) == 11
    typed = DataConfig(corpus="manifest", path=listed, options={"leaveout": ["0.wav"]})
    with pytest.raises(ConfigError, match="no option 'leaveout'"):
        load_data(pointed(Recipe(name="own", model=Logistic(), data=typed), listed).data)


def test_shares_of_the_holdout(tmp_path: Path) -> None:
    own = recipe(list_of(tmp_path, {"a": 20, "b": 20}))
    dataset = load_data(own.data)
    for shares, sizes in (((0.8, 0.1, 0.1), (32, 4, 4)), ((0.75, 0.25), (30, 0, 10))):
        (fold,) = ProtocolConfig(name="holdout", shares=shares).split(dataset).folds
        assert (len(fold.train), len(fold.valid), len(fold.test)) == sizes
    for wrong in ((0.8, 0.1), (1.0,), (1.0, 0.0), (0.6, 0.6, -0.2), (0.5, 0.2, 0.2, 0.1)):
        with pytest.raises(ValueError, match="which add up to 1"):
            ProtocolConfig(name="holdout", shares=wrong)


# --- before the first second of audio -----------------------------------------------------------


CNN = model_config({"architecture": "cnn", "channels": [8, 8]})
LOOPED = WindowConfig(window_seconds=2, hop_seconds=2, short="loop")
MEL: dict[str, Any] = {"model": CNN, "frontend": MelConfig(), "windows": LOOPED}


@pytest.mark.parametrize(
    ("labels", "columns", "settings", "message"),
    [
        (
            {"a": 4, "b": 4},
            (),
            {"protocol": ProtocolConfig(name="grouped-kfold"), "final_fit": "protocol"},
            "fewer than the 10 parts",
        ),
        (
            {"a": 6, "b": 6},
            (),
            {
                "protocol": ProtocolConfig(name="grouped-kfold", n_folds=2),
                "final_fit": "protocol",
            },
            "final_fit: everything",
        ),
        (
            {"a": 6, "b": 3},
            ("split=train/train/test/train/train/test/test/test/test",),
            {"protocol": ProtocolConfig(name="official")},
            "nothing of 'b' to train on by official",
        ),
        (
            {"a": 6, "b": 3},
            (),
            {"leave_out": tuple(f"{n}.wav" for n in range(6, 9))},
            "nothing of 'b'",
        ),
        ({"a": 6, "b": 1}, (), {}, "'b' has a single recording"),
        (
            {"a": 6, "b": 6},
            (),
            {"leave_out": Path("absent.txt")},
            "cannot read the list of tracks to leave out",
        ),
        (
            {"a": 6, "b": 6},
            (),
            {"model": classical_config({"architecture": "knn", "prepare": {"drop": ["bpm"]}})},
            "bpm",
        ),
        (
            {"a": 6, "b": 6},
            (),
            {"model": classical_config({"architecture": "logistic", "prepare": {"select": 99}})},
            "99",
        ),
        (
            {"a": 8, "b": 5},
            (),
            {"model": classical_config({"architecture": "svm"})},
            "only 4 tracks of 'b' .*calibration_folds",
        ),
        (
            {"a": 8, "b": 5},
            (),
            {"model": classical_config({"architecture": "stack"})},
            "only 4 tracks of 'b'",
        ),
        (
            {"a": 5, "b": 5},
            (),
            {"model": classical_config({"architecture": "knn", "neighbours": 50})},
            "50 neighbours of 8 tracks",
        ),
        ({"a": 6, "b": 6}, (), MEL | {"training": TrainingConfig(device="cuda")}, "finds no GPU"),
        (
            {"a": 6, "b": 6},
            (),
            {
                "model": model_config({"architecture": "mlp", "layers": [4]}),
                "training": TrainingConfig(augment=Augment(time_masks=1)),
            },
            "changes spectrograms",
        ),
    ],
    ids=[
        *("folds", "final-fit", "official", "left-out", "single", "leave-out-file"),
        *("drop", "select", "svm", "stack", "neighbours", "gpu", "augment"),
    ],
)
def test_what_recipe_and_split_decide_is_reported_before_any_audio_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    labels: dict[str, int],
    columns: tuple[str, ...],
    settings: dict[str, Any],
    message: str,
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("audio was decoded before the plan was checked")

    monkeypatch.setattr("genrekit.training.rows.decode", never)
    own = recipe(list_of(tmp_path, labels, *columns), **settings)
    with pytest.raises(GenreError, match=message) as caught:
        train(own, tmp_path / "out")
    assert "not one of" not in str(caught.value)


def test_a_silent_track_is_named_and_left_out_whether_cached_or_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noises(tmp_path / "music", 8, silent=3)
    for out in ("first", "second"):
        caplog.clear()
        cache = FeatureCache(tmp_path / "cache")
        bundle = load_bundle(train(recipe(tmp_path / "music"), tmp_path / out, cache=cache))
        assert "left out b/3.wav" in caplog.text
        assert "is silent" in caplog.text
        assert bundle.manifest.provenance.tracks == 7


def test_checkpoints_of_a_stopped_training_are_not_dropped_unasked(
    table: Path, tmp_path: Path
) -> None:
    mlp = model_config({"architecture": "mlp", "layers": [4]})
    own = recipe(
        table,
        model=mlp,
        training=TrainingConfig(epochs=1),
        protocol=ProtocolConfig(name="fault-filtered"),
    )
    kept = tmp_path / "out.training" / "0123456789abcdef" / "epoch-00012"
    kept.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"up to epoch 12.*--resume.*--restart"):
        train(own, tmp_path / "out")
    assert kept.is_dir()
    train(own, tmp_path / "out", restart=True)
    assert not kept.exists()
