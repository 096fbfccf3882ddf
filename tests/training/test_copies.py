"""Changed copies of recordings serve fitting, and nothing but fitting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import find_leaks
from genrekit.features.cache import FeatureCache
from genrekit.jukebox import synthesise
from genrekit.models import model_config
from genrekit.models.networks import Mlp
from genrekit.schema import ExcerptConfig, Gtzan57Config, MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.copies import refuse_leaking_copies, with_copies
from genrekit.training.fitting import Task, fit, fit_rows, temperature, valid_rows
from genrekit.training.preparation import prepare
from genrekit.training.rows import Gathering, Rows, audio_windows, readable_by_all
from genrekit.training.saving import Run
from genrekit.training.settings import Augment, TrainingConfig, WaveformAugment

GENRES = ("classical", "disco", "metal")
PER_GENRE = 5
EXCERPT = ExcerptConfig(start_seconds=0, duration_seconds=1)
WINDOWS = WindowConfig(window_seconds=1.0, hop_seconds=1.0, short="loop", minimum_seconds=0.5)
MEL = MelConfig(n_mels=16, fft_samples=1024, hop_samples=1024)
WAVEFORM = WaveformAugment(copies=2, pitch_semitones=2, stretch=0.1, noise_snr_db=20)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for genre in GENRES:
        (folder / genre).mkdir()
        for number in range(PER_GENRE):
            wave = synthesise(genre, seconds=1, seed=number)
            soundfile.write(folder / genre / f"{number}.wav", wave.samples, wave.sample_rate_hz)
    return folder


def recipe(clips: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "copied",
        "data": DataConfig(corpus="folder", path=clips),
        "frontend": MEL,
        "model": {"architecture": "cnn", "channels": [8]},
        "training": TrainingConfig(epochs=2, augment=Augment(waveform=WAVEFORM)),
        "protocol": ProtocolConfig(name="holdout"),
        "excerpt": EXCERPT,
        "windows": WINDOWS,
    } | changes
    return Recipe.model_validate(fields)


def prepared(one: Recipe, cache: FeatureCache | None = None) -> Run:
    return prepare(one, None, 1, cache)


@pytest.fixture(scope="module")
def run(clips: Path) -> Run:
    return prepared(recipe(clips))


# --- which copies there are ---------------------------------------------------------------------


def test_only_items_that_are_fitted_on_have_copies(run: Run) -> None:
    (fold,) = make_split(run.dataset, "holdout").folds
    copies = run.rows.copies
    assert copies is not None
    assert set(copies.items) == set(fold.train)
    assert len(copies) == 2 * len(fold.train)
    assert all(item.augmented_from is None for item in run.dataset.items)
    assert len(run.dataset) == len(GENRES) * PER_GENRE, "splits and numbers are of the originals"


def test_copies_differ_from_their_source_and_from_each_other(run: Run) -> None:
    copies = run.rows.copies
    assert copies is not None
    for item_id in set(copies.items):
        own = np.asarray(run.rows.of([item_id]).x)
        one, other = np.asarray(copies.of([item_id]).x)
        assert not np.allclose(own, one, atol=1)
        assert not np.allclose(one, other, atol=1)


def test_copies_are_the_same_every_time_and_in_the_cache(clips: Path, tmp_path: Path) -> None:
    dataset = load_dataset("folder", clips)
    both = with_copies(dataset.select([0]), [dataset.items[0].item_id], 2)
    cache = FeatureCache(tmp_path / "cache")

    def features(seed: int, kept: FeatureCache | None) -> Rows:
        gathering = Gathering(Path())
        for outcome in audio_windows(
            both,
            MEL,
            excerpt=EXCERPT,
            windows=WINDOWS,
            cache=kept,
            augment=WAVEFORM,
            seed=seed,
        ):
            gathering.add(outcome)
        return readable_by_all(both, {"": gathering})[1]

    first = np.asarray(features(0, cache).x)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 3
    for again in (features(0, cache), features(0, None)):
        assert np.array_equal(first, np.asarray(again.x))
    other = np.asarray(features(1, cache).x)
    assert np.array_equal(first[0], other[0])
    assert not np.allclose(first[1:], other[1:])


# --- where they never are -----------------------------------------------------------------------


def test_no_copy_is_ever_validated_or_tested_on(run: Run) -> None:
    split = make_split(run.dataset, "grouped-kfold", n_folds=3)
    (held,) = make_split(run.dataset, "holdout").folds
    copied = run.rows.copies
    assert copied is not None
    for fold in (held, *split.folds):
        for part in (fold.valid, fold.test):
            rows = run.rows.of(part)
            assert set(rows.items) <= set(part)
            assert len(rows) == len(part), "one row each: no copy among them"
        fitted = fit_rows(run.rows, fold, "train").with_copies()
        assert set(fitted.items) == set(fold.train)
        assert not set(fitted.groups) & set(run.rows.of(fold.valid + fold.test).groups)
        assert len(fitted) > len(fold.train)


def test_copies_of_what_judges_change_nothing(run: Run) -> None:
    (fold,) = make_split(run.dataset, "holdout").folds
    rows = replace(run.rows, x=np.asarray(run.rows.x).mean(axis=2))
    assert run.rows.copies is not None
    wild = replace(run.rows.copies, x=np.full((len(run.rows.copies), 16), 1e6, np.float32))
    # Copies of validation and test items alone: nothing that is fitted or scored may see them.
    away = fold.valid + fold.test
    ids = np.resize(np.array(away, object), len(wild))
    groups = np.array([dict(zip(rows.items, rows.groups, strict=True))[one] for one in ids], object)
    beside = replace(rows, copies=replace(wild, items=ids, groups=groups))
    plain = replace(rows, copies=None)
    for model in ({"architecture": "logistic"}, {"architecture": "mlp", "layers": [8]}):
        task = Task(
            model_config(model),
            "gtzan57",
            tuple(f"c{n}" for n in range(16)),
            run.dataset.labels,
            training=TrainingConfig(epochs=2, hold_out=0.3),
        )
        # The history of a network, in its files, has the losses on the rows that judge it.
        one, other = (
            fit(task, fit_rows(each, fold, "train"), valid_rows(each, fold, "train"))
            for each in (beside, plain)
        )
        assert (one.model, one.files) == (other.model, other.files)
        heats = [temperature(task, each, fold, one) for each in (beside, plain)]
        assert heats[0] == heats[1]


@pytest.mark.parametrize("architecture", ["logistic", "mlp"])
def test_what_chooses_and_calibrates_are_originals(run: Run, architecture: str) -> None:
    """Recordings that are set aside from training to judge are set aside without their copies."""
    (fold,) = make_split(run.dataset, "holdout").folds
    rows = replace(run.rows, x=np.asarray(run.rows.x).mean(axis=2))
    assert run.rows.copies is not None
    rows = replace(
        rows, copies=replace(run.rows.copies, x=np.asarray(run.rows.copies.x).mean(axis=2))
    )
    settings = {"layers": [8]} if architecture == "mlp" else {}
    task = Task(
        model_config({"architecture": architecture, **settings}),
        "gtzan57",
        tuple(f"c{n}" for n in range(16)),
        run.dataset.labels,
        training=TrainingConfig(epochs=1, hold_out=0.3),
    )
    fitted = fit(task, fit_rows(rows, fold, "train"), valid_rows(rows, fold, "train+valid"))
    if fitted.validation is not None:
        assert len(fitted.validation) == len(set(fitted.validation.items)), "one row each"
    assert temperature(task, rows, fold, fitted) > 0
    seen = fit(task, replace(fit_rows(rows, fold, "train"), copies=None))
    assert seen.model != fitted.model, "copies do take part in fitting"


# --- the leak detector sees them ----------------------------------------------------------------


def test_the_leak_detector_passes_copies_in_training_and_no_others(clips: Path) -> None:
    dataset = load_dataset("folder", clips)
    split = make_split(dataset, "holdout")
    (fold,) = split.folds
    refuse_leaking_copies(with_copies(dataset, fold.train, 3), split, "train")
    wrong = with_copies(dataset, [fold.train[0]], 1)
    copy = wrong.items[-1]
    assert copy.augmented_from == fold.train[0]
    assert copy.group == dataset.items[int(dataset.indices(fold.train[:1])[0])].group
    moved = split.model_copy(
        update={
            "folds": (fold.model_copy(update={"test": (*fold.test, copy.item_id)}),),
            "dataset_fingerprint": wrong.fingerprint,
        }
    )
    assert "augmented-before-split" in {leak.kind for leak in find_leaks(wrong, moved)}


def test_a_copy_of_what_is_tested_is_refused(clips: Path) -> None:
    dataset = load_dataset("folder", clips)
    split = make_split(dataset, "holdout")
    (fold,) = split.folds
    torn = split.model_copy(
        update={"folds": (fold.model_copy(update={"train": (*fold.train, fold.test[0])}),)}
    )
    with pytest.raises(DatasetError, match="share a recording with items that are trained on"):
        refuse_leaking_copies(with_copies(dataset, torn.folds[0].train, 1), torn, "train")


# --- through training ---------------------------------------------------------------------------


def test_bundles_say_that_they_were_augmented_and_keep_their_numbers_of_originals(
    clips: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(train(recipe(clips), tmp_path / "out"))
    (result,) = bundle.metrics.results
    (fold,) = make_split(load_dataset("folder", clips), "holdout").folds
    assert result.items == len(fold.test)
    assert ("augment", "train") in {(step.what, step.on) for step in result.steps}
    assert bundle.manifest.provenance.tracks == len(fold.train)
    plain = train(recipe(clips, training=TrainingConfig(epochs=2)), tmp_path / "plain")
    assert (plain / "model.onnx").read_bytes() != (tmp_path / "out/model.onnx").read_bytes()


def test_copies_need_audio(table: Path, tmp_path: Path) -> None:
    one = Recipe(
        name="copied",
        data=DataConfig(corpus="table", path=table),
        frontend=Gtzan57Config(),
        model=Mlp(layers=(8,)),
        training=TrainingConfig(epochs=1, augment=Augment(waveform=WAVEFORM)),
        protocol=ProtocolConfig(name="fault-filtered"),
    )
    with pytest.raises(ConfigError, match=r"changes audio, and .* holds features"):
        train(one, tmp_path / "out")
