"""Jobs: handed in, looked at, fetched, cancelled, and gone on with after a restart."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from genrekit.errors import AudioFormatError, BusyError, UnknownResourceError
from genrekit.serving.jobs import Jobs
from genrekit.serving.options import PredictOptions
from genrekit.serving.uploads import Upload
from genrekit.serving.work import WorkerRequest


def test_a_job_over_http(server: Any, clip: Path) -> None:
    good = ("files", ("a.flac", clip.read_bytes()))
    bad = ("files", ("b.txt", b"words"))
    order = server.client.post("/api/v1/jobs?top=1", files=[good, bad, good])
    assert order.status_code == 202
    place = order.headers["location"]
    assert order.json()["total"] == 3
    deadline = time.monotonic() + 60
    while (result := server.client.get(f"{place}/result")).status_code == 202:
        assert time.monotonic() < deadline
        assert result.headers["retry-after"]
        time.sleep(0.02)
    assert result.status_code == 207
    assert [one["path"] for one in result.json()["predictions"]] == ["a.flac", "b.txt", "a.flac"]
    assert [one["error"] is None for one in result.json()["predictions"]] == [True, False, True]
    assert len(result.json()["predictions"][0]["scores"]) == 1
    assert server.client.get(place).json()["state"] == "done"
    assert server.client.delete(place).status_code == 200
    assert server.client.get(place).status_code == 404


@pytest.mark.parametrize("job_id", ["x", "0" * 32, "..", "%2e%2e%2fetc"])
def test_there_is_no_such_job(server: Any, job_id: str) -> None:
    assert server.client.get(f"/api/v1/jobs/{job_id}").status_code == 404


def _uploads(folder: Path, names: str) -> list[Upload]:
    folder.mkdir(exist_ok=True)
    uploads = [Upload(folder / f"upload-{name}", name) for name in names]
    for upload in uploads:
        upload.path.write_text(upload.name)
    return uploads


class _Worker:
    """Answers with the names it is given, and waits before those it was told to."""

    def __init__(self, stop_at: str = "") -> None:
        self.seen: list[str] = []
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()
        self._stop_at = stop_at

    async def run(self, work: WorkerRequest) -> dict[str, Any]:
        if work.name == self._stop_at:
            self.stopped.set()
            await self.go_on.wait()
        self.seen.append(work.name)
        assert Path(work.path).read_text() == work.name
        if work.name == "!":
            raise AudioFormatError("this is not audio")
        return {"path": work.name, "error": None, "scores": {}}


def test_a_job_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def first() -> str:
        worker = _Worker(stop_at="c")
        jobs = Jobs(tmp_path / "jobs", 2, worker.run)
        jobs.start()
        uploads = _uploads(tmp_path / "uploads", "ab!cd")
        job_id = jobs.hand_in(uploads, PredictOptions(), "default", "owner").id
        await worker.stopped.wait()
        assert jobs.status(job_id, "owner").done == 3
        await jobs.close()
        return job_id

    async def second(job_id: str) -> tuple[list[str], list[dict[str, Any]]]:
        worker = _Worker()
        jobs = Jobs(tmp_path / "jobs", 2, worker.run)
        jobs.start()
        while jobs.status(job_id, "owner").state != "done":
            await asyncio.sleep(0)
        await jobs.close()
        with pytest.raises(UnknownResourceError):
            jobs.status(job_id, "somebody else")
        return worker.seen, jobs.results(job_id, "owner")

    job_id = asyncio.run(first())
    with (tmp_path / "jobs" / job_id / "journal.jsonl").open("a") as file:
        file.write('{"entry": {"path": "cut o')  # as a crash leaves it
    seen, results = asyncio.run(second(job_id))
    assert seen == ["c", "d"]
    assert [one["path"] for one in results] == list("ab!cd")
    assert [one["error"] is None for one in results] == [True, True, False, True, True]


def test_cancelled_jobs_stop_and_stay_cancelled(tmp_path: Path) -> None:
    async def run() -> None:
        worker = _Worker(stop_at="b")
        jobs = Jobs(tmp_path / "jobs", 1, worker.run)
        jobs.start()
        uploads = _uploads(tmp_path / "uploads", "abc")
        job_id = jobs.hand_in(uploads, PredictOptions(), "default", "").id
        await worker.stopped.wait()
        with pytest.raises(BusyError):
            jobs.check_room()
        assert jobs.cancel(job_id, "").state == "cancelled"
        worker.go_on.set()
        while jobs.status(job_id, "").done < 2:
            await asyncio.sleep(0)
        jobs.check_room()  # forgets it
        with pytest.raises(UnknownResourceError):
            jobs.status(job_id, "")
        await jobs.close()
        assert worker.seen == ["a", "b"]

    asyncio.run(run())
    assert not list((tmp_path / "jobs").iterdir())


def test_what_is_no_job_is_left_alone(tmp_path: Path) -> None:
    stray = tmp_path / "jobs" / "letters"
    stray.mkdir(parents=True)
    (stray / "job.json").write_text(json.dumps({"names": 3}))

    async def run() -> None:
        jobs = Jobs(tmp_path / "jobs", 1, _Worker().run)
        jobs.start()
        await jobs.close()

    asyncio.run(run())
    assert stray.is_dir()
