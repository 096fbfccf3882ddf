"""What a trained model was given and answered, kept in its bundle for drift to be told from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.features import Frontend, build_frontend
from genrekit.features import Numbers as Stored
from genrekit.inference import (
    InputNumbers,
    calibrated,
    chosen,
    edges,
    input_numbers,
    make_reference,
    spread_of,
)
from genrekit.schema import UNKNOWN, FrontendConfig, Reference, Spread
from genrekit.training.rows import audio_windows
from genrekit.training.saving import Fitted, Run

#: Rows that are in memory at once.
_BLOCK_ROWS = 256
#: Tracks that are listened to again where rows hold what a backbone made of them.
_EXTRACTED_AGAIN = 200


def reference_of(
    run: Run, one: Fitted, protocol: str, probabilities: NDArray[np.float64]
) -> Reference:
    """Return the reference of a bundle.

    Parameters
    ----------
    one : Fitted
        What is saved, for its thresholds.
    protocol : str
        Whose test tracks were answered.
    probabilities : (n_tracks, n_labels) float64
        The answers, as the bundle gives them.
    """
    predicted = _predicted(run, one, probabilities)
    return make_reference(protocol, predicted, probabilities.max(axis=1), _inputs(run))


def at_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return what a softmax (n, n_labels) would be at another temperature."""
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return calibrated(logs, task="single-label", temperature=temperature)


def _predicted(run: Run, one: Fitted, probabilities: NDArray[np.float64]) -> list[str]:
    """Return the one-word answer for each track, as `decide` gives it."""
    labels, shown = run.task.labels, probabilities
    known = probabilities.max(axis=1) >= run.recipe.unknown_below
    if run.task.multi_label:
        choice = chosen(probabilities, one.thresholds, edges(labels, run.task.parents))
        known &= choice.any(axis=1)
        shown = np.where(choice, probabilities, -1.0)
    best = shown.argmax(axis=1)
    return [labels[b] if sure else UNKNOWN for b, sure in zip(best, known, strict=True)]


def _inputs(run: Run) -> dict[str, Spread]:
    found: dict[str, Spread] = {}
    if run.backbone is not None:
        for name, config in run.backbone.frontends.items():
            found |= _extracted_again(run, name, config)
        return found
    arrays = {run.recipe.frontend.kind: run.rows.x, **run.rows.more}
    for name, config in run.recipe.frontends.items():
        found |= spreads_of_rows(name, build_frontend(config), arrays[name], run.rows.items)
    return found


def spreads_of_rows(
    name: str, frontend: Frontend, rows: Stored, items: NDArray[np.object_]
) -> dict[str, Spread]:
    """How the numbers of one front-end are spread over items, each the mean of its rows."""
    blocks = [
        input_numbers(name, frontend, np.asarray(rows[start : start + _BLOCK_ROWS]))
        for start in range(0, len(rows), _BLOCK_ROWS)
    ]
    _, item_of = np.unique(items.astype(str), return_inverse=True)
    counts = np.bincount(item_of)
    means = {
        number: np.bincount(item_of, np.concatenate([block[number] for block in blocks])) / counts
        for number in blocks[0]
    }
    # Of tables with gaps, the items that have the number.
    there = {number: values[~np.isnan(values)] for number, values in means.items()}
    return {number: spread_of(values) for number, values in there.items() if len(values)}


def _extracted_again(run: Run, name: str, config: FrontendConfig) -> dict[str, Spread]:
    """As `spreads_of_rows`, from some of the tracks themselves."""
    frontend = build_frontend(config)
    places = np.linspace(0, len(run.dataset) - 1, min(_EXTRACTED_AGAIN, len(run.dataset)))
    some = run.dataset.select(sorted(set(places.round().astype(int).tolist())))
    recipe = run.recipe
    extracted: list[InputNumbers] = [
        input_numbers(name, frontend, one.features)
        for one in audio_windows(some, config, excerpt=recipe.excerpt, windows=recipe.windows)
        if one.features is not None
    ]
    if not extracted:
        return {}
    return {
        number: spread_of(np.array([one[number].mean() for one in extracted]))
        for number in extracted[0]
    }
