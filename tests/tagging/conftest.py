"""Files to tag, made once; the module that makes them is ``tagging_files`` of the benchmarks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_SOURCE = Path(__file__).resolve().parents[2] / "benchmarks" / "tagging_files.py"
if "tagging_files" not in sys.modules:
    spec = importlib.util.spec_from_file_location("tagging_files", _SOURCE)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["tagging_files"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["tagging_files"])

import tagging_files  # noqa: E402


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """``bare("mp3")`` is a file without tags, as bytes."""
    folder, made = tmp_path_factory.mktemp("bare"), dict[str, bytes]()

    def make(suffix: str) -> bytes:
        if suffix not in made:
            path = tagging_files.encoded(suffix, folder / f"bare.{suffix}")
            made[suffix] = path.read_bytes()
        return made[suffix]

    return make


@pytest.fixture(scope="session")
def dressed(bare: Callable[[str], bytes]) -> Callable[[str, str], bytes]:
    """``dressed("mp3", "v2.3")`` is a file with tags, as bytes."""
    pytest.importorskip("mutagen")

    def make(suffix: str, name: str) -> bytes:
        return bytes(tagging_files.dress(name, suffix, bare(suffix)))

    return make
