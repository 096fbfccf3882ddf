"""Audio of any length to windows inside a graph, one after the other, in the memory of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genrekit.bundles import window_samples
from genrekit.edge.nodes import Nodes, TensorProto, helper
from genrekit.schema import WindowConfig

#: Adds the nodes for one window (n,) and returns what is kept of it.
Inside = Callable[[Nodes, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How audio is cut, in samples.

    Attributes
    ----------
    length, hop : int
    short : str
        What is done with less than one window: ``keep``, ``loop`` or ``pad``.
    slack : int
        So many samples behind the last window are not a window of their own, and so many that are
        missing are not a reason to score less than one.
    """

    length: int
    hop: int
    short: Literal["keep", "loop", "pad"]
    slack: int = 0

    @classmethod
    def of(cls, windows: WindowConfig, sample_rate_hz: int, slack: int = 0) -> Cutting:
        """Cut as `genrekit.bundles.window_samples` and `genrekit.features.windowed` do."""
        return cls(*window_samples(windows, sample_rate_hz), windows.short, slack)


@dataclass(frozen=True, slots=True)
class Windows:
    """Values in a graph: where windows start, (windows,), and what was kept of each of them."""

    starts: str
    outputs: tuple[str, ...]


def over_windows(
    nodes: Nodes, samples: str, cutting: Cutting, inside: Inside, *, outputs: int
) -> Windows:
    """Add a loop over the windows of ``samples`` (n,), n >= 1.

    Windows start every hop; the last one is moved back to end with the audio.

    Parameters
    ----------
    outputs : int
        How many values ``inside`` keeps.
    """
    filled = _filled(nodes, samples, cutting)
    total, length = nodes.length(filled), nodes.constant(cutting.length)
    size = nodes.add("Min", total, length)
    starts = _starts(nodes, total, cutting)
    inner = Nodes(f"{nodes.prefix}w{len(nodes.nodes)}_")
    start = f"{inner.prefix}start"
    begin = inner.shaped(start, 1)
    end = inner.add("Add", begin, inner.shaped(size, 1))
    window = inner.add("Slice", filled, begin, end, inner.constant(np.array([0])))
    kept = inside(inner, window)
    body = helper.make_graph(
        inner.nodes,
        "window",
        [helper.make_tensor_value_info(start, TensorProto.INT64, [])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in kept],
        inner.constants,
    )
    found = nodes.add_many("Scan", (starts,), outputs, body=body, num_scan_inputs=1)
    return Windows(starts, found)


def _starts(nodes: Nodes, total: str, cutting: Cutting) -> str:
    zero, one, hop = (nodes.constant(number) for number in (0, 1, cutting.hop))
    last = nodes.add("Max", nodes.add("Sub", total, nodes.constant(cutting.length)), zero)
    left = nodes.add("Mod", last, hop)
    extra = nodes.integers(nodes.add("Greater", left, nodes.constant(cutting.slack)))
    count = nodes.add("Add", nodes.add("Add", nodes.add("Div", last, hop), one), extra)
    return nodes.add("Min", nodes.add("Mul", nodes.numbers(count), hop), last)


def _filled(nodes: Nodes, samples: str, cutting: Cutting) -> str:
    """Add what is missing to one window behind the audio."""
    total = nodes.length(samples)
    short = nodes.add("Sub", nodes.constant(cutting.length), total)
    missing = nodes.add("Max", short, nodes.constant(0))
    if cutting.short == "keep":
        if not cutting.slack:
            return samples
        few = nodes.add("LessOrEqual", missing, nodes.constant(cutting.slack))
        missing = nodes.add("Mul", missing, nodes.integers(few))
    if cutting.short == "pad":
        tail = nodes.add("ConstantOfShape", nodes.shaped(missing, 1))
    else:
        places = nodes.add("Mod", nodes.numbers(missing), total)
        tail = nodes.add("Gather", samples, places, axis=0)
    return nodes.add("Concat", samples, tail, axis=0)
