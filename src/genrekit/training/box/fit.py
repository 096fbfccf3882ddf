"""One fit of the model in the box, on given clips and given rows of the tables."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from genrekit.audio import JUKEBOX_GENRES, synthesise
from genrekit.audio.nonmusic import NONMUSIC_KINDS, synthesise_nonmusic
from genrekit.inference.scoring import calibrated
from genrekit.models.listener import FRAMES, POOLS, Listener
from genrekit.models.pretrained.backbones import Choi2017
from genrekit.training.box.distil import distil, embed, lessons
from genrekit.training.box.head import (
    Blur,
    Linear,
    Scale,
    Translation,
    fit_genres,
    fit_guard,
    heard_rows,
    translate,
    translated_apart,
)
from genrekit.training.box.hearing import RATE_HZ, WAYS, Heard, described_as
from genrekit.training.box.material import Array, Material, Rows, column_places
from genrekit.training.box.recipe import BoxRecipe
from genrekit.training.box.teacher import Teacher
from genrekit.training.prepare import Step

# Seconds of synthesised sound: a whole window, and some that are repeated to fill one.
_SECONDS = (30.0, 4.0, 8.0)
_JUKEBOX_SEED = 900
# The guard needs far fewer rows of music than the genres do.
_GUARD_EVERY = 5


@dataclass(frozen=True, slots=True)
class Ear:
    """A listener that was taught, and by whom."""

    listener: Listener
    teacher: Teacher


@dataclass(frozen=True, slots=True)
class Others:
    """Synthesised sound: what is no music, and music that no genre's rows are of."""

    nonmusic: Heard
    music: Heard


@dataclass(frozen=True, slots=True)
class Box:
    """All parts of a fitted model."""

    ear: Ear
    translation: Translation
    published: Scale
    columns: Scale
    blurs: Mapping[str, Blur]
    genres: Linear
    guard: Linear | None

    def rows(self, published: Array, columns: Array) -> Array:
        """Scaled rows (n, 210) of the tables' values."""
        return _scaled((self.published, self.columns), published, columns)

    def heard(self, heard: Heard) -> Array:
        """Scaled rows (n, 210) of what was heard."""
        said = embed(self.ear.listener, heard.mel)
        columns = _columns(heard)
        return self.rows(self.translation(said), columns)

    def probabilities(self, rows: Array) -> Array:
        """Genres (n, 10) of scaled rows, whatever the guard says."""
        return calibrated(self.genres(rows), task="single-label", temperature=1.0)


def teach(
    recipe: BoxRecipe, material: Material, clips: Rows, *, seed: int, stage: str
) -> Generator[Step, None, Ear]:
    """Teach a listener with some of the clips."""
    mel = material.heard["whole"].mel[clips]
    config = Choi2017(name="choi2017", weights=recipe.teacher)
    teacher = Teacher(config, [torch.from_numpy(row[None, :, :FRAMES]) for row in mel])
    listener = None
    steps = distil(teacher, lessons(mel, seed), steps=recipe.steps, seed=seed)
    for taught, number, share in steps:
        listener = taught
        yield Step(stage, number + 1, len(POOLS), note=f"unexplained {share:.4f}")
    assert listener is not None
    return Ear(listener, teacher)


def synthesise_others(recipe: BoxRecipe) -> Generator[Step, None, Others]:
    """Make, and hear, what is no music, and music by the jukebox."""
    nonmusic, music = [], []
    total = recipe.nonmusic_each
    for seed in range(total):
        seconds = _SECONDS[seed % len(_SECONDS)]
        for kind in NONMUSIC_KINDS:
            made = synthesise_nonmusic(kind, seconds=seconds, seed=seed, sample_rate_hz=RATE_HZ)
            nonmusic.append(made.samples)
        if seed % 2 == 0:
            for genre in JUKEBOX_GENRES:
                play = synthesise(
                    genre, seconds=seconds, seed=_JUKEBOX_SEED + seed, sample_rate_hz=RATE_HZ
                )
                music.append(play.samples)
        yield Step("synthesise other sounds", seed + 1, total)
    return Others(described_as(nonmusic), described_as(music))


def fit_box(
    recipe: BoxRecipe,
    material: Material,
    ear: Ear,
    clips: Rows,
    rows: Rows,
    *,
    others: Others | None = None,
    ways: tuple[str, ...] = tuple(WAYS),
    seed: int = 0,
) -> Box:
    """Fit everything that follows the listener.

    Parameters
    ----------
    clips : (n,) int
        Clips that map, scales and blurs are fitted on.
    rows : (m,) int
        Tracks whose rows of the tables teach the genres.
    others : Others, optional
        Without it there is no guard.
    """
    said = {way: embed(ear.listener, material.heard[way].mel[clips]) for way in ways}
    tracks = material.clip_rows[clips]
    published = material.published[tracks]
    translation = translate(said["whole"], published, recipe.ridge)
    scales = Scale.of(material.published[rows]), Scale.of(material.columns[rows])

    apart = translated_apart(said, published, recipe.ridge)
    true = _scaled(scales, published, material.columns[tracks])
    blurs = {
        way: Blur.between(
            true, _scaled(scales, apart[way], _columns(material.heard[way].select(clips)))
        )
        for way in ways
    }
    table = _scaled(scales, material.published[rows], material.columns[rows])
    genres = fit_genres(table, material.targets[rows], blurs, c=recipe.c, seed=seed)
    box = Box(ear, translation, *scales, blurs, genres, None)
    if others is None:
        return box
    copies, _ = heard_rows(table, blurs, seed=seed + 1)
    music = np.concatenate([copies[::_GUARD_EVERY], box.heard(others.music)])
    guard = fit_guard(music, box.heard(others.nonmusic), c=recipe.guard_c)
    return Box(ear, translation, *scales, blurs, genres, guard)


def _scaled(scales: tuple[Scale, Scale], published: Array, columns: Array) -> Array:
    return np.hstack([scales[0](published), scales[1](columns)])


def _columns(heard: Heard) -> Array:
    return heard.columns[:, column_places()].astype(np.float64)
