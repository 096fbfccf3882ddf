"""``genrekit ab``: a log in, an answer with its doubts out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.inference.inputs import make_reference, spread_of
from genrekit.monitoring import ArmsReport, PredictionLog

GENERATOR = np.random.default_rng(4)
GENRES = ("jazz", "pop")


def row(
    number: int, arm: str, sha256: str, genre: str, level: float, **changes: Any
) -> dict[str, Any]:
    return {
        **{"id": f"{number:032x}", "at": 1.7e9 + number, "arm": arm, "sha256": sha256},
        **{"experiment": "", "dealt": True, "sender": f"{number % 160:x}", "genre": genre},
        **{"genres": json.dumps([genre]), "confidence": 0.3 + 0.7 * (number % 97) / 97},
        **{"scores": "{}", "seconds": 30.0, "analysis_ms": 90.0, "wall_ms": 99.0},
        **{"warnings": "[]", "shadow_of": None},
        **{"inputs": json.dumps({"mel: mean": float(GENERATOR.normal(level, 5))})},
        **changes,
    }


@pytest.fixture(scope="module")
def log(bundle_factory: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two arms, of which one is better and gets softer music; and a model without reference."""
    folder = tmp_path_factory.mktemp("ab")
    reference = make_reference(
        "holdout",
        [GENRES[number % 2] for number in range(300)],
        np.linspace(0.3, 1, 300),
        {"mel: mean": spread_of(GENERATOR.normal(-30, 5, 300))},
    )
    bundles = [
        load_bundle(bundle_factory(folder / "a", reference=reference)),
        load_bundle(bundle_factory(folder / "b", reference=reference, version="0.2.0")),
        load_bundle(bundle_factory(folder / "c", version="0.3.0")),
    ]
    path = folder / "answers.sqlite"
    log = PredictionLog(path, 1 << 24, 2, print)
    log.note_models(bundles, "", {"champion": 0.5, "challenger": 0.5})
    for number in range(160):
        first = number % 2 == 0
        arm, bundle = ("champion", bundles[0]) if first else ("challenger", bundles[1])
        level = -30.0 if first else -45.0
        right = number % 4 == 0 if first else number % 16 > 1
        told = "jazz" if right else "pop"
        log.note(row(number, arm, bundle.sha256, told, level))
        analysed = {"shadow_of": f"{number:032x}"}
        log.note(row(number + 1000, "next", bundles[2].sha256, "jazz", level, **analysed))
        asyncio.run(log.add_feedback(f"{number:032x}", "jazz", None))
    log.close()
    return path


def test_the_report_names_the_better_model_and_what_drifted(run: Any, log: Path) -> None:
    ran = run("ab", "report", log)
    assert ran.code == 0
    lead = ran.out.split("##")[0]
    assert "**challenger** is better than champion" in lead
    assert "**Drift:** what challenger is given" in lead
    assert "mel: mean" in ran.out
    assert "next: its bundle has no reference" in ran.out


def test_json_holds_everything(run: Any, log: Path) -> None:
    found = ArmsReport.model_validate_json(run("ab", "report", log, "--json").out)
    assert [(arm.name, arm.shadow, arm.answers) for arm in found.arms] == [
        ("champion", False, 80),
        ("challenger", False, 80),
        ("next", True, 160),
    ]
    assert [pair.judged for pair in found.shadows] == [80, 80]
    late = json.loads(run("ab", "report", log, "--json", "--since", "2023-11-14T22:14:40").out)
    assert late["answers"] == 80


def test_pages_are_written(run: Any, log: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    pytest.importorskip("matplotlib")
    page, text = tmp_path / "ab.html", tmp_path / "ab.md"
    assert run("ab", "report", log, "-o", page, "-o", text).code == 0
    assert "<b>challenger</b> is better than champion" in page.read_text(encoding="utf-8")
    markdown = text.read_text(encoding="utf-8")
    assert "All 3 numbers of challenger" in markdown
    assert list((tmp_path / "ab-figures").glob("*.png"))


def test_drift_alone(run: Any, log: Path) -> None:
    found = json.loads(run("ab", "drift", log, "--json").out)
    assert found["champion"]["level"] == "none"
    assert found["challenger"]["level"] == "large"
    assert found["next"] is None
    shown = run("ab", "drift", log).out
    assert "challenger: drift large, 80 answers" in shown
    assert "next: its bundle has no reference" in shown


def test_what_cannot_be_read_or_written_is_reported(run: Any, log: Path, tmp_path: Path) -> None:
    (tmp_path / "words.sqlite").write_text("words")
    for arguments, code, said in (
        (("report", tmp_path / "nothing"), 4, "genrekit serve --log"),
        (("drift", tmp_path / "words.sqlite"), 4, "not a log of answers"),
        (("report", log, "-o", tmp_path / "ab.pdf"), 2, ".html or .md"),
        (("report", log, "--since", "2100-01-01"), 4, "no answers"),
    ):
        ran = run("ab", *arguments)
        assert (ran.code, ran.out) == (code, "")
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
