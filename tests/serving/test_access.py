"""Keys, rates, hosts and origins."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from genrekit.errors import ConfigError, RateLimitError, RetryError
from genrekit.serving import Settings
from genrekit.serving.access import RateLimiter, hash_key, known_key, new_key, sender_of
from genrekit.serving.streams import StreamWorkers

KEY = "gk_tell-nobody"
AUTHORISED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def guarded(serving: Any) -> Iterator[Any]:
    origin = "https://page.example"
    with serving(key_hashes=(hash_key(KEY),), cors_origins=(origin,)) as server:
        yield server


def test_keys_are_random_and_only_their_hash_is_needed() -> None:
    (key, key_hash), (other, _) = new_key(), new_key()
    assert key != other
    assert key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert known_key(key, [hash_key(other), key_hash]) == key_hash
    assert known_key("", [key_hash]) is None


def test_without_a_key_there_is_no_answer_but_health(guarded: Any, clip: Path) -> None:
    assert guarded.post("/feedback", b'{"id": "0", "right": true}').status_code == 401
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}):
        refused = guarded.post("/analysis/predict", clip.read_bytes(), headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json()["error"]["type"] == "AccessError"
    assert guarded.client.get("/metrics").status_code == 401
    assert guarded.client.get("/health/ready").status_code == 200


def test_with_a_key_there_is(guarded: Any, clip: Path) -> None:
    for headers in (AUTHORISED, {"X-API-Key": KEY}):
        answer = guarded.post("/analysis/predict", clip.read_bytes(), headers=headers)
        assert answer.status_code == 200


def test_a_stream_says_its_key_in_its_hello(guarded: Any) -> None:
    handshake = {"type": "hello", "format": "pcm_s16le", "sample_rate_hz": 22050}
    url = f"ws://127.0.0.1:{guarded.port}/api/v1/stream"
    for key, expected in ((None, "error"), ("wrong", "error"), (KEY, "ready")):
        with connect(url, proxy=None) as socket:
            socket.send(json.dumps(handshake | ({"key": key} if key else {})))
            assert json.loads(socket.recv())["type"] == expected
    with connect(url, proxy=None, additional_headers=AUTHORISED) as socket:
        socket.send(json.dumps(handshake))
        assert json.loads(socket.recv())["type"] == "ready"


def test_only_named_origins_may_call(guarded: Any) -> None:
    def ask(origin: str) -> httpx.Response:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return httpx.request("OPTIONS", f"{guarded.url}/api/v1/models", headers=headers)

    allowed = ask("https://page.example")
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-origin" not in ask("https://elsewhere.example").headers
    refused = guarded.client.get(
        "/api/v1/models", headers={"Origin": "https://elsewhere.example", **AUTHORISED}
    )
    assert refused.status_code == 400


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "[::1", ""])
def test_names_that_are_pointed_here_are_not_answered(server: Any, host: str) -> None:
    refused = server.client.get("/api/v1/models", headers={"Host": host})
    assert refused.status_code == 400


def test_too_many_requests_are_told_when_to_come_back(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service, "limiter", RateLimiter(60, 2, clock=lambda: 0.0))
    codes = [server.client.get("/api/v1/models").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert server.post("/feedback", b"{}").status_code == 429
    refused = server.client.get("/api/v1/models")
    assert refused.headers["retry-after"] == "1"
    assert server.client.get("/health/live").status_code == 200


def test_a_bucket_is_refilled_steadily() -> None:
    now = 0.0
    limiter = RateLimiter(60, 3, clock=lambda: now)
    for _ in range(3):
        limiter.take("a")
    with pytest.raises(RateLimitError) as refused:
        limiter.take("a")
    assert refused.value.retry_after_seconds == 1
    limiter.take("b")
    now = 2.0
    limiter.take("a")
    limiter.take("a")
    with pytest.raises(RateLimitError):
        limiter.take("a")
    now = 60.0
    limiter.take("a", tokens=10)
    with pytest.raises(RateLimitError) as refused:
        limiter.take("a")
    assert refused.value.retry_after_seconds == 8


_HELLO = json.dumps({"type": "hello", "format": "pcm_s16le", "sample_rate_hz": 22050})


def _socket(server: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{server.port}/api/v1/stream"
    return connect(url, proxy=None, ping_interval=None)


def test_sockets_count_among_the_connections_and_streams_of_an_address(serving: Any) -> None:
    reachable = {"host": "0.0.0.0", "no_keys": True, "requests_per_minute": 0}
    with (
        serving(**reachable, connections_per_address=5, streams=2, idle_seconds=5.0) as server,
        ExitStack() as stack,
    ):
        server.client.close()
        connections = server.server.server_state.connections
        held = [stack.enter_context(_socket(server)) for _ in range(5)]
        for _ in range(3):
            with pytest.raises(InvalidStatus) as refused:
                _socket(server)
            assert refused.value.response.status_code == 503
        for socket in held[2:]:
            socket.close()
        while len(connections) > 2:
            time.sleep(0.01)
        for socket in held[:2]:
            socket.send(_HELLO)
        said = [json.loads(socket.recv()) for socket in held[:2]]
        assert [one["type"] for one in said] == ["ready", "error"]
        assert said[1]["error"]["type"] == "RateLimitError"
        with pytest.raises(InvalidStatus) as refused:
            _socket(server)
        assert refused.value.response.status_code == 429


@pytest.mark.parametrize(
    ("host", "streams", "each", "expected"),
    [("0.0.0.0", 4, 2, 2), ("0.0.0.0", 4, 9, 3), ("0.0.0.0", 1, 2, 1), ("127.0.0.1", 4, 1, 4)],
)
def test_one_address_or_key_cannot_hold_all_streams(
    host: str, streams: int, each: int, expected: int
) -> None:
    settings = Settings(host=host, streams=streams, streams_per_address=each)
    workers = StreamWorkers(settings, {})
    with ExitStack() as stack:
        for number in range(expected):
            stack.enter_context(workers.reserved([f"192.0.2.{number}", "one key"]))
        with pytest.raises(RetryError):
            workers.check_room(["192.0.2.99", "one key"])
        if expected < streams:
            workers.check_room(["192.0.2.99", "another key"])
    assert workers.active == 0
    workers.check_room(["192.0.2.1", "one key"])


@pytest.mark.parametrize(
    ("proxies", "address", "trusted"),
    [
        ((), "10.0.0.7", False),
        (("10.0.0.7",), "10.0.0.7", True),
        (("10.0.0.0/8",), "10.0.0.7", True),
        (("10.0.0.0/8",), "11.0.0.7", False),
        (("*",), "", True),
    ],
)
def test_all_senders_of_a_proxy_may_connect(
    proxies: tuple[str, ...], address: str, trusted: bool
) -> None:
    assert Settings(trusted_proxies=proxies).trusts(address) is trusted


def test_senders_are_addresses_or_networks() -> None:
    assert sender_of("2001:db8::1") == sender_of("2001:db8::ffff")
    assert sender_of("2001:db8::1") != sender_of("2001:db9::1")
    assert sender_of("192.0.2.1") != sender_of("192.0.2.2")


def test_strangers_are_not_served_by_accident() -> None:
    with pytest.raises(ConfigError, match="--new-key"):
        Settings(host="0.0.0.0").check_exposure()
    Settings(host="0.0.0.0", no_keys=True).check_exposure()
    Settings(host="0.0.0.0", key_hashes=(hash_key(KEY),)).check_exposure()
    Settings(host="127.0.0.2").check_exposure()
    assert Settings(host="0.0.0.0").rate_per_minute > 0
    assert Settings().rate_per_minute == 0


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREKIT_SERVE_PORT", "1234")
    monkeypatch.setenv("GENREKIT_SERVE_MODELS", "box, other")
    assert Settings().port == 1234
    assert Settings().models == ("box", "other")
    assert Settings(port=5).port == 5
