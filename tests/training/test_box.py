"""The model in the box: a listener is taught, a head learns rows as they would be heard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from genrekit.audio import JUKEBOX_GENRES, synthesise
from genrekit.audio.nonmusic import NONMUSIC_KINDS, synthesise_nonmusic
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.models.listener import FRAMES, MEANS, SAID, Listener, levelled
from genrekit.models.pretrained.backbones import Choi2017
from genrekit.schema import UNKNOWN
from genrekit.training.box.distil import agreement, distil, embed, lessons
from genrekit.training.box.fit import Box, Ear
from genrekit.training.box.head import (
    Blur,
    Linear,
    Scale,
    Sound,
    as_heard,
    complete,
    fit_genres,
    fit_guard,
    translate,
    translated_apart,
)
from genrekit.training.box.hearing import described_as
from genrekit.training.box.make import network_of
from genrekit.training.box.material import column_places
from genrekit.training.box.measure import cooled, guarded
from genrekit.training.box.recipe import load_box_recipe
from genrekit.training.box.teacher import Teacher
from genrekit.training.network_export import check_network, export_network

RECIPE = Path(__file__).parents[2] / "recipes" / "box.yaml"
GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module")
def mel() -> NDArray[np.float32]:
    songs = [synthesise(genre, seconds=6, seed=1) for genre in JUKEBOX_GENRES[:4]]
    return described_as([one.samples for one in songs]).mel


@pytest.fixture(scope="module")
def teacher(mel: NDArray[np.float32]) -> Teacher:
    torch.manual_seed(0)
    config = Choi2017(name="choi2017", weights="random")
    return Teacher(config, [torch.from_numpy(row[None, :, :FRAMES]) for row in mel])


# --- listening ----------------------------------------------------------------------------------


def test_levels_do_not_depend_on_gain() -> None:
    decibels = torch.from_numpy(GENERATOR.normal(-40, 10, (2, 96, 50)).astype(np.float32))
    assert torch.allclose(levelled(decibels), levelled(decibels + 17), atol=1e-3)
    power = (10 ** (levelled(decibels) / 10)).mean(dim=(1, 2, 3))
    assert torch.allclose(power, torch.ones(2), atol=1e-2)


def test_a_listener_comes_to_say_what_its_teacher_says(
    teacher: Teacher, mel: NDArray[np.float32]
) -> None:
    windows = lessons(mel[:3], seed=0)
    assert windows.shape == (9, 96, FRAMES)
    torch.manual_seed(3)
    ignorant = agreement(teacher, Listener(), mel)
    taught = list(distil(teacher, windows, steps=40, seed=0))
    listener = taught[-1][0]
    assert len(taught) == 5
    assert max(share for _, _, share in taught) < 0.6
    assert np.mean(agreement(teacher, listener, mel)) > np.mean(ignorant) + 0.5


def test_equal_seeds_teach_equal_listeners(teacher: Teacher, mel: NDArray[np.float32]) -> None:
    windows = lessons(mel[:1], seed=1)
    said = []
    for seed in (5, 5, 6):
        *_, (listener, _, _) = distil(teacher, windows, steps=1, seed=seed)
        said.append(embed(listener, mel[:1]))
    assert np.array_equal(said[0], said[1])
    assert not np.allclose(said[0], said[2])


# --- learning -----------------------------------------------------------------------------------


def test_a_map_is_found_from_few_clips() -> None:
    said = GENERATOR.normal(size=(80, 6))
    published = said[:, :4] * [1, 2, 3, 4] + 0.5 * said[:, 4:5] + 7
    found = translate(said[:60], published[:60], np.ones(60), ridge=1e-6)
    assert np.allclose(found(said[60:]), published[60:], atol=1e-6)


def test_columns_that_correspond_to_nothing_are_found_from_all() -> None:
    said = GENERATOR.normal(size=(400, SAID))
    published = np.hstack([said[:, :MEANS], said[:, -2:] @ [[1.0], [2.0]]])
    # So strong a ridge leaves each column its own line, and the last one nothing of its own.
    assert np.allclose(translate(said, published, np.ones(400), ridge=1e9).weights[:, -1], 0)
    found = translate(said, published, np.ones(400), ridge=1e-6)
    assert np.allclose(found.weights[-2:, -1], [1, 2], atol=1e-3)


def test_what_was_not_published_is_told_from_the_rest_of_the_rows_that_may_teach() -> None:
    features, columns = GENERATOR.normal(size=(6000, 4)), GENERATOR.normal(size=(6000, 3))
    tags = np.stack([features[:, 0] + columns[:, 1], 2 * features[:, 2] - 5], axis=1)
    gaps = np.hstack([features, tags])
    gaps[::3, 4:] = np.nan
    # Tracks that are tested must not tell how tags go with the rest.
    gaps[5000:, 4:] *= -7
    full = complete(gaps, columns, np.arange(5000))
    assert np.allclose(full[:5000:3, 4:], tags[:5000:3], atol=0.2)
    known = ~np.isnan(gaps)
    assert np.array_equal(full[known], gaps[known])


def test_a_row_counts_as_its_weight() -> None:
    said, published = GENERATOR.normal(size=(9, 4)), GENERATOR.normal(size=(9, 2))
    weights = np.array([3, 1, 1, 1, 1, 2, 1, 1, 1])
    weighted = translate(said, published, weights, ridge=0.1)
    rows = np.repeat(np.arange(9), weights)
    repeated = translate(said[rows], published[rows], np.ones(12), ridge=0.1)
    assert np.allclose(weighted.weights, repeated.weights)
    assert np.allclose(weighted.bias, repeated.bias)


def test_sounds_are_translated_by_maps_that_never_heard_their_recording() -> None:
    published = GENERATOR.normal(size=(16, 2))
    recordings = np.arange(16)
    recordings[11] = 3
    sounds = {
        way: Sound(GENERATOR.normal(size=(16, 4)), np.empty((16, 0)), np.arange(16), weight)
        for way, weight in (("whole", 1.0), ("3 s", 0.5))
    }
    apart = translated_apart(sounds, published, recordings, ridge=1.0)
    changed = published.copy()
    changed[3] += 100
    again = translated_apart(sounds, changed, recordings, ridge=1.0)
    for way in sounds:
        assert np.allclose(apart[way][[3, 11]], again[way][[3, 11]])
        assert not np.allclose(apart[way][4], again[way][4])


def test_a_blur_repeats_what_it_was_measured_on() -> None:
    rows = GENERATOR.normal(size=(4000, 3))
    mixing = np.array([[0.3, 0, 0], [0.3, 0.2, 0], [0, 0, 0.1]])
    heard = 0.5 * rows + 1 + GENERATOR.normal(size=rows.shape) @ mixing.T
    blurred = Blur.between(rows, heard)(rows, np.random.default_rng(1))
    assert np.allclose(blurred.mean(axis=0), heard.mean(axis=0), atol=0.05)
    assert np.allclose(np.cov(blurred.T), np.cov(heard.T), atol=0.05)


def test_copies_keep_the_number_of_rows_as_their_weight() -> None:
    rows = GENERATOR.normal(size=(50, 3))
    blur = Blur.between(rows, rows)
    copies = as_heard(rows, np.arange(50) % 4, {"whole": blur, "10 s": blur}, seed=0)
    assert copies.rows.shape == (100, 3)
    assert copies.targets[50:].tolist() == copies.targets[:50].tolist()
    assert copies.weights.sum() == pytest.approx(50)
    assert copies.weights[0] == pytest.approx(4 * copies.weights[50])


# --- the whole ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def box(teacher: Teacher) -> Box:
    torch.manual_seed(1)
    columns = len(column_places())
    said, published = GENERATOR.normal(size=(40, 288)), GENERATOR.normal(size=(40, 210))
    rows = GENERATOR.normal(size=(60, 210 + columns))
    blur = Blur.between(rows, rows)
    examples = as_heard(rows, np.arange(60) % 10, {"whole": blur}, seed=0)
    return Box(
        Ear(Listener(), teacher),
        translate(said, published, np.ones(40), 0.25),
        Scale.of(GENERATOR.normal(size=(30, 210))),
        Scale.of(GENERATOR.normal(0, 50, size=(30, columns))),
        rows,
        {"whole": blur},
        examples,
        examples,
        fit_genres(examples, c=1.0),
        fit_guard(rows, 3 * rows, c=1.0),
    )


def test_the_network_says_what_its_parts_say(box: Box) -> None:
    heard = described_as([synthesise("jazz", seconds=3, seed=8).samples])
    network = network_of(box, heard.mel.shape[1:], heard.columns.shape[1])
    with torch.no_grad():
        logits = network(
            {"mel": torch.from_numpy(heard.mel), "gtzan57": torch.from_numpy(heard.columns)}
        )
    assert np.allclose(np.exp(logits.numpy()), guarded(box, box.heard(heard)), atol=1e-5)
    model = export_network(network)
    assert check_network(model, network, {"mel": heard.mel, "gtzan57": heard.columns}) < 1e-4


def test_what_is_no_music_is_spread_over_all_genres(box: Box) -> None:
    sure = Linear(np.zeros((2 * 260, 1)), np.array([30.0]))
    rows = GENERATOR.normal(size=(3, 260))
    spread = guarded(replace(box, guard=sure), rows)
    assert np.allclose(spread, 0.1)


def test_cooling_keeps_the_order(box: Box) -> None:
    rows = GENERATOR.normal(size=(20, 260))
    warm, cool = box.probabilities(rows), cooled(box, 2.0).probabilities(rows)
    assert np.array_equal(warm.argsort(axis=1), cool.argsort(axis=1))
    assert cool.max() < warm.max()


# --- what ships ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return Classifier.load("box")


@pytest.mark.parametrize("kind", NONMUSIC_KINDS)
def test_what_is_no_music_is_called_unknown(kind: str, shipped: Classifier) -> None:
    sound = synthesise_nonmusic(kind, seconds=8, seed=77)
    assert shipped.predict(sound).genre == UNKNOWN


def test_music_is_not_called_unknown(shipped: Classifier) -> None:
    songs = [synthesise(genre, seconds=8, seed=77) for genre in JUKEBOX_GENRES]
    answers = [shipped.predict(song).genre for song in songs]
    assert answers.count(UNKNOWN) <= 1


def test_level_changes_no_answer(shipped: Classifier) -> None:
    song = synthesise("reggae", seconds=8, seed=77)
    quiet = type(song)(song.samples * np.float32(0.1), song.sample_rate_hz)
    before, after = shipped.predict(song).scores, shipped.predict(quiet).scores
    assert max(abs(before[genre] - after[genre]) for genre in before) < 0.02


def test_the_shipped_bundle_is_small(shipped: Classifier) -> None:
    assert sum(file.stat().st_size for file in shipped.bundle.directory.iterdir()) < 5e6


# --- its recipe ---------------------------------------------------------------------------------


def test_a_recipe_whose_data_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREKIT_DATA", "/nowhere")
    with pytest.raises(ConfigError, match="set GENREKIT_DATA"):
        load_box_recipe(RECIPE)


def test_an_unknown_setting_is_named(tmp_path: Path, real_data: Path) -> None:
    path = tmp_path / "box.yaml"
    path.write_text(RECIPE.read_text(encoding="utf-8") + "stepps: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="stepps"):
        load_box_recipe(path)
