"""Weights of MSD-musicnn: safetensors, or the checkpoint in the wheel that it was published in."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrekit.models.pretrained.backbones import Musicnn
from genrekit.models.pretrained.checkpoint import read_state
from genrekit.models.pretrained.musicnn import MusicnnNetwork, network_of
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.tf_checkpoint import read_variables

#: Of a checkpoint's index and of its values; the published ones have 5 kB and 9.5 MB.
_MOST_BYTES = {".index": 2**20, ".data-00000-of-00001": 2**26}
_INDEX, _VALUES = _MOST_BYTES
#: In the wheel, which holds four networks.
_FOLDER = "musicnn/MSD_musicnn/"
# The front, then the middle, are numbered as TensorFlow made them.
_CONVOLUTIONS = ("timbre.0", "timbre.1", "tempo.0", "tempo.1", "tempo.2", "mid.0", "mid.1", "mid.2")
_NORMS = ("inlet", *(f"{block}.norm" for block in _CONVOLUTIONS), "pool_norm", "dense_norm")
_NORM_PARTS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load_network(path: Path | None = None) -> MusicnnNetwork:
    """The network with published weights, for inference.

    Parameters
    ----------
    path : Path, optional
        Safetensors, whole or without dead filters; the wheel ``musicnn`` 0.1.0; or the ``.index``
        or the ``.data-00000-of-00001`` of a checkpoint, the other beside it. None takes what
        ``GENREKIT_WEIGHTS_MUSICNN`` names, or the cache.

    Raises
    ------
    ConfigError
        If there is no such file, or it is damaged or holds another network.
    """
    path = required_weights(Musicnn.source, path)
    with readable_weights(Musicnn.source, path):
        return network_of(_state(path))


def _state(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".whl":
        return renamed(*_in_wheel(path))
    for end in _MOST_BYTES:
        if path.name.endswith(end):
            start = path.name.removesuffix(end)
            return renamed(*(_beside(path.with_name(start + other)) for other in _MOST_BYTES))
    return read_state(path)


def _in_wheel(path: Path) -> list[bytes]:
    try:
        with zipfile.ZipFile(path) as wheel:
            return [_member(wheel, end) for end in _MOST_BYTES]
    except (zipfile.BadZipFile, zlib.error) as problem:
        raise ValueError(f"it is not a wheel, or a damaged one: {problem}") from problem


def _member(wheel: zipfile.ZipFile, end: str) -> bytes:
    name = _FOLDER + end
    if name not in wheel.namelist():
        raise ValueError(f"it has no {name}; the wheel musicnn 0.1.0 has")
    _check_size(name, wheel.getinfo(name).file_size, end)
    return wheel.read(name)


def _beside(path: Path) -> bytes:
    end = _INDEX if path.name.endswith(_INDEX) else _VALUES
    _check_size(str(path), path.stat().st_size, end)
    return path.read_bytes()


def _check_size(name: str, size: int, end: str) -> None:
    if size > _MOST_BYTES[end]:
        raise ValueError(f"{name} has {size:,} bytes; at most {_MOST_BYTES[end]:,} are read")


def renamed(index: bytes, values: bytes) -> dict[str, Tensor]:
    """Parameters by the names and in the order of axes that `MusicnnNetwork` has.

    Raises
    ------
    ValueError
        If the checkpoint is damaged or holds another network.
    """
    variables = _variables()
    found = read_variables(index, values, variables.values())
    return {
        name: torch.from_numpy(np.ascontiguousarray(_turned(name, found[variable])))
        for name, variable in variables.items()
    }


def _variables() -> dict[str, str]:
    """From our names to TensorFlow's."""
    layers = {f"{block}.conv": f"conv2d{_number(n)}" for n, block in enumerate(_CONVOLUTIONS)}
    layers |= {"dense": "dense", "out": "dense_1"}
    names = {f"{own}.weight": f"{theirs}/kernel" for own, theirs in layers.items()}
    names |= {f"{own}.bias": f"{theirs}/bias" for own, theirs in layers.items()}
    return names | {
        f"{norm}.{own}": f"batch_normalization{_number(n)}/{theirs}"
        for n, norm in enumerate(_NORMS)
        for own, theirs in _NORM_PARTS.items()
    }


def _number(place: int) -> str:
    return f"_{place}" if place else ""


def _turned(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """TensorFlow's (frames, bands, in, out) as (out, in, frames, bands), and (in, out) turned."""
    if values.ndim == 4:
        # The middle takes the maps of the front as bands of a single channel.
        middle = name.startswith("mid.")
        return values.transpose(3, 1, 0, 2)[..., 0] if middle else values.transpose(3, 2, 0, 1)
    return values.T
