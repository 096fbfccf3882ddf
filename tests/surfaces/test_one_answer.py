"""One clip through every way in: the same answer.

Each surface adds one entry to ``SURFACES``: a function from a model and a file to an answer; or to
``SERVED``: from the address of a server and a file.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from websockets.sync.client import connect

from genrekit.audio import Waveform, decode
from genrekit.batch import predict_many
from genrekit.inference import Classifier, aggregate, ranked
from genrekit.jukebox import synthesise
from genrekit.schema import TrackPrediction


def _file(model: Path, clip: Path) -> TrackPrediction:
    return Classifier.load(model).predict_file(clip, segments=True)


def _waveform(model: Path, clip: Path) -> TrackPrediction:
    classifier = Classifier.load(model)
    waveform = decode(
        clip, sample_rate_hz=classifier.sample_rate_hz, excerpt=classifier.bundle.manifest.excerpt
    )
    return classifier.predict(waveform, name=str(clip), segments=True)


def _bytes(model: Path, clip: Path) -> TrackPrediction:
    classifier = Classifier.load(model)
    waveform = decode(clip.read_bytes(), sample_rate_hz=classifier.sample_rate_hz)
    return classifier.predict(waveform, name=str(clip), segments=True)


def _stream(model: Path, clip: Path) -> TrackPrediction:
    """What a socket gets: 100-ms blocks in, segments out, the mean at the end."""
    classifier = Classifier.load(model)
    samples = decode(clip, sample_rate_hz=classifier.sample_rate_hz).samples
    blocks = np.array_split(samples, len(samples) // 2205)
    segments = tuple(classifier.stream(blocks))
    table = np.array([[one.scores[label] for label in classifier.labels] for one in segments])
    scores = ranked(classifier.labels, aggregate(table, classifier.bundle.manifest))
    best = next(iter(scores))
    return TrackPrediction(
        path=str(clip),
        genre=best,
        scores=scores,
        genres=(best,),
        segments=segments,
        seconds=len(samples) / classifier.sample_rate_hz,
        model=classifier.identity,
    )


def _batch(model: Path, clip: Path) -> TrackPrediction:
    (answer,) = predict_many([clip], model, segments=True)
    return answer


def _command(model: Path, clip: Path) -> TrackPrediction:
    command = [sys.executable, "-m", "genrekit", "predict", "--json", "--segments"]
    ran = subprocess.run(
        [*command, "--model", str(model), str(clip)], check=True, capture_output=True, text=True
    )
    return TrackPrediction.model_validate_json(ran.stdout)


def _form(address: str, clip: Path) -> TrackPrediction:
    with clip.open("rb") as file:
        sent = httpx.post(
            f"http://{address}/api/v1/analysis/predict",
            files={"file": (clip.name, file)},
            data={"segments": "true"},
        )
    return TrackPrediction.model_validate_json(sent.content)


def _raw_body(address: str, clip: Path) -> TrackPrediction:
    sent = httpx.post(
        f"http://{address}/api/v1/analysis/predict",
        params={"segments": "true", "name": clip.name},
        content=clip.read_bytes(),
    )
    return TrackPrediction.model_validate_json(sent.content)


def _files(address: str, clip: Path) -> TrackPrediction:
    with clip.open("rb") as file:
        sent = httpx.post(
            f"http://{address}/api/v1/analysis/batch?segments=true",
            files=[("files", (clip.name, file))],
        )
    (answer,) = sent.json()["predictions"]
    return TrackPrediction.model_validate(answer)


def _socket(address: str, clip: Path) -> TrackPrediction:
    """Plain samples, as a microphone would give them."""
    samples = soundfile.read(clip, dtype="int16")[0]
    hello = {
        "type": "hello",
        "format": "pcm_s16le",
        "sample_rate_hz": 22050,
        "name": clip.name,
        "segments": True,
    }
    with connect(f"ws://{address}/api/v1/stream", proxy=None) as socket:
        socket.send(json.dumps(hello))
        for piece in np.array_split(samples, 50):
            socket.send(piece.tobytes())
        socket.send('{"type": "end"}')
        *_, last = [json.loads(text) for text in socket]
    return TrackPrediction.model_validate(last["prediction"])


def _container(address: str, clip: Path) -> TrackPrediction:
    """The file as it is written, in pieces."""
    hello = {"type": "hello", "format": "container", "name": clip.name, "segments": True}
    data = clip.read_bytes()
    with connect(f"ws://{address}/api/v1/stream", proxy=None) as socket:
        socket.send(json.dumps(hello))
        for start in range(0, len(data), 10_000):
            socket.send(data[start : start + 10_000])
        socket.send('{"type": "end"}')
        *_, last = [json.loads(text) for text in socket]
    return TrackPrediction.model_validate(last["prediction"])


def _documented(address: str, clip: Path) -> TrackPrediction:
    """The program that docs/serving.md shows, to the letter but for the address."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0].replace("127.0.0.1:8000", address)
    named = f'"channels": samples.shape[1], "name": {clip.name!r}, "segments": True}}'
    code = code.replace('"channels": samples.shape[1]}', named)
    ran = subprocess.run(
        [sys.executable, "-c", code, str(clip)], check=True, capture_output=True, text=True
    )
    last = json.loads(ran.stdout.splitlines()[-1])
    return TrackPrediction.model_validate(last["prediction"])


def _job(address: str, clip: Path) -> TrackPrediction:
    jobs = f"http://{address}/api/v1/jobs"
    with clip.open("rb") as file:
        sent = httpx.post(f"{jobs}?segments=true", files=[("files", (clip.name, file))])
    place = f"{jobs}/{sent.json()['id']}/result"
    for _ in range(600):
        found = httpx.get(place)
        if found.status_code != 202:
            break
        time.sleep(0.05)
    (answer,) = found.json()["predictions"]
    return TrackPrediction.model_validate(answer)


SURFACES: dict[str, Callable[[Path, Path], TrackPrediction]] = {
    "waveform": _waveform,
    "bytes": _bytes,
    "stream": _stream,
    "batch": _batch,
    "command": _command,
}
SERVED: dict[str, Callable[[str, Path], TrackPrediction]] = {
    "form": _form,
    "raw body": _raw_body,
    "files": _files,
    "socket": _socket,
    "socket, as a file": _container,
    "socket, by the documented program": _documented,
    "job": _job,
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    waveform: Waveform = synthesise("reggae", seconds=4.7, sample_rate_hz=22050)
    path = tmp_path_factory.mktemp("clip") / "clip.flac"
    soundfile.write(path, waveform.samples, 22050)
    return path


@pytest.mark.parametrize("surface", SURFACES)
def test_every_way_in_gives_the_answer_of_the_file(
    tiny_bundle: Path, clip: Path, surface: str
) -> None:
    assert _timeless(SURFACES[surface](tiny_bundle, clip)) == _timeless(_file(tiny_bundle, clip))


@pytest.fixture(scope="module")
def address(tiny_bundle: Path) -> Iterator[str]:
    """Host and port of ``genrekit serve``, as a user starts it and stops it."""
    command = [sys.executable, "-m", "genrekit", "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(
        [*command, "--model", str(tiny_bundle)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert "listening on http://" in told
        yield told.split("http://")[1].strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("surface", SERVED)
def test_every_way_in_over_the_network_does_too(
    tiny_bundle: Path, clip: Path, address: str, surface: str
) -> None:
    # A server only repeats the last part of a name.
    expected = _file(tiny_bundle, clip).model_copy(update={"path": clip.name})
    assert _timeless(SERVED[surface](address, clip)) == _timeless(expected)


def test_the_script_of_the_page_gets_it_too(
    tiny_bundle: Path, clip: Path, address: str, browser: Any
) -> None:
    """What the page makes of the answer is tested in ``tests/serving``."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"http://{address}")
    page.wait_for_selector(".station")
    script = page.evaluate_handle("import('./api.js')")
    page.evaluate("document.body.append(document.createElement('input'))")
    page.evaluate("document.body.lastChild.type = 'file'")
    page.set_input_files("body > input", clip)
    ask = "api => api.predict(document.body.lastChild.files[0], { segments: true })"
    answer = TrackPrediction.model_validate(script.evaluate(ask))
    page.close()
    expected = _file(tiny_bundle, clip).model_copy(update={"path": clip.name})
    assert _timeless(answer) == _timeless(expected)


def _timeless(answer: TrackPrediction) -> dict[str, Any]:
    return answer.model_dump(exclude={"timings_ms"})
