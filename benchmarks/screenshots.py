"""Take the pictures of the page that the docs show, with synthetic music alone.

    python benchmarks/screenshots.py -o docs/pictures

Needs playwright and a Chromium; takes about two minutes, most of it the live tab, which listens to
a whole window of music first.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from service import genrekit_server

from genrekit.batch import update_index
from genrekit.jukebox import JUKEBOX_GENRES, synthesise

RATE_HZ = 22050
MOST_BYTES = 1_000_000  # of all pictures together
COLOURS = 240
WIDE, PHONE, MARGIN = 1080, 390, 12
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
_PATIENCE_MS = 180_000


def music(folder: Path) -> dict[str, Path]:
    """A medley of three genres, a track that turns, and a crate with something that is no music."""
    crate = folder / "crate"
    crate.mkdir()
    for genre in JUKEBOX_GENRES:
        _write(crate / f"{genre} study.flac", (genre, 30.0, 1))
    (crate / "cover.jpg.mp3").write_bytes(b"\xff\xd8\xff\xe0 no music at all")
    parts = [(genre, 30.0, 2) for genre in ("hiphop", "disco", "jazz")]
    return {
        "medley": _write(folder / "medley.flac", *parts),
        "turning": _write(folder / "turning.flac", ("jazz", 10.0, 1), ("disco", 20.0, 1)),
        "crate": crate,
    }


def _write(path: Path, *parts: tuple[str, float, int]) -> Path:
    songs = [synthesise(genre, seconds=seconds, seed=seed) for genre, seconds, seed in parts]
    soundfile.write(path, np.concatenate([song.samples for song in songs]), RATE_HZ)
    return path


class Camera:
    """Opens the page, and writes small pictures of it."""

    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        self._browser, self._address, self._folder = browser, address, folder

    @contextmanager
    def page(self, width: int, scheme: Any, tab: str = "track") -> Iterator[Page]:
        """The page in a window of its own, all motion off."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(_PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{self._address}#{tab}")
        page.wait_for_selector("#model-card .number-card", state="attached")
        yield page
        context.close()

    def take(self, page: Page, name: str, *parts: str) -> None:
        """Write the page as a PNG, or what encloses some of its parts."""
        # As tall as the page: its head would stick in the middle of a long picture.
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(600)  # canvases are drawn again a moment after a resize
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        boxes = [box for part in parts if (box := page.locator(part).bounding_box())]
        if boxes:
            left = min(box["x"] for box in boxes) - MARGIN
            top = min(box["y"] for box in boxes) - MARGIN
            right = max(box["x"] + box["width"] for box in boxes) + MARGIN
            bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
            picture = picture.crop((left, top, right, bottom))
        # Rare colours are kept: a genre may be no more than a few pixels of its own.
        few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(self._folder / f"{name}.png", optimize=True)
        print(f"{name}.png: {picture.width} x {picture.height}")


def explain(page: Page, track: Path) -> None:
    """Ask for a genre and for the reasons."""
    page.set_input_files("#file", track)
    page.wait_for_selector("#neighbours li")
    page.click("#why-ask")
    page.wait_for_selector("#why-answer:not([hidden])")


def take_all(camera: Camera, tracks: dict[str, Path]) -> None:
    """Every tab once."""
    with camera.page(WIDE, "light") as page:
        page.set_input_files("#file", tracks["medley"])
        page.wait_for_selector("#legend li")
        page.wait_for_selector("#whole", state="hidden")
        camera.take(page, "page-track", "#headline", "#similar")
        camera.take(page, "page", "#file-name", "#deck")  # for the README
    with camera.page(WIDE, "dark") as page:
        explain(page, tracks["turning"])
        camera.take(page, "page-why", "#deck", "#why")
    with camera.page(PHONE, "dark") as page:
        explain(page, tracks["turning"])
        camera.take(page, "page-phone", "main")
    with camera.page(WIDE, "light", "batch") as page:
        page.set_input_files("#batch-files", sorted(tracks["crate"].iterdir()))
        page.wait_for_selector("#batch-retry:not([hidden])")
        camera.take(page, "page-batch", "#panel-batch")
    with camera.page(WIDE, "light", "model") as page:
        camera.take(page, "page-model", "#panel-model")
    with camera.page(WIDE, "dark", "live") as page:
        page.set_input_files("#live-file", tracks["medley"])
        page.wait_for_selector("#live-bars li")
        camera.take(page, "page-live", "#panel-live")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/pictures"))
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        tracks = music(Path(scratch))
        index = Path(scratch) / "index"
        list(update_index(tracks["crate"], index))
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        with genrekit_server(index=index) as served:
            take_all(Camera(browser, f"http://127.0.0.1:{served.port}", folder), tracks)
        browser.close()
    total = sum(picture.stat().st_size for picture in folder.glob("page-*.png"))
    print(f"{total / 1000:.0f} kB in all")
    if total > MOST_BYTES:
        raise SystemExit(f"that is more than {MOST_BYTES / 1000:.0f} kB; take fewer colours")


if __name__ == "__main__":
    main()
