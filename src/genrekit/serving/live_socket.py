"""``/api/v1/stream``: audio in, scores while it plays, the prediction at its end.

The first message is a JSON hello, then come binary messages of audio, then ``{"type": "end"}``.
Answers are JSON: ``ready``, any number of ``segment`` and ``verdict``, and ``prediction`` or
``error``. A verdict is what a file with the audio so far would get.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from http import HTTPStatus
from pathlib import Path
from tempfile import mkstemp
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field, ValidationError, field_validator, model_validator
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from genrekit.errors import (
    AudioLimitError,
    BusyError,
    GenreError,
    RequestError,
    RetryError,
    SlowRequestError,
    outcome,
)
from genrekit.inference import EVERY_SECONDS, FIRST_SECONDS
from genrekit.schema import Contract, Probability, TrackPrediction
from genrekit.serving.access import sender_of
from genrekit.serving.access_middleware import check_key
from genrekit.serving.frames import ABANDON, AUDIO, END, JSON, SEGMENT, VERDICT
from genrekit.serving.live import PcmFormat
from genrekit.serving.options import shortened
from genrekit.serving.problems import explain_validation, problem_of, problem_response
from genrekit.serving.process import WorkerProcess, receive_frame
from genrekit.serving.service import Service, service_of
from genrekit.serving.work import WorkerRequest
from genrekit.workers import error_from_json

router = APIRouter()

_HANDSHAKE_CHARACTERS = 4096
_SPARE_SECONDS = 60.0
_OFTENEST_SECONDS = 0.25
# What RFC 6455 has for each status; a reason goes with it.
_CLOSE_CODES = {400: 1007, 401: 1008, 408: 1008, 413: 1009, 415: 1003, 422: 1007, 429: 1008}
_TRY_AGAIN_LATER = 1013
_WENT_WRONG = 1011

_BEFORE_THE_END = {SEGMENT: "segment", VERDICT: "verdict"}

_Service = Annotated[Service, Depends(service_of)]


class Handshake(Contract):
    """The first message of a stream."""

    type: Literal["hello"] = "hello"
    format: Literal["pcm_s16le", "pcm_f32le", "container"] = Field(
        description="plain samples, or a file as it is written: WebM, Ogg, MP3, FLAC, ..."
    )
    sample_rate_hz: int | None = Field(None, ge=1000, le=384_000, description="of plain samples")
    channels: int = Field(1, ge=1, le=8, description="of plain samples, interleaved")
    model: str | None = Field(None, max_length=130)
    name: str = Field("", max_length=255)
    top: int | None = Field(None, ge=1, le=1000)
    segments: bool = False
    tags: bool = Field(False, description="in the prediction at the end, where the model has them")
    threshold: Probability | None = None
    every_seconds: float = Field(
        EVERY_SECONDS, ge=0, le=3600, description="of audio between verdicts; 0: none"
    )
    key: str = Field("", max_length=200, description="API key, where no header can be set")

    @model_validator(mode="after")
    def _samples_have_a_rate(self) -> Handshake:
        if self.format != "container" and self.sample_rate_hz is None:
            raise ValueError("plain samples need sample_rate_hz")
        return self

    @field_validator("every_seconds")
    @classmethod
    def _not_too_often(cls, value: float) -> float:
        if 0 < value < _OFTENEST_SECONDS:
            raise ValueError(
                f"{value:g} s between verdicts is too little; {_OFTENEST_SECONDS} is not"
            )
        return value

    @property
    def pcm(self) -> PcmFormat | None:
        """What plain samples look like; None for a container."""
        if self.sample_rate_hz is None or self.format == "container":
            return None
        floating = self.format == "pcm_f32le"
        return PcmFormat(
            sample_rate_hz=self.sample_rate_hz, channels=self.channels, floating=floating
        )


@router.websocket("/stream")
async def stream(socket: WebSocket, service: _Service) -> None:
    """One live stream."""
    try:
        if service.draining or not service.settings.streams:
            raise BusyError("this server takes no live streams now", 5)
        service.streams.check_room(_senders(socket))
    except RetryError as error:
        await socket.send_denial_response(problem_response(error))
        return
    await socket.accept()
    try:
        handshake = await _receive_handshake(socket, service)
        with service.streams.reserved(_senders(socket)):
            async with asyncio.timeout(service.settings.stream_seconds + _SPARE_SECONDS):
                await _serve(socket, service, handshake)
    except TimeoutError:
        seconds = service.settings.stream_seconds
        await _fail(socket, AudioLimitError("stream_seconds", seconds, seconds + _SPARE_SECONDS))
    except GenreError as error:
        await _fail(socket, error)
    except WebSocketDisconnect:
        return


async def _receive_handshake(socket: WebSocket, service: Service) -> Handshake:
    message = await _message(socket, service)
    text = message.get("text") or ""
    if not 0 < len(text) <= _HANDSHAKE_CHARACTERS:
        raise RequestError('the first message must be JSON: {"type": "hello", "format": ...}')
    try:
        handshake = Handshake.model_validate_json(text)
    except ValidationError as error:
        raise explain_validation(error) from None
    if not hasattr(socket.state, "owner"):
        socket.state.owner = check_key(handshake.key, service)
    return handshake


def _senders(socket: WebSocket) -> list[str]:
    """Who a stream is counted for: an address, and the hash of a key as soon as it is known."""
    address = sender_of(socket.client.host if socket.client else "")
    return [name for name in (address, getattr(socket.state, "owner", "")) if name]


async def _serve(socket: WebSocket, service: Service, handshake: Handshake) -> None:
    model = service.model(handshake.model, socket)
    handle, path = mkstemp(dir=service.folder, prefix="stream-")
    os.close(handle)
    work = WorkerRequest(
        operation="stream",
        path=path,
        name=handshake.name,
        model=model,
        segments=handshake.segments,
        tags=handshake.tags,
        unknown_below=handshake.threshold,
        pcm=handshake.pcm,
        every_seconds=handshake.every_seconds,
        seconds=service.settings.stream_seconds,
        wall_seconds=service.settings.stream_seconds + _SPARE_SECONDS,
    )
    try:
        worker = await service.streams.acquire()
        try:
            await _send_message(socket, "ready", _described(model, service, handshake))
            answer = await _relay(socket, service, worker, work)
        finally:
            await service.streams.release(worker)
    finally:
        Path(path).unlink(missing_ok=True)
    service.metrics.count_prediction(TrackPrediction.model_validate(answer))
    await _send_message(socket, "prediction", shortened(answer, handshake.top))
    await socket.close(1000)


def _described(model: str, service: Service, handshake: Handshake) -> dict[str, Any]:
    windows = service.bundles[model].manifest.windows
    first = min(max(FIRST_SECONDS, windows.minimum_seconds), windows.window_seconds)
    return {
        "model": model,
        "window_seconds": windows.window_seconds,
        "hop_seconds": windows.hop_seconds,
        "first_seconds": max(first, windows.minimum_seconds) if handshake.every_seconds else None,
        "every_seconds": handshake.every_seconds or None,
    }


async def _relay(
    socket: WebSocket, service: Service, worker: WorkerProcess, work: WorkerRequest
) -> Any:
    """Audio from the socket to the worker, segments back; returns the final answer."""
    seconds = service.settings.job_seconds
    await worker.send(JSON, work.model_dump_json().encode())
    inward = asyncio.create_task(_forward_audio(socket, service, worker))
    outward = asyncio.create_task(_forward_answers(socket, worker))
    try:
        await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
        if not outward.done():
            inward.result()  # raises unless the audio has ended
            await asyncio.wait({outward}, timeout=seconds)
        if not outward.done():
            advice = "send a shorter stream"
            raise AudioLimitError("wall_seconds", seconds, seconds + 1, advice)
        return outward.result()
    finally:
        await _finish(worker, inward, outward, seconds)


async def _finish(
    worker: WorkerProcess,
    inward: asyncio.Task[None],
    outward: asyncio.Task[Any],
    seconds: float,
) -> None:
    """Bring the worker to rest, or kill it."""
    inward.cancel()
    if not outward.done():
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                await worker.send(ABANDON)
                await asyncio.wait({outward})
    if not outward.done():
        outward.cancel()
        await worker.kill()
    await asyncio.gather(inward, outward, return_exceptions=True)


async def _forward_audio(socket: WebSocket, service: Service, worker: WorkerProcess) -> None:
    most, seen = service.settings.stream_bytes, 0
    while True:
        message = await _message(socket, service)
        audio, text = message.get("bytes"), message.get("text")
        if audio is not None:
            seen += len(audio)
            if seen > most:
                raise AudioLimitError("bytes", most, seen, "end the stream and begin a new one")
            # Waits while the worker is behind: then nothing more is read from the socket.
            await worker.send(AUDIO, audio)
        elif _is_end(text or ""):
            await worker.send(END)
            return
        else:
            raise RequestError('expected binary audio or {"type": "end"}')


async def _forward_answers(socket: WebSocket, worker: WorkerProcess) -> Any:
    gone = False
    while True:
        try:
            kind, payload = await receive_frame(worker.outbox)
        except (OSError, EOFError):
            raise await worker.cause_of_death() from None
        if kind in _BEFORE_THE_END:
            try:
                if not gone:
                    await _send_message(socket, _BEFORE_THE_END[kind], json.loads(payload))
            except (WebSocketDisconnect, RuntimeError):
                gone = True
            continue
        answer = json.loads(payload)
        if "error" in answer:
            raise error_from_json(answer["error"])
        return answer["answer"]


async def _message(socket: WebSocket, service: Service) -> Any:
    """Return the next message.

    Raises
    ------
    SlowRequestError
        If nothing comes.
    WebSocketDisconnect
        If the sender has left.
    """
    seconds = service.settings.idle_seconds
    try:
        async with asyncio.timeout(seconds):
            message = await socket.receive()
    except TimeoutError:
        raise SlowRequestError(f"nothing arrived for {seconds:g} s; the stream is over") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    return message


def _is_end(text: str) -> bool:
    try:
        return len(text) <= _HANDSHAKE_CHARACTERS and json.loads(text) == {"type": "end"}
    except (ValueError, RecursionError):
        return False


async def _send_message(socket: WebSocket, kind: str, value: Any) -> None:
    await socket.send_text(json.dumps({"type": kind, kind: value}, separators=(",", ":")))


async def _fail(socket: WebSocket, error: GenreError) -> None:
    """Say what is wrong, and close with the code for it."""
    status = outcome(error).http_status
    code = _CLOSE_CODES.get(status, _TRY_AGAIN_LATER if status == 503 else _WENT_WRONG)
    if socket.application_state != WebSocketState.CONNECTED:
        return
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await _send_message(socket, "error", problem_of(error).error.model_dump())
        await socket.close(code, HTTPStatus(status).phrase)
