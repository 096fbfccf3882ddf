"""Measure models outside of Python: size and time of each precision, and the page in a browser.

    python benchmarks/edge.py --data DIR -o docs/results/edge.md

DIR is a folder of audio to compare on; without it, synthetic tracks are. Needs npm (or --ort DIR),
playwright and a Chromium. Takes some minutes.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile
from playwright.sync_api import sync_playwright

from genrekit.bundles import load_bundle
from genrekit.edge import EdgeModel, export_edge, export_web
from genrekit.edge.runtime import PACKAGE, VERSION
from genrekit.inference import Classifier
from genrekit.jukebox import JUKEBOX_GENRES, synthesise

SECONDS, ROUNDS = 30.0, 5
GZIP_LEVEL = 6  # what the program gzip and most servers take unless told otherwise
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PATIENCE_MS = 120_000
# Answers of the page's own function, so that drawing does not count.
_ASK = """async (number) => {
  const { predict } = await import("/api.js"), file = document.getElementById("file").files[number];
  const began = performance.now(), found = await predict(file);
  return { scores: found.scores, milliseconds: performance.now() - began };
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """The address of a server of static files."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fastest(work: Callable[[], object]) -> float:
    """Processor time in milliseconds, the best of some rounds."""
    work()
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return 1000 * min(found)


def times(folder: Path, names: list[str]) -> dict[str, float]:
    """Processor time of 30 s of audio on one thread, by file; of the Python path under ``""``."""
    classifier = Classifier.load("default", verify=False)
    music = synthesise("jazz", seconds=SECONDS, sample_rate_hz=classifier.sample_rate_hz)
    found = {"": fastest(lambda: (classifier.predict(music), classifier.embed(music)))}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for name in names:
        session = onnxruntime.InferenceSession((folder / name).read_bytes(), options)
        found[name] = fastest(functools.partial(session.run, None, {"audio": music.samples}))
    return found


def browse(page_folder: Path, scratch: Path) -> dict[str, Any]:
    """What a page says of ten tracks of 30 s, and how long it takes."""
    classifier = Classifier.load("default", verify=False)
    clips = []
    for seed, genre in enumerate(JUKEBOX_GENRES):
        clips.append(scratch / f"{genre}.flac")
        soundfile.write(clips[-1], synthesise(genre, seconds=SECONDS, seed=seed).samples, 22050)
    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright, file_server(page_folder) as address:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address)
        page.wait_for_selector(".station")
        page.evaluate("document.getElementById('file').multiple = true")
        page.evaluate(
            "addEventListener('change', (event) => event.stopPropagation(), { capture: true })"
        )
        page.set_input_files("#file", clips)
        answers = [page.evaluate(_ASK, number) for number in range(len(clips))]
        version = browser.version
        browser.close()
    differences = []
    for clip, answer in zip(clips, answers, strict=True):
        wanted = classifier.predict_file(clip).scores
        differences.append(max(abs(answer["scores"][one] - wanted[one]) for one in wanted))
    spent = sorted(one["milliseconds"] for one in answers[1:])
    return {
        "version": version,
        "difference": max(differences),
        "first": answers[0]["milliseconds"],
        "median": float(np.median(spent)),
        "best": spent[0],
    }


def written(model: EdgeModel, spent: dict[str, float], page: Path, seen: dict[str, Any]) -> str:
    """The page of results."""
    rows = []
    for one in model.precisions:
        if not one.kept:
            rows.append(f"| {one.kind} | left out: {one.why} | | | | |")
        for file in one.files:
            rows.append(
                f"| {one.kind} | `{file.name}` | {file.bytes / 1e6:.2f} | {spent[file.name]:.0f} | "
                f"{one.agreement:.1%} | {one.largest_difference:.1g} |"
            )
    data = "" if "synthetic" in model.compared else " --data DIR"
    compared = model.compared if not data else f"{model.tracks} tracks of the user's own"
    return f"""# The model outside of Python

{model.name} {model.version}. Written by `python benchmarks/edge.py{data} -o docs/results/edge.md`
([what this is](../edge.md)).

## One graph

Compared on {compared}. Time is that of one thread of a processor ({platform.machine()}) for
{SECONDS:.0f} s of audio with onnxruntime {onnxruntime.__version__}; the Python path takes
{spent[""]:.0f} ms for scores and embedding, decoding not counted. Nothing was run on a phone.

| precision | file | MB | ms | answers that stay | largest difference of a probability |
|---|---|---|---|---|---|
{chr(10).join(rows)}

## The page

| | |
|---|---|
{chr(10).join(_page_rows(page, seen))}

Headless Chromium {seen["version"]}, one thread; the machine was doing other work as well.
"""


def _page_rows(page: Path, seen: dict[str, Any]) -> Iterator[str]:
    sizes = {path.name: path.stat().st_size for path in page.iterdir()}
    packed = sum(len(gzip.compress(path.read_bytes(), GZIP_LEVEL)) for path in page.iterdir())
    runtime = sizes["ort.wasm"] + sizes["ort.js"]
    seconds = {name: f"{seen[name] / 1000:.2f} s" for name in ("first", "median", "best")}
    for name, value in {
        "total download, once": f"{sum(sizes.values()) / 1e6:.1f} MB",
        f"the same, each file compressed by gzip -{GZIP_LEVEL}": f"{packed / 1e6:.2f} MB",
        f"of that {PACKAGE} {VERSION}, not compressed": f"{runtime / 1e6:.1f} MB",
        "of that the model": f"{sizes['model.onnx'] / 1e6:.2f} MB",
        "30 s of audio answered, from the file to the scores (median of nine)": seconds["median"],
        "the fastest of them": seconds["best"],
        "the first answer, with the start of the runtime": seconds["first"],
        "largest difference of a probability from `genrekit predict`, ten synthetic tracks": (
            f"{seen['difference']:.1g}"
        ),
    }.items():
        yield f"| {name} | {value} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--ort", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results/edge.md"))
    asked = parser.parse_args()
    load_bundle("default")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        model = export_edge("default", scratch / "edge", data=asked.data)
        names = [file.name for one in model.precisions for file in one.files]
        spent = times(scratch / "edge", names)
        export_web("default", scratch / "page", runtime=asked.ort)
        seen = browse(scratch / "page", scratch)
        asked.output.write_text(written(model, spent, scratch / "page", seen), encoding="utf-8")
    print(asked.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
