"""Bind, serve, drain: uvicorn with clocks on slow heads and caps on connections."""

from __future__ import annotations

import logging
import signal
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from genrekit.errors import ConfigError
from genrekit.serving.access import ConnectionCounter
from genrekit.serving.app import create_app
from genrekit.serving.connections import read_timeout_protocol
from genrekit.serving.hot_reload import load_bundles
from genrekit.serving.outgoing import write_timeout_socket
from genrekit.serving.settings import Settings

_log = logging.getLogger(__name__)
_BACKLOG = 512
_KEEP_ALIVE_SECONDS = 5


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; what was begun by then is finished.

    Raises
    ------
    ConfigError, BundleError
        Before anything is served: no keys where they are needed, no such model, no free port.
    OSError
        If it cannot write where it was told to.
    """
    settings.check_exposure()
    arms = settings.arms
    load_bundles(arms.models | arms.shadows)
    if settings.log_requests:
        logging.getLogger("genrekit.serving").setLevel(logging.INFO)
    server = make_server(settings)
    _quieten_loggers(server.app, settings)
    with bind(settings) as listener:
        try:
            server.run(sockets=[listener])
        except SystemExit:
            if problem := getattr(server.app.state, "problem", None):
                raise problem from None
            raise


def _quieten_loggers(app: FastAPI, settings: Settings) -> None:
    """Let no sender fill the log, and no traceback hide why the server did not start."""
    if not settings.log_requests:
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(lambda _: not hasattr(app.state, "problem"))


def bind(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    ConfigError
        If the address is taken, or none of this machine's.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_listen(settings, error) from error
    return listener


def _cannot_listen(settings: Settings, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
        "choose another --port or --host"
    )


def make_server(settings: Settings) -> Server:
    """Return a server that is not running yet."""
    app, connection_counter = create_app(settings), ConnectionCounter()
    config = uvicorn.Config(
        app,
        http=read_timeout_protocol(settings, connection_counter),
        ws=write_timeout_socket(settings, connection_counter),
        ws_max_size=settings.message_bytes,
        # Deflated messages may be bombs, and audio does not get smaller.
        ws_per_message_deflate=False,
        # Pongs would wait behind audio that is not read yet; silence ends a stream anyway.
        ws_ping_interval=None,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.grace_seconds),
    )
    return Server(config, app, settings.drain_seconds)


class Server(uvicorn.Server):
    """Told to stop, it is not ready at once, and refuses newcomers only ``drain_seconds`` later."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self.app, self._drain_seconds = app, drain_seconds
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            _log.warning("listening on http://%s:%s", shown, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains; Ctrl-C stops at once, and the second one without waiting."""
        if service := getattr(self.app.state, "service", None):
            service.draining = True
        if sig == signal.SIGTERM and self._stop_at is None and self._drain_seconds:
            self._stop_at = time.monotonic() + self._drain_seconds
            return
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to stop."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)
