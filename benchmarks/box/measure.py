"""Measure the model in the box: rounds of a protocol, conditions, calibration, other routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from boxnumbers import Beside, Condition, Coverage, Mistake
from heads import (
    Array,
    Examples,
    Linear,
    Rows,
    Settings,
    fit_genres,
    fit_out_of_domain,
    softmax,
    track_logits,
    window_logits,
)
from protocol import BY_ARTIST, BY_COLLECTION, CLIPS, GTZAN_ALONE, macro_recall, result_of, rounds
from sounds import CONDITIONS, GENRES, WHOLE, Embedded, Sound, audio_of

from genrekit.bundles import load_bundle
from genrekit.evaluation.calibration import fit_temperature
from genrekit.evaluation.intervals import bootstrap_mean
from genrekit.inference import Classifier
from genrekit.inference.inputs import make_reference
from genrekit.schema import UNKNOWN, EvaluationResult, Reference
from genrekit.training.reference import spreads_of_rows

PROTOCOLS = (BY_COLLECTION, BY_ARTIST, GTZAN_ALONE, CLIPS)
CUT_AT_4_KHZ, SHORT = "nothing above 4 kHz", "3 s, anywhere"
_SHORT = tuple(name for name in CONDITIONS if name.startswith("3 s"))
#: Of the answers that are given, at most so many may be wrong on audio outside training.
STATED_ERROR = 1 / 3
# What the detector takes for no music is spread over ten genres: no threshold lies lower.
_LOWEST_THRESHOLD = 0.25
_DETECTOR_C = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Logits of the tracks of a protocol, by condition.

    Attributes
    ----------
    tracks, targets : (n,) int
        Number of the sound, and its genre.
    logits : mapping of str to (n, 10) float64
    """

    tracks: Rows
    targets: Rows
    logits: Mapping[str, Array]


def answer(
    sounds: Sequence[Sound],
    examples: Examples,
    settings: Settings,
    protocol: str,
    conditions: Mapping[str, Embedded],
    other: Array | None = None,
) -> Answers:
    """Fit and test all rounds of a protocol, in every condition.

    Parameters
    ----------
    other : (n, columns), optional
        Windows of what is not music; without them nothing is taken for such.
    """
    tracks: list[Rows] = []
    logits: dict[str, list[Array]] = {name: [] for name in conditions}
    for one in rounds(sounds, protocol):
        head = fit_genres(examples, one.learnt, settings)
        detector = None if other is None else detect(head, examples, one.learnt, other)
        tracks.append(one.tested)
        for name, embedded in conditions.items():
            inside = np.isin(embedded.owners, one.tested)
            windows = window_logits(head, detector, embedded.rows[inside].astype(np.float64))
            logits[name].append(track_logits(windows, embedded.owners[inside], one.tested))
    joined = np.concatenate(tracks)
    found = {name: np.concatenate(parts) for name, parts in logits.items()}
    return Answers(joined, examples.genres[joined], found)


def detect(head: Linear, examples: Examples, learnt: Rows, other: Array) -> tuple[Array, float]:
    """Detector of what is not music, from windows of the training sounds."""
    music = np.concatenate(
        [one.rows[np.isin(one.owners, learnt)] for one in (examples.whole, examples.noisy)]
    )
    return fit_out_of_domain(head, music.astype(np.float64), other, c=_DETECTOR_C)


def temperature_of(answers: Sequence[Answers]) -> float:
    """The temperature of tracks outside training, each protocol counting the same."""
    smallest = min(len(one.tracks) for one in answers)
    generator = np.random.default_rng(0)
    chosen = [generator.permutation(len(one.tracks))[:smallest] for one in answers]
    logits = [one.logits[WHOLE][rows] for one, rows in zip(answers, chosen, strict=True)]
    targets = [one.targets[rows] for one, rows in zip(answers, chosen, strict=True)]
    return fit_temperature(np.concatenate(logits), np.concatenate(targets))


def risk_coverage(answers: Sequence[Answers], temperature: float) -> tuple[Coverage, ...]:
    """Share answered, and the error among them, for thresholds of the probability."""
    probabilities = np.concatenate([softmax(one.logits[WHOLE] / temperature) for one in answers])
    targets = np.concatenate([one.targets for one in answers])
    best, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    found = []
    for threshold in np.arange(0.1, 0.96, 0.025).round(3).tolist():
        answered = best >= threshold
        if answered.any():
            error = 1 - float(hits[answered].mean())
            coverage = float(answered.mean())
            found.append(Coverage(threshold=threshold, coverage=coverage, error=error))
    return tuple(found)


def unknown_below(curve: Sequence[Coverage]) -> float:
    """The lowest threshold at which no more than `STATED_ERROR` of the answers are wrong."""
    allowed = [one for one in curve if one.threshold >= _LOWEST_THRESHOLD]
    good = [one.threshold for one in allowed if one.error <= STATED_ERROR]
    return min(good) if good else curve[-1].threshold


def results(
    sounds: Sequence[Sound], answers: Mapping[str, Answers], temperature: float, condition: str
) -> dict[str, EvaluationResult]:
    """Results of every protocol in a condition."""
    return {
        protocol: result_of(
            sounds, protocol, one.tracks, softmax(one.logits[condition] / temperature), model="box"
        )
        for protocol, one in answers.items()
    }


def under_conditions(
    sounds: Sequence[Sound], answers: Answers, temperature: float, threshold: float
) -> dict[str, Condition]:
    """Accuracy in every condition, and points lost against audio as it is, on the same tracks."""
    shares = {name: softmax(logits / temperature) for name, logits in answers.logits.items()}
    hits = {
        name: (one.argmax(axis=1) == answers.targets).astype(float) for name, one in shares.items()
    }
    unknown = {name: float((one.max(axis=1) < threshold).mean()) for name, one in shares.items()}
    hits[SHORT] = np.mean([hits[name] for name in _SHORT], axis=0)
    unknown[SHORT] = float(np.mean([unknown[name] for name in _SHORT]))
    groups = [sounds[number].artist for number in answers.tracks]
    return {
        name: Condition(
            accuracy=bootstrap_mean(one, groups),
            lost=bootstrap_mean(hits[WHOLE] - one, groups),
            unknown=unknown[name],
        )
        for name, one in hits.items()
    }


def reference(
    encoder: Path,
    sounds: Sequence[Sound],
    answers: Answers,
    temperature: float,
    threshold: float,
    protocol: str,
) -> Reference:
    """What drift is compared with: answers for tracks outside training, and their spectrograms."""
    shares = softmax(answers.logits[WHOLE] / temperature)
    best = shares.max(axis=1)
    predicted = [
        GENRES[place] if sure else UNKNOWN
        for place, sure in zip(shares.argmax(axis=1), best >= threshold, strict=True)
    ]
    bundle = load_bundle(encoder)
    length = round(bundle.manifest.windows.window_seconds * bundle.manifest.sample_rate_hz)
    ((name, frontend),) = bundle.frontends.items()
    mel, items = [], []
    for number in answers.tracks:
        samples = audio_of(sounds[number].path, WHOLE, bundle.manifest.sample_rate_hz)
        for start in range(0, max(1, len(samples) - length + 1), length):
            mel.append(bundle.features(samples[start : start + length])[name])
            items.append(sounds[number].track)
    inputs = spreads_of_rows(name, frontend, np.stack(mel), np.array(items, object))
    return make_reference(protocol, predicted, best, inputs)


def mistakes(sounds: Sequence[Sound], answers: Answers) -> tuple[Mistake, ...]:
    """Misclassified tracks."""
    best = answers.logits[WHOLE].argmax(axis=1)
    return tuple(
        Mistake(
            track=sounds[number].track,
            artist=sounds[number].artist,
            source=sounds[number].source,
            genre=sounds[number].genre,
            answer=GENRES[predicted],
        )
        for number, predicted, target in zip(answers.tracks, best, answers.targets, strict=True)
        if predicted != target
    )


def beside(
    name: str,
    sounds: Sequence[Sound],
    examples: Examples,
    settings: Settings,
    protocols: Sequence[str] = PROTOCOLS,
) -> tuple[Beside, ...]:
    """Another embedding, or other settings, in the same rounds."""
    found = []
    for protocol in protocols:
        one = answer(sounds, examples, settings, protocol, {WHOLE: examples.whole})
        found.append(_row(name, protocol, sounds, one.tracks, one.logits[WHOLE], one.targets))
    return tuple(found)


def ablations(
    sounds: Sequence[Sound], examples: Examples, settings: Settings
) -> tuple[Beside, ...]:
    """The head with other settings, collections held out; `Examples.cut` is tested, too."""
    assert examples.cut is not None
    conditions = {WHOLE: examples.whole, CUT_AT_4_KHZ: examples.cut}
    changes: dict[str, dict[str, float]] = {
        "as it ships": {},
        "noise not made short": {"noise": 0.0},
        "no snippets": {"snippets": 1e-6},
        "outside as much as GTZAN": {"outside": 1.0, "snippets": 1.0},
        "each sound also with nothing above 4 kHz, at a tenth of its weight": {"cut": 0.1},
        "each sound also with nothing above 4 kHz": {"cut": 1.0},
    }
    found = []
    for name, changed in changes.items():
        one = answer(sounds, examples, replace(settings, **changed), BY_COLLECTION, conditions)
        for condition, logits in one.logits.items():
            tested = name if condition == WHOLE else f"{name}; tested: {condition}"
            found.append(_row(tested, BY_COLLECTION, sounds, one.tracks, logits, one.targets))
    return tuple(found)


def model_beside(name: str, bundle: Path, sounds: Sequence[Sound]) -> Beside:
    """A saved model's answers for everything outside GTZAN."""
    classifier = Classifier.load(bundle)
    tracks = np.array([n for n, one in enumerate(sounds) if one.kind == "outside"])
    scores = []
    for number in tracks:
        prediction = classifier.predict_file(sounds[number].path)
        scores.append([prediction.scores.get(genre, 0.0) for genre in GENRES])
    targets = np.array([GENRES.index(sounds[number].genre) for number in tracks])
    return _row(name, GTZAN_ALONE, sounds, tracks, np.array(scores), targets)


def _row(
    name: str, protocol: str, sounds: Sequence[Sound], tracks: Rows, scores: Array, targets: Rows
) -> Beside:
    hits = (scores.argmax(axis=1) == targets).astype(float)
    groups = [sounds[number].artist for number in tracks]
    return Beside(
        name=name,
        protocol=protocol,
        tracks=len(tracks),
        accuracy=bootstrap_mean(hits, groups),
        macro=macro_recall(targets, scores),
    )
