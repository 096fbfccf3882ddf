"""A bundle goes to the hub as a folder, and comes back from one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from genrekit.bundles import add_bundle, export_hub, find_bundle, load_bundle
from genrekit.download import RetryPolicy, hub_bundle
from genrekit.errors import BundleError, ConfigError, DatasetError

QUICK = RetryPolicy(stall_seconds=2, attempts=1, first_wait_seconds=0)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A hub on this machine, and the folder that it serves."""
    folder = tmp_path / "hub"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bundle_goes_to_the_hub_and_comes_back(
    hub: tuple[str, Path], tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = hub
    out = export_hub(tiny_bundle, folder / "me" / "tiny" / "resolve" / "main")
    front = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    assert front["pipeline_tag"] == "audio-classification"
    assert front["license"] == "mit"
    metric = front["model-index"][0]["results"][0]["metrics"][0]
    shown = load_bundle(tiny_bundle).metrics.results[0].accuracy
    assert metric["value"] == pytest.approx(shown.value, abs=1e-4)
    assert f"[{shown.low:.3f}, {shown.high:.3f}]" in metric["name"]
    monkeypatch.setenv("HF_ENDPOINT", address)
    with hub_bundle("hf://me/tiny", retries=QUICK) as fetched:
        add_bundle(fetched)
    assert not fetched.exists()
    name = load_bundle(tiny_bundle).manifest.name
    assert load_bundle(find_bundle(name)).sha256 == load_bundle(tiny_bundle).sha256
    (out / "model.onnx").write_bytes(b"another")
    with pytest.raises(DatasetError), hub_bundle("hf://me/tiny", retries=QUICK):
        pass
    with (
        pytest.raises(DatasetError, match="cannot be fetched"),
        hub_bundle("hf://me/none", retries=QUICK),
    ):
        pass
    with pytest.raises(BundleError, match="exists already"):
        export_hub(tiny_bundle, out)


def test_offline_and_misspelt_addresses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with (
        pytest.raises(DatasetError, match="genrekit models add FOLDER"),
        hub_bundle("hf://me/tiny", retries=QUICK),
    ):
        pass
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE"), hub_bundle("hf://me/tiny"):
        pass
    with pytest.raises(ConfigError, match="hf://owner/name"), hub_bundle("hf://only"):
        pass
