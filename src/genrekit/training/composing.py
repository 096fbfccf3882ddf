"""Two graphs to one: a backbone that describes windows, and a head that scores descriptions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose, helper, version_converter

from genrekit.bundles import EMBEDDING, embed_session, open_session, run_session
from genrekit.errors import BundleError
from genrekit.export import relative_difference, require_agreement

#: Name of the head's input.
DESCRIPTION = "description"
_BACKBONE, _HEAD = "backbone/", "head/"


def composed(backbone: bytes, head: bytes, *, inputs: tuple[str, ...]) -> bytes:
    """One graph of two.

    Parameters
    ----------
    backbone : bytes
        ONNX with these ``inputs`` and the output ``embedding``; its other outputs are dropped.
    head : bytes
        ONNX from `DESCRIPTION` to ``logits``, and to an ``embedding`` of its own, if it has one.

    Returns
    -------
    bytes
        ONNX from ``inputs`` to ``logits`` and ``embedding``: the head's, or else the backbone's.
        Equal graphs give equal bytes.

    Raises
    ------
    BundleError
        If the two cannot be joined.
    """
    try:
        first, second = _with_one_opset(
            onnx.load_from_string(backbone), onnx.load_from_string(head)
        )
        own = [node.name for node in second.graph.output]
        merged = compose.merge_models(
            compose.add_prefix(first, _BACKBONE),
            compose.add_prefix(second, _HEAD),
            io_map=[(_BACKBONE + EMBEDDING, _HEAD + DESCRIPTION)],
            outputs=[_HEAD + name for name in own],
        )
    except (ValueError, RuntimeError, onnx.checker.ValidationError) as error:
        raise BundleError(f"the backbone and the head cannot be joined: {error}") from error
    names = {_BACKBONE + name: name for name in inputs} | {_HEAD + name: name for name in own}
    described = next(value for value in first.graph.output if value.name == EMBEDDING)
    if EMBEDDING not in own:
        merged.graph.output.append(_renamed(described, _BACKBONE + EMBEDDING))
        names[_BACKBONE + EMBEDDING] = EMBEDDING
    _rename_ends(merged.graph, names)
    merged.producer_name, merged.producer_version = "genrekit", ""
    onnx.checker.check_model(merged)
    return bytes(merged.SerializeToString(deterministic=True))


def _with_one_opset(
    first: onnx.ModelProto, second: onnx.ModelProto
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Both with one version of operators and of the format."""
    wanted = max(_opset(first), _opset(second))
    first, second = (
        model if _opset(model) == wanted else version_converter.convert_version(model, wanted)
        for model in (first, second)
    )
    first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
    return first, second


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return int(max(versions))


def _rename_ends(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Give inputs and outputs back their names by nodes that copy them."""
    before: list[onnx.NodeProto] = []
    after: list[onnx.NodeProto] = []
    for ends, at_start in ((graph.input, True), (graph.output, False)):
        for value in ends:
            if value.name in names:
                inner, outer = value.name, names[value.name]
                value.name = outer
                source, target = (outer, inner) if at_start else (inner, outer)
                node = helper.make_node("Identity", [source], [target])
                (before if at_start else after).append(node)
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)


def _renamed(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = name
    return copy


def check_composed(
    model: bytes,
    backbone: bytes,
    head: bytes,
    inputs: Mapping[str, NDArray[np.float32]],
    *,
    n_labels: int,
) -> float:
    """Largest difference of a logit between the one graph and the two over rows of real inputs.

    Raises
    ------
    BundleError
        If it is above `AGREEMENT`.
    """
    names = tuple(inputs)
    described = embed_session(open_session(backbone, inputs=names, n_labels=None), inputs)
    session = open_session(head, inputs=(DESCRIPTION,), n_labels=n_labels)
    expected = run_session(session, {DESCRIPTION: described}, n_labels=n_labels)
    found = run_session(
        open_session(model, inputs=names, n_labels=n_labels), inputs, n_labels=n_labels
    )
    worst = relative_difference(found, expected)
    return require_agreement(worst, "the joined graph differs from its parts", "logit")
