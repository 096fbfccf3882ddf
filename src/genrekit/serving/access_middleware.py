"""What every request passes first: host, origin, rate, key; and what every answer carries."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrekit.errors import AccessError, GenreError, RequestError, quoted
from genrekit.serving.access import known_key, sender_of
from genrekit.serving.problems import problem_response
from genrekit.serving.service import Service, service_of

_log = logging.getLogger(__name__)

#: The page may use what this server sends, and nothing else.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
# What is asked for with keys. The page itself, health and the description hold no secrets.
_KEYED = ("/api/", "/metrics")
_FREE = ("/api/v1/health/", "/api/v1/version", "/api/v1/openapi.json")

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "WEBSOCKET"})
_FIRST_REFUSAL = 400
_LINGER_SECONDS = 2.0
_LEFT = 499  # nginx's name for a sender that did not wait for the answer


class AccessMiddleware:
    """Pure ASGI: refuses what must not reach a route, and counts everything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        service = service_of(connection)
        body = _Body(receive)
        answer = _Answer(scope, send, service, body)
        try:
            _admit(connection, service)
        except GenreError as error:
            if scope["type"] == "websocket":
                await receive()  # its connect, which wants an answer
            response = problem_response(error)
            service.metrics.rejections.labels(type(error).__name__).inc()
            await response(scope, body.receive, answer.send)
        else:
            await self._app(scope, body.receive, answer.send)
        finally:
            answer.count()


def _admit(connection: HTTPConnection, service: Service) -> None:
    settings, headers = service.settings, connection.headers
    host = headers.get("host", "")
    if settings.hosts and _without_port(host) not in settings.hosts:
        raise RequestError(f"this server is not called {quoted(host, 100)}; see its allowed_hosts")
    _check_origin(headers, host, settings.cors_origins)
    path = connection.scope["path"]
    if not path.startswith(_KEYED) or path.startswith(_FREE):
        return
    sender = sender_of(connection.client.host if connection.client else "")
    service.limiter.take(sender)
    # A browser cannot set headers on a WebSocket: it may say its key in its first message.
    if connection.scope["type"] == "http" or _sent_key(headers):
        connection.state.owner = check_key(_sent_key(headers), service)


def check_key(key: str, service: Service) -> str:
    """Return the hash of a good key; nothing where none is needed.

    Raises
    ------
    AccessError
        If one is needed and this is none.
    RateLimitError
        If it was used too often.
    """
    hashes = service.settings.key_hashes
    if not hashes:
        return ""
    owner = known_key(key, hashes)
    if owner is None and key:
        raise AccessError(
            "this key is not known here: check that it is copied completely, or ask whoever runs "
            "this server for another one"
        )
    if owner is None:
        raise AccessError(
            "this server wants an API key: send it as Authorization: Bearer KEY, or X-API-Key: KEY"
        )
    service.limiter.take(owner)
    return owner


def _sent_key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _check_origin(headers: Headers, host: str, allowed: tuple[str, ...]) -> None:
    """Refuse pages from elsewhere that use this server through a visitor's browser."""
    origin = headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return
    if origin.partition("://")[2] != host:
        raise RequestError(
            f"pages of {quoted(origin, 100)} may not call this server; see cors_origins"
        )


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


class _Body:
    """Knows whether all of the body has come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def drop(self) -> None:
        """Let a sender finish, within reason: one that is cut off does not see the answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._ended:
                    await self.receive()


class _Answer:
    """Adds headers to an answer on its way, and remembers what it was."""

    def __init__(self, scope: Scope, send: Send, service: Service, body: _Body) -> None:
        self._scope, self._send, self._service, self._body = scope, send, service, body
        self._begin = time.perf_counter()
        self._status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= _FIRST_REFUSAL:
            await self._linger()
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self._scope["path"].startswith(("/api/", "/health", "/metrics")):
                headers.setdefault("Cache-Control", "no-store")
        elif message["type"] == "websocket.accept":
            self._status = HTTPStatus.SWITCHING_PROTOCOLS
        await self._send(message)

    async def _linger(self) -> None:
        # On a connection that stays open the server drops the rest after the answer.
        if "close" in Headers(scope=self._scope).get("connection", "").lower():
            await self._body.drop()

    def count(self) -> None:
        metrics = self._service.metrics
        route = getattr(self._scope.get("route"), "path", "none")
        method = self._scope.get("method", "WEBSOCKET")
        known = method if method in _METHODS else "OTHER"
        metrics.requests.labels(known, route, str(self._status or _LEFT)).inc()
        if self._scope["type"] == "http":
            metrics.seconds.labels(route).observe(time.perf_counter() - self._begin)
        if self._service.settings.log_requests:
            _log.info("%s %s %s", method, route, self._status)
