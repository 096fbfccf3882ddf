"""MSD-musicnn: its layers against their definition, its files, and what it says of music."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy import signal
from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.features.stft import mel_filters
from genrekit.models.pretrained import backbone_config, build_body
from genrekit.models.pretrained.musicnn import BANDS, PATCH_FRAMES, TAGS, Block, MusicnnNetwork
from genrekit.models.pretrained.musicnn_backbone import MusicnnBody, MusicnnMel, published_rolloff
from genrekit.models.pretrained.musicnn_weights import load_network
from genrekit.models.pretrained.slimming import slimmed
from genrekit.training.backbone import published_backbone

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


def _counts(blocks: nn.ModuleList) -> list[int]:
    """How many filters each block has."""
    return [block.conv.out_channels for block in blocks if isinstance(block, Block)]


def test_dead_filters_are_left_out_without_a_difference() -> None:
    network = small()
    _kill(network.timbre[0], [0, 1, 4], 3e-6)
    _kill(network.tempo[1], [2], -3e-6)
    _kill(network.tempo[2], [0], 0.3)
    slim = slimmed(network)
    assert _counts(slim.timbre) == [3, 5]
    # A filter that says something all the time acts at the ends of a patch, and stays.
    assert _counts(slim.tempo) == [4, 2, 2]
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


# --- samples ------------------------------------------------------------------------------------


def body_of(samples: int, **settings: Any) -> MusicnnBody:
    torch.manual_seed(0)
    config = backbone_config({"name": "musicnn", "weights": "random", "width": 2, **settings})
    body = build_body(config, samples).eval()
    assert isinstance(body, MusicnnBody)
    shaken(body.network)
    return body


def test_patches_are_of_a_mirrored_log_mel_spectrogram() -> None:
    generator = np.random.default_rng(5)
    samples = generator.normal(0, 0.1, 64_000).astype(np.float32)
    padded = np.pad(samples.astype(np.float64), 256, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::256]
    power = np.abs(np.fft.rfft(frames * signal.get_window("hann", 512), axis=1)) ** 2
    expected = np.log10(10_000 * power @ mel_filters(16000, 512, 96, 0.0, 8000.0) + 1)
    found = MusicnnMel(64_000, patch_hop=61, rolloff=False)(torch.from_numpy(samples)[None, None])
    assert found.shape == (1, 2, PATCH_FRAMES, BANDS)
    for number in range(2):
        start = 61 * number
        assert np.allclose(found[0, number], expected[start : start + 187], atol=1e-4)


def test_only_what_is_next_to_8_khz_is_weakened() -> None:
    gain = published_rolloff()
    hz = np.linspace(0, 8000, len(gain))
    assert np.allclose(gain[hz < 7000], 1, atol=0.01)
    assert gain[np.abs(hz - 7600).argmin()] < 0.6
    assert ((gain > 0) & (gain <= 1)).all()


@pytest.mark.parametrize(("layer", "size"), [("penultimate", 200), ("pooled", 428), ("tags", 50)])
def test_an_embedding_is_the_mean_over_patches(layer: str, size: int) -> None:
    body = body_of(96_000, layer=layer)
    x = 0.1 * torch.randn(2, 1, 96_000, generator=torch.Generator().manual_seed(2))
    whole = MusicnnNetwork((8, 8), (2, 2, 2))
    whole.load_state_dict({**whole.state_dict(), **body.network.state_dict()})
    with torch.no_grad():
        found = body(x)
        each = body.patches(x)
        assert each.shape[1] == 2
        apart = getattr(whole.eval()(each.flatten(0, 1)), layer).reshape(2, 2, size).mean(dim=1)
    assert found.shape == (2, body.embedding_size) == (2, size)
    assert torch.allclose(found, apart, atol=1e-5)
    assert len(body.feature_names) == size
    assert (body.feature_names == TAGS) == (layer == "tags")


@pytest.mark.parametrize("layer", ["penultimate", "pooled", "tags"])
def test_fine_tuning_reaches_every_parameter(layer: str) -> None:
    body = body_of(48_000, layer=layer).train()
    body(0.1 * torch.randn(3, 1, 48_000)).square().sum().backward()
    assert not [name for name, one in body.named_parameters() if one.grad is None]


def test_level_is_taken_away_where_that_is_asked_for() -> None:
    x = 0.02 * torch.randn(1, 1, 48_000, generator=torch.Generator().manual_seed(2))
    silence = torch.zeros(1, 1, 48_000)
    for level, same in ((None, False), (-18.0, True)):
        body = body_of(48_000, level_db=level)
        with torch.no_grad():
            assert torch.allclose(body(x), body(0.1 * x), atol=1e-3) is same
            assert body(silence).isfinite().all()


def test_names_of_tags_survive_being_kept(tmp_path: Path) -> None:
    config = backbone_config({"name": "musicnn", "weights": "random", "width": 1, "layer": "tags"})
    windows = config.windows.model_copy(update={"window_seconds": 3.0, "hop_seconds": 3.0})
    for _ in range(2):
        backbone = published_backbone(config, windows, None)
        assert backbone.feature_names == TAGS
    assert backbone.embed(np.zeros(48_000, np.float32)).shape == (50,)


# --- files --------------------------------------------------------------------------------------


def test_a_file_has_as_many_filters_as_it_has(tmp_path: Path) -> None:
    network = small()
    save_file(network.state_dict(), tmp_path / "small.safetensors")
    found = load_network(tmp_path / "small.safetensors")
    assert not found.training
    x = patches(1)
    with torch.no_grad():
        assert torch.equal(found(x).tags, network(x).tags)


def test_dead_filters_of_a_file_are_left_out(tmp_path: Path) -> None:
    network = small()
    _kill(network.timbre[1], [2, 3], 1e-6)
    save_file(network.state_dict(), tmp_path / "small.safetensors")
    config = backbone_config({"name": "musicnn", "weights": tmp_path / "small.safetensors"})
    body = build_body(config, 48_000)
    assert isinstance(body, MusicnnBody)
    assert body.network.timbre[1].conv.out_channels == 3  # type: ignore[union-attr]


def _published_variables(network: MusicnnNetwork) -> dict[str, NDArray[np.float32]]:
    """The variables of a TensorFlow program that makes its layers in this order."""
    found: dict[str, NDArray[np.float32]] = {"global_step": np.zeros((), np.float32)}
    convolutions = [*network.timbre, *network.tempo, *network.mid]
    for number, block in enumerate(convolutions):
        assert isinstance(block, Block)
        assert block.conv.bias is not None
        kernel = block.conv.weight.detach().numpy()
        name = f"conv2d_{number}" if number else "conv2d"
        middle = kernel.ndim == 3
        turned = kernel.transpose(2, 1, 0)[:, :, None] if middle else kernel.transpose(2, 3, 1, 0)
        found[f"{name}/kernel"] = turned
        found[f"{name}/kernel/Adam"] = np.zeros_like(turned)
        found[f"{name}/bias"] = block.conv.bias.detach().numpy()
    norms = [network.inlet, *(one.norm for one in convolutions), network.pool_norm]
    for number, norm in enumerate([*norms, network.dense_norm]):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        found[f"{name}/gamma"] = norm.weight.detach().numpy()
        found[f"{name}/beta"] = norm.bias.detach().numpy()
        found[f"{name}/moving_mean"] = norm.running_mean.numpy()
        found[f"{name}/moving_variance"] = norm.running_var.numpy()
    for name, layer in (("dense", network.dense), ("dense_1", network.out)):
        found[f"{name}/kernel"] = layer.weight.detach().numpy().T
        found[f"{name}/bias"] = layer.bias.detach().numpy()
    return found


@pytest.fixture(scope="module")
def published(tensorflow: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One network in every form in which it may come."""
    folder = tmp_path_factory.mktemp("musicnn")
    network = small()
    index, values = tensorflow.checkpoint(_published_variables(network))
    files = {"index": folder / ".index", "values": folder / ".data-00000-of-00001"}
    files["index"].write_bytes(index)
    files["values"].write_bytes(values)
    files["wheel"] = folder / "musicnn-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(files["wheel"], "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("musicnn/MTT_musicnn/.index", b"of another network")
        for name in ("index", "values"):
            wheel.write(files[name], f"musicnn/MSD_musicnn/{files[name].name}")
    files["safetensors"] = folder / "musicnn.safetensors"
    save_file(network.state_dict(), files["safetensors"])
    return files


@pytest.mark.parametrize("form", ["index", "values", "wheel", "safetensors"])
def test_every_form_of_file_is_the_same_network(published: dict[str, Path], form: str) -> None:
    expected = small().state_dict()
    found = load_network(published[form]).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def _spoilt(published: dict[str, Path], folder: Path, how: str) -> Path:
    """A file of which something is wrong."""
    index, values = published["index"].read_bytes(), published["values"].read_bytes()
    if how == "text in a wheel's place":
        path = folder / "some.whl"
        path.write_text("no wheel at all")
        return path
    if how in ("another wheel", "a wheel that is too large"):
        path = folder / "other.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            name = (
                "genrekit/__init__.py" if how == "another wheel" else "musicnn/MSD_musicnn/.index"
            )
            wheel.writestr(name, b"0" * 2_000_000)
        return path
    if how == "half a wheel":
        path = folder / "half.whl"
        path.write_bytes(published["wheel"].read_bytes()[:-500])
        return path
    if how.endswith("safetensors"):
        path = folder / "spoilt.safetensors"
        state = small().state_dict()
        if how == "NaN in safetensors":
            state["out.bias"][3] = float("nan")
        elif how == "another network in safetensors":
            state = nn.Linear(2, 3).state_dict()
        save_file(state, path)
        if how == "half of safetensors":
            path.write_bytes(path.read_bytes()[:1000])
        return path
    path = folder / "spoilt.index"
    path.write_bytes(index)
    if how != "an index alone":
        damaged = bytearray(values[: 400 if how == "half of the values" else None])
        damaged[300] ^= 1
        path.with_suffix(".data-00000-of-00001").write_bytes(damaged)
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("text in a wheel's place", "it is not a wheel"),
        ("another wheel", "it has no musicnn/MSD_musicnn/.index"),
        ("a wheel that is too large", "has 2,000,000 bytes; at most"),
        ("half a wheel", "it is not a wheel, or a damaged one"),
        ("half of safetensors", "it is not safetensors, or damaged"),
        ("NaN in safetensors", r"not numbers in out\.bias"),
        ("another network in safetensors", r"no filters in timbre\.0\.conv\.weight"),
        ("an index alone", "No such file"),
        ("half of the values", "more values than the 400 bytes"),
        ("a bit of the values", "their checksum differs"),
    ],
)
def test_a_spoilt_file_ends_in_a_clear_error(
    published: dict[str, Path], tmp_path: Path, how: str, message: str
) -> None:
    path = _spoilt(published, tmp_path, how)
    with pytest.raises(ConfigError, match=f"does not hold the weights of musicnn: .*{message}"):
        load_network(path)


def test_a_folder_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path} is a folder"):
        load_network(tmp_path)


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


@pytest.mark.real
def test_published_taggrams_are_reproduced(real_data: Path) -> None:
    """Of every clip that is here, at the decoder's resampling: within 0.015 at a hop of 61 frames.

    Every fourth patch is taken, which says as much in less time. A constant offset, which the
    decoder takes off, is left in, as it was when they were made.
    """
    clips = {one.stem: one for one in (real_data / "gtzan_audio" / "clips").rglob("*.flac")}
    tables = [
        np.load(real_data / "gtzan_tables" / f"musicnn_taggram_{part}_filtered.npz")
        for part in ("train", "test")
    ]
    network = slimmed(load_network(real_data / "weights" / "musicnn" / "msd_musicnn.safetensors"))
    compared = 0
    for table in tables:
        tracks = np.array([Path(one).stem for one in table["IDS"]])
        for track in sorted(clips.keys() & set(tracks)):
            recorded, rate_hz = soundfile.read(clips[track], dtype="float32")
            samples = soxr.resample(recorded, rate_hz, 16000)
            mel = MusicnnMel(len(samples), patch_hop=4 * 61)
            expected = table["X"][tracks == track][::4]
            with torch.inference_mode():
                bands = mel(torch.from_numpy(samples)[None, None])[0, : len(expected)]
                found = torch.cat([network(some).tags for some in bands.split(7)])
            assert np.abs(found.numpy() - expected).max() < 0.015, track
            compared += 1
    assert compared == 35
