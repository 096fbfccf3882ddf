"""From a server's log: what to label next, and what people said as labels of kept audio."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.errors import ConfigError, DatasetError
from genrekit.experiments import proposals_csv, propose_labels
from genrekit.learn import read_feedback
from genrekit.monitoring import PredictionLog, keep_audio, kept_audio


def write_log(path: Path, bundle: Path, confidences: list[float]) -> list[str]:
    """Answers of jazz with these confidences; each with an id of its own."""
    model = load_bundle(bundle)
    log = PredictionLog(path, 1 << 20, 2, lambda reason: None)
    log.note_models([model], "", {})
    ids = [f"{number:032x}" for number in range(len(confidences))]
    for number, (answer_id, confidence) in enumerate(zip(ids, confidences, strict=True)):
        row: dict[str, Any] = {
            "id": answer_id,
            "at": 1000.0 + number,
            "arm": "tiny",
            "sha256": model.sha256,
            "experiment": "",
            "dealt": False,
            "sender": "x",
            "genre": "jazz",
            "genres": json.dumps(["jazz"]),
            "confidence": confidence,
            "scores": json.dumps({"jazz": confidence}),
            "seconds": 3.0,
            "analysis_ms": 1.0,
            "wall_ms": 1.0,
            "warnings": "[]",
            "inputs": "{}",
            "shadow_of": None,
        }
        log.note(row)
    asyncio.run(log.add_feedback(ids[0], "blues", None))
    asyncio.run(log.add_feedback(ids[1], None, True))
    asyncio.run(log.add_feedback(ids[2], None, False))
    log.close()
    return ids


def test_the_least_sure_are_proposed_and_what_is_known_is_not(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    log = tmp_path / "answers.db"
    ids = write_log(log, tiny_bundle, [0.2, 0.9, 0.5, 0.3, 0.7])
    found = propose_labels(log, top=2)
    assert [one.id for one in found.proposals] == [ids[3], ids[2]]
    assert found.answers == 5
    assert proposals_csv(found).splitlines()[0].startswith("path,genre,answered")
    with pytest.raises(DatasetError, match="no log"):
        propose_labels(tmp_path / "none.db")


def test_feedback_labels_audio_that_was_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    log = tmp_path / "answers.db"
    ids = write_log(log, tiny_bundle, [0.2, 0.9, 0.5])
    with pytest.raises(ConfigError, match="--keep-audio"):
        read_feedback(log)
    sound = tmp_path / "upload-x"
    sound.write_bytes(b"sound" * 10)
    for answer_id in ids:
        keep_audio(log, answer_id, sound, ".FLAC", 1000)
    said = read_feedback(log)
    assert said == {
        str(tmp_path / "answers.db.audio" / f"{ids[0]}.flac"): "blues",
        str(tmp_path / "answers.db.audio" / f"{ids[1]}.flac"): "jazz",
    }
    # The oldest goes when there is no room, and a hostile suffix is no part of a name.
    keep_audio(log, "f" * 32, sound, "./../x", 120)
    assert set(kept_audio(log)) == {ids[2], "f" * 32}
