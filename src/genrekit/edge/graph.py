"""One graph from audio to the answer: windows, front-end, network, temperature, pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genrekit.bundles import EMBEDDING, LOGITS, MANIFEST, Bundle, model_metadata
from genrekit.edge.frontends import check_frontend, frontend
from genrekit.edge.nodes import Nodes, TensorProto, helper, onnx
from genrekit.edge.windows import Cutting, over_windows
from genrekit.errors import BundleError
from genrekit.inference import edges
from genrekit.schema import Manifest

AUDIO, SCORES, WINDOWS, STARTS = "audio", "scores", "windows", "start_seconds"
#: Operators that are used take the same inputs from this version on.
_OLDEST_OPSET, _IR_VERSION = 13, 9
# The log-odds of one, as inference bounds them in double precision.
_MOST_LOG_ODDS = math.log(1 / np.finfo(np.float64).eps)


def check_bundle(bundle: Bundle) -> None:
    """Raise `ConfigError` for a bundle whose front-end cannot be part of a graph."""
    for config in bundle.manifest.frontends.values():
        check_frontend(config)


def edge_graph(bundle: Bundle, network: bytes) -> bytes:
    """Make one graph of a model; its bytes depend on nothing but what is given.

    It takes ``audio``, mono float32 (samples,) at the model's rate, and gives ``scores`` (labels,)
    of the track, its ``embedding``, ``windows`` (windows, labels) with the probabilities of each,
    ``start_seconds`` (windows,), and the probabilities of every further head by its name. A bundle
    without genres gives its embedding alone.

    Parameters
    ----------
    network : bytes
        The bundle's own graph, or one that takes and gives the same.

    Raises
    ------
    ConfigError
        If a front-end cannot be part of a graph.
    BundleError
        If the graph of the bundle is too old.
    """
    check_bundle(bundle)
    model = onnx.load_from_string(network)
    opsets = {one.domain: one.version for one in model.opset_import}
    if opsets.get("", 0) < _OLDEST_OPSET:
        raise BundleError(
            f"model.onnx is of operator set {opsets.get('', 0)}; expected {_OLDEST_OPSET} or "
            "newer, so export the network again"
        )
    nodes = Nodes("")
    outputs = _outputs(nodes, bundle, model)
    graph = helper.make_graph(
        nodes.nodes,
        "genrekit",
        [helper.make_tensor_value_info(AUDIO, TensorProto.FLOAT, ["samples"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        nodes.constants,
        doc_string=f"{bundle.manifest.name} {bundle.manifest.version}: mono audio to genres",
    )
    made = helper.make_model(
        graph,
        opset_imports=list(model.opset_import),
        ir_version=max(_IR_VERSION, model.ir_version),
        producer_name="genrekit",
    )
    helper.set_model_props(made, metadata(bundle))
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def metadata(bundle: Bundle) -> dict[str, str]:
    """Return what a program must know of the graph, to be written into it."""
    manifest = bundle.manifest
    return {
        **model_metadata(manifest, (bundle.directory / MANIFEST).read_bytes()),
        "genrekit.minimum_seconds": repr(manifest.windows.minimum_seconds),
        "genrekit.unknown_below": repr(manifest.unknown_below),
        "genrekit.bundle_sha256": bundle.sha256,
    }


def _outputs(nodes: Nodes, bundle: Bundle, model: Any) -> list[tuple[str, list[str | int]]]:
    """Add everything; names and shapes of what comes out."""
    manifest, labels = bundle.manifest, len(bundle.manifest.labels)
    given = {one.name for one in model.graph.output}
    wanted = [] if manifest.embedding_only else [LOGITS]
    wanted += [EMBEDDING] * (EMBEDDING in given) + list(manifest.heads)

    def inside(inner: Nodes, window: str) -> tuple[str, ...]:
        inputs = {name: frontend(inner, window, one) for name, one in manifest.frontends.items()}
        found = inner.include(model, inputs)
        return tuple(inner.shaped(found[name], -1) for name in wanted)

    cutting = Cutting.of(manifest.windows, manifest.sample_rate_hz)
    windows = over_windows(nodes, AUDIO, cutting, inside, outputs=len(wanted))
    rows = dict(zip(wanted, windows.outputs, strict=True))
    made: dict[str, tuple[str, list[str | int]]] = {}
    if LOGITS in rows:
        each, track = _pooled(nodes, rows[LOGITS], manifest)
        made |= {SCORES: (track, [labels]), WINDOWS: (each, ["windows", labels])}
    if EMBEDDING in rows:
        made[EMBEDDING] = (_mean(nodes, rows[EMBEDDING]), [bundle.embedding_size or "size"])
    seconds = nodes.constant(np.float32(1 / manifest.sample_rate_hz))
    placed = nodes.add("Mul", nodes.floats(windows.starts), seconds)
    made[STARTS] = (placed, ["windows"])
    for name, head in manifest.heads.items():
        probable = _mean(nodes, nodes.add("Sigmoid", rows[name]))
        made[name] = (probable, [len(head.labels)])
    for name, (value, _) in made.items():
        nodes.nodes.append(helper.make_node("Identity", [value], [name]))
    return [(name, shape) for name, (_, shape) in made.items()]


def _pooled(nodes: Nodes, logits: str, manifest: Manifest) -> tuple[str, str]:
    """Give probabilities of each window (windows, labels), and of the track (labels,).

    All is computed from logarithms of probabilities, or from log-odds, in which single precision
    is enough.
    """
    scaled = nodes.add("Div", logits, nodes.constant(np.float32(manifest.temperature)))
    several = manifest.task == "multi-label"
    scale = scaled if several else nodes.add("LogSoftmax", scaled, axis=-1)
    scale = _consistent(nodes, scale, manifest)
    each = nodes.add("Sigmoid" if several else "Exp", scale)
    if manifest.aggregation == "mean-probability":
        return each, nodes.add("Min", _mean(nodes, each), nodes.constant(np.float32(1)))
    if several:
        bounded = nodes.add("Min", scale, nodes.constant(np.float32(_MOST_LOG_ODDS)))
        return each, nodes.add("Sigmoid", _mean(nodes, bounded))
    return each, nodes.add("Softmax", _mean(nodes, scale), axis=-1)


def _consistent(nodes: Nodes, rows: str, manifest: Manifest) -> str:
    """Make every genre at least as probable as its children, of rows (windows, labels)."""
    tree = edges(manifest.labels, manifest.parents)
    if not tree:
        return rows
    columns = {
        number: nodes.add("Gather", rows, nodes.constant(np.array([number])), axis=1)
        for number in range(len(manifest.labels))
    }
    for child, parent in tree:
        columns[parent] = nodes.add("Max", columns[parent], columns[child])
    return nodes.add("Concat", *columns.values(), axis=1)


def _mean(nodes: Nodes, rows: str) -> str:
    """Average over the first axis."""
    return nodes.add("Div", nodes.sum(rows, 0), nodes.floats(nodes.length(rows)))
