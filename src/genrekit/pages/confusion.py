"""A confusion matrix that names the tracks behind its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genrekit.pages.charts import Heatmap

_MOST_NOTED = 8
_MOST_GENRES_WRITTEN = 25


def confusion_chart(
    title: str,
    labels: Sequence[str],
    cells: Mapping[tuple[str, str], Sequence[str]],
    unit: str = "items",
) -> Heatmap:
    """Return counts in cells, names when they are pointed at.

    Parameters
    ----------
    cells : mapping of (labelled, told) to names
        Pairs that are not of ``labels`` are left out.
    unit : str
        What is counted.
    """
    counts = np.array(
        [[len(cells.get((true, predicted), ())) for predicted in labels] for true in labels]
    )
    return Heatmap(
        title,
        counts.astype(float),
        labels,
        labels,
        unit,
        "told",
        "labelled",
        downwards=True,
        notes=[
            [_noted(cells.get((true, predicted), ())) for predicted in labels] for true in labels
        ],
        written=len(labels) <= _MOST_GENRES_WRITTEN,
    )


def _noted(items: Sequence[str]) -> str:
    more = f" and {len(items) - _MOST_NOTED} more" if len(items) > _MOST_NOTED else ""
    return ", ".join(items[:_MOST_NOTED]) + more
