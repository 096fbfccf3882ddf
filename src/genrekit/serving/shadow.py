"""Models that get what others answer: in a process of their own, behind everybody else."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from genrekit.errors import BusyError, GenreError
from genrekit.schema import TrackPrediction
from genrekit.serving.metrics import Metrics
from genrekit.serving.pool import RequestPool
from genrekit.serving.recorder import Recorder
from genrekit.serving.settings import Settings
from genrekit.serving.work import WorkerRequest

_TIMES_JOB_SECONDS = 3


class Shadows:
    """Gives each file that was answered to the shadows too.

    An answer never waits for them: they begin after it, in one process that lets all others go
    first, under the limits of every worker. A file for which there is no room is dropped, and
    counted.

    Parameters
    ----------
    models : mapping of str to str
        Names, and where each lies; there may be none.
    folder : Path
        Of uploads.
    """

    def __init__(
        self,
        settings: Settings,
        models: Mapping[str, str],
        folder: Path,
        metrics: Metrics,
        recorder: Recorder,
    ) -> None:
        self._models, self._most = models, settings.shadow_queue
        # It gets little of the processor where there is much to do, which is not a fault of a file.
        self._seconds = _TIMES_JOB_SECONDS * settings.job_seconds
        self._folder, self._metrics, self._recorder = folder, metrics, recorder
        self._tasks: set[asyncio.Task[None]] = set()
        alone = settings.model_copy(update={"workers": 1})
        self._pool = RequestPool(
            alone,
            models,
            lambda reason: metrics.worker_deaths.labels(f"shadow {reason}").inc(),
            niceness=settings.shadow_niceness,
        )

    async def start(self) -> None:
        """Start the process, if it is needed.

        Raises
        ------
        GenreError
            If a model cannot be loaded.
        """
        if self._models:
            await self._pool.start()

    async def renew(self, models: Mapping[str, str]) -> None:
        """As `Pool.renew`."""
        if models:
            await self._pool.renew(models)
            self._models = models

    async def close(self) -> None:
        """Drop what is not analysed yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close()

    def offer(self, work: WorkerRequest, answer_id: str | None, *, busy: bool) -> None:
        """Let all shadows analyse the file of ``work``, which may be deleted afterwards.

        Parameters
        ----------
        answer_id : str or None
            The answer that was given, in the log.
        busy : bool
            Whether others wait for the processor.
        """
        for arm in self._models:
            if busy or len(self._tasks) >= self._most:
                self._count(arm, "busy")
                continue
            copy = self._folder / f"shadow-{secrets.token_hex(8)}"
            try:
                os.link(work.path, copy)
            except OSError:
                self._count(arm, "failed")
                continue
            of_shadow = work.model_copy(
                update={
                    "model": arm,
                    "path": str(copy),
                    "operation": "watch",
                    "wall_seconds": self._seconds,
                }
            )
            task = asyncio.create_task(self._answer(of_shadow, answer_id, copy))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, work: WorkerRequest, answer_id: str | None, copy: Path) -> None:
        begin = time.monotonic()
        outcome = "failed"
        try:
            found = await self._pool.run(work, low_priority=True)
            answer = TrackPrediction.model_validate(found["prediction"])
            seconds = time.monotonic() - begin
            self._recorder.note(work, answer, found["inputs"], seconds, shadow_of=answer_id or "")
            outcome = "answered"
        except BusyError:
            outcome = "busy"
        except GenreError:
            pass
        finally:
            copy.unlink(missing_ok=True)
            self._count(work.model, outcome)

    def _count(self, arm: str, outcome: str) -> None:
        self._metrics.shadows.labels(arm, outcome).inc()
