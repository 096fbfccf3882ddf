"""What networks look at, by their gradients and their attention; needs torch.

Sources: M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017
(integrated gradients); R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks
via gradient-based localization", ICCV 2017; S. Abnar and W. Zuidema, "Quantifying attention flow in
transformers", ACL 2020 (rollout).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors.torch
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genrekit.bundles import Bundle, window_samples
from genrekit.errors import BundleError, ConfigError
from genrekit.models import (
    FROM_WEIGHTS,
    ModelConfig,
    Network,
    NetworkConfig,
    build_network,
    model_config,
)
from genrekit.models.transformer import Layer, PatchTransformer
from genrekit.schema import Manifest

Arrays = Mapping[str, NDArray[np.float32]]
Map = NDArray[np.float64]

WEIGHTS = "weights.safetensors"
STEPS = 64
_ROWS_AT_ONCE = 4
# Between a network and its graph, relative to the largest logit; int8 graphs differ most.
_AGREEMENT = 0.1


def load_network(bundle: Bundle, *, random_seed: int | None = None) -> Network:
    """Return the network of a bundle, from its recipe and its weights.

    Parameters
    ----------
    random_seed : int, optional
        Leave the weights random, by this seed; only the scales of the inputs are loaded.

    Raises
    ------
    BundleError
        If there are no weights, or the network is another than the graph.
    ConfigError
        If the bundle is a head on a backbone, whose gradients end at the backbone.
    """
    manifest, file = bundle.manifest, bundle.directory / WEIGHTS
    if not file.is_file():
        raise BundleError(
            f"{manifest.name} has no {WEIGHTS}, so it has no gradients; occlusion explains it"
        )
    length, _ = window_samples(manifest.windows, manifest.sample_rate_hz)
    probe = bundle.features(np.zeros(length, np.float32))
    shapes = {name: array.shape for name, array in probe.items()}
    weights = safetensors.torch.load(file.read_bytes())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if random_seed is None else random_seed)
        network = _untrained(manifest, shapes, weights)
    if random_seed is not None:
        network.load_state_dict({**network.state_dict(), **_scales(network, weights)})
        return network.eval()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BundleError(f"{WEIGHTS} does not fit the recipe of {manifest.name}") from error
    network.eval()
    _check(bundle, network, probe)
    return network


def _untrained(
    manifest: Manifest, shapes: Mapping[str, tuple[int, ...]], weights: Mapping[str, Tensor]
) -> Network:
    """Return the network of a recipe, or the one of its architecture, with random weights."""
    if manifest.architecture in FROM_WEIGHTS:
        network: Network = FROM_WEIGHTS.get(manifest.architecture)(shapes, weights)
        return network
    config = _model(manifest)
    if not isinstance(config, NetworkConfig) or "+" in manifest.architecture:
        raise ConfigError(
            f"{manifest.name} is {manifest.architecture}, of which only a part has gradients; "
            "occlusion explains all of it"
        )
    return build_network(config, shapes, len(manifest.labels))


def _model(manifest: Manifest) -> ModelConfig:
    recipe = yaml.safe_load(manifest.provenance.recipe)
    settings = recipe.get("model") if isinstance(recipe, dict) else None
    if not isinstance(settings, dict):
        raise BundleError(
            f"the recipe of {manifest.name} names no network, so it has no gradients; occlusion "
            "explains it"
        )
    try:
        return model_config(settings)
    except ValueError as error:  # pydantic's: a setting that this version does not know
        raise BundleError(f"the recipe of {manifest.name} has a model unknown here") from error


def _scales(network: Network, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what was measured on the inputs and not learnt."""
    fixed = {name for name, _ in network.named_buffers()} if not network.scales else set()
    return {
        name: tensor
        for name, tensor in weights.items()
        if name.startswith("scales.") or name in fixed
    }


def _check(bundle: Bundle, network: Network, probe: Arrays) -> None:
    rows = {name: array[np.newaxis] for name, array in probe.items()}
    expected = bundle.run(rows)
    with torch.no_grad():
        found = network(_tensors(rows)).numpy()
    worst = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if worst > _AGREEMENT:
        raise BundleError(
            f"{WEIGHTS} of {bundle.manifest.name} gives logits that differ by {worst:.2g} from "
            "those of model.onnx; they are of two models"
        )


def integrated_gradients(
    network: Network, inputs: Arrays, label: int, *, baseline: Arrays | None = None
) -> tuple[dict[str, Map], float]:
    """Share of every cell in the logit of a label, against a baseline.

    Parameters
    ----------
    inputs, baseline : mapping of str to float32 array
        One row, without the axis of rows; the baseline is the network's `usual_input` by default.

    Returns
    -------
    attributions : dict of str to float64 array
        Shaped like the inputs. They add up to the difference of the logits.
    gap : float
        By how much they do not: the error of the integral over `STEPS` steps.
    """
    start = network.usual_input() if baseline is None else _tensors(baseline)
    end = _tensors(inputs)
    total = {name: np.zeros(x.shape) for name, x in end.items()}
    places = (torch.arange(STEPS) + 0.5) / STEPS
    for part in torch.chunk(places, STEPS // _ROWS_AT_ONCE):
        rows = {
            name: (start[name] + _along(part, x.ndim) * (x - start[name])).requires_grad_()
            for name, x in end.items()
        }
        torch.autograd.backward(network(rows)[:, label].sum())
        for name, row in rows.items():
            assert row.grad is not None
            total[name] += row.grad.sum(dim=0).double().numpy()
    found = {
        name: total[name] / STEPS * (end[name] - start[name]).double().numpy() for name in total
    }
    with torch.no_grad():
        ends = [network({k: v.unsqueeze(0) for k, v in one.items()}) for one in (end, start)]
    difference = float(ends[0][0, label] - ends[1][0, label])
    return found, float(sum(one.sum() for one in found.values())) - difference


def _along(places: Tensor, axes: int) -> Tensor:
    return places.reshape(-1, *(1 for _ in range(axes)))


def grad_cam(network: Network, inputs: Arrays, label: int) -> Map:
    """Where the last convolution saw what speaks for a label, as large as the spectrogram.

    Returns
    -------
    (n_rows, n_frames) float64
        Not below zero.

    Raises
    ------
    ConfigError
        If the network has no convolution over time and frequency.
    """
    shape = next((x.shape for x in inputs.values() if x.ndim == 2), None)
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Tensor) -> None:
        if output.ndim == 4 and min(output.shape[2:]) > 1:
            output.retain_grad()
            seen.append(output)

    logits = _hooked(network, nn.Conv2d, keep, inputs)
    if not seen or shape is None:
        raise ConfigError("this network has no convolution over time and frequency for Grad-CAM")
    torch.autograd.backward(logits[0, label])
    maps = seen[-1]
    assert maps.grad is not None
    weights = maps.grad.mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * maps).sum(dim=1, keepdim=True)).detach()
    large = functional.interpolate(cam, size=shape, mode="bilinear", align_corners=False)
    return large[0, 0].double().numpy()


def attention_map(network: Network, inputs: Arrays) -> Map:
    """How much of each patch reaches the embedding through the attention of all layers.

    Returns
    -------
    (patch_rows, patch_columns) float64
        They add up to one.

    Raises
    ------
    ConfigError
        If the network is not a transformer of patches.
    """
    if not isinstance(network.body, PatchTransformer):
        raise ConfigError("attention maps are for the architecture transformer")
    found: list[Tensor] = []
    grid: list[tuple[int, int]] = []

    def keep_grid(_: nn.Module, __: Any, output: Tensor) -> None:
        grid.append((output.shape[2], output.shape[3]))

    def keep(layer: nn.Module, arguments: tuple[Tensor, int], _: Tensor) -> None:
        assert isinstance(layer, Layer)
        found.append(_attention(layer, *arguments))

    handle = network.body.patches.register_forward_hook(keep_grid)
    try:
        with torch.no_grad():
            _hooked(network, Layer, keep, inputs)
    finally:
        handle.remove()
    flow = torch.eye(found[0].shape[-1])
    for one in found:
        # Half of what a layer gives on is what it was given.
        flow = (0.5 * one + 0.5 * torch.eye(len(one))) @ flow
    reached = flow.mean(dim=0).double().numpy()
    return np.asarray(reached.reshape(grid[0]))


def _attention(layer: Layer, tokens: Tensor, columns: int) -> Tensor:
    """Weights (tokens, tokens) of one layer, the mean over its heads."""
    parts = layer.query_key_value(layer.before_attention(tokens)).chunk(3, dim=2)
    query, key = (part.unflatten(2, (layer.heads, -1)).transpose(1, 2) for part in parts[:2])
    scores = layer.bias(query @ key.transpose(2, 3) * layer.scale, columns)
    mean: Tensor = torch.softmax(scores, dim=3)[0].mean(dim=0)
    return mean


def _hooked(
    network: Network, kind: type[nn.Module], hook: Callable[..., None], inputs: Arrays
) -> Tensor:
    """Logits of one row, with a hook on every module of a kind."""
    rows = {name: x.unsqueeze(0).requires_grad_() for name, x in _tensors(inputs).items()}
    handles = [m.register_forward_hook(hook) for m in network.modules() if isinstance(m, kind)]
    try:
        logits: Tensor = network(rows)
        return logits
    finally:
        for handle in handles:
            handle.remove()


def _tensors(inputs: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in inputs.items()}
