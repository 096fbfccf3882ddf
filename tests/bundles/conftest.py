"""Bundles to damage on purpose."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bundle_copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A valid bundle that may be damaged."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


@pytest.fixture(scope="session")
def edit_manifest() -> Callable[[Path, Callable[[dict[str, Any]], None]], None]:
    """Change the parsed manifest of a bundle in place."""

    def edit(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
        path = directory / "manifest.json"
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(manifest))

    return edit


@pytest.fixture(scope="session")
def replace_file() -> Callable[[Path, str, bytes], None]:
    """Replace a file of a bundle and list it with its new size and hash, as an attacker would."""

    def replace(directory: Path, name: str, content: bytes) -> None:
        (directory / name).write_bytes(content)
        path = directory / "manifest.json"
        manifest = json.loads(path.read_text())
        entry = {
            "name": name,
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        others = [file for file in manifest["files"] if file["name"] != name]
        manifest["files"] = [*others, entry]
        path.write_text(json.dumps(manifest))

    return replace
