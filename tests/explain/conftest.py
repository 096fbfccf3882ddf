"""A model of two genres that is right, and a track that is first one of them and then the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper

from genrekit.audio import Waveform
from genrekit.bundles import write_bundle
from genrekit.features import build_frontend, frontend_fingerprint
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import (
    BundleMetrics,
    Estimate,
    EvaluationResult,
    GenreNumbers,
    Manifest,
    MelConfig,
    Provenance,
    WindowConfig,
)

GENRES = ("classical", "metal")
MEL = MelConfig(fft_samples=1024, hop_samples=1024, n_mels=16)
RATE_HZ = MEL.sample_rate_hz


def spectrum(genre: str, seed: int) -> np.ndarray:
    mel = build_frontend(MEL)(synthesise(genre, seconds=4, seed=seed).samples)
    return np.asarray(mel.mean(axis=1))


def linear_model() -> bytes:
    """Scores by which of two mean spectra is nearer."""
    means = [np.mean([spectrum(genre, seed) for seed in (10, 11, 12)], axis=0) for genre in GENRES]
    weights = np.stack(means, axis=1).astype(np.float32) / 200
    bias = np.array([-(mean @ mean) / 400 for mean in means], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["mel", "time"], ["mean"], keepdims=0),
            helper.make_node("Gemm", ["mean", "weights", "bias"], ["logits"]),
        ],
        "nearer",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["n", MEL.n_mels, "frames"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(GENRES)])],
        [
            numpy_helper.from_array(np.array([2], np.int64), "time"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(model.SerializeToString())


def made_up_metrics() -> BundleMetrics:
    estimate = Estimate(value=0.5, low=0.4, high=0.6, method="wilson")
    numbers = [GenreNumbers(genre=g, precision=0.5, recall=0.5, f1=0.5, tracks=2) for g in GENRES]
    result = EvaluationResult(
        model="nearer",
        dataset="jukebox",
        dataset_fingerprint="0" * 64,
        protocol="holdout",
        leaky=False,
        split_fingerprint="1" * 64,
        items=4,
        labels=GENRES,
        accuracy=estimate,
        macro_f1=estimate,
        log_loss=1.5,
        expected_calibration_error=0.1,
        per_genre=tuple(numbers),
        confusion=((1, 1), (1, 1)),
    )
    return BundleMetrics(results=(result,))


@pytest.fixture(scope="session")
def nearer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that takes one second at a time."""
    manifest = Manifest(
        name="nearer",
        version="0.1.0",
        architecture="linear",
        labels=GENRES,
        frontends={"mel": MEL},
        frontend_fingerprints={"mel": frontend_fingerprint(MEL)},
        windows=WindowConfig(window_seconds=1.0, hop_seconds=1.0, minimum_seconds=0.25),
        provenance=Provenance(
            dataset="jukebox",
            dataset_fingerprint="0" * 64,
            protocol="holdout",
            tracks=6,
            data_licence="CC0-1.0",
            recipe="model: linear\n",
        ),
    )
    return write_bundle(
        tmp_path_factory.mktemp("bundles") / "nearer",
        manifest=manifest,
        model_onnx=linear_model(),
        metrics=made_up_metrics(),
        golden=synthesise("metal", seconds=1.5),
    )


@pytest.fixture(scope="session")
def classifier(nearer: Path) -> Classifier:
    return Classifier.load(nearer)


@pytest.fixture(scope="session")
def glued() -> Waveform:
    """Six seconds of classical music with metal from 2 to 4 s."""
    quiet, loud = synthesise("classical", seconds=4), synthesise("metal", seconds=2)
    cut = 2 * RATE_HZ
    parts = [quiet.samples[:cut], loud.samples, quiet.samples[cut:]]
    return Waveform(np.concatenate(parts), RATE_HZ)


@pytest.fixture(scope="session")
def glued_file(glued: Waveform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "half <b>metal.wav"
    soundfile.write(path, glued.samples, RATE_HZ)
    return path
