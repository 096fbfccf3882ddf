"""Several models on one test set, and files that hold what they said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import Dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import wilson
from genrekit.evaluation.results import confused, read_run, write_run
from genrekit.evaluation.run import RunResult
from genrekit.evaluation.significance import mcnemar
from genrekit.experiments import Comparison, compare
from genrekit.pages import plot_critical_difference

MakeRun = Callable[..., RunResult]
MakeData = Callable[..., Dataset]


@pytest.fixture(scope="module")
def runs(make_run: MakeRun) -> list[RunResult]:
    return [make_run(share, seed, name=f"m{seed}") for seed, share in enumerate([0.4, 0.9, 0.88])]


@pytest.fixture(scope="module")
def comparison(runs: list[RunResult]) -> Comparison:
    return compare(runs)


# --- results files ------------------------------------------------------------------------------


def test_a_file_holds_everything_and_is_read_again(runs: list[RunResult], tmp_path: Path) -> None:
    file = write_run(runs[0], tmp_path / "run.json")
    again = read_run(file)
    assert again == runs[0]
    assert len(again.answers) == again.result.items == 120
    assert [fold.test for fold in again.folds] == [24] * 5
    assert sum(answer.right for answer in again.answers) / 120 == again.result.accuracy.value
    assert again.metrics is not None
    assert again.metrics.accuracy == again.result.accuracy
    assert write_run(again, tmp_path / "again.json").read_bytes() == file.read_bytes()


def test_the_tracks_behind_each_cell_are_those_of_the_confusion_matrix(
    runs: list[RunResult],
) -> None:
    result, cells = runs[0].result, confused(runs[0])
    for row, true in enumerate(result.labels):
        for column, predicted in enumerate(result.labels):
            found = cells.get((true, predicted), ())
            assert len(found) == result.confusion[row][column]
    assert len(next(iter(cells.values()))) == max(map(len, cells.values()))


def test_segments_are_counted_beside_their_tracks(make_run: MakeRun, make_data: MakeData) -> None:
    run = make_run(0.7, 0, dataset=make_data(30, 4))
    assert (run.result.unit, len(run.answers)) == ("track", 30)
    assert run.segment_result is not None
    assert (run.segment_result.unit, run.segment_result.items, len(run.segments)) == (
        "segment",
        120,
        120,
    )
    assert run.segment_metrics is not None
    assert run.segment_metrics.recordings == 30
    # Four votes are better than one.
    assert run.result.accuracy.value > run.segment_result.accuracy.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-40], "the file"),
        (lambda text: text.replace('"answers"', '"replies"', 1), "answers"),
        (lambda text: text.replace('"format_version":1', '"format_version":2'), "format_version"),
        (
            lambda text: text.replace('"probabilities":[0', '"probabilities":[NaN,0', 1),
            "not a results",
        ),
        (lambda text: "[]", "not a results file"),
    ],
)
def test_what_is_no_results_file_is_a_sentence(
    runs: list[RunResult], tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    file = write_run(runs[0], tmp_path / "run.json")
    file.write_text(change(file.read_text()))
    with pytest.raises(DatasetError, match=message):
        read_run(file)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_run(tmp_path / "nothing.json")


# --- comparing ----------------------------------------------------------------------------------


def test_models_are_ranked_and_those_alike_share_a_letter(comparison: Comparison) -> None:
    assert [model.name for model in comparison.models] == ["m1", "m2", "m0"]
    assert [model.letters for model in comparison.models] == ["a", "a", "b"]
    assert (comparison.items, comparison.recordings, comparison.folds) == (120, 120, 5)
    assert comparison.test == "mcnemar-mid-p"


def test_pairs_carry_every_test(comparison: Comparison, runs: list[RunResult]) -> None:
    pair = comparison.pairs[1]
    assert (pair.first, pair.second) == ("m1", "m0")
    by_item = [{one.item: one.right for one in run.answers} for run in (runs[1], runs[0])]
    first, second = (np.array([hits[item] for item in sorted(hits)]) for hits in by_item)
    assert pair.mcnemar == mcnemar(first, second)
    assert pair.p == pair.mcnemar.mid_p
    assert pair.p <= pair.p_holm < 0.05
    assert pair.difference.value == pytest.approx(first.mean() - second.mean())
    assert pair.corrected_t is not None
    assert pair.naive_t is not None
    assert pair.corrected_t.p > pair.naive_t.p
    assert pair.corrected_t.difference.value == pytest.approx(pair.difference.value)
    assert comparison.friedman is not None
    assert any("naive" in note for note in comparison.notes)
    assert "On 120 tracks, a gap under" in comparison.sentence


def test_order_of_answers_and_of_runs_does_not_matter(
    runs: list[RunResult], comparison: Comparison
) -> None:
    turned = runs[0].model_copy(update={"answers": runs[0].answers[::-1]})
    assert compare([turned, *runs[:0:-1]]) == comparison


def test_equal_models_tie(runs: list[RunResult]) -> None:
    found = compare([runs[0], runs[0]], ["one", "other"])
    assert [model.letters for model in found.models] == ["a", "a"]
    assert found.pairs[0].p == 1.0
    assert found.pairs[0].difference.value == 0.0
    assert "no gap" in found.sentence


def test_tracks_that_are_tested_again_are_no_new_evidence(
    make_run: MakeRun, make_data: MakeData
) -> None:
    split = make_split(make_data(), "repeated-kfold", n_folds=3, n_repeats=3)
    again = [make_run(0.7, seed, name=f"m{seed}", split=split) for seed in range(2)]
    found = compare(again)
    assert found.test == "sign-flip"
    assert (found.items, found.recordings) == (360, 120)
    assert found.pairs[0].mcnemar is None
    assert "differences are known to about" in found.sentence


def guessing(run: RunResult, right: float, seed: int) -> RunResult:
    """A run whose answers are right by chance, and all of one recording alike."""
    generator = np.random.default_rng(seed)
    hit = dict.fromkeys(sorted({one.group for one in run.answers}), False)
    hit = {group: bool(generator.random() < right) for group in hit}
    wrong = {label: run.result.labels[place - 1] for place, label in enumerate(run.result.labels)}
    answers = tuple(
        one.model_copy(update={"predicted": one.true if hit[one.group] else (wrong[one.true[0]],)})
        for one in run.answers
    )
    accuracy = wilson(sum(one.right for one in answers), len(answers))
    result = run.result.model_copy(update={"accuracy": accuracy})
    return run.model_copy(update={"answers": answers, "result": result})


@pytest.mark.parametrize("repeats", [1, 3])
def test_any_number_of_models_can_differ(
    make_run: MakeRun, make_data: MakeData, repeats: int
) -> None:
    data = make_data(200)
    name = "repeated-kfold" if repeats > 1 else "grouped-kfold"
    split = make_split(data, name, n_folds=5, n_repeats=repeats)
    one = make_run(0.5, 0, dataset=data, split=split)
    runs = [guessing(one, 0.95, 99), *(guessing(one, 0.3, seed) for seed in range(16))]
    for count in (16, 17):
        found = compare(runs[:count], [f"m{number}" for number in range(count)])
        against_best = [pair for pair in found.pairs if pair.first == "m0"]
        assert len(against_best) == count - 1
        assert all(pair.different and pair.p_holm < 1e-6 for pair in against_best)
        assert found.models[0].letters == "a"
        assert {model.letters for model in found.models[1:]} == {"b"}


def test_one_track_of_one_class(make_run: MakeRun, make_data: MakeData) -> None:
    data = make_data(1)
    split = make_split(data, "all-test")
    found = compare(
        [make_run(share, 0, name=f"m{share}", dataset=data, split=split) for share in (0, 1)]
    )
    assert [model.letters for model in found.models] == ["a", "a"]
    assert any("one genre" in note for note in found.notes)
    assert "One" not in found.sentence
    assert "no gap" in found.sentence
    assert found.friedman is None


# --- what is refused ----------------------------------------------------------------------------


def test_other_data_splits_labels_and_tracks_are_refused_with_the_reason(
    make_run: MakeRun, make_data: MakeData, runs: list[RunResult]
) -> None:
    other_split = make_split(make_data(), "grouped-kfold", n_folds=5, seed=1)
    cases = {
        "different data": make_run(0.5, 0, name="x", dataset=make_data(60)),
        "different splits": make_run(0.5, 0, name="x", split=other_split),
        "different labels.*'salsa'": make_run(
            0.5, 0, name="x", labels=("jazz", "pop", "rock", "salsa")
        ),
        "not of the same tracks": runs[1].model_copy(update={"answers": runs[1].answers[1:]}),
        "counts tracks, the other segments": runs[1].model_copy(
            update={"result": runs[1].result.model_copy(update={"unit": "segment"})}
        ),
    }
    for reason, run in cases.items():
        with pytest.raises(DatasetError, match=f"m0 and x cannot be compared.*{reason}"):
            compare([runs[0], run], ["m0", "x"])


def test_one_result_and_two_of_one_name_are_refused(runs: list[RunResult]) -> None:
    with pytest.raises(ConfigError, match="at least two"):
        compare(runs[:1])
    with pytest.raises(ConfigError, match="called 'm0'"):
        compare([runs[0], runs[0]])


# --- the diagram --------------------------------------------------------------------------------


def test_the_diagram_names_every_model(comparison: Comparison, tmp_path: Path) -> None:
    assert comparison.friedman is not None
    names = [model.name for model in comparison.models]
    file = plot_critical_difference(comparison.friedman, names, tmp_path / "cd.svg")
    text = file.read_text(encoding="utf-8")
    assert all(f"{name} (" in text for name in names)
    assert "critical difference" in text
    again = plot_critical_difference(comparison.friedman, names, tmp_path / "again.svg")
    assert again.read_bytes() == file.read_bytes()
