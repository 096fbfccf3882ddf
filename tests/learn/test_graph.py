"""Graphs that are cut and joined without the onnx package compute what NumPy does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from genrekit.bundles import Bundle, load_bundle
from genrekit.bundles.session import open_session, run_outputs
from genrekit.errors import BundleError
from genrekit.jukebox import synthesise
from genrekit.learn import wire
from genrekit.learn.embedding import Embedded, embed_windows, joined
from genrekit.learn.graph import after_embedding, detector_of, with_head
from genrekit.learn.head import fit_scaling
from genrekit.learn.methods import Base, Method, MoreGenres, own_genres

SECONDS = 6.5


@pytest.fixture(scope="module")
def box() -> Bundle:
    return load_bundle("box")


@pytest.fixture(scope="module")
def lessons(box: Bundle) -> Embedded:
    clips = [
        synthesise(genre, seconds=SECONDS, seed=seed, sample_rate_hz=box.manifest.sample_rate_hz)
        for genre in ("disco", "metal")
        for seed in range(2)
    ]
    return joined([embed_windows(box, clip) for clip in clips])


def _own(box: Bundle, lessons: Embedded) -> Method:
    return own_genres(box, 2)


def _several(box: Bundle, lessons: Embedded) -> Method:
    return own_genres(box, 2, several=True)


def _more(box: Bundle, lessons: Embedded) -> Method:
    count, size = len(box.manifest.labels), box.embedding_size
    assert size is not None
    tail = after_embedding((box.directory / "model.onnx").read_bytes(), size)
    base = Base(
        open_session(tail, inputs=("embedding",), n_labels=count), count, box.manifest.temperature
    )
    others = lessons.select([0, 1])
    return MoreGenres(count, count + 1, base, others, fit_scaling(lessons), detector_of(box))


@pytest.mark.parametrize("make", [_own, _several, _more])
def test_the_saved_graph_gives_what_was_tested(
    make: Callable[[Bundle, Embedded], Method], box: Bundle, lessons: Embedded
) -> None:
    targets = np.array([0, 0, 1, 1])
    if make is _several:
        targets = np.array([[1, 0], [1, 0], [1, 1], [0, 1]])
    if make is _more:
        targets = targets * len(box.manifest.labels)
    model = make(box, lessons).fit(lessons, targets)
    clip = synthesise("rock", seconds=SECONDS, seed=9, sample_rate_hz=16000)
    asked = joined([embed_windows(box, clip)])
    expected = model.window_logits(asked)
    graph = model.graph((box.directory / "model.onnx").read_bytes())
    session = open_session(graph, inputs=("mel",), n_labels=expected.shape[1])
    length = round(box.manifest.windows.window_seconds * 16000)
    features = box.features(clip.samples[:length])
    found = run_outputs(
        session,
        {name: array[None] for name, array in features.items()},
        {"logits": expected.shape[1], "embedding": asked.rows.shape[1]},
    )
    assert found["logits"][0] == pytest.approx(expected[0], abs=1e-3)
    assert found["embedding"][0] == pytest.approx(asked.rows[0], abs=1e-4)
    # Nothing of the base's own heads is carried along.
    assert (make is _more) or b"heads.tags" not in graph


def test_damaged_models_are_refused(box: Bundle, lessons: Embedded) -> None:
    model = (box.directory / "model.onnx").read_bytes()
    head = own_genres(box, 2).fit(lessons, np.array([0, 0, 1, 1])).head
    for broken in (b"", model[:5000], b"\xff" * 40, model[:-3]):
        with pytest.raises(BundleError):
            with_head(broken, head, "single-label", None)


def test_numbers_and_texts_survive_the_wire() -> None:
    written = wire.number(3, 2**40) + wire.message(9, "Größe") + wire.number(1, 0)
    found = list(wire.fields(written))
    assert [(one.number, one.value) for one in found[::2]] == [(3, 2**40), (1, 0)]
    assert found[1].text == "Größe"
    assert b"".join(one.raw for one in found) == written


def test_learning_loads_none_of_the_libraries_that_train() -> None:
    code = (
        "import sys, genrekit.cli, genrekit.learn.from_files; "
        "print(sorted({'torch', 'sklearn', 'pandas', 'onnx', 'librosa'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
