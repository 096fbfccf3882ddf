"""The one graph says what Python says, for every front-end, window and task that it can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from genrekit.audio import Waveform, decode
from genrekit.bundles import load_bundle
from genrekit.edge import edge_graph
from genrekit.errors import ConfigError
from genrekit.features import frontend_fingerprint
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import DescriptorsConfig, MelConfig, WindowConfig

Build = Callable[..., Path]
Samples = NDArray[np.float32]
NEAR = 1e-3


def opened(bundle: Any) -> Any:
    network = (bundle.directory / "model.onnx").read_bytes()
    return onnxruntime.InferenceSession(edge_graph(bundle, network))


def outputs(session: Any, samples: Samples) -> dict[str, Any]:
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, {"audio": samples}), strict=True))


def check(classifier: Classifier, session: Any, samples: Samples) -> None:
    """Everything that the graph gives is what Python gives."""
    waveform = Waveform(samples, classifier.sample_rate_hz)
    wanted = classifier.predict(waveform, segments=True, tags=True)
    given = outputs(session, samples)
    labels = classifier.labels
    assert given["scores"] == pytest.approx([wanted.scores[one] for one in labels], abs=NEAR)
    assert given["start_seconds"] == pytest.approx([one.start_seconds for one in wanted.segments])
    for row, segment in zip(given["windows"], wanted.segments, strict=True):
        assert row == pytest.approx([segment.scores[one] for one in labels], abs=NEAR)
    if classifier.bundle.embedding_size:
        assert given["embedding"] == pytest.approx(classifier.embed(waveform), abs=NEAR)
    for name, head in classifier.bundle.manifest.heads.items():
        told = wanted.wide.scores if name == "wide" and wanted.wide else {}
        if name == "tags":
            told = {one: p for group in (wanted.tags or {}).values() for one, p in group.items()}
        for label, probability in zip(head.labels, given[name], strict=True):
            if label in told:
                assert probability == pytest.approx(told[label], abs=NEAR)


@pytest.fixture(scope="module")
def box() -> tuple[Classifier, Any]:
    classifier = Classifier.load("default", verify=False)
    return classifier, opened(classifier.bundle)


@pytest.mark.parametrize(
    ("genre", "seconds"),
    # less than a window, one, one and a bit, several, and whole windows exactly
    [("jazz", 1.2), ("metal", 3.008), ("pop", 3.02), ("disco", 10.0), ("blues", 6.016)],
)
def test_the_box_is_the_same_in_one_graph(
    box: tuple[Classifier, Any], genre: str, seconds: float
) -> None:
    music = synthesise(genre, seconds=seconds, seed=4, sample_rate_hz=16000)
    check(*box, music.samples)


@pytest.mark.parametrize("short", ["keep", "loop", "pad"])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.26])
def test_audio_of_any_length_is_cut_as_elsewhere(
    bundle_factory: Build, tmp_path: Path, short: Any, seconds: float
) -> None:
    windows = WindowConfig(window_seconds=1.0, hop_seconds=0.35, minimum_seconds=0.25, short=short)
    folder = bundle_factory(tmp_path / "model", windows=windows)
    classifier = Classifier.load(folder, verify=False)
    samples = synthesise("rock", seconds=seconds).samples
    check(classifier, opened(classifier.bundle), samples)


@pytest.mark.parametrize("aggregation", ["mean-logit", "mean-probability"])
@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_windows_are_pooled_as_elsewhere(
    bundle_factory: Build, tmp_path: Path, task: str, aggregation: str
) -> None:
    changes: dict[str, Any] = {"task": task, "aggregation": aggregation, "temperature": 0.05}
    if task == "multi-label":
        changes |= {"thresholds": (0.5,) * 10, "parents": {"metal": "rock", "rock": "pop"}}
    classifier = Classifier.load(bundle_factory(tmp_path / "model", **changes), verify=False)
    loud = synthesise("metal", seconds=3.1).samples
    session = opened(classifier.bundle)
    check(classifier, session, loud)
    check(classifier, session, np.zeros(22050, np.float32))


@pytest.mark.parametrize(
    ("fft_samples", "hop_samples", "rate_hz"),
    [(1024, 1024, 22050), (2048, 512, 22050), (400, 160, 16000), (509, 200, 8000)],
)
def test_transforms_of_any_size_are_those_of_the_front_end(
    bundle_factory: Build, tmp_path: Path, fft_samples: int, hop_samples: int, rate_hz: int
) -> None:
    mel = MelConfig(
        sample_rate_hz=rate_hz, fft_samples=fft_samples, hop_samples=hop_samples, n_mels=16
    )
    changes = {
        "frontends": {"mel": mel},
        "frontend_fingerprints": {"mel": frontend_fingerprint(mel)},
    }
    classifier = Classifier.load(bundle_factory(tmp_path / "model", **changes), verify=False)
    samples = synthesise("reggae", seconds=1.7, sample_rate_hz=rate_hz).samples
    check(classifier, opened(classifier.bundle), samples)


def test_further_heads_come_out_by_their_names(tagging_bundle: Path) -> None:
    classifier = Classifier.load(tagging_bundle)
    session = opened(classifier.bundle)
    assert {one.name for one in session.get_outputs()} >= {"tags", "wide", "scores"}
    check(classifier, session, synthesise("pop", seconds=2.3).samples)


def test_what_the_graph_is_stands_in_it(box: tuple[Classifier, Any]) -> None:
    classifier, session = box
    written = session.get_modelmeta().custom_metadata_map
    said = {name.removeprefix("genrekit."): value for name, value in written.items()}
    manifest = classifier.bundle.manifest
    assert json.loads(said["labels"]) == list(manifest.labels)
    assert said["version"] == manifest.version
    assert said["licence"] == manifest.licence
    assert said["sample_rate_hz"] == "16000"
    assert said["bundle_sha256"] == classifier.bundle.sha256
    assert float(said["unknown_below"]) == manifest.unknown_below


def test_equal_bundles_give_equal_bytes(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle, verify=False)
    network = (bundle.directory / "model.onnx").read_bytes()
    assert edge_graph(bundle, network) == edge_graph(bundle, network)


def test_a_front_end_outside_of_the_graph_is_refused_by_name(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle, verify=False)
    manifest = bundle.manifest.model_copy(update={"frontends": {"columns": DescriptorsConfig()}})
    object.__setattr__(bundle, "manifest", manifest)
    with pytest.raises(ConfigError, match=r"'descriptors' is computed outside .* expected .* mel"):
        edge_graph(bundle, b"")


@pytest.mark.real
def test_a_hundred_real_clips_get_the_same_answers(
    box: tuple[Classifier, Any], real_data: Path
) -> None:
    classifier, session = box
    clips = sorted((real_data / "gtzan_audio" / "clips").rglob("*.flac"))
    clips += sorted((real_data / "outside").rglob("*.opus"))[::10]
    assert len(clips) >= 100
    for clip in clips:
        analysed = decode(clip, sample_rate_hz=16000, excerpt=classifier.bundle.manifest.excerpt)
        wanted = classifier.predict(analysed).scores
        given = outputs(session, analysed.samples)
        assert given["scores"] == pytest.approx([wanted[x] for x in classifier.labels], abs=NEAR)
        assert given["embedding"] == pytest.approx(classifier.embed(analysed), abs=NEAR)
