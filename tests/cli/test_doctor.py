"""What is installed is told from the disk, and what works by trying it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import genrekit
from genrekit.audio import Waveform
from genrekit.bundles import load_bundle
from genrekit.extras import EXTRAS
from genrekit.installation import codecs, extras, machine, places
from genrekit.installation.check import Check

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]
HEAVY = ("torch", "sklearn", "pandas", "librosa", "transformers", "streamlit", "ray", "fastapi")
TOOLS = {"test", "dev", "docs", "notebooks"}


def _names(requirements: list[str]) -> set[str]:
    return {Requirement(one).name for one in requirements}


def test_what_is_looked_for_is_what_is_declared() -> None:
    declared = PROJECT["optional-dependencies"]
    assert {name: set(modules) for name, modules in EXTRAS.items()} == {
        name: _names(listed) for name, listed in declared.items() if name not in TOOLS
    }
    assert set(machine.CORE) == _names(PROJECT["dependencies"])


def test_looking_imports_nothing_heavy_and_breaks_nothing() -> None:
    code = f"""
import json, sys
from genrekit.installation import examine, installed
checks = examine()
installed()
found = [[one.about, one.name, one.state, one.seen] for one in checks]
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"checks": found, "heavy": heavy}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["heavy"] == []
    assert [one for one in said["checks"] if one[2] == "broken"] == []
    decoded = {one[1] for one in said["checks"] if one[0] == "codecs" and one[2] == "ok"}
    assert decoded >= {"wav", "flac", "mp3", "ogg vorbis", "opus", "m4a aac", "wma", "webm"}
    assert {one[0] for one in said["checks"]} == {
        *("core", "codecs", "extras", "places", "space", "machine")
    }


def test_version_as_json_says_what_is_there(run: Any) -> None:
    ran = run("--version", "--json")
    said = json.loads(ran.out)
    assert (ran.code, said["genrekit"]) == (0, genrekit.__version__)
    assert said["model"]["sha256"] == load_bundle("default").sha256
    assert set(said["extras"]) == set(EXTRAS)
    assert said["extras"]["train"]["versions"]["scikit-learn"]
    assert ".flac" in said["codecs"]["suffixes"]
    assert said["codecs"]["ffmpeg"]["libavcodec"]
    assert run("--version").out == f"genrekit {genrekit.__version__}\n"
    assert run("--json").code == run("-v").code == 2


@pytest.mark.parametrize("broken", [False, True])
def test_the_exit_code_says_whether_the_core_works(
    run: Any, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    seen = (
        Check("core", "model", "broken" if broken else "ok", "a\x1b[31mb"),
        Check("extras", "tag", "absent", "not installed", "pip install it"),
    )
    monkeypatch.setattr("genrekit.installation.examine", lambda: seen)
    ran = run("doctor")
    assert ran.code == int(broken)
    assert "\x1b" not in ran.out
    assert "pip install it" in ran.out
    assert ("cannot work" in ran.out) == broken
    answer = json.loads(run("doctor", "--json").out)
    assert answer["ok"] == (not broken)
    assert answer["checks"][1]["advice"] == "pip install it"
    assert answer["genrekit"] == genrekit.__version__


def test_a_codec_that_gives_something_else_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.setattr(codecs, "_FFMPEG", {})
    monkeypatch.setattr(codecs, "_SNDFILE", {"wav": (".wav", "WAV", "PCM_16")})
    noise = np.random.default_rng(1).normal(size=48000).astype(np.float32)
    for samples, said in ((noise, "of what comes back"), (noise[:9600], "0.20 s come back")):
        monkeypatch.setattr("genrekit.audio.decode", lambda _, s=samples: Waveform(s, 48000))
        [check] = codecs.check_codecs()
        assert (check.state, said in check.seen) == ("broken", True)


def test_extras_are_told_by_what_is_missing_and_by_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"pyarrow", "plotly", "sklearn", "onnx"}
    monkeypatch.setattr(extras, "is_there", there.__contains__)
    monkeypatch.setattr(extras, "version_of", {"onnx": "1.9"}.get)
    found = {one.name: one for one in extras.check_extras()}
    assert found["hub"].state == found["report"].state == "absent"
    assert found["train"].state == "warning"
    assert "no torch" in found["train"].seen
    assert "onnx 1.9 (>=1.17 is wanted)" in found["train"].seen
    assert "pip install 'genrekit[train]'" in found["train"].advice


@pytest.mark.parametrize(
    ("found", "asked", "fits"),
    [
        *(("2.13.0+cpu", "<2.14,>=2.8", True), ("2.14", "<2.14,>=2.8", False)),
        *(("1.17", ">=1.17.0", True), ("0.9.1rc1", ">=0.9", True), ("3", "", True)),
    ],
)
def test_versions_are_compared_as_numbers(found: str, asked: str, fits: bool) -> None:
    assert extras._fits(found, asked) == fits


def test_places_are_measured_and_left_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path / "home"))
    found = {(one.about, one.name): one for one in places.check_places()}
    assert "not there yet" in found["places", "cache"].seen
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "one").write_bytes(bytes(1_500_000))
    found = {(one.about, one.name): one for one in places.check_places()}
    assert "1 files, 1.5 MB" in found["places", "cache"].seen
    assert found["machine", "file locks"].state == found["machine", "clock"].state == "ok"
    assert [one.name for one in (tmp_path / "home").iterdir()] == ["one"]


def test_what_cannot_be_written_locked_or_dated_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "_unwritable", lambda _: "Read-only file system")
    monkeypatch.setattr(places, "try_lock", lambda _: True)
    monkeypatch.setattr("time.time", lambda: 86400.0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 5}))
    found = tuple(places.check_places())
    assert {one.state for one in found} == {"warning"}
    assert all(one.advice for one in found)


def _by_name(checks: Iterator[Check]) -> Mapping[str, Check]:
    return {one.name: one for one in checks}


def test_a_gpu_that_torch_cannot_use_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_driver_message", lambda: "Some GPU, 8192 MiB")
    monkeypatch.setattr(machine, "_torch_has_cuda", lambda: False)
    found = _by_name(machine.check_processors())["gpu"]
    assert (found.state, "built without CUDA" in found.seen) == ("warning", True)


def test_a_library_that_cannot_be_loaded_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: str) -> None:
        raise OSError(f"lib{module}.so: cannot open shared object file")

    monkeypatch.setattr(machine, "import_module", fail)
    found = _by_name(machine.check_core())
    assert found["soundfile"].state == "broken"
    assert "libsoundfile.so" in found["soundfile"].seen
    assert "pip install --force-reinstall soundfile" in found["soundfile"].advice
