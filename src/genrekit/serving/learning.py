"""Genres of a visitor's own, from a few songs: what a worker does of it.

The server keeps nothing: the page holds the embeddings of its songs and the weights that were
learnt, and computes verdicts itself.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.errors import ConfigError
from genrekit.evaluation import fit_temperature, wilson
from genrekit.inference import printable
from genrekit.learn import (
    Embedded,
    check_embeds,
    detector_of,
    embed_windows,
    joined,
    own_genres,
    unknown_limit,
)

if TYPE_CHECKING:
    from genrekit.serving.work import WorkerContext, WorkerRequest

_MOST_FOLDS = 10


def embed(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Return the embedding of each window of a file, and how probably each is not music."""
    bundle = context.classifiers[work.model].bundle
    check_embeds(bundle)
    waveform = decode(
        work.path,
        sample_rate_hz=bundle.manifest.sample_rate_hz,
        excerpt=bundle.manifest.excerpt,
        limits=context.limits,
    )
    rows = embed_windows(bundle, waveform)
    detector = detector_of(bundle)
    other = np.zeros(len(rows)) if detector is None else detector(rows)
    return {
        "path": printable(work.name),
        "windows": len(rows),
        "columns": int(rows.shape[1]),
        "embedding": _packed(rows),
        "not_music": [round(float(one), 6) for one in other],
    }


def learn(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Weights learnt from the piles in a file, and how good they are on songs left out."""
    bundle = context.classifiers[work.model].bundle
    size = check_embeds(bundle)
    piles = json.loads(Path(work.path).read_bytes())["piles"]
    songs = [_unpacked(song, size) for pile in piles for song in pile["songs"]]
    counts = [len(pile["songs"]) for pile in piles]
    targets = np.repeat(np.arange(len(piles)), counts)
    examples = joined(songs)
    method = own_genres(bundle, len(piles))
    logits = np.zeros((len(songs), len(piles)))
    fold_of = np.concatenate([np.arange(count) for count in counts]) % _MOST_FOLDS
    for fold in np.unique(fold_of):
        asked = np.flatnonzero(fold_of == fold)
        fitted_on = np.flatnonzero(fold_of != fold)
        model = method.fit(examples.select(fitted_on), targets[fitted_on])
        logits[asked] = model.track_logits(examples.select(asked))
    return _answer(method.fit(examples, targets).head, logits, targets, piles, examples)


def _answer(
    head: Any,
    logits: NDArray[np.float64],
    targets: NDArray[np.int64],
    piles: list[dict[str, Any]],
    examples: Embedded,
) -> dict[str, Any]:
    temperature = fit_temperature(logits, targets)
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    hits = logits.argmax(axis=1) == targets
    accuracy = wilson(int(hits.sum()), len(hits))
    return {
        "labels": [pile["name"] for pile in piles],
        "columns": int(head.weights.shape[0]),
        "weights": _packed(head.weights),
        "bias": [float(one) for one in head.bias],
        "temperature": temperature,
        "unknown_below": unknown_limit(powers / powers.sum(axis=1, keepdims=True), targets),
        "songs": examples.tracks,
        "accuracy": accuracy.model_dump(),
        "majority": float(np.bincount(targets).max() / len(targets)),
        "wrong": [
            {"pile": int(true), "song": int(place - np.flatnonzero(targets == true)[0])}
            | {"heard": piles[int(predicted)]["name"]}
            for place, (true, predicted) in enumerate(
                zip(targets, logits.argmax(axis=1), strict=True)
            )
            if true != predicted
        ],
    }


def _packed(rows: NDArray[np.floating]) -> str:
    return base64.b64encode(np.ascontiguousarray(rows, "<f4").tobytes()).decode()


def _unpacked(song: str, columns: int) -> NDArray[np.float32]:
    """Rows of numbers that a page sends back.

    Raises
    ------
    ConfigError
        If they are not what this server gave for a song.
    """
    try:
        numbers = np.frombuffer(base64.b64decode(song, validate=True), "<f4")
    except ValueError as error:
        raise ConfigError(f"a song is not base64 of numbers: {error}") from None
    if not len(numbers) or len(numbers) % columns or not np.isfinite(numbers).all():
        raise ConfigError(
            f"a song has {len(numbers)} numbers, expected some rows of {columns} finite ones, as "
            "/api/v1/learn/embed gives them; was the model changed meanwhile? drop the songs again"
        )
    return numbers.reshape(-1, columns).astype(np.float32)
