"""``genrekit models export --format edge``: precisions, files, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile

from genrekit.audio import Waveform
from genrekit.edge import EdgeModel, export_edge, export_web
from genrekit.edge.runtime import FILES, runtime_files
from genrekit.errors import AudioNotFoundError, BundleError, ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise


@pytest.fixture(scope="module")
def exported(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edge") / "tiny"
    export_edge(tiny_bundle, folder, synthetic=10)
    return folder


def test_every_precision_says_what_it_costs(exported: Path) -> None:
    model = EdgeModel.model_validate_json((exported / "model.json").read_bytes())
    assert [one.kind for one in model.precisions] == ["fp32", "fp16", "int8"]
    for one in model.precisions:
        assert one.kept == (one.why == "")
        assert not one.kept or (one.agreement or 0) >= 0.99
        for file in one.files:
            content = (exported / file.name).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)
    single = model.precisions[0]
    assert single.agreement == 1
    assert (single.largest_difference or 0) < 1e-3
    assert (exported / "CARD.md").read_text("utf-8").startswith("# tiny")


def test_the_format_of_phones_is_loaded_and_run(exported: Path, tiny_bundle: Path) -> None:
    """By ONNX Runtime from its own format, as a phone does it."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.load_model_format", "ORT")
    session = onnxruntime.InferenceSession((exported / "fp32.ort").read_bytes(), options)
    assert session.get_modelmeta().custom_metadata_map["genrekit.name"] == "tiny"
    classifier = Classifier.load(tiny_bundle)
    samples = synthesise("country", seconds=2.4).samples
    (scores,) = session.run(["scores"], {"audio": samples})
    wanted = classifier.predict(Waveform(samples, classifier.sample_rate_hz)).scores
    assert scores == pytest.approx([wanted[one] for one in classifier.labels], abs=1e-3)


def test_it_is_compared_on_the_audio_of_a_folder(tiny_bundle: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    with pytest.raises(AudioNotFoundError, match="leave --data out"):
        export_edge(tiny_bundle, tmp_path / "out", data=music)
    for genre in ("jazz", "rock"):
        soundfile.write(music / f"{genre}.wav", synthesise(genre, seconds=2.0).samples, 22050)
    (music / "broken.mp3").write_bytes(b"no music")
    model = export_edge(tiny_bundle, tmp_path / "out", data=music)
    assert model.tracks == 2
    assert str(music) in model.compared
    with pytest.raises(BundleError, match="exists already"):
        export_edge(tiny_bundle, tmp_path / "out")


def test_a_graph_that_differs_is_not_written(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genrekit.edge import frontends

    wrong = frontends._filters
    monkeypatch.setattr(frontends, "_filters", lambda config: 2 * np.roll(wrong(config), 1, axis=1))
    with pytest.raises(BundleError, match="differs from what Python computes"):
        export_edge(tiny_bundle, tmp_path / "out", synthetic=2)
    assert not list(tmp_path.iterdir())


def test_the_runtime_is_taken_by_hand_and_checked(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not hold .* npm pack onnxruntime-web@.* --ort"):
        runtime_files(tmp_path)
    (tmp_path / "dist").mkdir()
    for source, _ in FILES.values():
        (tmp_path / "dist" / source).write_bytes(b"something else")
    with pytest.raises(BundleError, match="SHA-256 begins with"):
        export_web(tiny_bundle, tmp_path / "out", runtime=tmp_path)


def test_without_npm_it_says_how_to_hand_the_runtime_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"npm is not installed.*--ort DIR"):
        runtime_files()


def test_a_network_that_is_down_says_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho getaddrinfo ENOTFOUND >&2; exit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(npm))
    with pytest.raises(ConfigError, match=r"ENOTFOUND; on a machine with npm .* --ort DIR"):
        runtime_files()


def test_predicting_needs_no_onnx() -> None:
    code = (
        "import sys; sys.modules['onnx'] = None; import genrekit.edge, genrekit.cli;"
        "from genrekit.inference import Classifier; Classifier.load('default');"
        "from genrekit.errors import MissingExtraError\n"
        "try: genrekit.edge.export_edge\n"
        "except MissingExtraError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'genrekit[edge]'" in ran.stdout


def test_model_json_is_all_that_a_program_needs(exported: Path, tiny_bundle: Path) -> None:
    said = json.loads((exported / "model.json").read_bytes())
    manifest = Classifier.load(tiny_bundle).bundle.manifest
    assert said["labels"] == list(manifest.labels)
    assert said["unknown_below"] == manifest.unknown_below
    assert said["silent_below_peak"] == 1e-4
    assert said["windows"]["minimum_seconds"] == manifest.windows.minimum_seconds
