"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the checkout (or in GENREKIT_REAL_DATA)."""
    folder = Path(os.environ.get("GENREKIT_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data is not here; set GENREKIT_REAL_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test out of the user's model store and caches."""
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path_factory.mktemp("home")))
