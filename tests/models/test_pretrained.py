"""Published backbones: their sizes, their parameter names, their files, and where these are."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from genrekit.audio import Waveform
from genrekit.errors import ConfigError
from genrekit.models.module import count_parameters
from genrekit.models.pretrained import (
    BACKBONES,
    PublishedConfig,
    Source,
    backbone_config,
    build_body,
    choi2017,
    local_weights,
)
from genrekit.models.pretrained.backbones import BODIES, Choi2017, Vggish
from genrekit.models.pretrained.checkpoint import load_state, read_state
from genrekit.models.pretrained.choi2017 import Block, ChoiBody
from genrekit.models.pretrained.cnn14 import Cnn14Body
from genrekit.models.pretrained.efficientat import EfficientAtBody
from genrekit.models.pretrained.spectra import Power, hann, htk_filters
from genrekit.models.pretrained.vggish import VggishBody
from genrekit.models.pretrained.yamnet import YamnetBody
from genrekit.training.backbone import fetched_weights

SMALL: dict[str, dict[str, Any]] = {
    "cnn14": {"width": 2},
    "efficientat": {"width": 0.25},
    "vggish": {"width": 4, "dense": 16},
}


def small(name: str, weights: Path | str = "random") -> PublishedConfig:
    return backbone_config({"name": name, "weights": weights, **SMALL.get(name, {})})


def noise(n: int, samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(n, 1, samples, generator=generator)


def embedded(body: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = body.eval()(x)
    return found


# --- catalog ------------------------------------------------------------------------------------


def test_every_backbone_says_where_it_is_from() -> None:
    assert list(BACKBONES) == list(BODIES)
    for name in BACKBONES:
        kind = BACKBONES.get(name)
        assert kind.source.name == name == kind().name
        assert kind.source.url.startswith("https://")
        assert kind.source.licence
        assert kind.source.citation
        assert kind.source.pretrained_on
        assert kind.windows.short != "keep"
        assert kind.windows.window_seconds >= kind.shortest_seconds


def test_unknown_backbones_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="yamnet"):
        backbone_config({"name": "yamet"})
    with pytest.raises(ConfigError, match=r"backbone.name is missing; .*choi2017.*backbone.bundle"):
        backbone_config({"weights": "random"})


def test_windows_that_are_too_short_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"choi2017 needs windows of at least 27\.3 s, not 10 s"):
        build_body(Choi2017(weights="random"), 120_000)


# --- networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "parameters", "head"),
    [
        (VggishBody, (16000, 64, 4096), 72_141_184, 0),
        (Cnn14Body, (64,), 80_753_615, 2048 * 527 + 527),
        (EfficientAtBody, (1.0,), 4_876_831, 960 * 1280 + 1280 + 1280 * 527 + 527),
    ],
)
def test_sizes_are_as_published(
    kind: Any, settings: tuple[Any, ...], parameters: int, head: int
) -> None:
    """With the old heads, which are left out: 72.1, 80.8 and 4.88 million."""
    with torch.device("meta"):
        body = kind(*settings)
    assert count_parameters(body) + head == parameters


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("vggish", ["features.0.weight", "features.13.bias", "embeddings.4.weight"]),
        ("cnn14", ["bn0.running_mean", "conv_block6.conv2.weight", "conv_block1.bn1.bias"]),
        ("cnn14", ["fc1.weight", "fc1.bias"]),
        ("efficientat", ["features.0.0.weight", "features.1.block.1.0.weight"]),
        ("efficientat", ["features.4.block.2.conc_se_layers.0.fc1.weight", "features.16.1.bias"]),
    ],
)
def test_parameters_are_called_as_in_the_published_files(name: str, names: list[str]) -> None:
    body = build_body(small(name), 32000)
    assert set(names) <= set(body.state_dict())


@pytest.mark.parametrize("name", sorted(SMALL))
def test_an_embedding_for_each_row_by_itself(name: str) -> None:
    body = build_body(small(name), 32000)
    x = noise(3, 32000)
    found = embedded(body, x)
    assert found.shape == (3, body.embedding_size)
    assert len(set(body.feature_names)) == body.embedding_size
    assert torch.allclose(embedded(body, x[1:2])[0], found[1], atol=1e-6)
    assert not torch.equal(found[0], found[1])


def test_choi_describes_its_five_layers() -> None:
    samples = 29 * 12000
    torch.manual_seed(0)
    body = ChoiBody(samples, by_window=True)
    x = noise(1, samples)
    found = embedded(body, x)
    assert found.shape == (1, 160)
    assert body.feature_names[:2] == ("layer0_000", "layer0_001")
    assert body.feature_names[-1] == "layer4_031"
    louder = embedded(body, 3 * x)
    assert torch.allclose(found, louder, atol=1e-3), "levels are relative to the loudest cell"


def test_yamnet_takes_the_mean_of_its_patches() -> None:
    torch.manual_seed(0)
    body = YamnetBody(16000 * 2)
    x = noise(1, 16000 * 2)
    each = body.patches(x)[0]
    assert each.shape == (3, 96, 64)
    with torch.no_grad():
        apart = body.layers(each[:, None]).mean(dim=(0, 2, 3))
    assert torch.allclose(embedded(body, x)[0], apart, atol=1e-5)


# --- transforms ---------------------------------------------------------------------------------


def test_power_is_that_of_the_fourier_transform() -> None:
    window = hann(400)
    x = noise(1, 1200)
    found = Power(window, 512, 160)(x)[0].numpy()
    frames = np.stack([x[0, 0, i : i + 400].numpy() * window for i in range(0, 801, 160)])
    expected = np.abs(np.fft.rfft(frames, 512, axis=1)) ** 2
    assert np.allclose(found.T, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn14", "efficientat"])
def test_spectra_are_not_taken_in_half_precision(name: str) -> None:
    """What enters the first convolution is the same with and without autocast."""
    body = build_body(small(name), 16000)
    first = next(module for module in body.modules() if isinstance(module, nn.Conv2d))
    seen: list[torch.Tensor] = []
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    embedded(body, noise(1, 16000))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedded(body, noise(1, 16000))
    assert torch.equal(*seen)


def test_neighbouring_filters_sum_to_one_between_their_centres() -> None:
    filters = htk_filters(16000, 512, 64, 125.0, 7500.0)
    centres = filters.argmax(axis=0)
    inside = slice(centres[0] + 1, centres[-1])
    assert np.allclose(filters[inside].sum(axis=1), 1)
    assert not filters[0].any()
    assert not filters[-1].any()
    assert (np.diff(centres) >= 0).all()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SMALL))
@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_weights_come_back_from_a_file(name: str, form: str, tmp_path: Path) -> None:
    old_heads = {
        "cnn14": {"fc_audioset.weight": torch.zeros(3, 64), "logmel_extractor.melW": torch.ones(2)},
        "efficientat": {"classifier.5.bias": torch.zeros(527)},
        "vggish": {"pproc.pca_means": torch.zeros(128)},
    }
    torch.manual_seed(4)
    source = build_body(small(name), 32000)
    state = {key: value.clone() for key, value in source.state_dict().items()} | old_heads[name]
    if form == "torch":
        path = tmp_path / "weights.pth"
        torch.save({"iteration": torch.tensor(3), "model": state}, path)
    else:
        from safetensors.torch import save_file

        path = tmp_path / "weights.safetensors"
        save_file(state, path)
    torch.manual_seed(5)
    x = noise(2, 32000)
    assert torch.equal(embedded(build_body(small(name, path), 32000), x), embedded(source, x))


def test_files_that_could_run_code_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": Choi2017()}, path)
    with pytest.raises(ConfigError, match=r"does not hold the weights of vggish: .*--weights"):
        build_body(Vggish(weights=path), 16000)
    with pytest.raises(ValueError, match="more than tensors"):
        read_state(path)


def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    module = nn.Linear(2, 3)
    state = module.state_dict()
    with pytest.raises(ValueError, match=r"it lacks bias \(1 in all\)"):
        load_state(module, {"weight": state["weight"]})
    with pytest.raises(ValueError, match="it also has scale"):
        load_state(module, {**state, "scale": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"other shapes: bias \(4,\) for \(3,\)"):
        load_state(module, {**state, "bias": torch.zeros(4)})
    load_state(module, {**state, "head.bias": torch.zeros(4)}, ignored=("head.",))
    with pytest.raises(ValueError, match=r"not numbers in bias \(1 in all\)"):
        load_state(module, {**state, "bias": torch.full((3,), torch.nan)})
    for name in ("choi2017", "yamnet", "cnn14", "musicnn"):
        path = tmp_path / "text.bin"
        path.write_text("no weights at all")
        config = small(name, path)
        with pytest.raises(ConfigError, match=f"text.bin does not hold the weights of {name}"):
            build_body(config, int(config.windows.window_seconds * config.sample_rate_hz))


@pytest.mark.parametrize("name", [*sorted(SMALL), "musicnn"])
def test_damaged_safetensors_are_named_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(ConfigError, match=f"does not hold the weights of {name}: .*safetensors"):
        build_body(small(name, path), 48_000)


def _keras(path: Path, theano: bool) -> None:
    """A file in either of the two forms that Choi's weights have, of the same made-up network."""
    import h5py

    generator = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        file.create_dataset("melgram/param_0" if theano else "melgram/Variable:0", data=[0.0])
        end = "" if theano else ":0"
        for number in range(1, 6):
            shape = (32, 32 if number > 1 else 1, 3, 3)
            kernels = generator.normal(0, 0.3, shape).astype(np.float32)
            group = file.require_group("ConvBNEluDr")
            group[f"convolution2d_{number}_W{end}"] = (
                kernels[:, :, ::-1, ::-1] if theano else kernels
            )
            group[f"convolution2d_{number}_b{end}"] = generator.normal(0, 1, 32)
            for part in ("gamma", "beta"):
                name = f"batchnormalization_{number}_{part}{end}"
                group[name] = generator.uniform(0.5, 2, 32)


def test_both_forms_of_chois_weights_are_one_network(tmp_path: Path) -> None:
    found = []
    for theano in (True, False):
        path = tmp_path / f"{theano}.hdf5"
        _keras(path, theano)
        body = build_body(Choi2017(weights=path, normalise="window"), 29 * 12000)
        found.append(body.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_choi_is_normalised_by_one_batch_whatever_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With noise for the jukebox: each map of the batch comes out with mean 0 and deviation 1."""
    generator = np.random.default_rng(0)
    noisy = {
        genre: Waveform(generator.normal(0, 0.1, 348_000).astype(np.float32), 12000)
        for genre in ("blues", "rock")
    }
    monkeypatch.setattr(choi2017, "JUKEBOX_GENRES", tuple(noisy))
    monkeypatch.setattr(choi2017, "synthesise", lambda genre, **_: noisy[genre])
    _keras(tmp_path / "weights.hdf5", theano=True)
    body, longer = (
        build_body(Choi2017(weights=tmp_path / "weights.hdf5"), seconds * 12000)
        for seconds in (29, 30)
    )
    assert isinstance(body, ChoiBody)
    assert all(
        torch.equal(one, other)
        for one, other in zip(body.state_dict().values(), longer.state_dict().values(), strict=True)
    )
    x = torch.from_numpy(np.stack([one.samples for one in noisy.values()]))[:, None]
    block = body.blocks[0]
    assert isinstance(block, Block)
    with torch.no_grad():
        first = block.conv(body.picture(x))
    scaled = (first - block.mean[:, None, None]) / block.variance.sqrt()[:, None, None]
    assert torch.allclose(scaled.mean(dim=(0, 2, 3)), torch.zeros(32), atol=1e-3)
    assert torch.allclose(scaled.std(dim=(0, 2, 3)), torch.ones(32), atol=1e-3)


# --- where they are -----------------------------------------------------------------------------


def test_a_named_file_goes_before_the_variable_and_that_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = Choi2017.source
    assert local_weights(source, None) is None
    files = {}
    for place in ("named", "variable", "cache"):
        path = source.cached if place == "cache" else tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.encode())
        files[place] = path
    assert local_weights(source, None) == files["cache"]
    assert not caplog.records
    monkeypatch.setenv("GENREKIT_WEIGHTS_CHOI2017", str(files["variable"]))
    assert local_weights(source, None) == files["variable"]
    assert "not the published file of choi2017" in caplog.text
    assert local_weights(source, files["named"]) == files["named"]
    monkeypatch.setenv("GENREKIT_WEIGHTS_CHOI2017", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="gone, which GENREKIT_WEIGHTS_CHOI2017 names"):
        local_weights(source, None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of ``tmp_path / "web"``."""
    (tmp_path / "web").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{web.server_address[1]}"
        web.shutdown()
        thread.join()


def _from(url: str, **changes: Any) -> PublishedConfig:
    source = Choi2017.source.model_copy(update={"url": url, "about_bytes": 1000, **changes})
    kind: type[PublishedConfig] = type("Elsewhere", (Choi2017,), {"source": source})
    return kind(name="choi2017")


def test_weights_are_fetched_once_with_progress(server: str, tmp_path: Path) -> None:
    content = b"w" * 700
    (tmp_path / "web" / "weights").write_bytes(content)
    config = _from(f"{server}/weights", sha256=hashlib.sha256(content).hexdigest())
    steps: list[tuple[str, int, int]] = []
    fetched_weights(config, progress=lambda *told: steps.append(told))
    assert steps[-1] == ("fetching choi2017", 700, 700)
    assert config.source.cached.read_bytes() == content
    steps.clear()
    again = fetched_weights(config, progress=lambda *told: steps.append(told))
    assert (again, steps) == (config.source.cached, [])


def test_other_weights_than_the_published_are_not_kept(server: str, tmp_path: Path) -> None:
    (tmp_path / "web" / "weights").write_bytes(b"other")
    config = _from(f"{server}/weights", sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"sent sha256:.*nothing of it was kept.*--weights FILE"):
        fetched_weights(config)
    assert not config.source.cached.exists()


def test_offline_it_says_what_to_do(server: str) -> None:
    config = _from(f"{server}/gone")
    with pytest.raises(
        ConfigError,
        match=r"no weights of choi2017: .*404.*get http.*gone \(0 MB, MIT\) .*name the file with "
        r"--weights FILE or the variable GENREKIT_WEIGHTS_CHOI2017",
    ):
        fetched_weights(config)


def test_random_weights_need_no_file() -> None:
    assert fetched_weights(Choi2017(weights="random")) is None
    assert isinstance(Choi2017.source, Source)
