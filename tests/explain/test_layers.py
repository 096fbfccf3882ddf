"""The diagram of a model is of the graph that runs: its layers, shapes and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pytest
from typer.testing import CliRunner

from genrekit.bundles import load_bundle
from genrekit.cli import app
from genrekit.explain import parameters_of, read_layers
from genrekit.export.classical import export_onnx
from genrekit.export.network import export_network
from genrekit.models import MODELS, build, build_network, classical_config


def test_all_parameters_of_the_packaged_model_are_in_one_layer_each() -> None:
    model = load_bundle("default", verify=False).directory / "model.onnx"
    layers = read_layers(model.read_bytes())
    assert (layers[0].name, layers[0].before) == ("mel", [])
    (logits,) = (one for one in layers if one.name == "logits")
    assert logits.shape == "10"
    graph = onnx.load(model).graph
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    sizes = [list(one.dims) for one in graph.initializer if one.data_type in kinds]
    count = 0
    for dims in sizes:
        product = 1
        for one in dims:
            product *= one
        count += product
    assert parameters_of(layers) == count
    for place, layer in enumerate(layers):
        assert all(one < place for one in layer.before)
        assert layer.before or place == 0
    assert not any("?" in layer.shape for layer in layers)


@pytest.mark.parametrize("name", ["mlp", "cnn", "bilstm"])
def test_networks_have_their_layers(name: str) -> None:
    config = MODELS.get(name)()
    shape = (57,) if config.takes[0] == "vector" else (64, 80)
    network = build_network(config, {"x": shape}, 10)
    said = " ".join(one.name for one in read_layers(export_network(network)))
    wanted = {"mlp": "fully connected, ReLU", "cnn": "convolution 3 x 3", "bilstm": "LSTM, both"}
    assert wanted[name] in said


def test_a_forest_has_its_trees() -> None:
    import numpy as np

    x = np.random.default_rng(0).normal(size=(30, 3))
    config = classical_config({"architecture": "forest", "trees": 7})
    pipeline = build(config, seed=0).fit(x, np.arange(30) % 3)
    layers = read_layers(export_onnx(pipeline, input_name="columns", n_columns=3))
    (trees,) = (one for one in layers if one.name.startswith("trees"))
    assert trees.name == "trees, 7 of them"
    assert trees.parameters > 21


def test_models_show_draws_it(tmp_path: Path) -> None:
    drawn = tmp_path / "box.svg"
    done = CliRunner().invoke(app, ["models", "show", "default", "--diagram", "-o", str(drawn)])
    assert done.exit_code == 0, done.output
    assert "convolution" in done.output
    assert "parameters" in done.output.splitlines()[-1]
    tree = ElementTree.parse(drawn)
    texts = {one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert {"mel", "logits"} <= texts
    told = CliRunner().invoke(app, ["models", "show", "--diagram", "--json"])
    assert json.loads(told.stdout)["layers"][0]["name"] == "mel"
    refused = CliRunner().invoke(
        app, ["models", "show", "--diagram", "-o", str(tmp_path / "a.png")]
    )
    assert refused.exit_code != 0
    assert "ends in .svg" in str(refused.exception or refused.output)
