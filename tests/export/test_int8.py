"""Graphs in eight bits: the same answers in less time, or the graph in floats and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from genrekit.bundles import load_bundle
from genrekit.export import int8 as room
from genrekit.export.int8 import int8_graph, quantise
from genrekit.export.network import export_network, run_network
from genrekit.models import NetworkConfig, build_network
from genrekit.models.networks import Bilstm, Cnn, Mlp
from genrekit.schema import Int8Numbers
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.recipe import ExportConfig
from genrekit.training.settings import TrainingConfig

SHAPE = (64, 96)
# Genres that differ, so that few rows are close to a border between two of them.
_GENRES = np.random.default_rng(1).normal(0, 1, (4, 64, 1))


def rows(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = _GENRES[np.arange(n) % 4] + generator.normal(0, 0.5, (n, *SHAPE))
    return {"mel": x.astype(np.float32)}


def graph(config: NetworkConfig) -> bytes:
    torch.manual_seed(0)
    network = build_network(config, {"mel": SHAPE}, 4)
    network.fit_scales(rows(64))
    return export_network(network.eval())


@pytest.fixture(scope="module")
def convolutions() -> bytes:
    return graph(Cnn(channels=(64, 64)))


def test_convolutions_are_smaller_faster_and_answer_the_same(convolutions: bytes) -> None:
    small, text = quantise(convolutions, rows(64), n_genres=4)
    numbers = Int8Numbers.model_validate_json(text)
    assert numbers.used
    assert small != convolutions
    assert numbers.int8_bytes == len(small) < 0.6 * len(convolutions) == 0.6 * numbers.float_bytes
    assert numbers.int8_ms < numbers.float_ms
    fresh = rows(64, seed=9)
    before, after = (run_network(one, fresh, n_genres=4) for one in (convolutions, small))
    assert (before.argmax(axis=1) == after.argmax(axis=1)).mean() >= room.AGREEMENT
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99


def test_what_does_not_help_keeps_its_floats(caplog: pytest.LogCaptureFixture) -> None:
    recurrent = graph(Bilstm(units=8, layers=1))
    kept, text = quantise(recurrent, rows(16), n_genres=4)
    numbers = Int8Numbers.model_validate_json(text)
    assert kept == recurrent
    assert not numbers.used
    assert "% of the time of floats" in numbers.why
    assert f"the graph keeps its floats: {numbers.why}" in caplog.text


def test_other_answers_are_refused(convolutions: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "AGREEMENT", 1.01)
    kept, text = quantise(convolutions, rows(16), n_genres=4)
    assert kept == convolutions
    assert "got another answer" in Int8Numbers.model_validate_json(text).why


def test_equal_rows_give_equal_graphs_and_nothing_is_logged(
    convolutions: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = list(logging.getLogger().handlers)
    assert int8_graph(convolutions, rows(16)) == int8_graph(convolutions, rows(16))
    assert not caplog.records
    assert logging.getLogger().handlers == handlers


def test_a_recipe_ships_eight_bits_and_its_card_says_so(
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain_graph: Callable[[Path], bytes],
) -> None:
    monkeypatch.setattr(room, "WORTH", 1000)
    recipe = Recipe(
        name="small",
        data=DataConfig(corpus="table", path=table),
        model=Mlp(layers=(64,)),
        training=TrainingConfig(epochs=20, batch_size=16, hold_out=0),
        protocol=ProtocolConfig(name="fault-filtered", fit_on="train+valid"),
        export=ExportConfig(int8=True),
    )
    bundle = load_bundle(train(recipe, tmp_path / "bundle"))
    numbers = bundle.metrics.int8
    assert numbers is not None
    assert numbers.used
    assert len(plain_graph(tmp_path / "bundle")) == numbers.int8_bytes
    assert f"{numbers.int8_ms:.2f} ms" in (tmp_path / "bundle" / "CARD.md").read_text()
