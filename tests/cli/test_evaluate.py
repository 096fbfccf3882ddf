"""``genrekit evaluate``: a saved model on tracks that it has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.inference import Classifier
from genrekit.schema import EvaluationResult

Run = Callable[..., Any]


def test_a_folder_of_audio(run: Run, music: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    ran = run("evaluate", tiny_bundle, "--data", music, "--json", "--predictions", file)
    assert (ran.code, ran.err) == (0, "")
    result = EvaluationResult.model_validate_json(ran.out)
    classifier = Classifier.load(tiny_bundle)
    paths = sorted(music.rglob("*.wav"))
    expected = [classifier.predict_file(path) for path in paths]
    right = sum(one.genre == path.parent.name for one, path in zip(expected, paths, strict=True))
    assert result.items == 6
    assert result.accuracy.value == pytest.approx(right / 6)
    assert result.protocol == "all-test"
    assert result.bundle_sha256 == load_bundle(tiny_bundle).sha256

    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["item"] for line in lines] == [
        path.relative_to(music).as_posix() for path in paths
    ]
    for line, answer in zip(lines, expected, strict=True):
        assert line["scores"] == pytest.approx(answer.scores)
        assert line["predicted"] == answer.genre
        assert line["true"] == line["item"].split("/")[0]


def test_a_table(run: Run, other_table: Path, trained: Path) -> None:
    ran = run("evaluate", trained, "--data", other_table, "--json")
    result = EvaluationResult.model_validate_json(ran.out)
    assert result.items == 30
    assert result.accuracy.value > 0.8
    assert result.accuracy.low < result.accuracy.value < result.accuracy.high
    assert not result.leaky

    head, accuracy, f1, *_, heading, disco, jazz, pop = run(
        "evaluate", trained, "--data", other_table
    ).out.splitlines()
    assert head == "small on 30 tracks of other.csv, protocol all-test"
    shown = result.accuracy
    assert accuracy.split() == [
        *("accuracy", f"{shown.value:.3f}", f"[{shown.low:.3f},", f"{shown.high:.3f}]", "wilson")
    ]
    assert f1.split()[:3] == ["macro", "F1", f"{result.macro_f1.value:.3f}"]
    assert heading.split() == ["genre", "precision", "recall", "F1", "tracks"]
    assert [line.split()[0] for line in (disco, jazz, pop)] == ["disco", "jazz", "pop"]
    assert disco.split()[-1] == "10"


def test_a_leak_is_refused_and_named(run: Run, table: Path, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    ran = run("evaluate", trained, "--data", table, "--predictions", file, "--json")
    assert (ran.code, ran.out) == (9, "")
    assert "small was trained on" in ran.err
    assert "disco 1 " in ran.err
    assert not file.exists()


def test_the_split_it_was_trained_by_gives_the_numbers_of_its_card(
    run: Run, table: Path, trained: Path
) -> None:
    ran = run("evaluate", trained, "--data", table, "--protocol", "holdout", "--json")
    assert (ran.code, ran.err) == (0, "")
    result = EvaluationResult.model_validate_json(ran.out)
    (of_card,) = load_bundle(trained).metrics.results
    assert result.accuracy == of_card.accuracy
    assert result.confusion == of_card.confusion
    other_seed = run(*("evaluate", trained, "--data", table, "--protocol", "holdout", "--seed", 1))
    assert other_seed.code == 9


def test_a_leaky_number_must_be_asked_for_and_says_so(run: Run, table: Path, trained: Path) -> None:
    ran = run("evaluate", trained, "--data", table, "--protocol", "segments-leaky")
    assert ran.code == 0
    assert "protocol segments-leaky LEAKY" in ran.out.splitlines()[0]


def test_tracks_may_be_left_out(run: Run, other_table: Path, trained: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# by hand\ndisco 2 0.wav\njazz 2 9.wav\n")
    ran = run("evaluate", trained, "--data", other_table, "--leave-out", names, "--json")
    assert EvaluationResult.model_validate_json(ran.out).items == 28
    missing = run("evaluate", trained, "--data", other_table, "--leave-out", tmp_path / "none")
    assert (missing.code, missing.out) == (4, "")


def test_a_table_with_other_columns_is_read_as_told(
    run: Run, other_table: Path, trained: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(other_table.read_text().replace("label", "gattung", 1))
    refused = run("evaluate", trained, "--data", table)
    assert refused.code == 4
    assert "label_column" in refused.err
    ran = run("evaluate", trained, "--data", table, "--set", "label_column=gattung", "--json")
    assert EvaluationResult.model_validate_json(ran.out).items == 30
    for setting in ("label_colum=gattung", "gattung", "leave_out=x", "=x", "delimiter=["):
        wrong = run("evaluate", trained, "--data", table, "--set", setting)
        assert (wrong.code, wrong.out) == (2, "")
        assert wrong.err.count("\n") == 1


def test_a_track_that_cannot_be_read_stops_it(
    run: Run, music: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    for genre in ("disco", "jazz"):
        (folder / genre).mkdir(parents=True)
        (folder / genre / "good.wav").symlink_to(music / genre / f"{genre} 0.wav")
    (folder / "jazz" / "bad.wav").write_text("no audio")
    ran = run("evaluate", tiny_bundle, "--data", folder)
    assert (ran.code, ran.out) == (4, "")
    assert "jazz/bad.wav" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--protocol", "al-test"), 2, "did you mean all-test"),
        (("--corpus", "foldr"), 2, "did you mean folder"),
        (("--seed", "-1"), 2, "--seed"),
    ],
)
def test_names_that_are_unknown(
    run: Run, music: Path, tiny_bundle: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    ran = run("evaluate", tiny_bundle, "--data", music, *options)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_labels_that_the_model_does_not_know(
    run: Run, music: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    for genre in ("polka", "jazz"):
        (folder / genre).mkdir(parents=True)
        (folder / genre / "a.wav").symlink_to(music / "jazz" / "jazz 0.wav")
    ran = run("evaluate", tiny_bundle, "--data", folder)
    assert (ran.code, ran.out) == (4, "")
    assert "polka" in ran.err
