"""The graph of a learnt model: the base up to its embedding, and a head behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import EMBEDDING, LOGITS, Bundle
from genrekit.errors import BundleError
from genrekit.learn import wire
from genrekit.learn.wire import Field, node, tensor
from genrekit.schema import Task

Array = NDArray[np.float64]

#: Below this, logarithms of probabilities tell rounding apart and nothing else.
SMALLEST_PROBABILITY = 1e-4
_OWN = "learnt/"
_BASE_LOGITS = _OWN + "base_logits"
_DETECTOR = ("centre", "spread", "out_of_domain.weight", "out_of_domain.bias")


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Scores ``rows @ weights + bias`` of embeddings.

    Attributes
    ----------
    weights : (size, n_labels) float64
    bias : (n_labels,) float64
    """

    weights: Array
    bias: Array

    def __call__(self, rows: NDArray[np.floating]) -> Array:
        """(n, size) to (n, n_labels)."""
        found: Array = np.asarray(rows, np.float64) @ self.weights + self.bias
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """What tells embeddings of sounds that are not music, as the base has it.

    Attributes
    ----------
    centre, spread : (size,) float64
    linear, square : (size, 1) float64
        Weights of the scaled embedding, and of its squares.
    bias : float
    """

    centre: Array
    spread: Array
    linear: Array
    square: Array
    bias: float

    def __call__(self, rows: NDArray[np.floating]) -> Array:
        """Probability (n,) that windows (n, size) are not music."""
        scaled = (np.asarray(rows, np.float64) - self.centre) / self.spread
        found = scaled @ self.linear + scaled**2 @ self.square + self.bias
        return np.asarray(0.5 * (1 + np.tanh(0.5 * found[:, 0])))


def detector_of(bundle: Bundle) -> Detector | None:
    """Return the detector of a bundle's own; None for one that has none."""
    path = bundle.directory / "weights.safetensors"
    if not path.is_file():
        return None
    arrays = _read_tensors(path.read_bytes(), _DETECTOR)
    if len(arrays) < len(_DETECTOR):
        return None
    centre, spread, weights, bias = (arrays[name].ravel() for name in _DETECTOR)
    size = len(centre)
    if size != bundle.embedding_size or len(spread) != size or len(weights) != 2 * size:
        return None
    return Detector(centre, spread, weights[:size, None], weights[size:, None], float(bias[0]))


def _read_tensors(raw: bytes, names: Iterable[str]) -> dict[str, Array]:
    """Read some float32 arrays of a safetensors file; those not there are left out."""
    try:
        size = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + size])
        found = {}
        for name in names:
            entry = header.get(name)
            if entry is not None and entry["dtype"] == "F32":
                begin, end = (8 + size + int(one) for one in entry["data_offsets"])
                found[name] = np.frombuffer(raw[begin:end], "<f4").astype(np.float64)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"weights.safetensors is damaged: {error}") from error
    return found


# --- building -----------------------------------------------------------------------------------


def with_head(model: bytes, head: Linear, task: Task, detector: Detector | None) -> bytes:
    """Return a base's graph with another head: outputs ``logits`` and ``embedding``, nothing else.

    What the detector takes for no music is spread over all genres, so that none of them is
    probable, as in the base.

    Raises
    ------
    BundleError
        If the base has no embedding.
    """
    body, rest = _cut(model, (EMBEDDING,))
    nodes = [_affine(head, _OWN + "scores")]
    if task == "multi-label":
        nodes.append(_multi_label(detector))
    else:
        nodes.append(node("Softmax", (_OWN + "scores",), _OWN + "genres"))
        nodes.append(_single_label(detector, len(head.bias)))
    return _assembled(body, rest, nodes, len(head.bias), head.weights.shape[0])


def with_more(
    model: bytes, more: Linear, n_base: int, detector: Detector | None, temperature: float
) -> bytes:
    """Return a base's graph whose genres are joined by further ones.

    Parameters
    ----------
    more : Linear
        Scores each further genre against all genres of the base together, which score 0. As the
        base's are told one by one, a further genre is measured by the most probable of them: it is
        told where it is more probable than all of them together.
    temperature : float
        The base's own.
    """
    body, rest = _cut(model, (EMBEDDING, LOGITS), rename={LOGITS: _BASE_LOGITS})
    nodes = [
        tensor(_OWN + "base_scale", np.array([1 / temperature])),
        node("Mul", (_BASE_LOGITS, _OWN + "base_scale"), _OWN + "base_scaled"),
        node("Softmax", (_OWN + "base_scaled",), _OWN + "base_genres"),
        node("Log", (_OWN + "base_genres",), _OWN + "base_logs"),
        node("Hardmax", (_OWN + "base_genres",), _OWN + "base_choice", axis=1),
        node("Mul", (_OWN + "base_genres", _OWN + "base_choice"), _OWN + "base_chosen"),
        tensor(_OWN + "ones", np.ones((n_base, 1))),
        node("MatMul", (_OWN + "base_chosen", _OWN + "ones"), _OWN + "base_best"),
        node("Log", (_OWN + "base_best",), _OWN + "base_best_log"),
        _affine(more, _OWN + "more"),
        node("Add", (_OWN + "more", _OWN + "base_best_log"), _OWN + "more_beside"),
        node("Concat", (_OWN + "base_logs", _OWN + "more_beside"), _OWN + "scores", axis=1),
        node("Softmax", (_OWN + "scores",), _OWN + "genres"),
        _single_label(detector, n_base + len(more.bias)),
    ]
    return _assembled(body, rest, nodes, n_base + len(more.bias), more.weights.shape[0])


def after_embedding(model: bytes, size: int) -> bytes:
    """Return the part of a base's graph from ``embedding`` (n, size) to ``logits``.

    Raises
    ------
    BundleError
        If it has no embedding.
    """
    body, rest = _cut(model, (LOGITS,), given=EMBEDDING)
    outputs = wire.value(wire.GRAPH_INPUT, EMBEDDING, size)
    outputs += wire.message(wire.GRAPH_OUTPUT, wire.message(wire.VALUE_NAME, LOGITS))
    return rest + wire.message(wire.MODEL_GRAPH, body + outputs)


def _affine(head: Linear, name: str) -> bytes:
    return b"".join(
        [
            tensor(name + "/weights", head.weights),
            tensor(name + "/bias", head.bias),
            node("MatMul", (EMBEDDING, name + "/weights"), name + "/product"),
            node("Add", (name + "/product", name + "/bias"), name),
        ]
    )


def _single_label(detector: Detector | None, n_labels: int) -> bytes:
    """Probabilities to logits, those of what is not music even."""
    parts, genres = [], _OWN + "genres"
    if detector is not None:
        parts = [
            _other(detector),
            tensor(_OWN + "share", np.array([1 / n_labels])),
            node("Mul", (_OWN + "music", genres), _OWN + "of_music"),
            node("Mul", (_OWN + "other", _OWN + "share"), _OWN + "of_other"),
            node("Add", (_OWN + "of_music", _OWN + "of_other"), _OWN + "mixed"),
        ]
        genres = _OWN + "mixed"
    parts += [
        tensor(_OWN + "least", np.array([SMALLEST_PROBABILITY])),
        node("Max", (genres, _OWN + "least"), _OWN + "bounded"),
        node("Log", (_OWN + "bounded",), LOGITS),
    ]
    return b"".join(parts)


def _multi_label(detector: Detector | None) -> bytes:
    if detector is None:
        return node("Identity", (_OWN + "scores",), LOGITS)
    return b"".join(
        [
            _other(detector),
            tensor(_OWN + "least", np.array([SMALLEST_PROBABILITY])),
            tensor(_OWN + "most", np.array([1 - SMALLEST_PROBABILITY])),
            node("Sigmoid", (_OWN + "scores",), _OWN + "genres"),
            node("Mul", (_OWN + "music", _OWN + "genres"), _OWN + "of_music"),
            node("Max", (_OWN + "of_music", _OWN + "least"), _OWN + "above"),
            node("Min", (_OWN + "above", _OWN + "most"), _OWN + "bounded"),
            node("Sub", (_OWN + "one", _OWN + "bounded"), _OWN + "against"),
            node("Log", (_OWN + "bounded",), _OWN + "log_for"),
            node("Log", (_OWN + "against",), _OWN + "log_against"),
            node("Sub", (_OWN + "log_for", _OWN + "log_against"), LOGITS),
        ]
    )


def _other(detector: Detector) -> bytes:
    """Probability of what is not music, and of music."""
    own = _OWN + "detector/"
    return b"".join(
        [
            tensor(own + "centre", detector.centre),
            tensor(own + "spread", detector.spread),
            tensor(own + "linear", detector.linear),
            tensor(own + "square", detector.square),
            tensor(own + "bias", np.array([detector.bias])),
            tensor(_OWN + "one", np.array([1.0])),
            node("Sub", (EMBEDDING, own + "centre"), own + "moved"),
            node("Div", (own + "moved", own + "spread"), own + "scaled"),
            node("Mul", (own + "scaled", own + "scaled"), own + "squared"),
            node("MatMul", (own + "scaled", own + "linear"), own + "first"),
            node("MatMul", (own + "squared", own + "square"), own + "second"),
            node("Add", (own + "first", own + "second"), own + "both"),
            node("Add", (own + "both", own + "bias"), own + "logit"),
            node("Sigmoid", (own + "logit",), _OWN + "other"),
            node("Sub", (_OWN + "one", _OWN + "other"), _OWN + "music"),
        ]
    )


def _assembled(body: bytes, rest: bytes, nodes: list[bytes], n_labels: int, size: int) -> bytes:
    outputs = wire.value(wire.GRAPH_OUTPUT, LOGITS, n_labels)
    outputs += wire.value(wire.GRAPH_OUTPUT, EMBEDDING, size)
    return rest + wire.message(wire.MODEL_GRAPH, body + b"".join(nodes) + outputs)


# --- cutting ------------------------------------------------------------------------------------


def _cut(
    model: bytes,
    wanted: tuple[str, ...],
    rename: dict[str, str] | None = None,
    given: str = "",
) -> tuple[bytes, bytes]:
    """Return what a graph needs for some of its values, without outputs; and the rest of the model.

    Where a value is ``given``, nothing that it is computed from is needed, nor any input.
    """
    parts = list(wire.fields(model))
    graphs = [part for part in parts if part.number == wire.MODEL_GRAPH]
    if len(graphs) != 1:
        raise BundleError("model.onnx holds no graph, or several")
    rest = b"".join(part.raw for part in parts if part.number != wire.MODEL_GRAPH)
    graph = list(wire.fields(graphs[0].message))
    nodes = [part for part in graph if part.number == wire.GRAPH_NODE]
    needed, kept = _needed(nodes, wanted, given)
    renames = rename or {}
    body = [_renamed(part, renames) for part in nodes if id(part) in kept]
    for part in graph:
        if part.number in (wire.GRAPH_NODE, wire.GRAPH_OUTPUT, wire.GRAPH_VALUE_INFO):
            continue
        if part.number == wire.GRAPH_INPUT and given:
            continue
        if part.number == wire.GRAPH_INITIALISER and _name(part, wire.TENSOR_NAME) not in needed:
            continue
        body.append(part.raw)
    return b"".join(body), rest


def _needed(nodes: list[Field], wanted: tuple[str, ...], given: str) -> tuple[set[str], set[int]]:
    """Names of all values that some values are computed from, and the nodes that do it."""
    made_by = {
        field.text: one
        for one in nodes
        for field in wire.fields(one.message)
        if field.number == wire.NODE_OUTPUT
    }
    asked = (*wanted, given) if given else wanted
    if missing := [name for name in asked if name not in made_by]:
        raise BundleError(f"model.onnx computes no {missing[0]!r}, so nothing can be built on it")
    needed, kept, waiting = set[str](), set[int](), [*wanted]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        if name == given:
            continue
        maker = made_by.get(name)
        if maker is not None and id(maker) not in kept:
            kept.add(id(maker))
            waiting += _read_by(maker.message)
    return needed, kept


def _read_by(message: bytes) -> list[str]:
    """Names that a node reads, those that graphs inside of it read among them."""
    names = []
    for field in wire.fields(message):
        if field.number == wire.NODE_INPUT:
            names.append(field.text)
        elif field.number == wire.NODE_ATTRIBUTE:
            for inner in wire.fields(field.message):
                if inner.number == wire.ATTRIBUTE_GRAPH:
                    for part in wire.fields(inner.message):
                        names += _read_by(part.message) if part.number == wire.GRAPH_NODE else []
    return names


def _renamed(part: Field, renames: dict[str, str]) -> bytes:
    if not renames:
        return part.raw
    body = b"".join(
        wire.message(field.number, renames[field.text])
        if field.number in (wire.NODE_INPUT, wire.NODE_OUTPUT) and field.text in renames
        else field.raw
        for field in wire.fields(part.message)
    )
    return wire.message(wire.GRAPH_NODE, body)


def _name(part: Field, number: int) -> str:
    return next((one.text for one in wire.fields(part.message) if one.number == number), "")
