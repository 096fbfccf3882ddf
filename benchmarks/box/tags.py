"""The further heads: 50 tags like the teacher's, and the wider genres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from heads import Array, Examples, Linear, Rows, fit_tags
from protocol import BY_COLLECTION, rounds
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sounds import GENRES, WHOLE, Sound, audio_of
from vocabulary import FURTHER, GROUPS

from genrekit.bundles import load_bundle, window_samples
from genrekit.distil.blocks import Hints, teacher_network
from genrekit.inference.windows import cut_windows
from genrekit.models.musicnn import NormalisedLevels
from genrekit.models.pretrained.musicnn import TAGS
from genrekit.progress import Progress
from genrekit.schema import Head

_C = 0.02
# A tag is chosen from the probability on at which that is right for the teacher's three best.
_TEACHERS_BEST = 3
_LEAST_THRESHOLD = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Teaching:
    """Windows with what the teacher says of them.

    Attributes
    ----------
    rows : (n, columns) float64
        The encoder's embeddings.
    logits : (n, 50) float64
        The teacher's, of each tag.
    owners : (n,) int
        Number of the sound of each.
    """

    rows: Array
    logits: Array
    owners: Rows


def teacher_windows(
    data: Path, sounds: Sequence[Sound], encoder: Path, folder: Path, progress: Progress
) -> Teaching:
    """All windows of all sounds, by the encoder and by the teacher."""
    bundle = load_bundle(encoder)
    path = folder / f"tags-{bundle.sha256[:24]}.npz"
    if not path.exists():
        weights = data / "weights/musicnn/msd_musicnn.safetensors"
        teacher = Hints(teacher_network(weights)).teacher
        levels = NormalisedLevels(96)
        rate, windows = bundle.manifest.sample_rate_hz, bundle.manifest.windows
        length, hop = window_samples(windows, rate)
        rows, logits, owners = [], [], []
        for number, sound in enumerate(sounds):
            cut = cut_windows([audio_of(sound.path, WHOLE, rate)], length=length, hop=hop)
            mel = np.stack([bundle.features(one.samples)["mel"] for one in cut])
            rows.append(bundle.embed({"mel": mel}))
            with torch.no_grad():
                logits.append(teacher(levels(torch.from_numpy(mel))).logits.numpy())
            owners.append(np.full(len(mel), number))
            progress("tags by the teacher", number + 1, len(sounds))
        np.savez(
            path,
            rows=np.concatenate(rows),
            logits=np.concatenate(logits),
            owners=np.concatenate(owners),
        )
    with np.load(path, allow_pickle=False) as arrays:
        return Teaching(
            arrays["rows"].astype(np.float64),
            arrays["logits"].astype(np.float64),
            arrays["owners"],
        )


def fit_further(
    scale: Linear, examples: Examples, teaching: Teaching, sounds: Sequence[Sound]
) -> tuple[dict[str, tuple[Array, Array]], dict[str, Head], dict[str, float]]:
    """Weights of the further heads, what they are, and how well they agree.

    Agreement is of clips outside GTZAN, by tags that were fitted on GTZAN.
    """
    outside = np.array([one.kind == "outside" for one in sounds])[teaching.owners]
    tried = fit_tags(scale, teaching.rows[~outside], teaching.logits[~outside])
    predicted = _by_track(
        expit(_apply(scale, tried, teaching.rows[outside])), teaching.owners[outside]
    )
    wanted = _by_track(expit(teaching.logits[outside]), teaching.owners[outside])
    tags = fit_tags(scale, teaching.rows, teaching.logits)
    further = [TAGS.index(tag) for tag in FURTHER]
    genres = _one_against_rest(scale, examples, np.arange(len(sounds)))
    wide = (
        np.hstack([genres[0], tags[0][:, further]]),
        np.concatenate([genres[1], tags[1][further]]),
    )
    thresholds = [_best_threshold(predicted[:, n], _chosen(wanted)[:, n]) for n in range(len(TAGS))]
    genre_thresholds, f1 = _genre_thresholds(scale, examples, sounds)
    heads = {
        "tags": Head(
            labels=TAGS,
            thresholds=tuple(thresholds),
            groups=GROUPS,
            checked=(
                "the teacher's own probabilities, for want of labels; thresholds are those at "
                "which the choice agrees best with the teacher's three most probable"
            ),
        ),
        "wide": Head(
            labels=(*GENRES, *FURTHER.values()),
            thresholds=(*genre_thresholds, *(thresholds[n] for n in further)),
            checked=(
                f"{', '.join(GENRES)}: labelled clips outside GTZAN, whole collections held out; "
                "the others: the teacher's own probabilities, for want of labels"
            ),
        ),
    }
    numbers = {
        "tracks": float(len(predicted)),
        "mean absolute difference of a tag's probability": float(np.abs(predicted - wanted).mean()),
        "correlation with the teacher, median over tags": float(
            np.median([np.corrcoef(predicted[:, n], wanted[:, n])[0, 1] for n in range(len(TAGS))])
        ),
        "best tag is the teacher's": float(
            (predicted.argmax(axis=1) == wanted.argmax(axis=1)).mean()
        ),
        "macro F1 of the ten genres of wide": f1,
    }
    return {"tags": tags, "wide": wide}, heads, numbers


def _one_against_rest(scale: Linear, examples: Examples, learnt: Rows) -> tuple[Array, Array]:
    """A logistic regression for each genre on the means of tracks: weights and biases."""
    rows = scale.scaled(examples.means[learnt])
    targets = examples.genres[learnt]
    models = [
        LogisticRegression(C=_C, max_iter=500).fit(rows, targets == genre)
        for genre in range(len(GENRES))
    ]
    weights = np.stack([one.coef_[0] for one in models], axis=1)
    return weights, np.array([one.intercept_[0] for one in models])


def _genre_thresholds(
    scale: Linear, examples: Examples, sounds: Sequence[Sound]
) -> tuple[list[float], float]:
    """Thresholds of the ten genres by held-out collections, and the macro F1 that they reach."""
    predicted, targets = [], []
    for one in rounds(sounds, BY_COLLECTION):
        weights, bias = _one_against_rest(scale, examples, one.learnt)
        predicted.append(expit(scale.scaled(examples.means[one.tested]) @ weights + bias))
        targets.append(examples.genres[one.tested])
    shares, truth = np.concatenate(predicted), np.concatenate(targets)
    thresholds = [_best_threshold(shares[:, n], truth == n) for n in range(len(GENRES))]
    scores = [_f1(shares[:, n] >= thresholds[n], truth == n) for n in range(len(GENRES))]
    return thresholds, float(np.mean(scores))


def _chosen(shares: Array) -> np.ndarray:
    """The three most probable tags of each track."""
    ranks = (-shares).argsort(axis=1).argsort(axis=1)
    return ranks < _TEACHERS_BEST


def _best_threshold(shares: Array, truth: np.ndarray) -> float:
    """Where F1 is the highest; a label that no track has is chosen from an even chance on."""
    if not truth.any():
        return 0.5
    candidates = np.unique(shares.round(3))
    best = max(candidates, key=lambda one: _f1(shares >= one, truth))
    return float(min(0.9, max(_LEAST_THRESHOLD, best)))


def _f1(chosen: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (chosen & truth).sum() / max(1, chosen.sum() + truth.sum()))


def _apply(scale: Linear, tags: tuple[Array, Array], rows: Array) -> Array:
    return scale.scaled(rows) @ tags[0] + tags[1]


def _by_track(shares: Array, owners: Rows) -> Array:
    return np.stack([shares[owners == owner].mean(axis=0) for owner in np.unique(owners)])
