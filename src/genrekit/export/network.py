"""A trained network as the ONNX graph that inference runs."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from genrekit.bundles import open_session, run_session
from genrekit.export.agreement import relative_difference, require_agreement
from genrekit.features import Numbers
from genrekit.models import Body, Network
from genrekit.models.pretrained.network import WAVEFORM

LOGITS, EMBEDDING = "logits", "embedding"
_OPSET = 18
_ROWS_AT_ONCE = 256


def export_network(network: Network) -> bytes:
    """Convert a network.

    Returns
    -------
    bytes
        An ONNX file: inputs named after the front-ends, outputs ``logits`` (n, n_genres) and
        ``embedding`` (n, embedding_size). Equal networks give equal bytes.
    """
    return export_outputs(_Positional(network), network.shapes, (LOGITS, EMBEDDING))


def export_body(body: Body, samples: int) -> bytes:
    """Convert a backbone.

    Returns
    -------
    bytes
        An ONNX file: input ``waveform`` (n, 1, samples), output ``embedding`` (n, embedding_size).
    """
    model = onnx.load_from_string(export_outputs(body, {WAVEFORM: (1, samples)}, (EMBEDDING,)))
    # The exporter loses count of columns in a mean over patches.
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = body.embedding_size
    return bytes(model.SerializeToString(deterministic=True))


def export_embedding(student: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """Convert a network that gives an embedding and no genres.

    Returns
    -------
    bytes
        An ONNX file whose outputs ``logits`` and ``embedding`` are the same columns.
    """
    return export_outputs(_Twice(student), shapes, (LOGITS, EMBEDDING))


def export_outputs(
    module: nn.Module, shapes: Mapping[str, tuple[int, ...]], outputs: tuple[str, ...]
) -> bytes:
    """Convert a module that takes arrays by position and gives as many outputs as are named."""
    module.eval()
    row = tuple(torch.zeros(1, *shape) for shape in shapes.values())
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter by torch.export writes paths of this machine into the graph and takes
        # seconds. This one is deprecated, which it says here, but is part of every torch that the
        # package allows.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # Said of every recurrent layer; it holds for graphs with fixed states, and these have none.
        warnings.filterwarnings(
            "ignore", "Exporting a model to ONNX with a batch_size", UserWarning
        )
        # A padding that mirrors is a slice backwards, which is computed as it runs.
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        # The length and the width of an input are compared and divided as it is traced: they are
        # fixed.
        warnings.filterwarnings(
            "ignore", "Converting a tensor to a Python (boolean|integer)", TracerWarning
        )
        torch.onnx.export(
            module,
            row,
            file,  # type: ignore[arg-type]  # its types know only paths
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(shapes),
            output_names=list(outputs),
            dynamic_axes={name: {0: "rows"} for name in (*shapes, *outputs)},
        )
    return file.getvalue()


def check_network(
    model: bytes, network: Network, inputs: Mapping[str, NDArray[np.float32]]
) -> float:
    """Largest difference of a logit between the graph and its source over rows of real inputs.

    Raises
    ------
    BundleError
        If it is above `AGREEMENT`.
    """
    network.eval()
    with torch.no_grad():
        tensors = {name: torch.from_numpy(x) for name, x in inputs.items()}
        expected = network(tensors).numpy()
    return check_outputs(model, expected, inputs)


def check_outputs(
    model: bytes, expected: NDArray[np.float32], inputs: Mapping[str, NDArray[np.float32]]
) -> float:
    """As `check_network`, for what the source gave (n, columns)."""
    found = run_network(model, inputs, n_genres=expected.shape[1])
    worst = relative_difference(found, expected)
    return require_agreement(worst, "the exported network differs from its source", "logit")


def run_network(
    model: bytes, inputs: Mapping[str, Numbers], *, n_genres: int
) -> NDArray[np.float32]:
    """Logits (n, n_genres) of a graph; of what is on disk, a part at a time is read."""
    session = open_session(model, inputs=tuple(inputs), n_labels=n_genres)
    total = max(map(len, inputs.values()))
    parts = [
        run_session(
            session,
            {name: x[start : start + _ROWS_AT_ONCE] for name, x in inputs.items()},
            n_labels=n_genres,
        )
        for start in range(0, max(1, total), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts)


class _Positional(nn.Module):
    """A network that takes its arrays by position, as a graph does."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, *arrays: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.network.embed(dict(zip(self.network.shapes, arrays, strict=True)))
        return self.network.score(embedding), embedding


class _Twice(nn.Module):
    """An embedding under both names that a bundle's graph has."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student

    def forward(self, *arrays: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.student(*arrays)
        return embedding, embedding.clone()
