"""Connections that say nothing, or not enough, take nothing, or are too many."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from genrekit.errors import BusyError, GenreError, RequestError, SlowRequestError, outcome
from genrekit.serving.access import ConnectionCounter, sender_of
from genrekit.serving.outgoing import Outgoing
from genrekit.serving.problems import problem_of
from genrekit.serving.settings import Settings

_LINGER_SECONDS = 0.5
_MOST_HEAD_BYTES = 64 << 10
_TINY_CHUNK_BYTES = 64
_MOST_TINY_CHUNKS = 10_000
_TOO_MANY = BusyError("too many connections; ask again soon")


class _StrictConnection(h11.Connection):
    """Refuses bodies whose end is open to debate, and bodies in tiny chunks.

    Attributes
    ----------
    fault : str
        Why it refused, in words for the sender; empty where h11 did.
    """

    fault = ""
    _tiny_chunks = 0

    def next_event(self) -> Any:
        """Return the next event.

        Raises
        ------
        h11.RemoteProtocolError
            If it breaks the rules. Nothing that follows on the connection may then be read:
            where the next request begins is anybody's guess (RFC 9112, 6.1).
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._tiny_chunks = 0
            self._refuse(_framing_fault(event))
        # Each tiny chunk costs as much as a chunk that is worth its while.
        if isinstance(event, h11.Data) and event.chunk_end and len(event.data) < _TINY_CHUNK_BYTES:
            self._tiny_chunks += 1
            if self._tiny_chunks > _MOST_TINY_CHUNKS:
                self._refuse("the body comes in too many small chunks")
        return event

    def _refuse(self, fault: str) -> None:
        if fault:
            self.fault = fault
            raise h11.RemoteProtocolError(fault)


def _framing_fault(request: h11.Request) -> str:
    """Return what is wrong with how a request says where its body ends; usually nothing."""
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" not in names:
        return ""
    if b"content-length" in names:
        # A proxy that believes the other one would see two requests here.
        return "the request has two lengths: Transfer-Encoding and Content-Length; send one"
    if request.http_version < b"1.1":
        return "Transfer-Encoding needs HTTP/1.1; send a Content-Length"
    return ""


class ReadTimeoutProtocol(H11Protocol):
    """HTTP/1.1 that waits only so long for a head, and takes only so many connections."""

    settings: ClassVar[Settings]
    connection_counter: ClassVar[ConnectionCounter]

    _head_timer: asyncio.TimerHandle | None = None
    _sender = ""
    _is_socket = False
    _is_over = False
    _is_unwelcome = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _StrictConnection = _StrictConnection(h11.SERVER, _MOST_HEAD_BYTES)

    def connection_made(self, transport: Any) -> None:
        """Take it, unless there are too many."""
        super().connection_made(transport)
        self._outgoing = Outgoing(self.loop, transport, self.settings)
        self._sender = sender_of(self.client[0] if self.client else "")
        held = self.connection_counter.enter(self._sender)
        if len(self.connections) > self.settings.connections or self._has_too_many(held):
            self._refuse_soon()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        self._outgoing.end()
        self.connection_counter.leave(self._sender)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; without a whole head the clock runs on."""
        if self._is_over:
            return
        if self._is_unwelcome:
            self._end_with(_TOO_MANY)
            return
        super().data_received(data)
        if self._is_socket:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        else:
            self._stop_waiting()

    def pause_writing(self) -> None:
        """Something waits to be sent."""
        super().pause_writing()
        self._outgoing.begin()

    def resume_writing(self) -> None:
        """All is sent."""
        self._outgoing.end()
        super().resume_writing()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """From here on another protocol watches the connection, and counts it."""
        self._is_socket = True
        self._stop_waiting()
        self._outgoing.end()
        self.connection_counter.leave(self._sender)
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what arrived and is not HTTP."""
        self._end_with(RequestError(self.conn.fault or msg))

    def _has_too_many(self, held: int) -> bool:
        """Whether one sender holds too many; all senders of a proxy come from its address."""
        settings = self.settings
        if held <= settings.connections_per_address or settings.on_loopback:
            return False
        return not settings.trusts(self.client[0] if self.client else "")

    def _refuse_soon(self) -> None:
        """Answer as soon as there is a request: clients take an earlier answer for a fault."""
        self._is_unwelcome = True
        self._head_timer = self.loop.call_later(_LINGER_SECONDS, self._end_with, _TOO_MANY)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.settings.idle_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        seconds = self.settings.idle_seconds
        self._end_with(SlowRequestError(f"no whole request arrived within {seconds:g} s"))

    def _end_with(self, error: GenreError) -> None:
        """Answer without a route, as no request was understood."""
        if self._is_over or self.transport.is_closing():
            return
        self._is_over = True
        self._stop_waiting()
        if self._leave_cycle():
            self.transport.close()
            return
        status = outcome(error).http_status
        body = problem_of(error).model_dump_json().encode()
        retry = "Retry-After: 1\r\n" if isinstance(error, BusyError) else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{retry}Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        # Closed while something still arrives, the connection would be reset, and the answer lost.
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _leave_cycle(self) -> bool:
        """Tell a request that is being answered that nobody listens; whether its answer had begun.

        An answer of ours in the middle of another one would be taken for a part of it.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        cycle.disconnected = True
        cycle.message_event.set()
        return cycle.response_started


def read_timeout_protocol(
    settings: Settings, connection_counter: ConnectionCounter
) -> type[ReadTimeoutProtocol]:
    """Return the protocol of one server, which counts its connections in ``connection_counter``."""

    class Protocol(ReadTimeoutProtocol):
        pass

    Protocol.settings = settings
    Protocol.connection_counter = connection_counter
    return Protocol
