"""The live stream: scores while it plays, and at its end what the file would get."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from genrekit.audio import decode
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import WindowConfig

PCM = {"format": "pcm_s16le", "sample_rate_hz": 22050}


def _open(server: Any, **options: Any) -> ClientConnection:
    """A socket of the one stream there may be, once the last one is over."""
    _until(lambda: server.service.streams.active == 0)
    url = f"ws://127.0.0.1:{server.port}/api/v1/stream"
    socket: ClientConnection = connect(url, proxy=None, compression=None, **options)
    return socket


def _stream(
    server: Any, handshake: dict[str, Any], pieces: Iterable[bytes]
) -> tuple[list[dict[str, Any]], int]:
    """All messages of one stream, and its close code."""
    messages = []
    with _open(server) as socket:
        socket.send(json.dumps({"type": "hello", **handshake}))
        try:
            messages.append(json.loads(socket.recv()))
            for piece in pieces:
                socket.send(piece)
            socket.send('{"type": "end"}')
        except ConnectionClosed:
            pass
        messages += [json.loads(text) for text in _until_closed(socket)]
        return messages, socket.close_code or 0


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _until_closed(socket: ClientConnection) -> Iterable[Any]:
    try:
        while True:
            yield socket.recv()
    except ConnectionClosed:
        return


@pytest.fixture(scope="module")
def samples(clip: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(soundfile.read(clip, dtype="int16")[0])


def _timeless(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timings_ms"}


def test_a_stream_of_samples_ends_with_the_prediction_of_the_file(
    server: Any, clip: Path, samples: Any, tiny_bundle: Path
) -> None:
    pieces = [part.tobytes() for part in np.array_split(samples, 37)]
    messages, code = _stream(server, PCM | {"name": "clip.flac", "segments": True}, pieces)
    assert code == 1000
    kinds = [one["type"] for one in messages if one["type"] != "verdict"]
    assert kinds == ["ready", *["segment"] * 5, "prediction"]
    assert messages[0]["ready"]["window_seconds"] == 1.0
    expected = Classifier.load(tiny_bundle).predict_file(clip, name="clip.flac", segments=True)
    prediction = messages[-1]["prediction"]
    assert _timeless(prediction) == _timeless(expected.model_dump(mode="json"))
    assert [one["segment"] for one in messages if "segment" in one] == prediction["segments"]


@pytest.fixture(scope="module")
def three_seconds(
    serving: Callable[..., Any], bundle_factory: Callable[..., Path], tmp_path_factory: Any
) -> Iterator[Any]:
    """A server whose model takes three seconds at a time, and one whose model takes thirty."""
    folder = tmp_path_factory.mktemp("live")
    names = {"short": (3.0, 1.0), "long": (30.0, 30.0)}
    models = []
    for name, (length, hop) in names.items():
        windows = WindowConfig(window_seconds=length, hop_seconds=hop, short="loop")
        models.append(f"{name}={bundle_factory(folder / name, windows=windows)}")
    with serving(models=tuple(models), streams=1) as one:
        yield one


@pytest.mark.parametrize("model", ["short", "long"])
def test_verdicts_come_after_three_seconds_and_every_second_and_end_in_that_of_the_file(
    three_seconds: Any, model: str
) -> None:
    """Each is there before the next quarter of a second of music is sent."""
    music = synthesise("disco", seconds=6.5, sample_rate_hz=22050).samples
    pcm = (music * 32767).astype(np.int16)
    answers: list[dict[str, Any]] = []
    with _open(three_seconds) as connection:
        handshake = PCM | {"type": "hello", "model": model, "name": "song.wav"}
        connection.send(json.dumps(handshake))
        ready = json.loads(connection.recv())["ready"]
        assert (ready["first_seconds"], ready["every_seconds"]) == (3.0, 1.0)
        sent = 0
        while sent < len(pcm):
            connection.send(pcm[sent : sent + 5513].tobytes())
            sent += 5513
            while len(answers) < sent // 22050 - 2 and sent <= len(pcm):
                message = json.loads(connection.recv(timeout=60))
                if message["type"] == "verdict":
                    answers.append(message["verdict"])
        connection.send('{"type": "end"}')
        *_, last = [json.loads(text) for text in connection]
    assert [one["seconds"] for one in answers] == pytest.approx([3, 4, 5, 6], abs=1e-3)
    wav = io.BytesIO()
    soundfile.write(wav, pcm, 22050, format="WAV")
    query = {"model": model, "name": "song.wav"}
    as_file = three_seconds.post("/analysis/predict", wav.getvalue(), params=query).json()
    assert _timeless(last["prediction"]) == _timeless(as_file)
    for one in answers:
        assert sum(one["scores"].values()) == pytest.approx(1)


def test_a_stream_without_verdicts_has_none(server: Any, samples: Any) -> None:
    messages, code = _stream(server, PCM | {"every_seconds": 0}, [samples.tobytes()])
    assert code == 1000
    assert "verdict" not in {one["type"] for one in messages}
    assert messages[0]["ready"]["first_seconds"] is None


def test_pieces_may_end_in_the_middle_of_a_sample(server: Any, samples: Any) -> None:
    stereo = np.repeat(samples[:, None], 2, axis=1).astype("<f4") / 32768
    data = stereo.astype("<f4").tobytes()
    handshake = {"format": "pcm_f32le", "sample_rate_hz": 22050, "channels": 2}
    odd = [data[start : start + 1001] for start in range(0, len(data), 1001)]
    messages, code = _stream(server, handshake, odd)
    assert code == 1000
    even, _ = _stream(server, PCM, [samples.tobytes()])
    assert messages[-1]["prediction"]["scores"] == pytest.approx(
        even[-1]["prediction"]["scores"], abs=1e-6
    )


def test_webm_from_a_browser_is_scored_while_it_arrives(
    server: Any, tmp_path: Path, samples: Any, tiny_bundle: Path
) -> None:
    path = tmp_path / "recorded.webm"
    _write_webm(path, samples)
    data = path.read_bytes()
    seen_early = False
    with _open(server) as socket:
        socket.send(json.dumps({"type": "hello", "format": "container", "segments": True}))
        json.loads(socket.recv())
        cut = len(data) * 3 // 4
        socket.send(data[:cut])
        seen_early = json.loads(socket.recv())["type"] == "segment"  # before the end was sent
        socket.send(data[cut:])
        socket.send('{"type": "end"}')
        last = [json.loads(text) for text in socket][-1]["prediction"]
    assert seen_early
    expected = Classifier.load(tiny_bundle).predict_file(path, name="", segments=True)
    assert _timeless(last) == _timeless(expected.model_dump(mode="json"))


def _write_webm(path: Path, samples: Any) -> None:
    import av

    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 22050
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", 48000)
        for one in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(one))


@pytest.mark.parametrize(
    ("handshake", "pieces", "kind", "code"),
    [
        ({"format": "tape"}, [], "ConfigError", 1007),
        ({"format": "pcm_s16le"}, [], "ConfigError", 1007),
        (PCM | {"model": "other"}, [], "ConfigError", 1007),
        (PCM | {"every_seconds": 0.01}, [], "ConfigError", 1007),
        (PCM, [], "AudioContentError", 1007),
        (PCM, [b"\0\0" * 100], "AudioContentError", 1007),
        ({"format": "container"}, [b"<html>" * 1000], "AudioFormatError", 1003),
        (PCM, ["words"], "RequestError", 1007),
        (PCM, [b"\0" * 500_000] * 3, "AudioLimitError", 1009),
    ],
)
def test_what_cannot_be_scored_is_reported_and_closed_with_its_code(
    server: Any, handshake: dict[str, Any], pieces: list[bytes], kind: str, code: int
) -> None:
    messages, closed = _stream(server, handshake, pieces)
    assert messages[-1]["type"] == "error"
    assert messages[-1]["error"]["type"] == kind
    assert closed == code


def test_a_stream_that_says_nothing_is_closed(server: Any) -> None:
    for first in ([], [json.dumps({"type": "hello", **PCM})]):
        with _open(server) as socket:
            for text in first:
                socket.send(text)
            *_, last = [json.loads(text) for text in _until_closed(socket)]
            assert last["error"]["type"] == "SlowRequestError"
            assert socket.close_code == 1008


def test_a_message_that_is_too_large_closes_with_1009(server: Any) -> None:
    with _open(server) as socket:
        socket.send(json.dumps({"type": "hello", **PCM}))
        socket.recv()
        socket.send(bytes(700_000))
        list(_until_closed(socket))
        assert socket.close_code == 1009


def test_one_stream_more_than_allowed_is_told_to_come_back(server: Any) -> None:
    with _open(server) as socket:
        socket.send(json.dumps({"type": "hello", **PCM}))
        assert json.loads(socket.recv())["type"] == "ready"
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{server.port}/api/v1/stream", proxy=None)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]


def test_pages_from_elsewhere_cannot_open_a_stream(server: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        _open(server, origin="https://elsewhere.example")
    assert refused.value.response.status_code == 400


def test_decoded_streams_equal_decoded_files(clip: Path, samples: Any) -> None:
    assert np.array_equal(decode(clip).samples, samples.astype(np.float32) / 32768)


def test_pings_without_end_take_no_memory_and_end_the_socket(server: Any) -> None:
    """A flood of pings whose answers nobody reads."""
    _until(lambda: server.service.streams.active == 0)
    before = len(server.server.server_state.connections)
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    head = (
        "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}\r\n"
    )
    ping = b"\x89\xfd" + bytes(4) + bytes(125)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", server.port))
        plain.sendall(head.encode())
        most = 0
        with suppress(OSError):  # it is reset in the end
            while True:
                plain.sendall(ping * 500)
                for one in list(server.server.server_state.connections):
                    most = max(most, one.transport.get_write_buffer_size())
    assert most < 1 << 20
    _until(lambda: len(server.server.server_state.connections) <= before)
