"""What a user gets by installing and importing the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest

import genrekit
from genrekit.errors import GenreError

HEAVY = ("torch", "sklearn", "pandas", "librosa", "transformers", "scipy.signal", "matplotlib")


def run_python(code: str) -> dict[str, object]:
    """What ``code`` prints as JSON in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_public_names_are_pinned_and_all_resolve() -> None:
    assert sorted(genrekit.__all__) == [
        "Classifier",
        "GenreError",
        "GenreEstimator",
        "TrackPrediction",
        "Waveform",
        "__version__",
        "build_frontend",
        "decode",
        "load_bundle",
        "report",
        "study",
        "synthesise",
        "train",
    ]
    assert all(getattr(genrekit, name) is not None for name in genrekit.__all__)
    assert dir(genrekit) == sorted(genrekit.__all__)
    with pytest.raises(AttributeError, match="predict"):
        _ = genrekit.predict  # type: ignore[attr-defined]


def test_importing_the_package_imports_next_to_nothing() -> None:
    loaded = run_python(
        "import json, sys, genrekit; print(json.dumps({'modules': sorted(sys.modules)}))"
    )["modules"]
    assert isinstance(loaded, list)
    assert not {"numpy", "scipy", "pydantic", *HEAVY} & set(loaded)


def test_a_prediction_needs_no_training_library_and_little_memory(
    tmp_path: Path, peak_memory_code: str
) -> None:
    answer = run_python(
        f"""
{peak_memory_code}
import json, sys
import soundfile
from genrekit import Classifier, synthesise
song = synthesise("jazz", seconds=60, seed=1)
path = {str(tmp_path / "song.wav")!r}
soundfile.write(path, song.samples, song.sample_rate_hz)
prediction = Classifier.load().predict_file(path)
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"genre": prediction.genre, "heavy": heavy, "mebibytes": peak_mebibytes()}}))
"""
    )
    assert answer["heavy"] == []
    assert isinstance(answer["genre"], str)
    assert isinstance(answer["mebibytes"], float)
    assert answer["mebibytes"] < 300


def test_the_command_line_starts_without_numpy() -> None:
    loaded = run_python(
        "import json, sys, genrekit.cli; print(json.dumps({'modules': sorted(sys.modules)}))"
    )["modules"]
    assert isinstance(loaded, list)
    assert not {"numpy", "pydantic", *HEAVY} & set(loaded)


def test_nobody_is_told_what_is_run(tmp_path: Path, tiny_bundle: Path) -> None:
    """ONNX Runtime's telemetry keeps its session in the folder for temporary files."""
    code = f"import genrekit; genrekit.load_bundle({str(tiny_bundle)!r})"
    quiet = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_the_model_in_the_box_answers_from_a_zip_archive(tmp_path: Path) -> None:
    package = Path(genrekit.__file__).parent
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(package.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                packed.write(file, file.relative_to(package.parent))
    code = """
import json
from genrekit import Classifier, __file__, synthesise
model = Classifier.load()
rate_hz = model.sample_rate_hz
answer = model.predict(synthesise("jazz", seconds=3.0, sample_rate_hz=rate_hz))
print(json.dumps({"file": __file__, "genre": answer.genre, "name": answer.model.name}))
"""
    environment = os.environ | {"PYTHONPATH": str(archive), "GENREKIT_HOME": str(tmp_path / "home")}
    run = partial(subprocess.run, capture_output=True, text=True, check=True, env=environment)
    answer = json.loads(run([sys.executable, "-c", code]).stdout)
    assert answer["file"].startswith(str(archive))
    assert (bool(answer["genre"]), answer["name"]) == (True, "box")


def test_a_package_without_its_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genrekit.bundles.store.packaged_directory", lambda: tmp_path)
    with pytest.raises(GenreError, match=r"comes with genrekit is missing.*install genrekit again"):
        genrekit.load_bundle("default")
