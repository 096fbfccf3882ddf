"""What the model in the box is worth: protocols, ablations, and what it says of other sounds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Item, Split, make_split
from genrekit.evaluation import fit_temperature
from genrekit.evaluation.intervals import bootstrap_mean
from genrekit.evaluation.scoring import score
from genrekit.features import build_frontend
from genrekit.inference.inputs import make_reference
from genrekit.inference.scoring import calibrated
from genrekit.models.listener import MEL
from genrekit.schema import UNKNOWN, Contract, Estimate, EvaluationResult, Reference
from genrekit.training.box.distil import agreement
from genrekit.training.box.fit import Box, Ear, Others, fit_box, teach
from genrekit.training.box.head import Examples, fit_genres
from genrekit.training.box.hearing import COLUMNS, SHORT_WAYS, VOTES, Heard
from genrekit.training.box.material import Array, Material, Rows, all_columns
from genrekit.training.box.recipe import BoxRecipe
from genrekit.training.prepare import Step
from genrekit.training.reference import spreads_of_rows

#: The mean over all places that 3 s are taken from.
SHORT_ANYWHERE = "3 s, mean of all places"
FittedOn = Literal["", "train", "train+valid"]
# Places in a scaled row.
_ALL = np.arange(260)
_FEATURES, _TAGS, _COLUMNS = np.split(_ALL, (160, 210))
_PARTS = {
    "features": _FEATURES,
    "tags": _TAGS,
    "50 columns": _COLUMNS,
    "features, 50 columns": np.concatenate([_FEATURES, _COLUMNS]),
    "features, tags, 50 columns": _ALL,
}


class Ablation(Contract):
    """Accuracy of a head that learns from less."""

    inputs: str
    rows: str
    features: Estimate
    audio: Estimate


class Measured(Contract):
    """All numbers of one run.

    Attributes
    ----------
    headline : tuple of EvaluationResult
        Fault-filtered, published features of the test tracks; one for each seed.
    snippets : EvaluationResult
        The same fit, on audio of 2 to 3 seconds of test tracks.
    other_artists : EvaluationResult
        Clips of the validation tracks by a fit on the training tracks: no artist is in both.
    audio : mapping of str to EvaluationResult
        Clips in folds, by the way they were heard.
    votes : mapping of str to EvaluationResult
        The same clips by the mean of what is said of several windows of each.
    lost : mapping of str to Estimate
        Share of the clips that is told whole and not in another way, less the reverse.
    agreement : tuple of float
        R² of each block's means with the teacher's, on clips that did not teach.
    unknown : mapping of str to float
        Share of unseen clips, by way, that are called unknown.
    mistakes : mapping of str to str
        Clip to the genre it was taken for, heard whole.
    left_out : EvaluationResult, optional
        What ships, on published features of the tracks that it never saw.
    reference : Reference
        Of clips in folds, heard whole, and of all tracks of the table.
    """

    headline: tuple[EvaluationResult, ...]
    snippets: EvaluationResult
    other_artists: EvaluationResult
    audio: dict[str, EvaluationResult]
    votes: dict[str, EvaluationResult]
    lost: dict[str, Estimate]
    ablations: tuple[Ablation, ...]
    agreement: tuple[float, ...]
    unknown: dict[str, float]
    mistakes: dict[str, str]
    left_out: EvaluationResult | None = None
    temperature: float
    reference: Reference


@dataclass(frozen=True, slots=True)
class Folds:
    """Predictions for clips by models that saw nothing of them."""

    probabilities: Mapping[str, Array]
    unknown: Mapping[str, float]
    agreement: tuple[float, ...]
    ablations: Mapping[tuple[str, str], Array]


def measure(
    recipe: BoxRecipe, material: Material, others: Others
) -> Generator[Step, None, Measured]:
    """Measure the recipe under its protocols."""
    validated, headline, snippets, ablated = None, [], None, {}
    split = material.fault_filtered
    test = material.rows_of(split.folds[0].test)
    for seed in range(recipe.seeds):
        learnt = material.rows_of((*split.folds[0].train, *split.folds[0].valid))
        clips = np.flatnonzero(np.isin(material.clip_rows, learnt))
        ear = yield from teach(recipe, material, clips, seed=seed, stage=f"teach, seed {seed}")
        if validated is None:
            validated = _validate(recipe, material, ear, split)
        temperature, other_artists = validated
        box = cooled(fit_box(recipe, material, ear, learnt, seed=seed), temperature)
        rows = box.table[test]
        found = box.probabilities(rows)
        headline.append(_scored(recipe, material.tracks, split, test, found, "train+valid"))
        if seed == 0:
            heard = material.snippets_heard["whole"]
            snippets = _from_audio(
                recipe, box, material.snippets, heard, material.snippet_rows, test, "train+valid"
            )
            ablated = dict(_ablations(recipe, material, box, learnt, rows))
    assert snippets is not None
    folds = yield from _folds(recipe, material, others, temperature)
    by_fold = make_split(material.clips, "grouped-kfold", n_folds=recipe.folds)
    everything = np.arange(len(material.clips.items))
    audio, votes = (
        {
            name: _scored(recipe, material.clips, by_fold, everything, found, "train")
            for name, found in several.items()
        }
        for several in (folds.probabilities, _votes(folds.probabilities))
    )
    ablations = [
        Ablation(
            inputs=key[0],
            rows=key[1],
            features=_scored(recipe, material.tracks, split, test, found).accuracy,
            audio=_scored(
                recipe, material.clips, by_fold, everything, folds.ablations[key]
            ).accuracy,
        )
        for key, found in ablated.items()
    ]
    return Measured(
        headline=tuple(headline),
        snippets=snippets,
        other_artists=other_artists,
        audio=audio,
        votes=votes,
        lost=_lost(material.clips, folds.probabilities),
        ablations=tuple(ablations),
        agreement=folds.agreement,
        unknown=dict(folds.unknown),
        mistakes=_mistakes(material.clips, folds.probabilities["whole"]),
        temperature=temperature,
        reference=_reference(recipe, material, by_fold.protocol, folds.probabilities["whole"]),
    )


def _reference(
    recipe: BoxRecipe, material: Material, protocol: str, probabilities: Array
) -> Reference:
    best = probabilities.max(axis=1)
    told = [
        material.clips.labels[place] if sure else UNKNOWN
        for place, sure in zip(
            probabilities.argmax(axis=1), best >= recipe.unknown_below, strict=True
        )
    ]
    mel, clips = material.heard["whole"].mel, material.clips.items
    table = all_columns(material.tracks).astype(np.float32)
    inputs = spreads_of_rows("mel", build_frontend(MEL), mel, _ids(clips)) | spreads_of_rows(
        "gtzan57", build_frontend(COLUMNS), table, _ids(material.tracks.items)
    )
    return make_reference(protocol, told, best, inputs)


def _ids(items: Sequence[Item]) -> NDArray[np.object_]:
    return np.array([item.item_id for item in items], object)


def cooled(box: Box, temperature: float) -> Box:
    """The same model with its scores divided by ``temperature``."""
    genres = replace(
        box.genres, weights=box.genres.weights / temperature, bias=box.genres.bias / temperature
    )
    return replace(box, genres=genres)


def guarded(box: Box, rows: Array) -> Array:
    """Probabilities (n, 10) as the saved model gives them."""
    genres = box.probabilities(rows)
    if box.guard is None:
        return genres
    other = 1 / (1 + np.exp(-box.guard(np.hstack([rows, rows**2]))))
    shares: Array = (1 - other) * genres + other / genres.shape[1]
    return shares


def score_left_out(recipe: BoxRecipe, material: Material, box: Box) -> EvaluationResult:
    """Published features of the tracks that what ships never saw."""
    rows = np.flatnonzero(~material.shippable)
    away = tuple(material.tracks.items[row].item_id for row in rows)
    split = material.fault_filtered.model_copy(
        update={"protocol": "left-out", "folds": (Fold(test=away),)}
    )
    found = guarded(box, box.table[rows])
    return _scored(recipe, material.tracks, split, rows, found)


def _validate(
    recipe: BoxRecipe, material: Material, ear: Ear, split: Split
) -> tuple[float, EvaluationResult]:
    """What a model of the training tracks says of the validation tracks.

    The temperature is fitted on their rows, as they would be heard; the result is of their audio.
    """
    train = material.rows_of(split.folds[0].train)
    valid = material.rows_of(split.folds[0].valid)
    box = fit_box(recipe, material, ear, train)
    heard = box.blurs["whole"](box.table[valid], np.random.default_rng(0))
    temperature = fit_temperature(box.genres(heard), material.targets[valid])
    result = _from_audio(
        recipe,
        cooled(box, temperature),
        material.clips,
        material.heard["whole"],
        material.clip_rows,
        valid,
        "train",
    )
    return temperature, result.model_copy(update={"protocol": "validation"})


def _folds(
    recipe: BoxRecipe, material: Material, others: Others, temperature: float
) -> Generator[Step, None, Folds]:
    split = make_split(material.clips, "grouped-kfold", n_folds=recipe.folds)
    places = {item.item_id: number for number, item in enumerate(material.clips.items)}
    n, n_genres = len(places), len(material.tracks.labels)
    found = {way: np.zeros((n, n_genres)) for way in material.heard}
    unknown = dict.fromkeys(material.heard, 0.0)
    ablated: dict[tuple[str, str], Array] = {}
    agreements = []
    for number, fold in enumerate(split.folds):
        tested = np.array([places[one] for one in fold.test], np.int64)
        clips = np.setdiff1d(np.arange(n), tested)
        rows = _without(material, material.clip_rows[tested])
        ear = yield from teach(recipe, material, clips, seed=0, stage=f"teach, fold {number + 1}")
        box = cooled(fit_box(recipe, material, ear, rows, others=others), temperature)
        for way in material.heard:
            heard = box.heard(material.heard[way].select(tested))
            found[way][tested] = guarded(box, heard)
            below = found[way][tested].max(axis=1) < recipe.unknown_below
            unknown[way] += float(below.sum()) / n
            if way == "whole":
                for key, one in _ablations(recipe, material, box, rows, heard):
                    ablated.setdefault(key, np.zeros((n, n_genres)))[tested] = one
        agreements.append(agreement(ear.teacher, ear.listener, material.heard["whole"].mel[tested]))
        yield Step("test clips", number + 1, len(split.folds))
    mean = tuple(float(one) for one in np.mean(agreements, axis=0))
    return Folds(found, unknown, mean, ablated)


def _without(material: Material, tested: Rows) -> Rows:
    """Rows that may ship, without every row of the tested recordings."""
    groups = material.tracks.groups()
    gone = {groups[row] for row in tested}
    kept = [row for row, group in enumerate(groups) if group not in gone]
    return np.array([row for row in kept if material.shippable[row]], np.int64)


def _ablations(
    recipe: BoxRecipe, material: Material, box: Box, learnt: Rows, tested: Array
) -> Iterator[tuple[tuple[str, str], Array]]:
    """Heads that learn from fewer columns, and from rows as they were published."""
    if not recipe.ablations:
        return
    rows = box.table[learnt]
    for name, examples in (
        ("as published", Examples(rows, material.targets[learnt], np.ones(len(rows)))),
        ("as heard", box.copies),
        ("as heard, and sounds", box.copies + box.sounds),
        ("as heard, and sounds ten times", box.copies + box.sounds.weighed(10)),
    ):
        for inputs, part in _PARTS.items():
            genres = fit_genres(examples.columns(part), c=recipe.c)
            found = calibrated(genres(tested[:, part]), task="single-label", temperature=1.0)
            yield (inputs, name), found


def _from_audio(
    recipe: BoxRecipe,
    box: Box,
    audio: Dataset,
    heard: Heard,
    tracks: Rows,
    tested: Rows,
    fitted_on: FittedOn,
) -> EvaluationResult:
    """Score what is heard of the tracks ``tested``; ``tracks`` are those of ``audio``."""
    chosen = np.flatnonzero(np.isin(tracks, tested))
    part = audio.select(chosen.tolist())
    found = box.probabilities(box.heard(heard.select(chosen)))
    split = make_split(part, "all-test")
    return _scored(recipe, part, split, np.arange(len(chosen)), found, fitted_on)


def _scored(
    recipe: BoxRecipe,
    dataset: Dataset,
    split: Split,
    rows: NDArray[np.int64],
    found: Array,
    fitted_on: FittedOn = "",
) -> EvaluationResult:
    groups = dataset.groups()
    result = score(
        dataset.targets()[rows],
        found,
        labels=dataset.labels,
        groups=[groups[row] for row in rows],
        dataset=dataset,
        split=split,
        model=recipe.name,
    )
    return result.model_copy(update={"fitted_on": fitted_on})


def _votes(probabilities: Mapping[str, Array]) -> dict[str, Array]:
    return {
        f"{len(ways)} windows of {seconds}": np.mean([probabilities[way] for way in ways], axis=0)
        for seconds, ways in VOTES.items()
    }


def _lost(clips: Dataset, probabilities: Mapping[str, Array]) -> dict[str, Estimate]:
    hits = {way: found.argmax(axis=1) == clips.targets() for way, found in probabilities.items()}
    ways = {way: [way] for way in hits} | {SHORT_ANYWHERE: list(SHORT_WAYS)}
    return {
        name: bootstrap_mean(
            hits["whole"] - np.mean([hits[way] for way in several], axis=0), clips.groups()
        )
        for name, several in ways.items()
    }


def _mistakes(clips: Dataset, found: Array) -> dict[str, str]:
    wrong = np.flatnonzero(found.argmax(axis=1) != clips.targets())
    return {clips.items[row].item_id: clips.labels[int(found[row].argmax())] for row in wrong}
