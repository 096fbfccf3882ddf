from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.datasets import Dataset, load_dataset
from genrekit.errors import ConfigError
from genrekit.experiments import StudyResult, render_study_markdown, run_study
from genrekit.models.classical import Logistic, NearestNeighbours
from genrekit.training import ProtocolConfig

MODELS = (NearestNeighbours(), Logistic(c=0.5))
FAST = (
    ProtocolConfig(name="fault-filtered"),
    ProtocolConfig(name="fault-filtered", fit_on="train+valid"),
    ProtocolConfig(name="grouped-kfold", n_folds=3),
)


def test_every_model_meets_every_protocol(table: Path) -> None:
    result = run_study(load_dataset("table", table), models=MODELS, protocols=FAST).result
    assert [(cell.result.model, cell.protocol) for cell in result.cells] == [
        (model.architecture, protocol) for model in MODELS for protocol in FAST
    ]
    assert [cell.result.items for cell in result.cells] == [40, 40, 130] * 2
    assert StudyResult.model_validate_json(result.model_dump_json()) == result


def test_processes_change_nothing(table: Path) -> None:
    dataset = load_dataset("table", table)
    alone, together = (
        run_study(dataset, models=MODELS, protocols=FAST[:1], workers=workers) for workers in (1, 2)
    )
    assert alone == together


def test_rows_of_one_recording_bring_a_leaky_column(table: Path) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    segments = table.with_name("segments.csv")
    rows = [line.replace(".wav", f".{part}.wav") for line in lines[1:] for part in range(2)]
    segments.write_text("\n".join([lines[0], *rows]), encoding="utf-8")
    dataset = load_dataset("table", segments)
    result = run_study(dataset, models=(NearestNeighbours(neighbours=1),)).result
    scored = {cell.protocol.name: cell.result for cell in result.cells}
    assert list(scored) == ["fault-filtered", "grouped-kfold", "segments-leaky"]
    assert scored["segments-leaky"].leaky
    assert scored["segments-leaky"].unit == "segment"
    assert scored["segments-leaky"].accuracy.value > 0.9  # its twin is among the neighbours
    assert scored["grouped-kfold"].accuracy.value < 0.8
    assert scored["grouped-kfold"].items == 130
    assert "segments-leaky LEAKY" in render_study_markdown(result)


def test_the_report_is_a_table_with_intervals_best_first(table: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    result = run_study(
        load_dataset("table", table),
        models=MODELS,
        protocols=FAST,
        progress=lambda *step: steps.append(step),
    ).result
    assert [done for _, done, _ in steps] == list(range(1, steps[-1][2] + 1))
    text = render_study_markdown(result)
    best = max(
        (cell.result for cell in result.cells if cell.protocol == FAST[0]),
        key=lambda one: one.accuracy.value,
    )
    first = next(line for line in text.splitlines() if line.startswith("| ") and "[" in line)
    accuracy = best.accuracy
    assert first.startswith(
        f"| {best.model} | {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}] |"
    )
    assert "neighbours 5" in text
    assert result.dataset_fingerprint[:16] in text


def test_a_study_of_nothing_is_refused(table: Path) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        run_study(load_dataset("table", table), models=(), protocols=FAST)


def test_what_was_kept_is_not_fitted_again(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("table", table)
    first, again = _kept(dataset, tmp_path), _kept(dataset, tmp_path)
    assert first == again == run_study(dataset, models=MODELS, protocols=FAST[:1]).result
    assert len(list(tmp_path.glob("*.npy"))) == len(MODELS)

    monkeypatch.setattr("genrekit.experiments.cached_scores.fold_scores", _never)
    assert _kept(dataset, tmp_path) == first
    with pytest.raises(AssertionError, match="fitted"):
        _kept(dataset, tmp_path, seed=1)


def test_kept_scores_that_cannot_be_read_are_named(table: Path, tmp_path: Path) -> None:
    dataset = load_dataset("table", table)
    _kept(dataset, tmp_path)
    for file in tmp_path.glob("*.npy"):
        file.write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match=r"knn-\w+\.npy: .*; remove it"):
        _kept(dataset, tmp_path)


@pytest.mark.parametrize("edit", [lambda x: x[:-1], lambda x: x[:, 1:], lambda x: x * 0.9, -1.0])
def test_kept_scores_that_are_not_those_of_the_fold_are_refused(
    table: Path, tmp_path: Path, edit: Any
) -> None:
    dataset = load_dataset("table", table)
    _kept(dataset, tmp_path)
    for file in tmp_path.glob("*.npy"):
        scores = np.load(file, allow_pickle=False)
        np.save(file, edit(scores) if callable(edit) else scores + edit, allow_pickle=False)
    with pytest.raises(ConfigError, match=r"knn-\w+\.npy holds .*; remove it"):
        _kept(dataset, tmp_path)


def _kept(dataset: Dataset, folder: Path, seed: int = 0) -> StudyResult:
    return run_study(dataset, models=MODELS, protocols=FAST[:1], keep=folder, seed=seed).result


def _never(*_: object) -> None:
    raise AssertionError("fitted again")


def test_a_relation_that_is_set_aside_has_a_column_of_its_own(table: Path) -> None:
    dataset = load_dataset("table", table)
    artists = [f"{item.labels[0]} {place % 4}" for place, item in enumerate(dataset.items)]
    signed = replace(
        dataset,
        items=tuple(
            replace(item, artist=artist)
            for item, artist in zip(dataset.items, artists, strict=True)
        ),
    )
    protocols = [
        ProtocolConfig(name="grouped-kfold", n_folds=3),
        ProtocolConfig(name="grouped-kfold", n_folds=3, by=("track",)),
    ]
    result = run_study(signed, models=MODELS, protocols=protocols).result
    text = render_study_markdown(result, note="Made up.")
    assert "| grouped-kfold-by-track-leaky LEAKY (" in text
    assert "| grouped-kfold (" in text
    assert "Made up." in text
