"""The page that listens in the browser, in a real one: answers, offline, and what goes wrong.

``GENREKIT_ORT_WEB`` names the unpacked npm package onnxruntime-web, of the version in
`genrekit.edge.runtime`: tests fetch nothing, and are skipped without it.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.edge import export_web
from genrekit.inference import Classifier
from genrekit.jukebox import JUKEBOX_GENRES, synthesise

_RUNTIME = os.environ.get("GENREKIT_ORT_WEB")
if _RUNTIME is None:
    pytest.skip("there is no GENREKIT_ORT_WEB", allow_module_level=True)

_MILLISECONDS = 60_000
NEAR = 0.02
_ASK = """async ([number, options]) => {
    const { predict } = await import("/api.js");
    return predict(document.getElementById("batch-files").files[number], options);
}"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web") / "page"
    export_web("default", out, runtime=Path(str(_RUNTIME)))
    return out


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def opened(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """The page, in which no script fails and from which nothing leaves."""
    context = browser.new_context(**{"viewport": {"width": 390, "height": 800}, **options})
    problems: list[str] = []
    try:
        context.set_default_timeout(_MILLISECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.extend([said.text] * (said.type == "error")))
        page.on(
            "request",
            lambda one: problems.extend([one.url] * (not one.url.startswith((address, "blob:")))),
        )
        page.goto(address)
        page.wait_for_selector(".station")
        yield page
    finally:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    with opened(browser, address) as one:
        yield one


def file(samples: Any, name: str = "music.wav", rate_hz: int = 22050) -> dict[str, Any]:
    """A WAV as a browser is given one."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype="PCM_16")
    return {"name": name, "mimeType": "audio/wav", "buffer": buffer.getvalue()}


def test_ten_clips_get_the_answers_of_predict(browser: Any, address: str) -> None:
    classifier = Classifier.load("default", verify=False)
    rates = (22050, 44100, 48000, 16000, 8000)
    files = []
    for seed, genre in enumerate(JUKEBOX_GENRES):
        rate = rates[seed % len(rates)]
        music = synthesise(genre, seconds=4.0 + seed / 3, seed=seed, sample_rate_hz=rate).samples
        # Mono, stereo, and stereo of which one channel is inverted.
        channels = ([music], [music, 0.5 * np.roll(music, 9)], [music, -0.8 * music])[seed % 3]
        files.append(file(np.stack(channels, axis=1), f"{genre}.wav", rate))
    with opened(browser, address) as page:
        # The page would answer them by itself; here only its function is asked.
        page.evaluate("addEventListener('change', (one) => one.stopPropagation(), true)")
        page.set_input_files("#batch-files", files)
        for number, one in enumerate(files):
            options = {"segments": True, "tags": True, "whole": number % 2 == 0}
            given = page.evaluate(_ASK, [number, options])
            wanted = classifier.predict_file(one["buffer"], segments=True, tags=True)
            assert given["scores"] == pytest.approx(wanted.scores, abs=NEAR), one["name"]
            assert given["model"]["sha256"] == wanted.model.sha256 if wanted.model else ""
            assert len(given["segments"]) == len(wanted.segments)
            for seen, segment in zip(given["segments"], wanted.segments, strict=True):
                assert seen["start_seconds"] == pytest.approx(segment.start_seconds, abs=1e-3)
            assert given["tags"].keys() == (wanted.tags or {}).keys()


def test_half_a_minute_is_answered_soon_and_shown_as_on_the_server(page: Any) -> None:
    music = np.concatenate([synthesise(one, seconds=20.0).samples for one in ("jazz", "metal")])
    page.set_input_files("#file", file(music, "two.wav"))
    page.wait_for_selector("#segment-rows tr", state="attached")
    page.wait_for_selector("#whole", state="hidden")
    assert page.locator(".station.tuned").count() == 1
    assert page.locator("#bars li").count() == 5
    assert page.inner_text("#file-name") == "two.wav, its middle from 0:05 to 0:35"
    assert page.locator("#tags dt").count() > 2
    rows = page.locator("#segment-rows tr").count()
    assert rows == 14  # of the whole track
    assert page.is_hidden("#why")
    took = page.inner_text("#facts").rsplit(" in ", 1)[1].split()[0]
    # A page that takes ten times as long on a busy machine has lost its speed.
    assert float(took) < 20_000
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_works_offline_after_the_first_visit(browser: Any, address: str, folder: Path) -> None:
    with opened(browser, address) as page:
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector(".station")
        page.set_input_files("#file", file(synthesise("disco", seconds=3.5).samples))
        page.wait_for_selector("#result:not([hidden])")
        assert page.inner_text("#genre")
        page.click("#tab-model")
        page.wait_for_selector("#model-card .number-card")


def test_it_can_be_installed(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        line = page.context.new_cdp_session(page)
        found = line.send("Page.getAppManifest")
        assert found["errors"] == []
        errors = line.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []


@pytest.mark.parametrize(
    ("samples", "title"),
    [
        (np.zeros(0), "There is nothing to analyse"),
        (synthesise("pop", seconds=0.5).samples, "There is too little to analyse"),
    ],
)
def test_too_little_audio_is_reported(page: Any, samples: Any, title: str) -> None:
    page.set_input_files("#file", file(samples))
    page.wait_for_selector("#problem:not([hidden])")
    said = page.inner_text("#problem-title")
    assert said in (title, "This is not audio that the browser can play")
    assert page.is_hidden("#retry")


def test_silence_is_unknown(page: Any) -> None:
    page.set_input_files("#file", file(np.zeros(5 * 22050)))
    page.wait_for_selector("#result.unknown")
    assert page.inner_text("#genre") == "unknown"
    assert "silent" in page.inner_text("#warnings")


def test_what_is_not_audio_is_reported(page: Any) -> None:
    text = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"only words " * 50}
    page.set_input_files("#file", text)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "This is not audio that the browser can play"
    page.set_input_files("#file", {**text, "buffer": b""})
    page.wait_for_selector("#problem-title:has-text('The file is empty')")


def test_the_microphone_is_recorded_or_its_absence_reported(browser: Any, address: str) -> None:
    with opened(browser, address, permissions=["microphone"]) as page:
        page.click("#record")
        page.wait_for_timeout(1600)
        page.click("#record")
        page.wait_for_selector("#result:not([hidden])")
    with opened(browser, address, permissions=[]) as page:
        page.evaluate(
            "() => { navigator.mediaDevices.getUserMedia = async () => "
            "{ throw new DOMException('no', 'NotAllowedError'); } }"
        )
        page.click("#record")
        page.wait_for_selector("#problem:not([hidden])")
        assert page.inner_text("#problem-title") == "The microphone is not allowed"
        page.set_input_files("#file", file(synthesise("rock", seconds=3.1).samples))
        page.wait_for_selector("#result:not([hidden])")


def test_a_cancelled_track_leaves_room_for_the_next(page: Any) -> None:
    page.set_input_files("#file", file(synthesise("blues", seconds=40.0).samples, "long.wav"))
    page.click("#cancel")
    page.set_input_files("#file", file(synthesise("jazz", seconds=3.2).samples, "next.wav"))
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#file-name").startswith("next.wav")
    assert page.is_hidden("#problem")


def test_a_batch_is_answered_one_after_the_other(page: Any) -> None:
    page.click("#tab-batch")
    good = [file(synthesise(one, seconds=3.1).samples, f"{one}.wav") for one in ("pop", "rock")]
    bad = {"name": "c.mp3", "mimeType": "audio/mpeg", "buffer": b"no"}
    page.set_input_files("#batch-files", [*good, bad])
    page.wait_for_selector("#batch-retry:not([hidden])")
    assert "3 of 3 tracks, 1 could not be read" in page.inner_text("#batch-text")
    page.click("#tab-track")
