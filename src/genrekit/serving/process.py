"""One worker process, from the server's side: start it, ask it, kill it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from genrekit.errors import (
    AudioError,
    AudioLimitError,
    BundleError,
    GenreError,
    WorkerLostError,
)
from genrekit.serving.frames import JSON
from genrekit.serving.settings import ENV_PREFIX, Settings
from genrekit.serving.work import WorkerConfig, WorkerRequest
from genrekit.workers import HEAD, THREAD_CAPS, cause_of_death, error_from_json, packed

_START_SECONDS = 120.0
_END_SECONDS = 1.0
_RETRY_SECONDS = 5
_MOST_BYTES = 256 << 20


class WorkerProcess:
    """One process of `genrekit.serving.worker`, ready to work.

    ``models`` are those that it was started with.
    """

    def __init__(self, process: asyncio.subprocess.Process, models: Mapping[str, str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self.models = models
        self.inbox = process.stdin
        self.outbox = process.stdout

    @classmethod
    async def start(
        cls, settings: Settings, models: Mapping[str, str], *, niceness: int = 0
    ) -> WorkerProcess:
        """Start one and wait until its models are loaded.

        Parameters
        ----------
        models : mapping of str to str
            Names, and where each lies.
        niceness : int
            How far other processes go before it.

        Raises
        ------
        GenreError
            If a model cannot be loaded, or the process does not come up.
        """
        # -P: a module in the current folder must not stand in for one of ours.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "genrekit.serving.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
        )
        worker = cls(process, models)
        config = WorkerConfig(
            models=dict(models),
            niceness=niceness,
            memory_bytes=settings.memory_bytes,
            cpu_seconds=settings.cpu_seconds,
            wall_seconds=settings.job_seconds,
            upload_bytes=max(settings.upload_bytes, settings.stream_bytes + 44),
            audio_seconds=settings.audio_seconds,
        )
        try:
            await worker.send(JSON, config.model_dump_json().encode())
            async with asyncio.timeout(_START_SECONDS):
                answer = json.loads((await receive_frame(worker.outbox))[1])
        except (TimeoutError, OSError, EOFError) as error:
            await worker.kill()
            raise BundleError("a worker process does not start; see its log above") from error
        except BaseException:
            await worker.kill()
            raise
        if "error" in answer:
            await worker.kill()
            raise error_from_json(answer["error"])
        return worker

    async def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a frame, waiting while the worker has no time to take it."""
        self.inbox.write(packed(kind, payload))
        await self.inbox.drain()

    async def ask(self, work: WorkerRequest, seconds: float) -> Any:
        """Have one piece of work done.

        Raises
        ------
        GenreError
            What the worker met. An `AudioError` if that killed it, an `AudioLimitError` if it
            took too long, a `WorkerLostError` if somebody else killed it; it is then dead, see
            `is_alive`.
        """
        begin = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self.send(JSON, work.model_dump_json().encode())
                answer = json.loads((await receive_frame(self.outbox))[1])
        except TimeoutError:
            await self.kill()
            seen = time.monotonic() - begin
            raise AudioLimitError("wall_seconds", seconds, seen, "give a shorter piece") from None
        except (OSError, EOFError, ValueError):
            raise await self.cause_of_death() from None
        except asyncio.CancelledError:
            await self.kill()
            raise
        if "error" in answer:
            raise error_from_json(answer["error"])
        return answer["answer"]

    async def cause_of_death(self) -> GenreError:
        """Return the error for a request whose worker ended, or stopped to make sense.

        An `AudioError` where that was the file's doing, a `WorkerLostError` where it was not.
        """
        ended = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                ended = bool(await self._process.wait())
        cause = cause_of_death(await self.kill(), by_itself=ended)
        if cause == "killed":
            return WorkerLostError(
                "the process that worked on it was ended from outside; ask again", _RETRY_SECONDS
            )
        if cause == "hang":
            return AudioError("analysing it took too much time; give a shorter or simpler file")
        return AudioError(
            "analysing it killed its process; the file is damaged or needs more memory"
        )

    def is_alive(self) -> bool:
        """Whether it can work on."""
        return self._process.returncode is None

    async def kill(self) -> int:
        """End it at once, and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            if self.is_alive():
                self._process.kill()
        code = await self._process.wait()
        self.inbox.close()
        with contextlib.suppress(OSError):
            await self.inbox.wait_closed()
        return code


async def receive_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the next frame from a worker.

    Raises
    ------
    asyncio.IncompleteReadError
        If the worker has ended, or sends nonsense.
    """
    kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
    if length > _MOST_BYTES:
        raise asyncio.IncompleteReadError(b"", length)
    return kind, await reader.readexactly(length)


def _environment() -> dict[str, str]:
    """Without our own settings, which may hold secrets, and one thread for one file."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return kept | THREAD_CAPS
