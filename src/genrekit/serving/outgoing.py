"""Answers that the other side does not take."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from genrekit.serving.access import ConnectionCounter, sender_of
from genrekit.serving.settings import Settings


class Outgoing:
    """Ends a connection on which nothing moves, or too little, while it has something to send.

    A sender that never reads would hold a connection, and what was meant for it, for ever.

    Parameters
    ----------
    transport : asyncio.Transport
        From now on it calls its protocol as soon as anything has to wait.
    settings : Settings
        ``idle_seconds`` without a byte taken, or ``upload_seconds`` for one answer, are too long.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, settings: Settings
    ) -> None:
        self._loop, self._transport, self._settings = loop, transport, settings
        self._timer: asyncio.TimerHandle | None = None
        self._left, self._until = 0, 0.0
        transport.set_write_buffer_limits(0)

    def begin(self) -> None:
        """Something waits to be sent."""
        self._left = self._transport.get_write_buffer_size()
        self._until = self._loop.time() + self._settings.upload_seconds
        self._check_later()

    def end(self) -> None:
        """All is sent, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_later(self) -> None:
        self.end()
        self._timer = self._loop.call_later(self._settings.idle_seconds, self._check)

    def _check(self) -> None:
        left = self._transport.get_write_buffer_size()
        if left == self._left or self._loop.time() >= self._until:
            self._transport.abort()
            return
        self._left = left
        self._check_later()


class WriteTimeoutSocket(WebSocketsSansIOProtocol):
    """A WebSocket that waits only so long for what it sends to be taken.

    Of the pings that arrive while the answer to one waits only the last is answered (RFC 6455,
    5.5.3): a flood of them takes no memory.
    """

    settings: Settings
    connection_counter: ConnectionCounter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Watch it, and count it among the connections of its sender."""
        super().connection_made(transport)
        self._sender = sender_of(self.client[0] if self.client else "")
        self.connection_counter.enter(self._sender)
        self._outgoing = Outgoing(self.loop, self.transport, self.settings)
        self._pong = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._outgoing.end()
        self.connection_counter.leave(self._sender)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Something waits to be sent."""
        super().pause_writing()
        self._outgoing.begin()

    def resume_writing(self) -> None:
        """All is sent."""
        self._outgoing.end()
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong:
            self.transport.write(pong)

    def handle_ping(self) -> None:
        """Answer now, or when there is room."""
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)
        else:
            self._pong = pong


def write_timeout_socket(
    settings: Settings, connection_counter: ConnectionCounter
) -> type[WriteTimeoutSocket]:
    """Return the WebSocket protocol of one server, counted with its connections."""

    class Socket(WriteTimeoutSocket):
        pass

    Socket.settings = settings
    Socket.connection_counter = connection_counter
    return Socket
