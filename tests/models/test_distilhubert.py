"""DistilHuBERT against the library that it is built with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

transformers = pytest.importorskip("transformers")

from genrekit.export.network import export_body  # noqa: E402
from genrekit.models.pretrained import build_body  # noqa: E402
from genrekit.models.pretrained.backbones import DistilHubert  # noqa: E402
from genrekit.models.pretrained.distilhubert import DistilHubertBody, hub_config  # noqa: E402

SMALL = {"layers": 2, "width": 32, "heads": 2, "intermediate": 48, "conv_width": 16}
CONFIG = DistilHubert.model_validate({"weights": "random", **SMALL})
SAMPLES = 8000


@pytest.fixture(scope="module")
def clips() -> NDArray[np.float32]:
    """Two clips of half a second, the second of which ends after 0.2 s."""
    x = np.random.default_rng(0).normal(0.1, 0.2, (2, SAMPLES)).astype(np.float32)
    x[1, 3200:] = 0
    return x


def test_it_is_what_transformers_computes_with_its_mask(clips: NDArray[np.float32]) -> None:
    body = build_body(CONFIG, SAMPLES).eval()
    assert isinstance(body, DistilHubertBody)
    extractor = transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=16000, do_normalize=True, return_attention_mask=True
    )
    inputs = extractor(
        [clips[0], clips[1, :3200]], sampling_rate=16000, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        found = body(torch.from_numpy(clips)[:, None])
        states = body.hub(inputs.input_values, inputs.attention_mask).last_hidden_state
    mask = body.hub._get_feature_vector_attention_mask(states.shape[1], inputs.attention_mask)
    expected = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    assert torch.allclose(found, expected, atol=1e-4)


def test_its_graph_masks_as_well(clips: NDArray[np.float32]) -> None:
    from genrekit.bundles.session import embed_session, open_session

    body = build_body(CONFIG, SAMPLES)
    session = open_session(export_body(body, SAMPLES), inputs=("waveform",), n_labels=None)
    found = embed_session(session, {"waveform": clips[:, None]})
    with torch.no_grad():
        expected = body.eval()(torch.from_numpy(clips)[:, None]).numpy()
    assert np.allclose(found, expected, atol=1e-4)
    assert np.isfinite(
        embed_session(session, {"waveform": np.zeros((1, 1, SAMPLES), np.float32)})
    ).all()


@pytest.mark.parametrize("form", ["model", "classifier", "old"])
def test_weights_of_models_and_of_classifiers_are_read(form: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    kind = transformers.HubertForSequenceClassification
    source = kind(hub_config(CONFIG, ("blues", "metal")))
    assert source.config.id2label == {0: "blues", 1: "metal"}
    assert source.config.label2id == {"blues": 0, "metal": 1}
    state = (source if form == "classifier" else source.hubert).state_dict()
    if form == "old":  # as files were written before torch had parametrisations
        names = {"parametrizations.weight.original0": "weight_g"}
        names["parametrizations.weight.original1"] = "weight_v"
        for new, old in names.items():
            state = {name.replace(new, old): value for name, value in state.items()}
    path = tmp_path / "pytorch_model.bin"
    torch.save(state, path)
    body = build_body(CONFIG.model_copy(update={"weights": path}), SAMPLES).eval()
    x = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (1, SAMPLES)).astype(np.float32))
    with torch.no_grad():
        normal = (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-7)
        expected = source.eval().hubert(normal).last_hidden_state.mean(dim=1)
        assert torch.allclose(body(x[:, None]), expected, atol=1e-4)
