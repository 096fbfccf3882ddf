"""The page in a real browser: a track, its absence, a batch, the microphone."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genrekit.inference import Classifier

pytest.importorskip("playwright")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
if _CHROMIUM is None:
    pytest.skip("there is no Chromium", allow_module_level=True)

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
_MILLISECONDS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(serving: Any) -> Iterator[Any]:
    with serving() as one:
        yield one


@pytest.fixture
def page(browser: Any, server: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    context.grant_permissions(["microphone"], origin=server.url)
    context.set_default_timeout(_MILLISECONDS)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.url)
    page.wait_for_selector(".station")
    yield page
    context.close()
    assert problems == []


def test_a_track_gets_the_answer_of_the_classifier(
    page: Any, clip: Path, tiny_bundle: Path
) -> None:
    expected = Classifier.load(tiny_bundle).predict_file(clip, segments=True)
    page.set_input_files("#file", clip)
    page.wait_for_selector("#segment-rows tr", state="attached")
    assert page.inner_text("#genre") == expected.genre
    rows = page.locator("#bars li").all_inner_texts()
    assert [row.split("\n")[0] for row in rows] == list(expected.scores)[:5]
    assert page.locator("#segment-rows tr").count() == len(expected.segments)
    page.click("#more-genres")
    assert page.locator("#bars li").count() == len(expected.scores)
    # Phone width: nothing sticks out to the side.
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_no_audio_is_said_with_advice(page: Any) -> None:
    page.set_input_files("#file", {"name": "a.mp3", "mimeType": "audio/mpeg", "buffer": b"no" * 99})
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "This is not audio"
    assert "Choose a music file" in page.inner_text("#problem-advice")
    assert page.is_hidden("#result")


def test_a_server_that_is_gone_is_said(page: Any, clip: Path) -> None:
    page.route("**/analysis/predict*", lambda route: route.abort())
    page.set_input_files("#file", clip)
    page.wait_for_selector("#retry:not([hidden])")
    assert page.inner_text("#problem-title") == "The server does not answer"
    page.unroute("**/analysis/predict*")
    page.click("#retry")
    page.wait_for_selector("#result:not([hidden])")


def test_what_takes_long_can_be_cancelled(page: Any, clip: Path) -> None:
    page.route("**/analysis/predict*", lambda route: None)  # a line on which nothing moves
    page.set_input_files("#file", clip)
    page.wait_for_selector("#busy:not([hidden])")
    page.click("#cancel")
    page.wait_for_selector("#busy", state="hidden")
    assert page.is_hidden("#problem")
    assert page.is_hidden("#result")


def test_a_key_is_asked_for_and_sent(page: Any, clip: Path) -> None:
    def keyed(route: Any) -> None:
        if route.request.headers.get("x-api-key") == "gk_secret":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"type": "AccessError", "message": "a key"}})

    page.route("**/analysis/predict*", keyed)
    page.set_input_files("#file", clip)
    page.fill("#key", "gk_secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result:not([hidden])")


def test_a_batch_becomes_csv(page: Any, clip: Path, tiny_bundle: Path) -> None:
    expected = Classifier.load(tiny_bundle).predict_file(clip)
    page.focus("#tab-track")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    good = {"name": "=good.flac", "mimeType": "audio/flac", "buffer": clip.read_bytes()}
    bad = {"name": 'b"ad.mp3', "mimeType": "audio/mpeg", "buffer": b"<html>"}
    page.set_input_files("#batch-files", [good, bad])
    page.wait_for_selector("#batch-retry:not([hidden])")
    assert "2 of 2 tracks, 1 could not be read" in page.inner_text("#batch-text")
    with page.expect_download() as download:
        page.click("#batch-csv")
    text = Path(download.value.path()).read_text("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["track"] == "'=good.flac"  # no spreadsheet takes it for a formula
    assert first["genre"] == expected.genre
    assert float(first["probability"]) == pytest.approx(max(expected.scores.values()), abs=1e-4)
    assert second["track"] == 'b"ad.mp3'
    assert second["error"]


def test_a_recording_is_answered(page: Any) -> None:
    page.click("#record")
    page.wait_for_timeout(1200)
    page.click("#record")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#file-name").startswith("recording.")


def test_the_microphone_is_followed_live(page: Any) -> None:
    page.click("#tab-live")
    page.click("#live-microphone")
    page.wait_for_selector("#live-bars li")
    page.click("#live-stop")
    page.wait_for_selector("#live-stop", state="hidden")
    assert page.inner_text("#live-status") == "Finished"
    assert page.inner_text("#live-bars-title") == "All in all"
