"""A network's graph in whole numbers of eight bits, where that is faster and answers the same.

Static quantisation: the range of every array inside is measured on training rows, and nodes that
convert to eight bits and back are put around each operation (QDQ), which onnxruntime fuses into
integer ones. Convolutions gain; recurrent layers and attention do not, and keep their graph.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from genrekit.bundles import open_session, run_session
from genrekit.features import Floats, Numbers
from genrekit.schema import Int8Numbers

logger = logging.getLogger(__name__)

Inputs = Mapping[str, Numbers]

CALIBRATION_ROWS = 128
COMPARED_ROWS = 256
#: Share of rows that must get the same answer.
AGREEMENT = 0.97
#: Time of one row, as a share of what it took before, that is worth the difference.
WORTH = 0.9
_ROUNDS = 7
_ROWS_AT_ONCE = 16


def quantise(model: bytes, rows: Inputs, *, n_genres: int, seed: int = 0) -> tuple[bytes, str]:
    """Return the graph to ship, and what was measured.

    Parameters
    ----------
    model : bytes
        The float graph of a network.
    rows : mapping of str to float32 array
        Training rows by front-end name. Some calibrate, others are compared; of few rows, all do
        both.

    Returns
    -------
    bytes
        ``model`` itself where eight bits do not help.
    str
        `genrekit.schema.Int8Numbers` as JSON.
    """
    calibrating, compared = _held_out(rows, seed)
    smaller = int8_graph(model, calibrating)
    sessions = [
        open_session(graph, inputs=tuple(rows), n_labels=n_genres) for graph in (model, smaller)
    ]
    before, after = (run_session(one, compared, n_labels=n_genres) for one in sessions)
    agreement = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    float_ms, int8_ms = _milliseconds(sessions, compared, n_genres)
    why = _why(agreement, int8_ms / float_ms)
    if why:
        logger.warning("the graph keeps its floats: %s", why)
    numbers = Int8Numbers(
        used=not why,
        why=why or "the same answers come sooner",
        rows_compared=len(before),
        agreement=agreement,
        float_bytes=len(model),
        int8_bytes=len(smaller),
        float_ms=round(float_ms, 3),
        int8_ms=round(int8_ms, 3),
    )
    return (model if why else smaller), numbers.model_dump_json(indent=1)


def int8_graph(model: bytes, rows: Inputs, operators: Sequence[str] | None = None) -> bytes:
    """``model`` in eight bits, its ranges measured on ``rows``.

    Parameters
    ----------
    operators : sequence of str, optional
        Only these kinds of nodes, such as ``Conv``; None takes all that can be.
    """
    with tempfile.TemporaryDirectory() as folder, quiet_logging():
        prepared, out = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(onnx.load_from_string(model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            _Rows(rows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # Seven bits of weights: processors without VNNI add two products in sixteen bits.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=operators,
        )
        return out.read_bytes()


class _Rows(CalibrationDataReader):  # type: ignore[misc]
    """Rows in small batches: every array inside the network is kept for each."""

    def __init__(self, rows: Inputs) -> None:
        total = len(next(iter(rows.values())))
        self.batches = iter(
            {name: np.asarray(array[at : at + _ROWS_AT_ONCE]) for name, array in rows.items()}
            for at in range(0, total, _ROWS_AT_ONCE)
        )

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch, None after the last one."""
        return next(self.batches, None)


def _held_out(rows: Inputs, seed: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Rows that calibrate, and others that are compared."""
    total = len(next(iter(rows.values())))
    order = np.random.default_rng(seed).permutation(total)
    first, rest = order[:CALIBRATION_ROWS], order[CALIBRATION_ROWS:][:COMPARED_ROWS]
    if len(rest) < len(first):
        rest = order[: CALIBRATION_ROWS + COMPARED_ROWS]
    first, rest = np.sort(first), np.sort(rest)
    return (
        {name: np.asarray(array[first]) for name, array in rows.items()},
        {name: np.asarray(array[rest]) for name, array in rows.items()},
    )


def _milliseconds(sessions: list[Any], rows: Inputs, n_genres: int) -> tuple[float, float]:
    """Return the shortest processor time of each graph for one row, measured in turns."""
    one = {name: array[:1] for name, array in rows.items()}
    times: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for session, taken in zip(sessions, times, strict=True):
            begin = time.thread_time()
            run_session(session, one, n_labels=n_genres)
            taken.append(1000 * (time.thread_time() - begin))
    return min(times[0]), min(times[1])


def _why(agreement: float, share: float) -> str:
    """Why eight bits do not help; empty if they do."""
    if agreement < AGREEMENT:
        return f"{1 - agreement:.1%} of the rows got another answer in eight bits"
    if share > WORTH:
        return f"eight bits take {share:.0%} of the time of floats"
    return ""


@contextmanager
def quiet_logging() -> Iterator[None]:
    """Keep the quantiser from the root logger, which it would set up."""
    silent, root = logging.NullHandler(), logging.getLogger()
    before = logging.root.manager.disable
    root.addHandler(silent)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(silent)
