"""Who learns from what: whole collections, artists and recordings are held out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from heads import Array, Rows
from sounds import GENRES, Sound, dataset_of

from genrekit.datasets import Fold, Split
from genrekit.evaluation import Scored, score
from genrekit.schema import EvaluationResult

GTZAN_ALONE, BY_COLLECTION, BY_ARTIST, CLIPS = (
    "gtzan-teaches-alone",
    "leave-one-collection-out",
    "other-artists",
    "clips-in-folds",
)
_FOLDS, _ARTIST_FOLDS = 4, 8


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One round of training and testing: numbers of sounds."""

    learnt: Rows
    tested: Rows


def rounds(sounds: Sequence[Sound], protocol: str) -> list[Round]:
    """All rounds of a protocol.

    ``leave-one-collection-out`` learns from GTZAN and all collections but one, without any artist
    of that one; ``gtzan-teaches-alone`` learns from GTZAN and tests all others; ``other-artists``
    tests some artists of all other collections, whose other artists train; ``clips-in-folds`` tests
    GTZAN's clips, no sound of whose recordings is in training, though their artists may be.
    """
    return list(_ROUNDS[protocol](sounds))


def _gtzan_alone(sounds: Sequence[Sound]) -> Iterator[Round]:
    yield Round(_where(sounds, lambda one: one.kind != "outside"), _outside(sounds))


def _by_collection(sounds: Sequence[Sound]) -> Iterator[Round]:
    for source in sorted({sounds[number].source for number in _outside(sounds)}):
        tested = _where(sounds, lambda one, source=source: one.source == source)
        artists = {sounds[number].artist for number in tested}
        learnt = _where(
            sounds,
            lambda one, source=source, artists=artists: (
                one.source != source and one.artist not in artists
            ),
        )
        yield Round(learnt, tested)


def _by_artist(sounds: Sequence[Sound]) -> Iterator[Round]:
    def fold_of(sound: Sound) -> int:
        return zlib.crc32(sound.artist.encode()) % _ARTIST_FOLDS

    for fold in range(_ARTIST_FOLDS):
        tested = _where(
            sounds, lambda one, fold=fold: one.kind == "outside" and fold_of(one) == fold
        )
        artists = {sounds[number].artist for number in tested}
        yield Round(_where(sounds, lambda one, artists=artists: one.artist not in artists), tested)


def _clips_in_folds(sounds: Sequence[Sound]) -> Iterator[Round]:
    clips = _where(sounds, lambda one: one.kind == "clips")
    for fold in range(_FOLDS):
        tested = np.array([n for n in clips if int(sounds[n].track[-1]) // 2 == fold], np.int64)
        tracks = {sounds[number].track for number in tested}
        yield Round(_where(sounds, lambda one, tracks=tracks: one.track not in tracks), tested)


_ROUNDS: dict[str, Callable[[Sequence[Sound]], Iterator[Round]]] = {
    GTZAN_ALONE: _gtzan_alone,
    BY_COLLECTION: _by_collection,
    BY_ARTIST: _by_artist,
    CLIPS: _clips_in_folds,
}


def _outside(sounds: Sequence[Sound]) -> Rows:
    return _where(sounds, lambda one: one.kind == "outside")


def _where(sounds: Sequence[Sound], chosen: Callable[..., bool]) -> Rows:
    return np.array([number for number, one in enumerate(sounds) if chosen(one)], np.int64)


def result_of(
    sounds: Sequence[Sound],
    protocol: str,
    tracks: Rows,
    probabilities: Array,
    *,
    model: str,
) -> EvaluationResult:
    """Answers as a result of the project, with its intervals."""
    tested = [sounds[number] for number in tracks]
    name = "outside" if tested[0].kind == "outside" else "gtzan"
    dataset = dataset_of(name, tested)
    folds = [
        Fold(test=tuple(sounds[number].track for number in one.tested))
        for one in rounds(sounds, protocol)
    ]
    split = Split(
        protocol=protocol,
        seed=0,
        dataset_fingerprint=dataset.fingerprint,
        folds=tuple(folds),
    )
    found = score(
        Scored(
            np.array([GENRES.index(one.genre) for one in tested]),
            probabilities,
            tuple(one.artist for one in tested) if name == "outside" else dataset.groups(),
        ),
        labels=GENRES,
        dataset=dataset,
        split=split,
        model=model,
    )
    # Artists are what is resampled; clips are what is counted.
    return found.model_copy(update={"items": len(tested)})


def macro_recall(targets: Rows, probabilities: Array) -> float:
    """Mean over genres of the share of their tracks that are classified correctly."""
    hits = probabilities.argmax(axis=1) == targets
    return float(np.mean([hits[targets == genre].mean() for genre in np.unique(targets)]))
