"""Maps of networks: they add up, they point at what was planted, and random weights differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset
from genrekit.errors import BundleError, ConfigError
from genrekit.explain.gradients import (
    attention_map,
    grad_cam,
    integrated_gradients,
    load_network,
)
from genrekit.explain.masking import predict_track
from genrekit.explain.network_maps import attribution_maps, rank_correlation
from genrekit.explain.occlusion import telling_window
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.models import build_network
from genrekit.models.module import Network
from genrekit.models.networks import Bigru, Cnn, NetworkConfig, Transformer
from genrekit.schema import ExcerptConfig, MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.settings import TrainingConfig

BANDS, FRAMES = 16, 24


def network(config: NetworkConfig) -> Network:
    torch.manual_seed(0)
    made = build_network(config, {"mel": (BANDS, FRAMES)}, 3)
    return made.eval()


def picture() -> dict[str, np.ndarray]:
    return {"mel": np.random.default_rng(0).normal(0, 1, (BANDS, FRAMES)).astype(np.float32)}


CONFIGS = [
    Cnn(channels=(4, 8)),
    Transformer(patch_bands=4, patch_frames=4, width=16, depth=2, heads=2),
    Bigru(units=8, layers=1),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.architecture)
def test_integrated_gradients_are_complete(config: NetworkConfig) -> None:
    one, inputs = network(config), picture()
    found, gap = integrated_gradients(one, inputs, 1)
    with torch.no_grad():
        start = {"mel": one.usual_input()["mel"][np.newaxis]}
        difference = float(
            one({"mel": torch.from_numpy(inputs["mel"][np.newaxis])})[0, 1] - one(start)[0, 1]
        )
    assert found["mel"].shape == (BANDS, FRAMES)
    assert found["mel"].sum() == pytest.approx(difference, abs=0.02 * max(1, abs(difference)))
    assert gap == pytest.approx(found["mel"].sum() - difference, abs=1e-5)


def test_a_linear_network_is_explained_exactly() -> None:
    class Sum(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :2, :].sum(dim=(1, 2)).unsqueeze(1)

    one = Network({"mel": (BANDS, FRAMES)}, Sum(), embedding_size=1, n_genres=2, dropout=0).eval()
    with torch.no_grad():
        one.head.weight.copy_(torch.tensor([[1.0], [-2.0]]))
    inputs = picture()
    found, gap = integrated_gradients(one, inputs, 1)
    np.testing.assert_allclose(found["mel"][:2], -2 * inputs["mel"][:2], rtol=1e-4, atol=1e-6)
    assert not found["mel"][2:].any()
    assert abs(gap) < 1e-3


def test_grad_cam_points_at_the_patch_that_the_network_sees() -> None:
    one = network(Cnn(channels=(4,)))
    with torch.no_grad():
        for name, value in one.named_parameters():
            if "weight" in name and value.ndim == 4:
                value.fill_(0.1)
        one.head.weight.fill_(1.0)
    inputs = {"mel": np.zeros((BANDS, FRAMES), np.float32)}
    inputs["mel"][4:8, 12:16] = 5
    cam = grad_cam(one, inputs, 0)
    assert cam.shape == (BANDS, FRAMES)
    assert cam.min() >= 0
    inside = cam[4:8, 12:16].mean()
    cam[3:9, 11:17] = 0
    assert inside > 5 * cam.mean()
    with pytest.raises(ConfigError, match="no convolution"):
        grad_cam(network(CONFIGS[2]), picture(), 0)


def test_attention_is_a_share_of_each_patch() -> None:
    found = attention_map(network(CONFIGS[1]), picture())
    assert found.shape == (4, 6)
    assert found.sum() == pytest.approx(1)
    assert found.min() > 0
    with pytest.raises(ConfigError, match="transformer"):
        attention_map(network(CONFIGS[0]), picture())


def test_rank_correlation_is_spearmans() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    a, b = np.random.default_rng(1).normal(0, 1, (2, 5, 6))
    expected = scipy_stats.spearmanr(np.abs(a).ravel(), np.abs(b).ravel()).statistic
    assert rank_correlation(a, b) == pytest.approx(expected)
    a[a < 0] = 0  # ties
    expected = scipy_stats.spearmanr(a.ravel(), np.abs(b).ravel()).statistic
    assert rank_correlation(a, b) == pytest.approx(expected)
    assert rank_correlation(a, -a) == pytest.approx(1)
    assert rank_correlation(a, np.zeros_like(b)) == 0


@pytest.fixture(scope="module")
def trained_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jukebox")
    load_dataset("jukebox", folder, clips_per_genre=4, seconds=2.0)
    recipe = Recipe(
        name="deep",
        data=DataConfig(
            corpus="jukebox", path=folder, options={"clips_per_genre": 4, "seconds": 2.0}
        ),
        frontend=MelConfig(n_mels=32, fft_samples=1024, hop_samples=1024),
        excerpt=ExcerptConfig(start_seconds=0, duration_seconds=2),
        windows=WindowConfig(
            window_seconds=1.0, hop_seconds=1.0, short="loop", minimum_seconds=0.5
        ),
        model=Cnn(channels=(8, 16)),
        training=TrainingConfig(epochs=2, batch_size=16),
        protocol=ProtocolConfig(name="holdout"),
    )
    return train(recipe, folder / "deep")


def test_a_bundle_is_rebuilt_and_explained(trained_network: Path, tiny_bundle: Path) -> None:
    classifier = Classifier.load(trained_network)
    one = load_network(classifier.bundle)
    track = predict_track(classifier, synthesise("metal", seconds=2))
    window = telling_window(track, "metal")
    rows = {k: v[np.newaxis] for k, v in classifier.bundle.features(window.samples).items()}
    with torch.no_grad():
        found = one({k: torch.from_numpy(v) for k, v in rows.items()}).numpy()
    np.testing.assert_allclose(found, classifier.bundle.run(rows), atol=1e-3)
    random = load_network(classifier.bundle, random_seed=1)
    a, b = random.state_dict(), one.state_dict()
    assert torch.equal(a["scales.mel.centre"], b["scales.mel.centre"])
    assert not torch.equal(a["head.weight"], b["head.weight"])
    maps = attribution_maps(classifier, window, "mel", "metal")
    assert [one.method for one in maps] == ["Integrated gradients", "Grad-CAM"]
    assert all(one.random.correlation < 0.9 for one in maps)
    assert maps[0].gap == pytest.approx(0, abs=0.05)
    with pytest.raises(BundleError, match="occlusion explains it"):
        load_network(load_bundle(tiny_bundle))


def test_the_network_of_the_box_is_rebuilt_from_its_weights() -> None:
    classifier = Classifier.load("default")
    one = load_network(classifier.bundle)  # which compares it with the graph
    song = synthesise("metal", seconds=5, sample_rate_hz=classifier.sample_rate_hz)
    inputs = classifier.bundle.features(
        telling_window(predict_track(classifier, song), "metal").samples
    )
    cam = grad_cam(one, inputs, classifier.labels.index("metal"))
    assert cam.shape == inputs["mel"].shape
    assert cam.min() >= 0
    usual = {name: x.unsqueeze(0) for name, x in one.usual_input().items()}
    assert {name: x.shape[1:] for name, x in usual.items()} == {
        name: x.shape for name, x in inputs.items()
    }
    with torch.no_grad():
        assert torch.isfinite(one(usual)).all()
    random = load_network(classifier.bundle, random_seed=1).state_dict()
    kept = one.state_dict()
    assert torch.equal(random["centre"], kept["centre"])
    assert not torch.equal(random["head.weight"], kept["head.weight"])
