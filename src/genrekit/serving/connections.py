"""Connections that say nothing, or not enough, take nothing, or are too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from genrekit.errors import BusyError, GenreError, RequestError, SlowRequestError, outcome
from genrekit.serving.access import sender_of
from genrekit.serving.outgoing import Outgoing
from genrekit.serving.problems import problem_of
from genrekit.serving.settings import Settings

_LINGER_SECONDS = 0.5
_MOST_HEAD_BYTES = 64 << 10
_CRUMB_BYTES = 64
_MOST_CRUMBS = 10_000


class _Frugal(h11.Connection):
    """Refuses bodies in crumbs: each costs as much as a chunk that is worth its while."""

    _crumbs = 0

    def next_event(self) -> Any:
        """The next event.

        Raises
        ------
        h11.RemoteProtocolError
            If there is none, or if there are too many chunks of a few bytes.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._crumbs = 0
        if isinstance(event, h11.Data) and event.chunk_end and len(event.data) < _CRUMB_BYTES:
            self._crumbs += 1
            if self._crumbs > _MOST_CRUMBS:
                raise h11.RemoteProtocolError("the body comes in too many small chunks")
        return event


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits only so long for a head, and takes only so many connections."""

    settings: ClassVar[Settings]
    crowd: ClassVar[Counter[str]]

    _head_timer: asyncio.TimerHandle | None = None
    _sender = ""
    _is_socket = False
    _is_over = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _Frugal(h11.SERVER, _MOST_HEAD_BYTES)

    def connection_made(self, transport: Any) -> None:
        """Take it, unless there are too many."""
        super().connection_made(transport)
        self._outgoing = Outgoing(self.loop, transport, self.settings)
        self._sender = sender_of(self.client[0] if self.client else "")
        self.crowd[self._sender] += 1
        settings = self.settings
        crowded = self.crowd[self._sender] > settings.connections_per_address
        if len(self.connections) > settings.connections or (crowded and not settings.on_loopback):
            self._end_with(BusyError("too many connections; ask again soon"))
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        self._outgoing.end()
        self._count_off()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; without a whole head the clock runs on."""
        if self._is_over:
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
        """From here on another protocol watches the connection."""
        self._is_socket = True
        self._stop_waiting()
        self._outgoing.end()
        self._count_off()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """What arrived is no HTTP."""
        self._end_with(RequestError(msg))

    def _count_off(self) -> None:
        self.crowd[self._sender] -= 1
        if self.crowd[self._sender] <= 0:
            del self.crowd[self._sender]

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
        status = outcome(error).http_status
        body = problem_of(error).model_dump_json().encode()
        retry = "Retry-After: 1\r\n" if isinstance(error, BusyError) else ""
        head = (
            f"HTTP/1.1 {status} {type(error).__name__}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{retry}Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._is_over = True
        self._stop_waiting()
        # Closed while something still arrives, the connection would be reset, and the answer lost.
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def patient_protocol(settings: Settings) -> type[PatientProtocol]:
    """The protocol of one server, which counts its own connections."""

    class Protocol(PatientProtocol):
        pass

    Protocol.settings = settings
    Protocol.crowd = Counter()
    return Protocol
