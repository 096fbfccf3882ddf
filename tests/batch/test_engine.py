"""A catalogue through a model: the same table whatever happened on the way, and parts that join."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.batch import read_run
from genrekit.batch.analysis import Analysis, spread
from genrekit.batch.engine import BatchOptions, run_batch
from genrekit.batch.merge import merge_runs
from genrekit.batch.sources import Shard
from genrekit.batch.watch import watch_folder
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import TrackPrediction


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tracks and two files that are none."""
    folder = tmp_path_factory.mktemp("music")
    for seed in range(4):
        clip = synthesise("jazz", seconds=1.2, seed=seed, sample_rate_hz=22050)
        soundfile.write(folder / f"{seed}.wav", clip.samples, 22050, subtype="FLOAT")
    (folder / "bad.mp3").write_text("no music")
    (folder / "empty.mp3").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def analysis(tiny_bundle: Path) -> Analysis:
    return Analysis(str(tiny_bundle))


def rows(folder: Path) -> list[TrackPrediction]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return [TrackPrediction.model_validate_json(line) for line in lines]


def test_shards_join_to_what_one_run_says(music: Path, analysis: Analysis, tmp_path: Path) -> None:
    summary = run_batch([str(music)], tmp_path / "whole", analysis, BatchOptions(workers=2))
    assert (summary.ok, summary.failed, summary.quarantined) == (4, 2, 0)
    assert {kind: one.count for kind, one in summary.failures.items()} == {
        "content": 1,
        "format": 1,
    }
    assert json.loads((tmp_path / "whole" / "summary.json").read_text())["done"] == 6
    whole = rows(tmp_path / "whole")
    assert [Path(one.path).name for one in whole] == [
        *(f"{seed}.wav" for seed in range(4)),
        "bad.mp3",
        "empty.mp3",
    ]
    classifier = Classifier.load(analysis.model)
    alone = classifier.predict_file(music / "0.wav")
    assert whole[0] == alone.model_copy(update={"timings_ms": None})

    parts = [tmp_path / f"part{number}" for number in (1, 2)]
    for number, part in enumerate(parts, start=1):
        run_batch([str(music)], part, analysis, shard=Shard(number, 2))
    for folders in (parts, [*parts, tmp_path / "whole"], parts[::-1]):
        merge_runs(folders, tmp_path / "merged")
        table = (tmp_path / "merged" / "results.jsonl").read_bytes()
        assert table == (tmp_path / "whole" / "results.jsonl").read_bytes()

    other = Analysis(analysis.model, unknown_below=0.9)
    run_batch([str(music / "0.wav")], tmp_path / "other", other)
    with pytest.raises(ConfigError, match="differ in unknown_below"):
        merge_runs([*parts, tmp_path / "other"], tmp_path / "merged")
    with pytest.raises(ConfigError, match="one of the runs"):
        merge_runs(parts, parts[0])


def test_a_table_of_parquet_says_the_same(music: Path, analysis: Analysis, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    options = BatchOptions(table="parquet")
    run_batch([str(music / "0.wav"), str(music / "bad.mp3")], tmp_path, analysis, options)
    table: list[dict[str, Any]] = parquet.read_table(tmp_path / "results.parquet").to_pylist()
    assert [one["state"] for one in table] == ["ok", "failed"]
    assert table[0]["score_" + table[0]["genre"]] == max(json.loads(table[0]["scores"]).values())
    assert table[1]["reason"] == "format"


def test_asked_to_stop_it_finishes_what_is_in_flight(
    music: Path, analysis: Analysis, tmp_path: Path
) -> None:
    asked: list[bool] = []
    summary = run_batch(
        [str(music)],
        tmp_path,
        analysis,
        stop=lambda: bool(asked),
        report=lambda progress: asked.append(True) if progress.done else None,
    )
    assert 1 <= summary.done <= 6
    assert not (tmp_path / "results.jsonl").exists()
    assert run_batch([str(music)], tmp_path, analysis).done == 6


def test_spread_takes_whole_windows_all_over_a_track(analysis: Analysis) -> None:
    classifier = Classifier.load(analysis.model)
    parts = spread(240.0, classifier)
    starts = [part.start_seconds or 0.0 for part in parts]
    assert len(parts) == 5
    assert starts == sorted(starts)
    assert starts[0] > 0
    assert starts[-1] + (parts[-1].duration_seconds or 0) < 240
    assert spread(20.0, classifier) == []
    assert spread(None, classifier) == []


def test_what_arrives_is_analysed_when_it_has_stopped_growing(
    music: Path, analysis: Analysis, tmp_path: Path
) -> None:
    folder = tmp_path / "arriving"
    folder.mkdir()
    whole = (music / "0.wav").read_bytes()
    (folder / "a.wav").write_bytes(whole)
    growing, analysed, ended = folder / "b.wav", [], threading.Event()

    def on_heard(entry: Any) -> None:
        analysed.append((Path(entry.path).name, entry.state))
        if len(analysed) == 1:
            growing.write_bytes(whole[:-4])
            growing.write_bytes(whole)
        if len(analysed) == 2:
            ended.set()

    summary = watch_folder(
        folder,
        tmp_path / "run",
        analysis,
        every_seconds=0.1,
        niceness=0,
        stop=ended.is_set,
        on_entry=on_heard,
    )
    assert analysed == [("a.wav", "ok"), ("b.wav", "ok")]
    assert summary.ok == 2
    with read_run(tmp_path / "run") as run:
        assert run.counts() == {"ok": 2}
