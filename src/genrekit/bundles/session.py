"""The ONNX graph of a bundle: open it, check its signature, run it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import BundleError

LOGITS, EMBEDDING = "logits", "embedding"
# Scores are the same for any number of rows; this only bounds memory on long tables, and on
# spectrograms, of which a thousand would take gigabytes inside of a network: its maps are hundreds
# of times as large as what it takes, and a worker of the server has a gigabyte.
_ROWS_AT_ONCE = 1024
_CELLS_AT_ONCE = 2**19
# An ONNX tensor may keep its data in another file, named under the key "location"; a hostile one
# names a file of the reader's. This is that key in every spelling the wire format allows. Walking
# the messages instead would take seconds for a forest, whose numbers are one field each.
_EXTERNAL_DATA = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")


def open_session(model: bytes, *, inputs: tuple[str, ...], n_labels: int | None) -> Any:
    """Open an ONNX model on one thread of the CPU.

    Parameters
    ----------
    model : bytes
        The ONNX file.
    inputs : tuple of str
        Names that the graph's inputs must have: those of the front-ends.
    n_labels : int, optional
        Columns that the output ``logits`` must have; None asks for an ``embedding`` in its place.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    BundleError
        If the file is damaged, points to other files or has another signature.
    """
    if _EXTERNAL_DATA.search(model):
        raise BundleError(
            "model.onnx keeps a tensor in another file; export it with the data inside"
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Spinning threads burn a core while they wait, which costs more than it gains here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # A fallback would print to stdout and try the same again.
        session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        _check_signature(session, inputs, n_labels)
    except _runtime_errors() as error:
        raise BundleError(f"model.onnx cannot be opened: {_first_line(error)}") from error
    return session


def run_session(
    session: Any, inputs: Mapping[str, NDArray[np.float32]], *, n_labels: int
) -> NDArray[np.float32]:
    """Run the graph.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    inputs : mapping of str to float32 array
        One array for each input, all with the windows on axis 0.

    Returns
    -------
    (n_windows, n_labels) float32

    Raises
    ------
    BundleError
        If shapes do not fit, or a logit is not finite.
    """
    return run_outputs(session, inputs, {LOGITS: n_labels})[LOGITS]


def embed_session(session: Any, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Run the graph up to its embedding.

    Returns
    -------
    (n_windows, `embedding_size`) float32

    Raises
    ------
    BundleError
        If it has none, shapes do not fit, or a number is not finite.
    """
    size = embedding_size(session)
    if size is None:
        raise BundleError(
            "model.onnx has no output 'embedding', so nothing can be built on it; classical models "
            "have none, networks made by genrekit do"
        )
    return run_outputs(session, inputs, {EMBEDDING: size})[EMBEDDING]


def embedding_size(session: Any) -> int | None:
    """Columns of the output ``embedding``; None for a graph without one."""
    return output_columns(session, EMBEDDING)


def output_columns(session: Any, output: str) -> int | None:
    """Columns of an output; None where there is no such output."""
    shapes = {node.name: node.shape for node in session.get_outputs()}
    columns = shapes.get(output, [None])[-1]
    return columns if isinstance(columns, int) else None


def run_outputs(
    session: Any, inputs: Mapping[str, NDArray[np.float32]], columns: Mapping[str, int]
) -> dict[str, NDArray[np.float32]]:
    """Run the graph once for several outputs.

    Parameters
    ----------
    columns : mapping of str to int
        Output to the columns that it must have.

    Returns
    -------
    dict of str to (n_windows, columns) float32

    Raises
    ------
    BundleError
        If shapes do not fit, or a number is not finite.
    """
    rows = {len(array) for array in inputs.values()}
    if len(rows) != 1:
        raise BundleError(f"the model's inputs differ in their number of windows: {sorted(rows)}")
    (total,) = rows
    cells = sum(array[:1].size for array in inputs.values())
    at_once = max(1, min(_ROWS_AT_ONCE, _CELLS_AT_ONCE // max(1, cells)))
    parts = [
        _run_rows(session, {k: v[start : start + at_once] for k, v in inputs.items()}, [*columns])
        for start in range(0, total, at_once)
    ]
    return {
        output: _joined([part[output] for part in parts], output, (total, width))
        for output, width in columns.items()
    }


def _joined(
    parts: list[NDArray[np.float32]], output: str, shape: tuple[int, int]
) -> NDArray[np.float32]:
    found = np.concatenate(parts) if parts else np.zeros(shape, np.float32)
    if found.shape != shape:
        raise BundleError(f"model.onnx gives {output} of shape {found.shape}, expected {shape}")
    if not np.isfinite(found).all():
        raise BundleError(f"model.onnx gives {output} that are not finite: not a prediction")
    return found


def _run_rows(
    session: Any, inputs: Mapping[str, NDArray[np.float32]], outputs: list[str]
) -> dict[str, NDArray[np.float32]]:
    feed = {name: np.ascontiguousarray(array, np.float32) for name, array in inputs.items()}
    try:
        found = session.run(outputs, feed)
    except _runtime_errors() as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in feed.items())
        raise BundleError(f"model.onnx cannot score {shapes}: {_first_line(error)}") from error
    arrays = {name: np.asarray(array) for name, array in zip(outputs, found, strict=True)}
    for name, array in arrays.items():
        if array.ndim != 2 or array.dtype != np.float32:
            raise BundleError(
                f"model.onnx gives {array.dtype} {name} of shape {array.shape}, "
                "expected a float32 row for each window"
            )
    return arrays


def _check_signature(session: Any, inputs: tuple[str, ...], n_labels: int | None) -> None:
    seen = {node.name: node.type for node in session.get_inputs()}
    if set(seen) != set(inputs) or set(seen.values()) != {"tensor(float)"}:
        raise BundleError(
            f"model.onnx takes {seen}, expected one float tensor for each of {sorted(inputs)}"
        )
    outputs = {node.name: node.shape for node in session.get_outputs()}
    wanted = EMBEDDING if n_labels is None else LOGITS
    if wanted not in outputs:
        raise BundleError(f"model.onnx has outputs {sorted(outputs)}, expected {wanted!r}")
    columns = outputs[wanted][-1] if outputs[wanted] else None
    if n_labels is not None and isinstance(columns, int) and columns != n_labels:
        raise BundleError(f"model.onnx scores {columns} labels, the manifest has {n_labels}")


def _runtime_errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: its own types share no root but ``Exception``.

    ``ValueError`` is among them for names that are not UTF-8.
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = vars(state).values()
    return (
        *(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)),
        RuntimeError,
        MemoryError,
        ValueError,
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
