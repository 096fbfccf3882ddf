"""Long work that nobody waits for: handed in, looked at, cancelled, fetched.

Each job is a folder with its files, ``job.json`` and the journal of `genrekit.batch`, with an entry
for each file that is done. A server that starts on the same folder goes on where the last one
stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from genrekit.batch import Entry, Journal
from genrekit.errors import BusyError, GenreError, UnknownResourceError, quoted
from genrekit.files import replace_file, sync_folder
from genrekit.inference import error_record
from genrekit.schema import Contract
from genrekit.serving.options import PredictOptions, predict_work, shortened
from genrekit.serving.uploads import Upload, no_room
from genrekit.serving.work import WorkerRequest

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0
_ID = re.compile(r"[0-9a-f]{32}")
_ORDER = "job.json"
_GONE = ".gone-"
# Files of a job that has no order: uploads, answers, and what is being written.
_LEFT = re.compile(
    r"\d+|results\.jsonl|journal\.jsonl|\.latest\.sqlite|job\.new|\.[0-9a-f]{16}\.part"
)
_JOURNAL = "journal.jsonl"
_WORK = "job"
_RETRY_SECONDS = 30

State = Literal["waiting", "running", "done", "cancelled"]
Run = Callable[[WorkerRequest], Awaitable[Any]]


class JobStatus(Contract):
    """How far a job is."""

    id: str
    state: State
    done: int
    failed: int = Field(description="of those done")
    total: int


class _Order(Contract):
    """``job.json``: everything needed to do it, or to go on with it."""

    names: tuple[str, ...]
    model: str
    options: PredictOptions
    owner: str = Field(description="hash of the key it was handed in with, or nothing")
    sender: str = Field("", description="how the log knows who handed it in")
    cancelled: bool = False


class _Job:
    def __init__(self, folder: Path, order: _Order) -> None:
        self.folder, self.order = folder, order
        self.results = _answers(folder)
        self.state: State = "waiting"
        if order.cancelled:
            self.state = "cancelled"
        elif len(self.results) == len(order.names):
            self.state = "done"

    def status(self) -> JobStatus:
        failed = sum(one["error"] is not None for one in self.results)
        return JobStatus(
            id=self.folder.name,
            state=self.state,
            done=len(self.results),
            failed=failed,
            total=len(self.order.names),
        )


class Jobs:
    """The jobs of one server, done one file after another when workers have nothing better to do.

    Parameters
    ----------
    folder : Path
        Where they are kept; those found there are gone on with.
    most : int
        Jobs kept. A finished one makes room for a new one, an unfinished one does not.
    run : callable
        Has a worker process do one piece of work.
    """

    def __init__(self, folder: Path, most: int, run: Run) -> None:
        self._folder, self._most, self._run = folder, most, run
        self._jobs: dict[str, _Job] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Read what is in the folder, and begin to work."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self._folder.iterdir(), key=lambda one: one.lstat().st_mtime):
            if _is_left_over(folder):
                _log.warning("deleting %s, which a server that was killed left half made", folder)
                shutil.rmtree(folder, ignore_errors=True)
                continue
            try:
                order = _Order.model_validate_json((folder / _ORDER).read_bytes())
            except (OSError, ValidationError) as error:
                _log.warning("%s is not a job and left alone: %s", folder, error)
            else:
                self._jobs[folder.name] = _Job(folder, order)
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop; what is not done stays in the folder."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check_room(self) -> None:
        """Make room for one more job.

        Raises
        ------
        BusyError
            If all that are kept are unfinished.
        """
        while len(self._jobs) >= self._most:
            finished = [job for job in self._jobs.values() if job.state in ("done", "cancelled")]
            if not finished:
                raise BusyError(
                    f"{len(self._jobs)} jobs are all this server keeps; ask again when one is done",
                    _RETRY_SECONDS,
                )
            self._forget(finished[0])

    def hand_in(
        self,
        uploads: Sequence[Upload],
        options: PredictOptions,
        model: str,
        owner: str,
        sender: str = "",
    ) -> JobStatus:
        """Take over files and queue the work on them.

        Raises
        ------
        BusyError
            As `check_room` does, or if it cannot be written.
        """
        self.check_room()
        job_id = secrets.token_hex(16)
        # Made among the uploads, which go when their server does, a job is there whole or not.
        folder, target = uploads[0].path.parent / f"job-{job_id}", self._folder / job_id
        names = tuple(upload.name for upload in uploads)
        order = _Order(names=names, model=model, options=options, owner=owner, sender=sender)
        try:
            folder.mkdir(mode=0o700)
            for number, upload in enumerate(uploads):
                upload.path.rename(folder / str(number))
            replace_file(folder / _ORDER, order.model_dump_json())
            folder.rename(target)
            sync_folder(self._folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise no_room(error) from error
        job = self._jobs[job_id] = _Job(target, order)
        self._wake.set()
        return job.status()

    def status(self, job_id: str, owner: str) -> JobStatus:
        """How far a job is.

        Raises
        ------
        UnknownResourceError
            If there is none of this number for this owner.
        """
        return self._find(job_id, owner).status()

    def results(self, job_id: str, owner: str) -> list[dict[str, Any]]:
        """Return the answers so far, in the order of the files; raises as `status` does."""
        return list(self._find(job_id, owner).results)

    def cancel(self, job_id: str, owner: str) -> JobStatus:
        """Stop a job, or delete one that is over; raises as `status` does."""
        job = self._find(job_id, owner)
        if job.state in ("done", "cancelled"):
            self._forget(job)
            return job.status()
        job.state = "cancelled"
        job.order = job.order.model_copy(update={"cancelled": True})
        replace_file(job.folder / _ORDER, job.order.model_dump_json())
        return job.status()

    def _find(self, job_id: str, owner: str) -> _Job:
        job = self._jobs.get(job_id) if _ID.fullmatch(job_id) else None
        if job is None or job.order.owner != owner:
            raise UnknownResourceError(f"there is no job {quoted(job_id, 40)}; it may be forgotten")
        return job

    def _forget(self, job: _Job) -> None:
        del self._jobs[job.folder.name]
        gone = job.folder.with_name(f"{_GONE}{job.folder.name}")
        with contextlib.suppress(OSError):
            job.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    async def _work(self) -> None:
        while True:
            unfinished = [job for job in self._jobs.values() if job.state == "waiting"]
            for job in unfinished:
                try:
                    await self._do(job)
                except (OSError, GenreError) as error:
                    _log.error("job %s waits until there is room: %s", job.folder.name, error)
                    if job.state == "running":
                        job.state = "waiting"
                    await asyncio.sleep(_PAUSE_SECONDS)
            if not unfinished:
                self._wake.clear()
                await self._wake.wait()

    async def _do(self, job: _Job) -> None:
        job.state = "running"
        with closing(Journal(job.folder / _JOURNAL)) as journal:
            while job.state == "running" and len(job.results) < len(job.order.names):
                number = len(job.results)
                upload = Upload(job.folder / str(number), job.order.names[number])
                answer = await self._answer(upload, job.order)
                if job.folder.name not in self._jobs:
                    return
                journal.append(_entry(number, answer))
                journal.sync()  # only then the file that it is about may go
                job.results.append(answer)
                upload.path.unlink(missing_ok=True)
        if job.state == "running":
            job.state = "done"

    async def _answer(self, upload: Upload, order: _Order) -> dict[str, Any]:
        try:
            work = predict_work(order.options, upload, order.model, order.sender)
            answer = await self._run(work)
        except GenreError as error:
            return error_record(upload.name, error).model_dump(mode="json")
        return shortened(answer, order.options.top)


def _answers(folder: Path) -> list[dict[str, Any]]:
    """Return what the journal of a job says of its files so far, in their order."""
    if not (folder / _JOURNAL).exists():
        return []
    with closing(Journal(folder / _JOURNAL)) as journal:
        done = {int(entry.path): entry.value for entry in journal.entries()}
    return [answer for number in range(len(done)) if isinstance(answer := done.get(number), dict)]


def _entry(number: int, answer: dict[str, Any]) -> Entry:
    """Return an answer, or its error record: both are what the job has to say of the file."""
    return Entry(
        path=str(number),
        work=_WORK,
        state="ok" if answer["error"] is None else "failed",
        at=time.time(),
        value=answer,
    )


def _is_left_over(folder: Path) -> bool:
    """Whether a server that was killed was making, or deleting, this job.

    Its name is one that we give, and it has no order but only files that a job has.
    """
    if folder.is_symlink() or not folder.is_dir():
        return False
    if folder.name.startswith(_GONE) and _ID.fullmatch(folder.name.removeprefix(_GONE)):
        return True
    names = [path.name for path in folder.iterdir()]
    return bool(_ID.fullmatch(folder.name)) and all(map(_LEFT.fullmatch, names))
