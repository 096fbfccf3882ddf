"""MSD-musicnn: its layers against their definition, its files, and what it says of music."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor, nn

from genrekit.models.pretrained.musicnn import (
    BANDS,
    PATCH_FRAMES,
    TAGS,
    Block,
    MusicnnNetwork,
    load_network,
)
from genrekit.models.pretrained.slimming import slimmed

Arrays = dict[str, NDArray[np.float64]]


def shaken(network: MusicnnNetwork) -> MusicnnNetwork:
    """Statistics and scales of every layer at random too, some scales negative."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                for values, low, high in (
                    (norm.weight, -1.0, 2.0),
                    (norm.bias, -0.5, 0.5),
                    (norm.running_mean, 0.0, 0.5),
                    (norm.running_var, 0.2, 1.0),
                ):
                    assert values is not None
                    values.copy_(low + (high - low) * torch.rand(values.shape, generator=generator))
    return network.eval()


def small() -> MusicnnNetwork:
    torch.manual_seed(0)
    return shaken(MusicnnNetwork((6, 5), (4, 3, 2)))


def patches(n: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return 3 * torch.rand(n, PATCH_FRAMES, BANDS, generator=generator)


# --- layers -------------------------------------------------------------------------------------


def _normalised(x: NDArray[np.float64], layer: str, state: Arrays) -> NDArray[np.float64]:
    """Batch normalisation of (maps, ...)."""
    weight, bias, mean, variance = (
        state[f"{layer}.{part}"].reshape(-1, *[1] * (x.ndim - 1))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * weight + bias


def _by_definition(state: Arrays, patch: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Tags, penultimate layer and pooled maps in NumPy, in double precision."""
    x = _normalised(patch[None], "inlet", state)[0]
    front = []
    for layer in ("timbre.0", "timbre.1", "tempo.0", "tempo.1", "tempo.2"):
        kernels = state[f"{layer}.conv.weight"][:, 0]
        before = (kernels.shape[1] - 1) // 2
        padded = np.pad(x, ((before, kernels.shape[1] - 1 - before), (0, 0)))
        said = np.stack([signal.correlate(padded, one, "valid", "fft") for one in kernels])
        said = np.maximum(said + state[f"{layer}.conv.bias"][:, None, None], 0)
        front.append(_normalised(said, f"{layer}.norm", state).max(axis=2))
    maps = [np.concatenate(front)]
    for number in range(3):
        kernels = state[f"mid.{number}.conv.weight"]
        padded = np.pad(maps[-1], ((0, 0), (3, 3)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
        said = np.einsum("ock,ctk->ot", kernels, windows)
        said = np.maximum(said + state[f"mid.{number}.conv.bias"][:, None], 0)
        found = _normalised(said, f"mid.{number}.norm", state)
        maps.append(found if number == 0 else found + maps[-1])
    everything = np.concatenate(maps)
    pooled = np.stack([everything.max(axis=1), everything.mean(axis=1)], axis=1).ravel()
    dense = state["dense.weight"] @ _normalised(pooled, "pool_norm", state) + state["dense.bias"]
    penultimate = _normalised(np.maximum(dense, 0), "dense_norm", state)
    logits = state["out.weight"] @ penultimate + state["out.bias"]
    return 1 / (1 + np.exp(-logits)), penultimate, pooled


def test_every_layer_is_as_defined() -> None:
    network = small()
    state = {name: one.numpy().astype(np.float64) for name, one in network.state_dict().items()}
    x = patches(2)
    with torch.no_grad():
        found = network(x)
    assert found.tags.shape == (2, len(TAGS))
    for number, patch in enumerate(x.numpy().astype(np.float64)):
        tags, penultimate, pooled = _by_definition(state, patch)
        assert np.allclose(found.tags[number], tags, atol=1e-5)
        assert np.allclose(found.penultimate[number], penultimate, atol=1e-4)
        assert np.allclose(found.pooled[number], pooled, atol=1e-4)


def test_the_network_has_its_published_size_and_tags() -> None:
    with torch.device("meta"):
        network = MusicnnNetwork()
    assert sum(one.numel() for one in network.parameters()) == 787_159
    assert network.dense.in_features == 1506
    assert len(set(TAGS)) == 50
    assert TAGS[:2] == ("rock", "pop")
    assert TAGS[33] == "Hip-Hop"


# --- dead filters -------------------------------------------------------------------------------


def _kill(block: nn.Module, filters: list[int], constant: float) -> None:
    assert isinstance(block, Block)
    assert block.conv.bias is not None
    norm = block.norm
    assert norm.running_mean is not None
    with torch.no_grad():
        block.conv.weight[filters] *= 1e-7
        block.conv.bias[filters] = 0.2
        norm.weight[filters] = 0.5
        norm.running_mean[filters] = 0.2
        norm.bias[filters] = constant


def test_dead_filters_are_left_out_without_a_difference() -> None:
    network = small()
    _kill(network.timbre[0], [0, 1, 4], 3e-6)
    _kill(network.tempo[1], [2], -3e-6)
    _kill(network.tempo[2], [0], 0.3)
    slim = slimmed(network)
    assert [len(one.conv.weight) for one in slim.timbre] == [3, 5]  # type: ignore[union-attr]
    # A filter that says something all the time is heard at the ends of a patch, and stays.
    assert [len(one.conv.weight) for one in slim.tempo] == [4, 2, 2]  # type: ignore[union-attr]
    x = patches(4)
    with torch.no_grad():
        whole, less = network(x), slim(x)
    assert torch.allclose(whole.tags, less.tags, rtol=0, atol=6e-7)
    assert torch.allclose(whole.penultimate, less.penultimate, rtol=0, atol=1e-5)
    assert less.pooled.shape == (4, whole.pooled.shape[1] - 8)


def test_slimming_changes_nothing_of_what_it_is_given() -> None:
    network = small().train()
    before = {name: one.clone() for name, one in network.state_dict().items()}
    slim = slimmed(network)
    assert network.training
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())
    assert all(torch.equal(one, before[name]) for name, one in slim.state_dict().items())
    assert slim.timbre[0] is not network.timbre[0]


# --- files --------------------------------------------------------------------------------------


def test_a_file_has_as_many_filters_as_it_has(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    network = small()
    save_file(network.state_dict(), tmp_path / "small.safetensors")
    found = load_network(tmp_path / "small.safetensors")
    assert not found.training
    x = patches(1)
    with torch.no_grad():
        assert torch.equal(found(x).tags, network(x).tags)


# --- the real one -------------------------------------------------------------------------------


@pytest.mark.real
def test_the_published_network_slims_to_64_filters(real_data: Path) -> None:
    folder = real_data / "weights" / "musicnn"
    whole = load_network(folder / "msd_musicnn.safetensors")
    slim = slimmed(whole)
    assert sum(one.numel() for one in slim.parameters()) == 214_920
    published = load_network(folder / "msd_musicnn_slim.safetensors")
    x = patches(2)
    with torch.no_grad():
        expected = whole(x).tags
        assert torch.allclose(slim(x).tags, expected, rtol=0, atol=6e-7)
        assert torch.allclose(published(x).tags, expected, rtol=0, atol=6e-7)
