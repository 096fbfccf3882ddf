"""One fit of the model in the box, on given clips and given rows of the tables."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

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
    Examples,
    Linear,
    Scale,
    Sound,
    Translation,
    as_heard,
    complete,
    fit_genres,
    fit_guard,
    translate_sounds,
    translated_apart,
)
from genrekit.training.box.hearing import RATE_HZ, SNIPPET_WAYS, WAYS, Heard, described_as
from genrekit.training.box.material import Array, Material, Rows, column_places
from genrekit.training.box.recipe import BoxRecipe
from genrekit.training.box.teacher import Teacher
from genrekit.training.prepare import Step

# Seconds of synthesised sound: a whole window, and some that are repeated to fill one.
_SECONDS = (30.0, 4.0, 8.0, 1.5, 2.5)
_JUKEBOX_SEED = 900
# The guard needs far fewer rows of music than the genres do.
_GUARD_EVERY = 50


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
    """All parts of a fitted model.

    Its genres were learnt from ``copies`` of the tables' rows, as ``blurs`` make them, and from
    ``sounds``. ``table`` (n_tracks, 260) has the scaled rows of all tracks, with what it thinks of
    tags that were not published.
    """

    ear: Ear
    translation: Translation
    published: Scale
    columns: Scale
    table: Array
    blurs: Mapping[str, Blur]
    copies: Examples
    sounds: Examples
    genres: Linear
    guard: Linear | None

    def heard(self, heard: Heard) -> Array:
        """Scaled rows (n, 260) of what was heard."""
        published = self.translation(embed(self.ear.listener, heard.mel))
        return _scaled((self.published, self.columns), published, _columns(heard))

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
    rows: Rows,
    *,
    others: Others | None = None,
    seed: int = 0,
) -> Box:
    """Fit everything that follows the listener.

    Parameters
    ----------
    rows : (n,) int
        Tracks that it may learn from: their rows of the tables, and their sounds.
    others : Others, optional
        Without it there is no guard.
    """
    sounds = _sounds(recipe, material, ear, rows)
    published = complete(material.published, material.columns, rows)
    translation = translate_sounds(sounds.values(), published, recipe.ridge)
    scales = Scale.of(published[rows]), Scale.of(material.columns[rows])
    apart = translated_apart(sounds, published, material.recordings, recipe.ridge)
    heard = {way: _scaled(scales, apart[way], one.columns) for way, one in sounds.items()}
    table = _scaled(scales, published, material.columns)
    blurs = {way: Blur.between(table[one.tracks], heard[way]) for way, one in sounds.items()}
    copies = as_heard(table[rows], material.targets[rows], blurs, seed=seed)
    tracks = np.concatenate([one.tracks for one in sounds.values()])
    direct = Examples(
        np.concatenate(list(heard.values())),
        material.targets[tracks],
        np.concatenate([np.full(len(one.tracks), one.weight) for one in sounds.values()]),
    )
    genres = fit_genres(copies + direct, c=recipe.c)
    box = Box(ear, translation, *scales, table, blurs, copies, direct, genres, None)
    if others is None:
        return box
    rows_heard = (copies + direct).rows[::_GUARD_EVERY]
    music = np.concatenate([rows_heard, box.heard(others.music)])
    guard = fit_guard(music, box.heard(others.nonmusic), c=recipe.guard_c)
    return replace(box, guard=replace(guard, bias=guard.bias + recipe.guard_bias))


def _sounds(recipe: BoxRecipe, material: Material, ear: Ear, rows: Rows) -> dict[str, Sound]:
    """All that was heard of some tracks, in every way."""
    sounds = {}
    for name, ways, heard, tracks, weight in (
        ("{}", tuple(WAYS), material.heard, material.clip_rows, recipe.clip_weight),
        (
            "snippet, {}",
            SNIPPET_WAYS,
            material.snippets_heard,
            material.snippet_rows,
            recipe.snippet_weight,
        ),
    ):
        chosen = np.flatnonzero(np.isin(tracks, rows))
        for way in ways:
            part = heard[way].select(chosen)
            sounds[name.format(way)] = Sound(
                said=embed(ear.listener, part.mel),
                columns=_columns(part),
                tracks=tracks[chosen],
                weight=weight / len(ways),
            )
    return sounds


def _scaled(scales: tuple[Scale, Scale], published: Array, columns: Array) -> Array:
    return np.hstack([scales[0](published), scales[1](columns)])


def _columns(heard: Heard) -> Array:
    return heard.columns[:, column_places()].astype(np.float64)
