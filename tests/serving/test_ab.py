"""Models side by side: who is answered by which, what is logged, and what aliases change."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.bundles import add_bundle, find_bundle, load_bundle, promote, roll_back
from genrekit.errors import ConfigError, DatasetError, UnknownResourceError
from genrekit.inference.inputs import make_reference, spread_of
from genrekit.monitoring import PredictionLog, read_log
from genrekit.monitoring.prediction_log import log_files
from genrekit.schema import UNKNOWN, ModelIdentity, Reference, Timings, TrackPrediction
from genrekit.serving import Settings
from genrekit.serving.hot_reload import HotReload, store_stamp
from genrekit.serving.metrics import Metrics
from genrekit.serving.recorder import Recorder
from genrekit.serving.work import WorkerRequest

Factory = Callable[..., Path]
GENERATOR = np.random.default_rng(0)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.03)


def _value(server: Any, sample: str) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(sample))


@pytest.fixture(scope="module")
def bundles(bundle_factory: Factory, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three models that disagree: their labels are in other orders."""
    folder = tmp_path_factory.mktemp("arms")
    labels = load_bundle(bundle_factory(folder / "a")).manifest.labels
    return {
        "a": folder / "a",
        "b": bundle_factory(folder / "b", version="0.2.0", labels=labels[::-1]),
        "c": bundle_factory(folder / "c", name="other", labels=(*labels[5:], *labels[:5])),
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "answers.sqlite"


@pytest.fixture(scope="module")
def arms(serving: Any, bundles: dict[str, Path], log: Path) -> Iterator[Any]:
    """Two models that answer, one that listens, and a log."""
    with serving(
        models=tuple(f"{name}={path}" for name, path in bundles.items()),
        split=("a=1", "b=1"),
        shadow=("c",),
        answer_log=log,
        shadow_niceness=0,  # on a busy machine it would never be its turn
        jobs=2,
    ) as server:
        yield server


def _ask(server: Any, clip: Path, sender: str, query: str = "") -> Any:
    return server.post(
        f"/analysis/predict{query}", clip.read_bytes(), headers={"X-Sticky-Key": sender}
    )


# --- who is answered by which -------------------------------------------------------------------


def test_a_sender_always_gets_the_same_model(arms: Any, clip: Path) -> None:
    seen = {}
    for sender in ("anna", "ben", "cleo", "dora"):
        answers = [_ask(arms, clip, sender).json() for _ in range(2)]
        assert answers[0]["model"] == answers[1]["model"]
        assert answers[0]["id"] != answers[1]["id"]
        seen[sender] = answers[0]["model"]["version"]
    chosen = {sender: arms.service.arms.choose(f"said {sender}") for sender in seen}
    assert seen == {s: {"a": "0.1.0", "b": "0.2.0"}[arm] for s, arm in chosen.items()}
    assert set(seen.values()) == {"0.1.0", "0.2.0"}


def test_who_asks_for_a_model_gets_it_and_shadows_cannot_be_asked_for(
    arms: Any, clip: Path
) -> None:
    for sender in ("anna", "ben", "cleo"):
        assert _ask(arms, clip, sender, "?model=b").json()["model"]["version"] == "0.2.0"
    assert _ask(arms, clip, "anna", "?model=c").status_code == 422
    cards = {card["model"]: card["share"] for card in arms.client.get("/api/v1/models").json()}
    assert cards == {"a": 0.5, "b": 0.5}


def test_without_a_log_answers_have_no_id(server: Any, clip: Path) -> None:
    answer = server.post("/analysis/predict", clip.read_bytes())
    assert "id" not in answer.json()
    assert "x-answer-id" not in answer.headers
    refused = server.client.post("/api/v1/feedback", json={"id": "0" * 32, "right": True})
    assert refused.status_code == 404
    assert "--log" in refused.json()["error"]["message"]


# --- what is logged -----------------------------------------------------------------------------


def test_the_log_holds_answers_and_shadows_but_nobody_and_no_music(
    arms: Any, clip: Path, log: Path
) -> None:
    response = _ask(arms, clip, "anna", "?name=secret-song.flac&top=2")
    answer = response.json()
    assert response.headers["x-answer-id"] == answer["id"]
    assert TrackPrediction.model_validate(answer).id == answer["id"]
    _until(lambda: any(one.shadow_of == answer["id"] for one in read_log(log).answers))
    found = read_log(log)
    one = next(one for one in found.answers if one.id == answer["id"])
    analysed = next(one for one in found.answers if one.shadow_of == answer["id"])
    assert one.arm == arms.service.arms.choose("said anna")
    assert (one.genre, one.confidence) == (answer["genre"], next(iter(answer["scores"].values())))
    assert one.assigned
    assert one.wall_ms >= one.analysis_ms > 0
    assert (analysed.arm, analysed.sender) == ("c", one.sender)
    with contextlib.closing(sqlite3.connect(log)) as database:
        asked = "SELECT inputs FROM answers WHERE id = ? OR shadow_of = ?"
        given = [json.loads(row[0]) for row in database.execute(asked, (answer["id"],) * 2)]
    assert given[0] == given[1]
    assert set(given[0]) == {f"mel: {n}" for n in ("mean", "deviation", "low", "middle", "high")}
    assert analysed.genre != one.genre
    assert {found.models[one.sha256].version for one in found.answers} >= {"0.1.0", "0.2.0"}
    everything = b"".join(path.read_bytes() for path in log.parent.iterdir())
    for secret in (b"secret-song", b"anna", b"127.0.0.1", b"fLaC"):
        assert secret not in everything


def test_the_same_sender_is_another_one_in_another_log(tmp_path: Path) -> None:
    logs = [PredictionLog(tmp_path / name, 1 << 20, 2, print) for name in ("one", "two")]
    digests = [log.digest("address 192.0.2.1") for log in logs]
    assert digests[0] == logs[0].digest("address 192.0.2.1")
    assert digests[0] != digests[1]
    for log in logs:
        log.close()
    again = PredictionLog(tmp_path / "one", 1 << 20, 2, print)
    assert again.digest("address 192.0.2.1") == digests[0]
    again.close()
    assert (tmp_path / "one.salt").stat().st_mode & 0o077 == 0


def test_batches_and_jobs_are_logged_too(arms: Any, clip: Path, log: Path) -> None:
    files = [("files", ("x.flac", clip.read_bytes())), ("files", ("y.txt", b"words"))]
    headers = {"X-Sticky-Key": "ben"}
    arm = arms.service.arms.choose("said ben")
    good, bad = arms.client.post("/api/v1/analysis/batch", files=files, headers=headers).json()[
        "predictions"
    ]
    assert bad["error"]["type"] == "AudioFormatError"
    assert "id" not in bad
    job = arms.client.post("/api/v1/jobs", files=files[:1], headers=headers).json()
    _until(lambda: arms.client.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "done")
    (done,) = arms.client.get(f"/api/v1/jobs/{job['id']}/result").json()["predictions"]
    _until(lambda: {good["id"], done["id"]} <= {one.id for one in read_log(log).answers})
    ours = [one for one in read_log(log).answers if one.id in (good["id"], done["id"])]
    assert [one.arm for one in ours] == [arm, arm]
    assert ours[0].sender == ours[1].sender


# --- feedback -----------------------------------------------------------------------------------


def _add_feedback(server: Any, **truth: Any) -> Any:
    return server.client.post("/api/v1/feedback", json=truth)


def test_feedback_is_taken_once_and_the_last_word_counts(arms: Any, clip: Path, log: Path) -> None:
    answer = _ask(arms, clip, "anna").json()
    other = next(genre for genre in answer["scores"] if genre != answer["genre"])
    for _ in range(2):
        said = _add_feedback(arms, id=answer["id"], genre=other)
        assert said.status_code == 200
        assert said.json() == {
            "id": answer["id"],
            "answered": answer["genre"],
            "right": False,
            "genre": other,
        }
    assert _add_feedback(arms, id=answer["id"], genre=answer["genre"]).json()["right"]
    assert not _add_feedback(arms, id=answer["id"], genre="other").json()["right"]
    assert _add_feedback(arms, id=answer["id"], right=True).json()["right"]
    (one,) = (one for one in read_log(log).answers if one.id == answer["id"])
    assert (one.is_right, one.true_genre) == (True, None)


@pytest.mark.parametrize(
    ("truth", "status", "said"),
    [
        ({"id": "0" * 32, "right": True}, 404, "no answer"),
        ({"id": "1 OR 1=1", "right": True}, 422, "id"),
        ({"right": True}, 422, "id"),
        ({"id": "0" * 32}, 422, "either genre or right"),
        ({"id": "0" * 32, "genre": "jazz", "right": True}, 422, "either genre or right"),
        ({"id": "0" * 32, "genre": "jazz", "who": "me"}, 422, "who"),
        ({"id": "0" * 32, "genre": "x" * 101}, 422, "genre"),
    ],
)
def test_feedback_that_makes_no_sense_is_refused(
    arms: Any, truth: dict[str, Any], status: int, said: str
) -> None:
    refused = _add_feedback(arms, **truth)
    assert refused.status_code == status
    assert said in refused.json()["error"]["message"]


def test_feedback_is_bounded_json_of_genres_that_the_model_knows(arms: Any, clip: Path) -> None:
    answer = _ask(arms, clip, "anna").json()
    refused = _add_feedback(arms, id=answer["id"], genre="polka")
    assert refused.status_code == 422
    assert "reggae" in refused.json()["error"]["message"]
    unknown = _ask(arms, clip, "anna", "?threshold=1").json()
    assert unknown["genre"] == UNKNOWN
    assert _add_feedback(arms, id=unknown["id"], right=True).status_code == 422
    assert _add_feedback(arms, id=unknown["id"], right=False).status_code == 200
    for body, status in ((b"{", 422), (b"[]", 422), (b'{"id":"' + b"0" * 5000, 413)):
        assert arms.client.post("/api/v1/feedback", content=body).status_code == status


def test_what_only_a_shadow_answered_takes_no_feedback(arms: Any, clip: Path, log: Path) -> None:
    answer = _ask(arms, clip, "anna").json()
    _until(lambda: any(one.shadow_of == answer["id"] for one in read_log(log).answers))
    hidden = next(one.id for one in read_log(log).answers if one.shadow_of == answer["id"])
    assert _add_feedback(arms, id=hidden, right=True).status_code == 404


# --- the shadow is in nobody's way --------------------------------------------------------------


def test_a_shadow_with_no_room_is_dropped_and_counted(arms: Any, clip: Path) -> None:
    work = WorkerRequest(operation="predict", path=str(clip), model="a")
    shadows = arms.service.shadows
    before = _value(arms, 'genrekit_shadows_total{arm="c",outcome="busy"}')
    shadows.offer(work, None, busy=True)
    assert _value(arms, 'genrekit_shadows_total{arm="c",outcome="busy"}') == before + 1
    gone = work.model_copy(update={"path": str(clip) + " that is gone"})
    shadows.offer(gone, None, busy=False)
    assert _value(arms, 'genrekit_shadows_total{arm="c",outcome="failed"}') == 1


def test_a_shadow_that_dies_costs_no_answer(arms: Any, clip: Path) -> None:
    pool = arms.service.shadows._pool

    async def kill() -> None:
        (slot,) = pool._slots
        worker = slot.get_coro().cr_frame.f_locals["worker"]
        await worker.kill()

    _until(lambda: pool.ready == 1 and pool.busy == 0)
    asyncio.run_coroutine_threadsafe(kill(), arms.server.servers[0].get_loop()).result(30)
    answered = 'genrekit_shadows_total{arm="c",outcome="answered"}'
    before = _value(arms, answered)
    assert _ask(arms, clip, "anna").status_code == 200
    _until(lambda: _value(arms, answered) == before + 1)


# --- the log does not stop anything -------------------------------------------------------------


ROW = {
    **{"arm": "a", "sha256": "0" * 64, "experiment": "", "dealt": True, "sender": "s"},
    **{"genre": "jazz", "genres": '["jazz"]', "confidence": 0.5, "scores": "{}", "seconds": 30.0},
    **{"analysis_ms": 1.0, "wall_ms": 2.0, "warnings": "[]", "inputs": '{"x": 1.0}'},
    **{"shadow_of": None, "at": 1.0},
}


def _fill(log: PredictionLog, count: int, size: int = 0) -> list[str]:
    ids = [f"{number:032x}" for number in range(count)]
    for one in ids:
        log.note(ROW | {"id": one, "scores": "x" * size})
    return ids


def test_a_full_disk_loses_answers_and_nothing_else(tmp_path: Path) -> None:
    lost: list[str] = []
    log = PredictionLog(tmp_path / "log", 1 << 20, 2, lost.append)
    log._submit([("PRAGMA max_page_count = 12", ())])
    _fill(log, 40, size=3000)
    log._submit([("PRAGMA max_page_count = 100000", ())])
    _fill(log, 1)  # an id that may be there already
    log.note(ROW | {"id": "f" * 32})
    log.close()
    assert "full" in lost
    assert "f" * 32 in {one.id for one in read_log(tmp_path / "log").answers}


def test_a_large_log_is_rotated_and_the_oldest_deleted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = PredictionLog(path, 1 << 16, 3, print)
    log.note_models([], "spring", {"a": 1.0})
    ids = _fill(log, 300, size=2000)
    said = asyncio.run(log.add_feedback(ids[-100], None, True))
    with pytest.raises(UnknownResourceError):
        asyncio.run(log.add_feedback(ids[0], None, True))
    log.close()
    assert said.right
    assert [one.name for one in log_files(path)] == ["log", "log.1", "log.2"]
    found = read_log(path)
    kept = [one.id for one in found.answers]
    assert sorted(kept) == ids[-len(kept) :]
    assert 100 < len(kept) < 250
    assert [split.experiment for split in found.splits] == ["spring"] * 3
    assert not {one.name for one in tmp_path.iterdir()} & {"log.3", "log.4"}


def test_a_log_that_nobody_can_write_in_time_loses_answers(tmp_path: Path) -> None:
    lost: list[str] = []
    log = PredictionLog(tmp_path / "log", 1 << 20, 2, lost.append)
    hold = threading.Event()
    log._thread.submit(hold.wait)
    _fill(log, 1100)
    hold.set()
    log.close()
    assert lost == ["busy"] * 100
    assert len(read_log(tmp_path / "log").answers) == 1000


def test_what_is_no_log_or_somebody_elses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("words " * 1000)
    with sqlite3.connect(tmp_path / "other") as database:
        database.execute("CREATE TABLE things (name TEXT)")
    database.close()
    for name in ("text", "other"):
        with pytest.raises(ConfigError, match="cannot be the log"):
            PredictionLog(tmp_path / name, 1 << 20, 2, print)
        with pytest.raises(DatasetError, match="not a log of answers"):
            read_log(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be the log"):
        PredictionLog(tmp_path / "nowhere" / "log", 1 << 20, 2, print)
    first = PredictionLog(tmp_path / "log", 1 << 20, 2, print)
    with pytest.raises(ConfigError, match="another server"):
        PredictionLog(tmp_path / "log", 1 << 20, 2, print)
    first.close()
    with pytest.raises(DatasetError, match="no log at"):
        read_log(tmp_path / "nothing")


# --- aliases ------------------------------------------------------------------------------------


def test_a_running_server_follows_its_champion_and_finishes_what_it_began(
    serving: Any, bundles: dict[str, Path], clip: Path, tmp_path: Path
) -> None:
    for path in bundles.values():
        add_bundle(path)
    promote("tiny@0.1.0")
    promote("tiny@0.2.0")
    long_clip = tmp_path / "long.wav"
    soundfile.write(long_clip, GENERATOR.normal(0, 0.1, 22050 * 40), 22050)

    def version() -> str:
        answer = server.post("/analysis/predict", clip.read_bytes()).json()
        return f"{answer['model']['name']}@{answer['model']['version']}"

    with (
        serving(models=("champion=default@champion",), follow_seconds=0.02, workers=2) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        assert version() == "tiny@0.2.0"
        slow = threads.submit(
            server.post, "/analysis/predict?whole=true&segments=true", long_clip.read_bytes()
        )
        _until(lambda: server.service.pool.busy == 1)
        roll_back()
        _until(lambda: server.client.get("/version").json()["models"]["champion"] == "0.1.0")
        assert slow.result().json()["model"]["version"] == "0.2.0"
        _until(lambda: {version() for _ in range(4)} == {"tiny@0.1.0"})
        assert _value(server, 'genrekit_model_renewals_total{outcome="done"}') == 1

        damaged = find_bundle("other@0.1.0") / "model.onnx"
        damaged.write_bytes(b"no model")
        promoted = damaged.parents[2] / "promoted.json"
        promoted.write_text(promoted.read_text().replace("tiny@0.1.0", "other@0.1.0"))
        _until(lambda: _value(server, 'genrekit_model_renewals_total{outcome="failed"}') == 1)
        assert version() == "tiny@0.1.0", "what cannot be loaded changes nothing"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_a_hangup_asks_for_it_at_once() -> None:
    async def hung_up() -> bool:
        asked = asyncio.Event()

        class Listening(HotReload):
            async def renew(self) -> None:
                asked.set()

        service: Any = SimpleNamespace(settings=Settings(follow_seconds=0))
        hot_reload = Listening(service, store_stamp(), lambda: None)
        hot_reload.start()
        try:
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(30):
                return await asked.wait()
        finally:
            await hot_reload.close()

    assert asyncio.run(hung_up())


# --- drift --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> Reference:
    return make_reference(
        "holdout",
        GENERATOR.choice(["jazz", "pop"], 300).tolist(),
        GENERATOR.uniform(0.3, 1, 300),
        {"mel: mean": spread_of(GENERATOR.normal(-30, 5, 300))},
    )


@pytest.mark.parametrize(("level", "expected"), [(-30.0, 0.0), (-45.0, 2.0)])
def test_drift_is_exported_to_prometheus(
    bundle_factory: Factory,
    tmp_path: Path,
    reference: Reference,
    level: float,
    expected: float,
) -> None:
    bundle = load_bundle(bundle_factory(tmp_path / "watched", reference=reference))
    without = load_bundle(bundle_factory(tmp_path / "old", version="0.0.1"))
    metrics, settings = Metrics(), Settings()
    recorder = Recorder(settings, metrics)
    recorder.follow({"it": bundle, "old": without}, settings.arms)
    work = WorkerRequest(operation="watch", path="", model="it")
    for number in range(120):
        best = float(GENERATOR.uniform(0.3, 1))
        genre = ("jazz", "pop")[number % 2]
        answer = TrackPrediction(
            path="",
            genre=genre,
            scores={genre: best},
            model=ModelIdentity(name="tiny", version="0.1.0", sha256=bundle.sha256),
            timings_ms=Timings(decode=1, frontend=1, model=1, total=3),
        )
        recorder.note(work, answer, {"mel: mean": float(GENERATOR.normal(level, 5))}, 0.1)
    recorder.publish()
    text = metrics.text().decode()
    assert f'genrekit_drift_level{{arm="it",version="0.1.0"}} {expected}' in text
    assert 'genrekit_drift_tracks{arm="it",version="0.1.0"} 120.0' in text
    assert 'of="mel: mean"' in text
    assert 'arm="old"' not in text, "it has no reference"
    recorder.follow({"old": without}, settings.arms)
    recorder.publish()
    assert "genrekit_drift_psi{" not in metrics.text().decode()
