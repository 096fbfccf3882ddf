"""What every network owes its users, whatever the number of genres."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrekit.bundles.session import open_session
from genrekit.errors import ConfigError
from genrekit.export.agreement import AGREEMENT
from genrekit.export.network import check_network, export_network, run_network
from genrekit.models import MODELS, NETWORKS, NetworkConfig, build_network, model_config
from genrekit.models.module import Network, count_parameters
from genrekit.training.batches import Examples
from genrekit.training.deep import NetworkFit, fit_network
from genrekit.training.settings import TrainingConfig

LEARNT = 0.7  # of three genres, where chance is a third
BANDS, FRAMES, COLUMNS, SAMPLES = 32, 32, 12, 16000
# Settings that fit in a moment.
SMALL: dict[str, dict[str, Any]] = {
    "bigru": {"units": 12, "attention": 8},
    "bilstm": {"units": 12, "attention": 8},
    "cnn": {"channels": [8, 16]},
    "crnn": {"channels": [8, 16], "units": 12},
    "fusion": {"channels": [8, 16], "layers": [16], "fused": 16},
    "mlp": {"layers": [32, 16], "batch_norm": True, "layer_dropout": 0.1},
    "mobile": {"channels": [8, 12], "embedding": 24},
    "musicnn": {"timbre": [3, 2], "tempo": [1, 1, 1], "middle": 8, "embedding": 16},
    "pretrained": {
        "backbone": {"name": "cnn14", "weights": "random", "width": 4},
        "projection": 16,
    },
    "resnet": {"base_channels": 8, "blocks": [1, 1], "squeeze": 2},
    "transformer": {"patch_bands": 8, "patch_frames": 8, "width": 16, "depth": 2, "heads": 2},
    "vgg": {"channels": [8, 16], "convolutions": [1, 2], "dense": 16},
}
VARIANTS = [
    *SMALL.items(),
    ("transformer", SMALL["transformer"] | {"positions": "relative"}),
    ("mlp", {"layers": [32], "batch_norm": False, "layer_dropout": 0.0}),
    ("resnet", SMALL["resnet"] | {"use_attention": False}),
    ("bigru", SMALL["bigru"] | {"use_attention": False}),
]
IDS = [*SMALL, "transformer-relative", "mlp-plain", "resnet-no-attention", "bigru-no-attention"]
#: Parameters at 128 bands and ten genres, of the default settings.
PARAMETERS = {
    "bigru": (400_000, 700_000),
    "bilstm": (500_000, 900_000),
    "cnn": (300_000, 500_000),
    "crnn": (300_000, 600_000),
    "fusion": (400_000, 700_000),
    "mlp": (150_000, 250_000),
    "mobile": (400_000, 600_000),
    "musicnn": (200_000, 260_000),
    "resnet": (3_000_000, 3_300_000),
    "transformer": (600_000, 1_200_000),
    "vgg": (1_500_000, 3_500_000),
}


def small(name: str, **changes: Any) -> NetworkConfig:
    config = model_config({"architecture": name, **SMALL[name], **changes})
    assert isinstance(config, NetworkConfig)
    return config


def arrays(config: NetworkConfig, n: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Decibels and columns of very different sizes, as front-ends give them."""
    generator = np.random.default_rng(seed)
    made = {}
    if "spectrogram" in config.takes:
        made["mel"] = generator.normal(-40, 12, (n, BANDS, FRAMES)).astype(np.float32)
    if "vector" in config.takes:
        sizes = np.logspace(-6, 6, COLUMNS)
        made["gtzan57"] = (generator.normal(2, 1, (n, COLUMNS)) * sizes).astype(np.float32)
    if "waveform" in config.takes:
        made["waveform"] = generator.normal(0, 0.1, (n, 1, SAMPLES)).astype(np.float32)
    return made


def tensors(made: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in made.items()}


def network(config: NetworkConfig, n_genres: int = 3, seed: int = 0) -> Network:
    made = arrays(config, 8)
    torch.manual_seed(seed)
    built = build_network(config, {name: x.shape[1:] for name, x in made.items()}, n_genres)
    built.fit_scales(made)
    return built


def test_every_network_is_here() -> None:
    assert set(SMALL) == set(NETWORKS)
    assert set(PARAMETERS) == set(NETWORKS) - {"pretrained"}, "whose size its weights decide"
    assert set(NETWORKS) < set(MODELS)


@pytest.mark.parametrize(("name", "settings"), VARIANTS, ids=IDS)
@pytest.mark.parametrize("n_genres", [2, 10, 50])
def test_a_score_for_every_genre_and_an_embedding(
    name: str, settings: dict[str, Any], n_genres: int
) -> None:
    config = small(name, **settings)
    built = network(config, n_genres).eval()
    inputs = tensors(arrays(config, 3))
    with torch.no_grad():
        logits, embedding = built(inputs), built.embed(inputs)
    assert logits.shape == (3, n_genres)
    assert embedding.shape == (3, built.embedding_size)
    assert torch.equal(built.score(embedding), logits)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(("name", "settings"), VARIANTS, ids=IDS)
def test_gradients_reach_every_parameter(name: str, settings: dict[str, Any]) -> None:
    config = small(name, dropout=0.0, **settings)
    built = network(config)
    logits = built(tensors(arrays(config, 8)))
    (logits * torch.randn(3)).square().sum().backward()
    without = [
        parameter
        for parameter, value in built.named_parameters()
        if value.grad is None or not value.grad.abs().sum() > 0
    ]
    assert not without


@pytest.mark.parametrize(("name", "settings"), VARIANTS, ids=IDS)
def test_the_graph_agrees_with_its_source_for_any_number_of_rows(
    name: str, settings: dict[str, Any]
) -> None:
    config = small(name, **settings)
    built = network(config, n_genres=5)
    built.train()
    built(tensors(arrays(config, 8)))  # batch norm has seen something
    model = export_network(built)
    for n in (1, 2, 7):
        assert check_network(model, built, arrays(config, n, seed=n)) <= AGREEMENT
    made = arrays(config, 4, seed=9)
    (embedding,) = open_session(model, inputs=tuple(made), n_labels=5).run(["embedding"], made)
    with torch.no_grad():
        assert np.allclose(embedding, built.embed(tensors(made)).numpy(), atol=1e-4)
    assert export_network(built) == model
    for place in (b"/site-packages", b".py"):
        assert place not in model, "graphs say nothing of the machine"


def test_a_graph_that_differs_is_refused() -> None:
    from genrekit.errors import BundleError

    config = small("cnn")
    made = arrays(config, 4)
    model = export_network(network(config, seed=1))
    with pytest.raises(BundleError, match="differs from its source"):
        check_network(model, network(config, seed=2), made)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_the_default_size_is_as_stated(name: str) -> None:
    config = MODELS.get(name)()
    forms = {"spectrogram": ("mel", (128, 1291)), "vector": ("gtzan57", (57,))}
    built = build_network(config, dict(forms[form] for form in config.takes), 10)
    low, high = PARAMETERS[name]
    assert low < count_parameters(built) < high


def test_genres_cost_the_resnet_little() -> None:
    counts = [
        count_parameters(build_network(MODELS.get("resnet")(), {"mel": (128, 646)}, n))
        for n in (8, 50, 100, 200)
    ]
    assert counts[0] == pytest.approx(3.2e6, rel=0.01)
    assert counts[2] < 3.6e6
    assert counts[3] - counts[0] < 50_000


def test_sixty_four_base_channels_cost_no_more_than_thirty_two() -> None:
    wide = MODELS.get("resnet")(base_channels=64)
    counts = [count_parameters(build_network(wide, {"mel": (128, 646)}, n)) for n in (8, 200)]
    assert 3.0e6 < counts[0] <= 3.3e6
    assert counts[1] - counts[0] < 55_000
    assert type(wide).model_validate_json(wide.model_dump_json()) == wide


def test_attention_can_be_left_out() -> None:
    for name in ("resnet", "bilstm"):
        built = [
            build_network(small(name, use_attention=use), {"mel": (BANDS, FRAMES)}, 3)
            for use in (True, False)
        ]
        weighing = [any(".weigh." in one for one, _ in made.named_parameters()) for made in built]
        assert weighing == [True, False]


@pytest.mark.parametrize("base_channels", [32, 64])
def test_the_resnet_has_twenty_layers_and_more(base_channels: int) -> None:
    config = MODELS.get("resnet")(base_channels=base_channels)
    built = build_network(config, {"mel": (128, 646)}, 8)
    layers = [
        name
        for name, module in built.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
        and "weigh" not in name
        and "shortcut" not in name
    ]
    assert len(layers) >= 20


@pytest.mark.parametrize("name", [name for name in sorted(PARAMETERS) if name != "mlp"])
def test_shorter_spectrograms_are_taken_as_well(name: str) -> None:
    config = small(name)
    built = network(config).eval()
    inputs = tensors(arrays(config, 2))
    inputs["mel"] = inputs["mel"][:, :, :20]
    with torch.no_grad():
        assert torch.isfinite(built(inputs)).all()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_settings_survive_json_and_know_their_name(name: str) -> None:
    config = MODELS.get(name)()
    assert config.architecture == name
    assert type(config).model_validate_json(config.model_dump_json()) == config


def test_arrays_of_another_form_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"mlp takes one vector; .* mel, a spectrogram"):
        build_network(small("mlp"), {"mel": (32, 40)}, 3)
    with pytest.raises(ConfigError, match="one spectrogram and one vector"):
        build_network(small("fusion"), {"mel": (32, 40)}, 3)
    with pytest.raises(ConfigError, match="patch_bands"):
        build_network(small("transformer"), {"mel": (4, 40)}, 3)


# --- learning -----------------------------------------------------------------------------------


def learnable(config: NetworkConfig, n: int, seed: int = 0) -> Examples:
    """Rows of three genres that differ in low bands, in first columns, and in their tone."""
    made = arrays(config, n, seed)
    y = np.arange(n) % 3
    for form in ("mel", "gtzan57"):
        if form in made:
            low = made[form][:, :4]
            low += low.std(axis=0) * 3 * (y - 1).reshape(-1, *(1 for _ in low.shape[1:]))
    if "waveform" in made:
        turns = np.outer(200 * 4**y, np.arange(SAMPLES) / 16000)
        made["waveform"][:, 0] += np.sin(2 * np.pi * turns).astype(np.float32)
    return Examples(made, np.eye(3, dtype=np.float32)[y])


def learnt(
    config: NetworkConfig, epochs: int, seed: int = 0, *, shuffled: bool = False
) -> NetworkFit:
    training = TrainingConfig(
        epochs=epochs, batch_size=12, learning_rate=0.01, schedule="one-cycle", hold_out=0
    )
    rows = learnable(config, 18 if "waveform" in config.takes else 36)
    if shuffled:
        shares = np.random.default_rng(3).permutation(rows.shares)
        rows = Examples(rows.inputs, shares)
    return fit_network(config, training, rows, seed=seed)


def accuracy_on_unseen_rows(fit: NetworkFit, config: NetworkConfig) -> float:
    unseen = learnable(config, 60, seed=1)
    found = run_network(fit.model, unseen.inputs, n_genres=3).argmax(axis=1)
    return float((found == unseen.shares.argmax(axis=1)).mean())


@pytest.mark.parametrize(("name", "settings"), VARIANTS, ids=IDS)
def test_learns_what_can_be_learnt(name: str, settings: dict[str, Any]) -> None:
    config = small(name, **{"dropout": 0.0, **settings})
    assert accuracy_on_unseen_rows(learnt(config, epochs=20), config) > LEARNT


@pytest.mark.parametrize("name", ["crnn", "fusion", "mlp"])
def test_learns_nothing_from_shuffled_labels(name: str) -> None:
    config = small(name, dropout=0.0)
    fit = learnt(config, epochs=20, shuffled=True)
    assert accuracy_on_unseen_rows(fit, config) < 0.5


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    one, same, other = (learnt(small(name), epochs=2, seed=seed) for seed in (5, 5, 6))
    assert one.model == same.model
    assert one.files == same.files
    assert one.model != other.model
