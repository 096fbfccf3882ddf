"""Weights of torch modules from disk: safetensors, or torch's own format without its code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

#: Keys under which training scripts keep the weights beside their other state.
_INSIDE = ("model", "state_dict", "model_state_dict")
_SHOWN = 4


def read_state(path: Path) -> dict[str, Tensor]:
    """Names and tensors of a file.

    Raises
    ------
    ValueError
        If it holds anything but tensors, for such a file could run code, or is damaged.
    """
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as problem:
        first = str(problem).splitlines()[0]
        raise ValueError(f"it holds more than tensors, so it is not read: {first}") from problem
    for name in _INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not found:
        raise ValueError(f"it holds a {type(found).__name__}, expected named tensors")
    return {str(name): value for name, value in found.items() if isinstance(value, Tensor)}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as problem:
        raise ValueError(f"it is not safetensors, or damaged: {problem}") from problem


def load_state(
    module: nn.Module, state: Mapping[str, Tensor], *, ignored: tuple[str, ...] = ()
) -> None:
    """Fill ``module``.

    Parameters
    ----------
    ignored : tuple of str
        Beginnings of names that the file may have beyond the module: its old head, for instance.

    Raises
    ------
    ValueError
        If a tensor is missing, left over, of another shape, or holds what is not a number.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("batches_tracked")]
    extra = [name for name in state if name not in own and not name.startswith(ignored)]
    unlike = [
        f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    broken = [name for name in own if name in state and not state[name].isfinite().all()]
    for what, names in (
        ("lacks", missing),
        ("also has", extra),
        ("has other shapes:", unlike),
        ("has values that are not numbers in", broken),
    ):
        if names:
            raise ValueError(f"it {what} {', '.join(names[:_SHOWN])} ({len(names)} in all)")
    module.load_state_dict({name: state[name] for name in own if name in state}, strict=False)
