"""Every architecture tells fresh synthetic clips by their genre; by heart see `test_networks.py`.

What this proves is that gradients, losses, scales, augmentation and export fit together. Ten
recipes of a synthesiser are not music, so the scores are no evidence of anything else.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.export.network import run_network
from genrekit.features import build_frontend
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.models import NETWORKS, NetworkConfig
from genrekit.models.networks import (
    Bigru,
    Bilstm,
    Cnn,
    Crnn,
    Fusion,
    Mlp,
    Mobile,
    Musicnn,
    Resnet,
    Transformer,
    Vgg,
)
from genrekit.schema import MelConfig
from genrekit.training.batches import Examples
from genrekit.training.deep import fit_network
from genrekit.training.settings import Augment, TrainingConfig

SECONDS = 3.0
CLIPS_TO_LEARN, CLIPS_FRESH = 12, 4  # of each genre
FRESH_ACCURACY = 0.85
VECTOR = "timbre"

_RECURRENT = {"units": 24, "layers": 1, "attention": 16, "dropout": 0}
#: A small form of every network, and how many epochs it needs for fresh clips.
SMALL: dict[str, tuple[NetworkConfig, int]] = {
    "mlp": (Mlp(layers=(64, 32), dropout=0), 20),
    "cnn": (Cnn(channels=(16, 32, 32), dropout=0), 15),
    "vgg": (Vgg(channels=(16, 24, 32), convolutions=(1, 1, 1), dense=32, dropout=0), 15),
    "bilstm": (Bilstm(**_RECURRENT), 25),
    "bigru": (Bigru(**_RECURRENT), 25),
    "crnn": (Crnn(channels=(16, 32), units=16, dropout=0), 15),
    "fusion": (Fusion(channels=(16, 32), layers=(32,), fused=32, dropout=0), 15),
    "transformer": (
        Transformer(width=48, depth=2, patch_bands=40, patch_frames=4, layer_dropout=0, dropout=0),
        25,
    ),
    "resnet": (Resnet(base_channels=16, blocks=(1, 1), squeeze=4, dropout=0), 18),
    "musicnn": (
        Musicnn(timbre=(6, 2), tempo=(2, 2, 2), middle=16, embedding=64, dropout=0),
        18,
    ),
    "mobile": (Mobile(channels=(16, 32), blocks=1, expansion=3, embedding=64, dropout=0), 28),
}

Rows = tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]


@pytest.fixture(scope="session")
def jukebox_rows() -> Rows:
    """Mel spectrograms and their statistics, in rounds of one clip of every genre."""
    mel = build_frontend(MelConfig(n_mels=40, fft_samples=2048, hop_samples=1024))
    clips = [
        mel(synthesise(genre, seconds=SECONDS, seed=seed).samples)
        for seed in range(CLIPS_TO_LEARN + CLIPS_FRESH)
        for genre in JUKEBOX_GENRES
    ]
    x = np.stack(clips).astype(np.float32)
    changes = np.abs(np.diff(x, axis=2)).mean(axis=2)
    vectors = np.concatenate([x.mean(axis=2), x.std(axis=2), changes], axis=1)
    shares = np.eye(len(JUKEBOX_GENRES), dtype=np.float32)[np.arange(len(x)) % len(JUKEBOX_GENRES)]
    return {"mel": x, VECTOR: vectors}, shares


def rounds(rows: Rows, config: NetworkConfig, begin: int, end: int) -> Examples:
    """Clips of every genre, what the network takes of them."""
    arrays, shares = rows
    form = {"spectrogram": "mel", "vector": VECTOR}
    part = slice(begin * len(JUKEBOX_GENRES), end * len(JUKEBOX_GENRES))
    return Examples({form[one]: arrays[form[one]][part] for one in config.takes}, shares[part])


def accuracy(model: bytes, examples: Examples) -> float:
    inputs: Mapping[str, NDArray[np.float32]] = {k: v[:] for k, v in examples.inputs.items()}
    told = run_network(model, inputs, n_genres=examples.shares.shape[1]).argmax(axis=1)
    return float((told == examples.shares.argmax(axis=1)).mean())


def fitted(config: NetworkConfig, epochs: int, train: Examples, augment: Augment) -> bytes:
    training = TrainingConfig(
        epochs=epochs,
        batch_size=10,
        learning_rate=0.005,
        schedule="one-cycle",
        precision="float32",
        augment=augment,
    )
    return fit_network(config, training, train).model


def test_every_network_is_tried_that_needs_no_published_weights() -> None:
    assert set(SMALL) == set(NETWORKS) - {"pretrained"}


@pytest.mark.parametrize("name", SMALL)
def test_fresh_clips_are_predicted_right(name: str, jukebox_rows: Rows) -> None:
    config, epochs = SMALL[name]
    train = rounds(jukebox_rows, config, 0, CLIPS_TO_LEARN)
    fresh = rounds(jukebox_rows, config, CLIPS_TO_LEARN, CLIPS_TO_LEARN + CLIPS_FRESH)
    louder = Augment(mixup=0.2, gain_db=6, filter_db=4)
    augment = louder if "spectrogram" in config.takes else Augment(mixup=0.2)
    assert accuracy(fitted(config, epochs, train, augment), fresh) > FRESH_ACCURACY
