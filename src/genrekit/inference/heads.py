"""What further heads give for a track: tags in groups, and genres beyond the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from genrekit.inference.scoring import ranked
from genrekit.schema import TAGS, WIDE, Head, Manifest, WideGenres


class HeadFields(TypedDict, total=False):
    """Fields of a prediction that come from heads."""

    tags: dict[str, dict[str, float]]
    wide: WideGenres


def read_heads(
    manifest: Manifest, windows: Mapping[str, Sequence[NDArray[np.float64]]] | None
) -> HeadFields:
    """Fields of a prediction from the probabilities of its windows; the mean of them is taken.

    Parameters
    ----------
    windows : mapping of str to sequence of (n_labels,) float64, optional
        By head; None or nothing in it gives no fields.
    """
    fields: HeadFields = {}
    for name, rows in (windows or {}).items():
        if not rows:
            continue
        head = manifest.heads[name]
        scores = ranked(head.labels, np.clip(np.mean(rows, axis=0), 0, 1))
        if name == TAGS:
            fields["tags"] = _grouped(head, scores)
        elif name == WIDE:
            fields["wide"] = WideGenres(scores=scores, genres=_chosen(head, scores))
    return fields


def _grouped(head: Head, scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    groups = head.groups or {"tags": head.labels}
    return {
        group: {label: score for label, score in scores.items() if label in labels}
        for group, labels in groups.items()
    }


def _chosen(head: Head, scores: Mapping[str, float]) -> tuple[str, ...]:
    thresholds = dict(zip(head.labels, head.thresholds, strict=True))
    return tuple(label for label, score in scores.items() if score >= thresholds[label])
