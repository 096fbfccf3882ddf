"""Classical models for several genres a track: a model for each genre, one graph of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.export.agreement import require_agreement
from genrekit.export.classical import (
    SMALLEST_PROBABILITY,
    add_probabilities,
    run_onnx,
)
from genrekit.export.graph import Graph
from genrekit.inference import calibrated
from genrekit.models import ClassicalConfig, build

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def fit_one_vs_rest(
    config: ClassicalConfig,
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    *,
    labels: Sequence[str],
    seed: int,
    feature_names: Sequence[str],
    groups: Sequence[str],
) -> tuple[Pipeline | float, ...]:
    """Return a model for each genre, of rows that have it against all others.

    A genre that no row has, or every row, is told with a probability of 1e-7, or all but that.

    Parameters
    ----------
    x : ndarray, shape (n_rows, n_columns)
    y : ndarray of 0 and 1, shape (n_rows, n_labels)

    Raises
    ------
    DatasetError
        If a genre has too few rows for a setting; the message names it.
    """
    members: list[Pipeline | float] = []
    for label, column in zip(labels, y.T, strict=True):
        if column.min() == column.max():
            members.append(
                float(np.clip(column[0], SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
            )
            continue
        pipeline = build(config, seed=seed, feature_names=feature_names, groups=list(groups))
        try:
            members.append(pipeline.fit(x, column))
        except ValueError as error:  # what scikit-learn raises for data that does not fit a setting
            raise DatasetError(
                f"{config.architecture} cannot be fitted for {label!r}, which {column.sum()} of "
                f"{len(column)} rows have: {error}; add tracks, or set labels.minimum_tracks"
            ) from error
    return tuple(members)


def export_one_vs_rest(
    members: Sequence[Pipeline | float], *, input_name: str, n_columns: int
) -> bytes:
    """Return an ONNX file: float32 (n, n_columns) to ``logits`` (n, n_labels), log odds.

    Probabilities closer than 1e-7 to 0 or 1 are moved there.
    """
    graph = Graph()
    x = graph.as_double(input_name)
    columns = [_probability(graph, x, member) for member in members]
    low, high = graph.constant(SMALLEST_PROBABILITY), graph.constant(1 - SMALLEST_PROBABILITY)
    present = graph.add("Clip", graph.add("Concat", *columns, axis=1), low, high)
    absent = graph.add("Sub", graph.constant(1.0), present)
    odds = graph.add("Sub", graph.add("Log", present), graph.add("Log", absent))
    return graph.finish(
        graph.as_float(odds), input_name=input_name, n_columns=n_columns, n_labels=len(members)
    )


def check_one_vs_rest(
    model: bytes, members: Sequence[Pipeline | float], x: NDArray[np.float32]
) -> float:
    """Largest difference in probability between the graph and its sources over the rows ``x``.

    Raises
    ------
    BundleError
        If it is above `AGREEMENT`.
    """
    given = calibrated(run_onnx(model, x), task="multi-label", temperature=1.0)
    expected = [
        np.full(len(x), member)
        if isinstance(member, float)
        else member.predict_proba(x.astype(np.float64))[:, 1]
        for member in members
    ]
    worst = float(np.abs(given - np.transpose(expected)).max())
    return require_agreement(worst, "the exported models differ from their sources", "probability")


def _probability(graph: Graph, x: str, member: Pipeline | float) -> str:
    """Probabilities (n, 1) of one genre."""
    if isinstance(member, float):
        first = graph.add("Gather", x, graph.constant(np.array([0], np.int64)), axis=1)
        return graph.add("Add", graph.add("Sub", first, first), graph.constant(member))
    second = graph.constant(np.array([1], np.int64))
    return graph.add("Gather", add_probabilities(member, graph, x), second, axis=1)
