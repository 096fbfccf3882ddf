"""The page in a real browser: a track, its absence, a batch, the microphone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.inference import Classifier
from genrekit.jukebox import synthesise

_MILLISECONDS = 20_000


@pytest.fixture(scope="module")
def server(serving: Any, tiny_bundle: Path) -> Iterator[Any]:
    with serving(models=(str(tiny_bundle), "default")) as one:
        yield one


@contextmanager
def opened(browser: Any, server: Any, **options: Any) -> Iterator[Any]:
    """The page in a window of its own, in which no script fails."""
    context = browser.new_context(**{"viewport": {"width": 390, "height": 800}, **options})
    try:
        context.grant_permissions(["microphone"], origin=server.url)
        context.set_default_timeout(_MILLISECONDS)
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector(".station")
        yield page
    finally:
        context.close()
    assert problems == []


@pytest.fixture
def page(browser: Any, server: Any) -> Iterator[Any]:
    with opened(browser, server) as one:
        yield one


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


def test_a_synthetic_track_can_be_tried_and_the_number_to_believe_is_reported(page: Any) -> None:
    page.wait_for_selector("#demo .button")
    assert page.locator("#demo .button").count() == 10
    assert "synthetic" in page.inner_text("#demo")
    page.click("#demo .button:has-text('jazz')")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#file-name").startswith("synthetic-jazz.flac")
    assert page.is_hidden("#demo")
    assert "on audio it was not trained on" in page.inner_text("#context")
    page.click("#tab-model")
    assert page.inner_text("#believe").startswith("Believe 50 %")


def test_tags_are_chips_by_group_where_the_model_has_them(
    browser: Any, serving: Any, page: Any, clip: Path, tagging_bundle: Path
) -> None:
    expected = Classifier.load(tagging_bundle).predict_file(clip, tags=True)
    assert expected.tags is not None
    assert expected.wide is not None
    with serving(models=(str(tagging_bundle),)) as own, opened(browser, own) as tagged:
        tagged.set_input_files("#file", clip)
        tagged.wait_for_selector("#tags:not([hidden])")
        assert tagged.locator("#tags dt").all_inner_texts() == [*expected.tags, "wider genres"]
        moods = tagged.locator("#tags [aria-label=mood] li")
        assert [one.split()[0] for one in moods.all_inner_texts()] == [*expected.tags["mood"]]
        best = next(iter(expected.tags["mood"].values()))
        assert moods.first.get_attribute("title") == f"{round(100 * best)} %"
        wide = tagged.locator("#tags [aria-label='wider genres'] li").all_inner_texts()
        assert [one.split()[0] for one in wide] == [*expected.wide.genres]
        assert tagged.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_input_files("#file", clip)
    page.wait_for_selector("#result:not([hidden])")
    assert page.is_hidden("#tags")


def test_what_is_not_audio_is_reported_with_advice(page: Any) -> None:
    page.set_input_files("#file", {"name": "a.mp3", "mimeType": "audio/mpeg", "buffer": b"no" * 99})
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "This is not audio"
    assert "Choose a music file" in page.inner_text("#problem-advice")
    assert page.is_hidden("#result")


def test_a_server_that_is_gone_is_reported(page: Any, clip: Path) -> None:
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


def test_a_long_fact_about_a_model_has_a_line_of_its_own(browser: Any, server: Any) -> None:
    with opened(browser, server, viewport={"width": 1080, "height": 900}) as page:
        page.goto(f"{server.url}#model")
        page.wait_for_selector("#model-card .number-card", state="attached")
        page.select_option("#model-choice", "default")  # learnt from many collections
        licence = page.locator("#model-card .facts-list div", has_text="Licence of the data")
        whole = page.locator("#model-card .facts-list").bounding_box()
        assert licence.bounding_box()["width"] == pytest.approx(whole["width"], abs=1)
        assert licence.bounding_box()["height"] < 200


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


def test_a_stream_is_told_how_it_grew(browser: Any, server: Any) -> None:
    """A model of 30 s: first words after three, named as less than it is made for."""
    with opened(browser, server) as page:
        page.evaluate("""() => {
            const score = { jazz: 0.6, rock: 0.4 }, sockets = (globalThis.sockets = []);
            globalThis.WebSocket = class {
                static OPEN = 1;
                constructor() { sockets.push(this); this.readyState = 1; this.bufferedAmount = 0; }
                send() {}
                close() {}
            };
            globalThis.say = (type, what) =>
                sockets[0].onmessage({ data: JSON.stringify({ type, [type]: what }) });
            globalThis.told = (genre, seconds) =>
                ({ genre, seconds, scores: score, genres: [genre] });
        }""")
        page.click("#tab-live")
        page.click("#live-microphone")
        # The page's policy refuses the expressions that Playwright's own waiting would evaluate.
        for _ in range(200):
            if page.evaluate("sockets.length"):
                break
            page.wait_for_timeout(50)
        page.evaluate("say('ready', { window_seconds: 30, hop_seconds: 30, first_seconds: 3 })")
        page.wait_for_selector("#live-sentence:has-text('First words after 3 s of music')")
        page.evaluate("say('verdict', told('jazz', 3))")
        assert "From the first 3 s; the model is made for 30 s" in page.inner_text("#live-sentence")
        assert page.inner_text("#live-genre") == "jazz"
        page.evaluate("say('verdict', told('rock', 40))")
        assert page.inner_text("#live-sentence").endswith("From 40 s so far.")
        label = page.get_attribute("#live-river", "aria-label")
        assert label == "What was said so far: jazz after 3 s, rock after 40 s"
        page.evaluate("say('prediction', told('jazz', 30))")
        text = page.inner_text("#live-sentence")
        assert "30 s from its middle decided this, while all that came said rock" in text


def test_on_a_slow_line_it_says_how_much_is_sent(page: Any, clip: Path) -> None:
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 50, "downloadThroughput": -1, "uploadThroughput": 150_000}
    line.send("Network.emulateNetworkConditions", slow)
    page.evaluate("""() => {
        globalThis.said = [];
        new MutationObserver(() => said.push(document.getElementById("busy-text").textContent))
            .observe(document.getElementById("busy-text"), { childList: true });
    }""")
    page.set_input_files("#file", clip)
    page.wait_for_selector("#result:not([hidden])")
    said = page.evaluate("said")
    assert any(re.fullmatch(r"Sending, [1-9]\d? %", one) for one in said)
    assert said[-1] == "Listening"


def explained(page: Any, clip: Path) -> None:
    page.set_input_files("#file", clip)
    page.wait_for_selector("#why:not([hidden])")
    page.click("#why-ask")
    page.wait_for_selector("#why-answer:not([hidden])")


def test_the_explanation_lies_over_the_spectrogram(
    page: Any, clip: Path, tiny_bundle: Path
) -> None:
    best = Classifier.load(tiny_bundle).predict_file(clip).genre
    explained(page, clip)
    assert page.input_value("#why-genre") == best
    assert page.inner_text("#why-sentence").startswith(f"Here {best} has")
    assert page.locator("#why-rows tr").count() == 3
    painted = """(id) => {
        const canvas = document.getElementById(id), context = canvas.getContext("2d");
        return context.getImageData(0, 0, canvas.width, canvas.height).data.some((one) => one);
    }"""
    assert page.evaluate(painted, "why-map")
    assert page.evaluate(painted, "why-strip")
    page.focus("#why-shown")
    page.keyboard.press("Space")
    assert page.is_hidden("#why-map")
    page.keyboard.press("Space")
    page.focus("#why-strength")
    page.keyboard.press("Home")
    assert page.evaluate("getComputedStyle(document.getElementById('why-map')).opacity") == "0.1"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _made_up_explanation(enough: bool) -> dict[str, Any]:
    span = {"start_seconds": 1.0, "end_seconds": 2.0, "loss": 0.9, "evidence": enough}
    patch = {"first_row": 0, "last_row": 3, "low_hz": 100.0, "high_hz": 900.0, **span}
    return {
        "genre": "jazz",
        "probability": 0.9,
        "occlusion": [span],
        "patches": [patch],
        "speaks_for": [span] if enough else [],
        "speaks_against": [],
        "agreement": {"enough": enough},
        "patch_agreement": {"enough": enough},
        "patch_faithfulness": {"faithful": enough},
        "verdict": "Said of seconds",
        "patch_verdict": "Said of the map",
        "line_verdict": "Said of the time line",
    }


def _answering(answer: dict[str, Any]) -> Callable[[Any], None]:
    return lambda route: route.fulfill(json=answer)


def test_telling_seconds_are_played_and_no_more(page: Any, clip: Path) -> None:
    answer = _made_up_explanation(enough=True)
    page.route("**/analysis/explain*", _answering(answer))
    explained(page, clip)
    assert "with that hidden its odds fall 2.5 times" in page.inner_text("#why-sentence")
    said = page.locator("#why-verdicts li").all_inner_texts()
    assert said == [
        "Seconds: Said of seconds.",
        "Map: Said of the map.",
        "Time line: Said of the time line.",
    ]
    page.evaluate("""() => {
        const player = document.getElementById("player");
        globalThis.stopped = new Promise((done) => {
            player.addEventListener("pause", () => done(player.currentTime));
        });
    }""")
    page.locator(".part").first.press("Enter")
    assert 0 < page.evaluate("stopped") <= 3.1


def test_what_fails_its_test_is_faded_and_says_so(page: Any, clip: Path) -> None:
    strongest = """() => {
        const canvas = document.getElementById("why-map"), context = canvas.getContext("2d");
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        return Math.max(...data.filter((_, place) => place % 4 === 3));
    }"""
    for enough in (True, False):
        answer = _made_up_explanation(enough)
        answer["patches"] = [one | {"evidence": True} for one in answer["patches"]]
        page.route("**/analysis/explain*", _answering(answer))
        explained(page, clip)
        strong = page.evaluate(strongest)
        assert strong == 255 if enough else 50 < strong < 80
    said = page.locator("#why-verdicts .failed").all_inner_texts()
    assert [one.split(":")[0] for one in said] == ["Seconds", "Map"]
    assert all(one.endswith("It is drawn faded.") for one in said)
    assert "cannot be said" in page.inner_text("#why-sentence")
    assert page.locator(".part").count() == 0
    assert "no evidence" in page.inner_text("#why-for")


def test_another_genre_is_explained_or_reported_why_not(page: Any, clip: Path) -> None:
    explained(page, clip)
    page.select_option("#why-genre", "metal")
    assert page.is_hidden("#why-answer")
    page.route("**/analysis/explain*", lambda route: route.abort())
    page.click("#why-ask")
    page.wait_for_selector("#why-sentence:has-text('The server does not answer')")
    page.unroute("**/analysis/explain*")
    page.route("**/analysis/explain*", lambda route: None)  # never answered
    page.click("#why-ask")
    page.wait_for_selector("#why-bar:not([hidden])")
    page.click("#why-ask:has-text('Stop')")
    page.wait_for_selector("#why-bar", state="hidden")
    assert page.inner_text("#why-sentence") == ""
    page.unroute("**/analysis/explain*")
    page.click("#why-ask:has-text('Show why')")
    page.wait_for_selector("#why-answer:not([hidden])")
    assert page.inner_text("#why-sentence").startswith("Here metal has")


def test_similar_tracks_are_listed_where_there_is_an_index(
    browser: Any, server: Any, clip: Path
) -> None:
    near = {"path": "<b>near</b>.flac", "similarity": 0.93}
    asked: list[str] = []

    def answer(route: Any) -> None:
        if "/similar/audio" in route.request.url:
            asked.append(route.request.url)
            route.fulfill(body=clip.read_bytes(), content_type="audio/flac")
        elif route.request.method == "GET":
            route.fulfill(json={"tracks": 1, "playable": True, "model": None})
        else:
            route.fulfill(json={"path": "", "model": None, "tracks": [near]})

    with opened(browser, server) as page:
        page.route("**/api/v1/similar**", answer)
        page.reload()
        page.wait_for_selector(".station")
        page.set_input_files("#file", clip)
        page.wait_for_selector("#neighbours li")
        assert page.inner_text("#neighbours .name") == near["path"]
        assert page.inner_text("#neighbours .value") == "0.93"
        page.click("#neighbours button:has-text('Play')")
        page.wait_for_selector("#neighbours button:has-text('Stop')")
        assert "path=%3Cb%3Enear" in asked[0]
        page.click("#neighbours button")
        page.wait_for_selector("#neighbours button:has-text('Play')")


def _song(genre: str, seed: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    clip = synthesise(genre, seconds=3.1, seed=seed, sample_rate_hz=16000)
    soundfile.write(buffer, clip.samples, 16000, format="WAV")
    name = f"{genre} {seed}.wav"
    return {"name": name, "mimeType": "audio/wav", "buffer": buffer.getvalue()}


def test_piles_are_learnt_and_others_predicted(browser: Any, serving: Any) -> None:
    with serving(models=("default",)) as own, opened(browser, own) as page:
        page.click("#tab-piles")
        assert page.is_disabled("#pile-learn")
        for number, (name, genre) in enumerate((("calm", "classical"), ("loud", "metal")), 1):
            page.fill(f"#pile-name-{number}", name)
            page.set_input_files(f"#pile-files-{number}", [_song(genre, seed) for seed in range(3)])
        page.wait_for_selector("#pile-learn:not([disabled])")
        assert page.locator(".pile-songs li").count() == 6
        page.click("#pile-learn")
        page.wait_for_selector("#pile-verdicts:not([hidden])")
        assert "Of 6 songs, each judged by a model" in page.inner_text("#pile-status")
        page.set_input_files("#pile-ask", [_song("metal", 9), _song("classical", 9)])
        page.wait_for_selector("#pile-rows tr:nth-child(2) .number")
        rows = page.locator("#pile-rows tr").all_inner_texts()
        assert [row.split("\t")[:2] for row in rows] == [
            ["metal 9.wav", "loud"],
            ["classical 9.wav", "calm"],
        ]
        # A file that is dropped on a pile lands there, and nothing stays marked as under a drop.
        page.evaluate("""() => {
            const given = new DataTransfer(), pile = document.querySelectorAll(".pile")[1];
            given.items.add(new File(["no music"], "words.wav"));
            for (const kind of ["dragenter", "drop"]) {
                const how = { bubbles: true, cancelable: true, dataTransfer: given };
                pile.dispatchEvent(new DragEvent(kind, how));
            }
        }""")
        page.wait_for_selector(".pile:nth-child(2) li:has-text('This is not audio')")
        assert page.evaluate("document.body.className") == ""
        assert page.is_hidden("#pile-verdicts")
        assert page.inner_text("#pile-status") == ""
        page.click("[aria-label='Remove words.wav']")
        assert page.locator(".pile:nth-child(2) li").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_keeps_anybody_out(browser: Any, server: Any, clip: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found: list[str] = []

    def check(where: str) -> None:
        for one in axe.run(page).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                nodes = [(node["target"], node["failureSummary"]) for node in one["nodes"]]
                found.append(f"{where}: {one['id']}: {nodes}")

    with opened(browser, server, color_scheme=scheme, reduced_motion="reduce") as page:
        page.wait_for_selector("#model-card .number-card", state="attached")
        check("nothing yet")
        explained(page, clip)
        page.click("#segments-details summary")
        page.click("#why details summary")
        check("track")
        page.click("#tab-live")
        check("live")
        page.click("#tab-batch")
        good = {"name": "a.flac", "mimeType": "audio/flac", "buffer": clip.read_bytes()}
        bad = {"name": "b.mp3", "mimeType": "audio/mpeg", "buffer": b"words"}
        page.set_input_files("#batch-files", [good, bad])
        page.wait_for_selector("#batch-retry:not([hidden])")
        check("batch")
        page.click("#tab-piles")
        check("piles")
        page.click("#tab-model")
        page.click("#model-card summary")
        page.select_option("#model-choice", "default")  # a card with numbers of two digits
        check("model")
        page.click("#tab-track")
        page.set_input_files("#file", bad)
        page.wait_for_selector("#problem:not([hidden])")
        check("problem")
        page.evaluate("document.getElementById('key-dialog').showModal()")
        check("dialog")
    assert found == []
