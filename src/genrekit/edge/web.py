"""A folder of static files that listens in the browser, with the page of the server."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.bundles import Bundle, load_bundle, render_card
from genrekit.edge.contract import EdgeModel
from genrekit.edge.export import (
    MODEL,
    check_target,
    checked_graph,
    compare_on,
    described,
    edge_file,
    measured,
)
from genrekit.edge.graph import check_bundle
from genrekit.edge.icons import icon_png
from genrekit.edge.page import offline_page
from genrekit.edge.runtime import LICENCE, PACKAGE, VERSION, runtime_files
from genrekit.edge.tracks import synthetic_tracks
from genrekit.errors import ConfigError
from genrekit.files import replacing_folder, shipped
from genrekit.progress import Progress, silent

GRAPH, CARDS = "model.onnx", "card.json"
#: Files of the server's page that the browser's page uses as they are.
SHARED = (
    *("batch.js", "deck.js", "icon.svg", "model.js", "overlay.js", "problem.js", "shell.js"),
    *("spectrogram.js", "style.css", "tags.js", "track.js", "why.js", "words.js"),
)
#: Tracks that the graph is checked on.
_TRACKS = 10
_ICONS = {"icon-192.png": (192, False), "icon-512.png": (512, False), "icon-cut.png": (512, True)}
_NOTICE = f"""ort.js and ort.wasm are of {PACKAGE} {VERSION}, unchanged but for their names.
Copyright (c) Microsoft Corporation. Licence: {LICENCE}.

Everything else is of genrekit {__version__}. Licence: MIT. That of the model stands in its card.
"""


def export_web(
    name_or_path: str | Path,
    out: Path,
    *,
    runtime: Path | None = None,
    progress: Progress = silent,
) -> EdgeModel:
    """Write a page that tells genres in the browser, for any server of static files.

    Parameters
    ----------
    out : Path
        Where nothing is yet.
    runtime : Path, optional
        The unpacked package onnxruntime-web; None fetches it with npm.

    Raises
    ------
    ConfigError
        If there is no such bundle, it tells no genres, its front-end cannot be part of a graph, or
        the runtime is not there.
    BundleError
        If ``out`` exists, the graph gives other answers than Python does, or the runtime is not
        the one that is expected.
    MissingExtraError
        If onnx is not installed.
    """
    check_target(out)
    bundle = load_bundle(name_or_path)
    bundle.check_predicts()
    check_bundle(bundle)
    files: dict[str, bytes] = runtime_files(runtime)
    compared = compare_on(bundle, synthetic_tracks(_TRACKS), progress)
    graph, seen = checked_graph(bundle, compared)
    model = described(bundle, compared, [measured("fp32", seen, [edge_file(GRAPH, graph)])])
    files |= {GRAPH: graph, MODEL: model.model_dump_json().encode(), CARDS: _cards(bundle)}
    files |= dict(_page_files()) | {"LICENCES.txt": _NOTICE.encode()}
    files["sw.js"] = _service_worker(files)
    with replacing_folder(out) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
    return model


def _page_files() -> Iterator[tuple[str, bytes]]:
    """Yield files that are the same for every model."""
    shared, own = shipped("genrekit.serving", "static"), shipped("genrekit.edge", "static")
    for name in SHARED:
        yield name, (shared / name).read_bytes()
    for path in sorted(own.glob("*.js")):
        yield path.name, path.read_bytes()
    page = (shared / "index.html").read_text(encoding="utf-8")
    yield "index.html", offline_page(page).encode()
    yield "manifest.json", json.dumps(_manifest(), indent=1).encode()
    for name, (size, maskable) in _ICONS.items():
        yield name, icon_png(size, maskable=maskable)


def _manifest() -> dict[str, Any]:
    """Answer what a system asks of a page that is installed."""
    icons = [
        {
            "src": name,
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "maskable" if maskable else "any",
        }
        for name, (size, maskable) in _ICONS.items()
    ]
    return {
        "name": "genrekit: what genre is this?",
        "short_name": "genrekit",
        "description": "Tells the genre of music, and how sure it is. Nothing leaves the device.",
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#0e1412",
        "theme_color": "#14231d",
        "icons": icons,
    }


def _cards(bundle: Bundle) -> bytes:
    """Say what the server says of its models, for the page's tab on them."""
    manifest = bundle.manifest
    card = {
        "model": manifest.name,
        "name": manifest.name,
        "version": manifest.version,
        "sha256": bundle.sha256,
        "card": render_card(manifest, bundle.metrics),
        "manifest": manifest.model_dump(mode="json"),
        "metrics": bundle.metrics.model_dump(mode="json"),
    }
    return json.dumps({"genrekit": __version__, "models": [card]}).encode()


def _service_worker(files: dict[str, bytes]) -> bytes:
    """Fill in the worker that keeps all files; it differs whenever one of them does."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    names = ["./", *sorted(name for name in files if name not in ("sw.js", "LICENCES.txt"))]
    text = files["sw.js"].decode()
    for name, value in (("VERSION", digest.hexdigest()[:16]), ("FILES", names)):
        text, count = re.subn(
            rf"const {name} = [^;]*;", f"const {name} = {json.dumps(value)};", text, count=1
        )
        if count != 1:
            raise ConfigError(f"sw.js has no line for {name}: install genrekit again")
    return text.encode()
