"""A child implies its parents: in probabilities, in choices, and in what a manifest may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from genrekit.bundles import load_bundle
from genrekit.inference import aggregate, chosen, consistent, decide, edges, ranked
from genrekit.schema import Manifest

# In the ten labels of the small model: reggae is rock is pop, and metal is rock.
PARENTS = {"rock": "pop", "reggae": "rock", "metal": "rock", "disco": "blues"}
windows = arrays(np.float64, st.tuples(st.integers(1, 4), st.just(10)), elements=st.floats(0, 1))


@pytest.fixture(scope="module")
def manifest(tiny_bundle: Path) -> Manifest:
    fields = load_bundle(tiny_bundle).manifest.model_dump()
    changes = {"task": "multi-label", "thresholds": [0.5] * 10, "parents": PARENTS}
    return Manifest.model_validate({**fields, **changes})


@given(windows=windows)
def test_parents_are_at_least_as_probable_as_their_children(
    manifest: Manifest, windows: np.ndarray
) -> None:
    tree = edges(manifest.labels, PARENTS)
    raised = consistent(windows, tree)
    assert (raised >= windows).all()
    for child, parent in tree:
        assert (raised[:, child] <= raised[:, parent]).all()
    free = [number for number, label in enumerate(manifest.labels) if label not in ("pop", "rock")]
    free.remove(manifest.labels.index("blues"))
    assert np.array_equal(raised[:, free], windows[:, free]), "what has no children stays"
    assert np.array_equal(consistent(raised, tree), raised)


@given(windows=windows, how=st.sampled_from(["mean-probability", "mean-logit"]))
def test_whole_tracks_obey_the_tree_as_their_windows_do(
    manifest: Manifest, windows: np.ndarray, how: Any
) -> None:
    tree = edges(manifest.labels, PARENTS)
    track = aggregate(consistent(windows, tree), manifest.model_copy(update={"aggregation": how}))
    assert all(track[child] <= track[parent] + 1e-12 for child, parent in tree)


@given(windows=windows)
def test_one_track_and_many_are_decided_alike(manifest: Manifest, windows: np.ndarray) -> None:
    tree = edges(manifest.labels, PARENTS)
    choice = chosen(windows, manifest.thresholds, tree)
    for row, yes in zip(windows, choice, strict=True):
        told = decide(ranked(manifest.labels, row), manifest, unknown_below=0)
        assert set(told) == {label for label, one in zip(manifest.labels, yes, strict=True) if one}


def test_grandchildren_reach_the_root() -> None:
    labels = ("a", "b", "c", "d")
    tree = edges(labels, {"a": "b", "b": "c"})
    raised = consistent(np.array([[0.9, 0.2, 0.1, 0.3]]), tree)
    assert raised.tolist() == [[0.9, 0.9, 0.9, 0.3]]
    choice = chosen(np.array([[0.9, 0.2, 0.1, 0.3]]), (0.5,) * 4, tree)
    assert choice.tolist() == [[True, True, True, False]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parents": {"rock": "polka"}}, "not among the labels"),
        ({"parents": {"rock": "pop", "pop": "rock"}}, "among its own ancestors"),
        ({"parents": {"rock": "rock"}}, "among its own ancestors"),
        ({"parents": {"jazz": "rock", "rock": "pop", "pop": "rock"}}, "own ancestors"),
        ({"task": "single-label", "thresholds": []}, "parents are for multi-label"),
        ({"thresholds": [0.5]}, "wants 10 thresholds"),
        ({"thresholds": [1.5] * 10}, "less than or equal to 1"),
    ],
)
def test_manifests_that_contradict_themselves_are_refused(
    manifest: Manifest, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        Manifest.model_validate({**manifest.model_dump(), **changes})
