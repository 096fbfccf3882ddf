"""The network of a bundle in other precisions, and how much that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform
from genrekit.bundles import EMBEDDING, Bundle, window_samples
from genrekit.edge.graph import AUDIO, SCORES
from genrekit.edge.nodes import TensorProto, helper, numpy_helper, onnx
from genrekit.errors import AudioContentError
from genrekit.inference import Classifier, cut_windows, decide, ranked
from genrekit.schema import Manifest

Samples = NDArray[np.float32]
#: Constants that give an array of weights, and the node that makes it of them.
Stored = tuple[list[Any], Any]
#: Arrays of at least so many weights are stored in another way; the others cost nothing.
_WORTH_STORING = 64
_LARGEST_INT8 = 127
CALIBRATION_WINDOWS = 128


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is said of a track.

    Attributes
    ----------
    scores : (labels,) float64
        Empty for a bundle that gives an embedding alone.
    embedding : (size,) float32, optional
    genres : tuple of str
    """

    scores: NDArray[np.float64]
    embedding: Samples | None
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far answers are from those of the Python path."""

    agreement: float
    scores: float
    embedding: float | None


def half_weights(network: bytes) -> bytes:
    """Store the weights of a network in half precision; it computes in single precision.

    Every runtime has the conversion, and few have the other operators in half precision.
    """

    def stored(name: str, weights: Samples) -> Stored | None:
        if float(np.abs(weights).max()) > np.finfo(np.float16).max:
            return None
        half = numpy_helper.from_array(weights.astype(np.float16), f"{name}/half")
        return [half], helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)

    return _with_weights(network, stored)


def eight_bit_weights(network: bytes) -> bytes:
    """Store the weights of a network in eight bits; it computes in single precision.

    Each row of an array has a scale of its own, or each column, whichever is nearer.
    """

    def stored(name: str, weights: Samples) -> Stored | None:
        if weights.ndim < 2:
            return None
        axis, (whole, scales) = min(
            ((axis, _eight_bits(weights, axis)) for axis in (0, 1)),
            key=lambda found: float(np.square(found[1][0] * found[1][1] - weights).mean()),
        )
        zeros = np.zeros(scales.size, np.int8)
        arrays: dict[str, NDArray[Any]] = {
            "eight": whole,
            "scale": scales.reshape(-1),
            "zero": zeros,
        }
        parts = [numpy_helper.from_array(one, f"{name}/{what}") for what, one in arrays.items()]
        names = [one.name for one in parts]
        return parts, helper.make_node("DequantizeLinear", names, [name], axis=axis)

    return _with_weights(network, stored)


def _eight_bits(weights: Samples, axis: int) -> tuple[NDArray[np.int8], Samples]:
    """Return whole numbers, and scales that give the weights when multiplied with them."""
    others = tuple(one for one in range(weights.ndim) if one != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / _LARGEST_INT8, 1).astype(np.float32)
    return np.round(weights / scales).astype(np.int8), scales


def _with_weights(network: bytes, store: Callable[[str, Samples], Stored | None]) -> bytes:
    """Store larger arrays of weights in another way, where there is one."""
    model = onnx.load_from_string(network)
    weights, nodes = [], []
    for one in model.graph.initializer:
        array = numpy_helper.to_array(one)
        large = one.data_type == TensorProto.FLOAT and array.size >= _WORTH_STORING
        found = store(one.name, array) if large else None
        if found is None:
            weights.append(one)
        else:
            weights += found[0]
            nodes.append(found[1])
    nodes += model.graph.node
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(weights)
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString(deterministic=True))


def calibration_rows(bundle: Bundle, tracks: Sequence[Samples]) -> dict[str, Samples]:
    """Compute inputs of the network for windows of some tracks, spread over them."""
    length, hop = window_samples(bundle.manifest.windows, bundle.manifest.sample_rate_hz)
    every = max(1, len(tracks) // CALIBRATION_WINDOWS)
    found: list[Mapping[str, Samples]] = []
    for samples in tracks[::every]:
        windows = list(cut_windows([samples], length=length, hop=hop))
        found.append(bundle.features(windows[len(windows) // 2].samples))
    shapes = [tuple(one.shape for one in row.values()) for row in found]
    most_common = max(set(shapes), key=shapes.count)
    rows = [row for row, shape in zip(found, shapes, strict=True) if shape == most_common]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def python_answers(bundle: Bundle, tracks: Sequence[Samples]) -> list[Answer | None]:
    """Ask `genrekit predict` for each track; None stands for one that it refuses."""
    classifier = Classifier(bundle)
    return [_python_answer(classifier, one) for one in tracks]


def _python_answer(classifier: Classifier, samples: Samples) -> Answer | None:
    manifest = classifier.bundle.manifest
    waveform = Waveform(samples, manifest.sample_rate_hz)
    try:
        embedding = classifier.embed(waveform) if classifier.bundle.embedding_size else None
        if manifest.embedding_only:
            return Answer(np.zeros(0), embedding, ())
        prediction = classifier.predict(waveform)
    except AudioContentError:
        return None
    scores = np.array([prediction.scores[label] for label in manifest.labels])
    return Answer(scores, embedding, _decided(scores, manifest))


def _decided(scores: NDArray[np.float64], manifest: Manifest) -> tuple[str, ...]:
    order = ranked(manifest.labels, scores)
    return tuple(sorted(decide(order, manifest, unknown_below=manifest.unknown_below)))


def graph_answer(session: Any, samples: Samples, manifest: Manifest) -> Answer:
    """Ask a graph for a track, and decide as ``model.json`` tells a program to."""
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, {AUDIO: samples}), strict=True))
    scores = np.asarray(found.get(SCORES, np.zeros(0)), np.float64)
    genres = _decided(scores, manifest) if scores.size else ()
    return Answer(scores, found.get(EMBEDDING), genres)


def difference(wanted: Sequence[Answer | None], given: Sequence[Answer | None]) -> Difference:
    """Compare answers to the same tracks; those that one side refuses are left out."""
    pairs = [(a, b) for a, b in zip(wanted, given, strict=True) if a is not None and b is not None]
    embeddings = [
        float(np.abs(a.embedding - b.embedding).max())
        for a, b in pairs
        if a.embedding is not None and b.embedding is not None
    ]
    return Difference(
        agreement=sum(a.genres == b.genres for a, b in pairs) / len(pairs),
        scores=max(float(np.abs(a.scores - b.scores).max(initial=0.0)) for a, b in pairs),
        embedding=max(embeddings) if embeddings else None,
    )
