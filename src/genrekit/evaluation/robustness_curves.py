"""Accuracy against distortion: what is left of it after mp3, gain, noise, filters and cuts.

Each track is decoded once, at its own rate. Every version of it is written as a file in memory and
goes through ``Classifier.predict_file``, the path of a user's file; so does the clean one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode, probe
from genrekit.datasets import Item, track_digest
from genrekit.errors import AudioError, ConfigError, DatasetError
from genrekit.evaluation.distortion_kinds import DISTORTIONS, Clip, Distortion
from genrekit.evaluation.distortions import as_wav, cut
from genrekit.evaluation.intervals import bootstrap_mean, share_by_group, wilson
from genrekit.inference import Classifier
from genrekit.progress import Progress, silent
from genrekit.schema import UNKNOWN, Contract, Estimate, ExcerptConfig, ModelIdentity
from genrekit.workers import WorkerDied, ordered_map

#: Of a longer track this much from its middle is decoded.
LONGEST_SECONDS = 120.0

_ALL_OF_IT = ExcerptConfig(start_seconds=0.0, duration_seconds=None)


class RobustnessPoint(Contract):
    """What is left under one distortion.

    Parameters
    ----------
    tracks : int
        Tracks with an answer.
    refused : int
        Tracks that the model has no answer for, as they are too short for it.
    unknown : int
        Answers ``unknown``; the best genre below it is what counts in the accuracy.
    changed : int
        Tracks whose best genre differs from that of the clean track.
    accuracy, change : Estimate, optional
        Wilson's interval where every track is a recording of its own; the difference from the
        clean accuracy of the same tracks, with a bootstrap over recordings.
    """

    distortion: str
    level: float
    unit: str
    tracks: int
    refused: int
    unknown: int
    changed: int
    accuracy: Estimate | None = None
    change: Estimate | None = None


class RobustnessResult(Contract):
    """All points of one model on one set of tracks.

    Parameters
    ----------
    trained_on : int
        Tracks that the weights were fitted on, as far as the bundle says: they flatter the
        accuracies, and the changes as well.
    """

    model: ModelIdentity
    tracks: int
    trained_on: int
    seed: int
    clean: RobustnessPoint
    points: tuple[RobustnessPoint, ...]


# --- running ------------------------------------------------------------------------------------


def robustness(
    classifier: Classifier,
    items: Sequence[Item],
    *,
    distortions: Mapping[str, Distortion] = DISTORTIONS,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> RobustnessResult:
    """Score every track, clean and under every distortion.

    Parameters
    ----------
    classifier : Classifier
        Single-label.
    items : sequence of Item
        With audio; labels that the model knows.
    distortions : mapping of str to Distortion
        With more than one worker they are made in other processes, so their functions must be
        picklable by name.
    seed : int
        Of the noise.
    workers : int
        Processes; each loads the bundle once.
    progress : callable, optional
        Called for every track.

    Raises
    ------
    ConfigError
        If the bundle is multi-label, or there is nothing to do.
    DatasetError
        If an item has no audio, no known label, or cannot be decoded.
    """
    _check(classifier, items, distortions)
    conditions = [(kind, level) for kind, one in distortions.items() for level in one.levels]
    makers = [(distortions[kind].make, level) for kind, level in conditions]
    bundle = None if workers == 1 else str(classifier.bundle.directory)
    one = partial(_answers, classifier=None if bundle else classifier, bundle=bundle, makers=makers)
    jobs = [(item, [seed, number]) for number, item in enumerate(items)]
    scores: list[NDArray[np.float64]] = []
    for (item, _), answers in zip(jobs, ordered_map(one, jobs, workers=workers), strict=True):
        if isinstance(answers, WorkerDied):
            raise DatasetError(f"{item.item_id}: decoding it killed its process; leave it out")
        scores.append(answers)
        progress("Distorting", len(scores), len(items))
    return _result(classifier, items, conditions, distortions, np.array(scores), seed)


def _check(
    classifier: Classifier, items: Sequence[Item], distortions: Mapping[str, Distortion]
) -> None:
    if classifier.bundle.manifest.task != "single-label":
        raise ConfigError("robustness is measured for single-label bundles; this one has many")
    if not items or not distortions:
        raise ConfigError("robustness needs at least one track and one distortion")
    for item in items:
        if item.path is None:
            raise DatasetError(f"{item.item_id} has no audio to distort; name a corpus of audio")
        if item.labels[0] not in classifier.labels:
            raise DatasetError(
                f"{item.item_id} is {item.labels[0]!r}, which the model does not know; it knows "
                f"{', '.join(classifier.labels)}"
            )


# Workers live as long as one call; each loads the bundle once.
_load = lru_cache(maxsize=1)(Classifier.load)


def _answers(
    job: tuple[Item, list[int]],
    *,
    classifier: Classifier | None,
    bundle: str | None,
    makers: Sequence[tuple[Callable[[Clip, float, np.random.Generator], bytes], float]],
) -> NDArray[np.float64]:
    """Probabilities (1 + conditions, labels) of a track, the clean one first; NaN where refused."""
    item, seeds = job
    model = _load(str(bundle)) if classifier is None else classifier
    clip = _clip(model, item)
    files = [as_wav(clip.samples, clip.sample_rate_hz)]
    rows = [_answer(model, files[0])]
    for number, (make, level) in enumerate(makers):
        generator = np.random.default_rng([*seeds, number])
        rows.append(_answer(model, make(clip, level, generator)))
    return np.array(rows)


def _clip(model: Classifier, item: Item) -> Clip:
    assert item.path is not None, "checked before"
    start, length = item.start_seconds, LONGEST_SECONDS
    if item.end_seconds is not None:
        start = start or 0.0
        length = min(length, item.end_seconds - start)
    try:
        rate = probe(item.path).sample_rate_hz
        whole = decode(
            item.path,
            sample_rate_hz=rate,
            excerpt=ExcerptConfig(start_seconds=start, duration_seconds=length),
        ).samples
    except AudioError as problem:
        raise DatasetError(f"{item.item_id} cannot be decoded: {problem}; leave it out") from None
    wanted = model.bundle.manifest.excerpt
    seconds = wanted.duration_seconds or LONGEST_SECONDS
    if wanted.start_seconds is None:
        return Clip(cut(whole, rate, seconds)[0], whole, rate)
    begin = min(round(wanted.start_seconds * rate), max(0, len(whole) - round(seconds * rate)))
    return Clip(whole[begin : begin + round(seconds * rate)], whole, rate)


def _answer(model: Classifier, file: bytes) -> NDArray[np.float64]:
    """Probabilities, and whether the answer was ``unknown``."""
    try:
        answer = model.predict_file(file, excerpt=_ALL_OF_IT)
    except AudioError:
        return np.full(len(model.labels) + 1, np.nan)
    unknown = float(answer.genre == UNKNOWN)
    return np.array([*(answer.scores[label] for label in model.labels), unknown])


# --- numbers ------------------------------------------------------------------------------------


def _result(
    classifier: Classifier,
    items: Sequence[Item],
    conditions: Sequence[tuple[str, float]],
    distortions: Mapping[str, Distortion],
    scores: NDArray[np.float64],
    seed: int,
) -> RobustnessResult:
    groups = [item.group for item in items]
    number = {label: position for position, label in enumerate(classifier.labels)}
    targets = np.array([number[item.labels[0]] for item in items])
    known = set(classifier.bundle.manifest.provenance.trained_on)
    point = partial(_point, scores, targets, groups, seed)
    if not np.isfinite(scores[:, 0, 0]).any():
        raise DatasetError("the model refuses every track, even undistorted: they are too short")
    return RobustnessResult(
        model=classifier.identity,
        tracks=len(items),
        trained_on=sum(track_digest(group) in known for group in groups),
        seed=seed,
        clean=point(0, "clean", 0.0, ""),
        points=tuple(
            point(row, kind, level, distortions[kind].unit)
            for row, (kind, level) in enumerate(conditions, start=1)
        ),
    )


def _point(
    scores: NDArray[np.float64],
    targets: NDArray[np.int64],
    groups: Sequence[str],
    seed: int,
    row: int,
    kind: str,
    level: float,
    unit: str,
) -> RobustnessPoint:
    answered = np.flatnonzero(np.isfinite(scores[:, [0, row], 0]).all(axis=1))
    best = scores[answered][:, [0, row], :-1].argmax(axis=2)
    hits = (best == targets[answered][:, None]).astype(np.float64)
    kept = [groups[track] for track in answered.tolist()]
    return RobustnessPoint(
        distortion=kind,
        level=level,
        unit=unit,
        tracks=len(kept),
        refused=len(groups) - len(kept),
        unknown=int(scores[answered, row, -1].sum()),
        changed=int((best[:, 0] != best[:, 1]).sum()),
        accuracy=_accuracy(hits[:, 1], kept, seed) if kept else None,
        change=bootstrap_mean(hits[:, 1] - hits[:, 0], kept, seed=seed) if kept else None,
    )


def _accuracy(hits: NDArray[np.float64], groups: Sequence[str], seed: int) -> Estimate:
    if len(set(groups)) == len(groups):
        return wilson(int(hits.sum()), len(hits))
    return share_by_group(hits, groups, seed=seed)
