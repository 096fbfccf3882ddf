from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.audit import AuditReport, Finding, Kind, load_table, make_plan
from genrekit.audit.duplicates import clusters, near_rows
from genrekit.audit.run import run_audit
from genrekit.datasets import load_dataset
from genrekit.datasets.fix_plan import render_plan
from genrekit.errors import DatasetError

Row = list[object]


def rows(n: int = 40, seed: int = 0) -> list[Row]:
    numbers = np.random.default_rng(seed).normal(size=(n, 4)).round(6)
    return [[f"t{k}", *numbers[k], ("calm", "loud")[k % 2]] for k in range(n)]


def write(file: Path, table: list[Row], header: str = "filename,a,b,c,d,label") -> Path:
    lines = [header, *(",".join(map(str, row)) for row in table)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def audit(file: Path) -> AuditReport:
    dataset, before = load_table(file)
    return run_audit(dataset, before=before, labels=False)


def of_kind(report: AuditReport, kind: Kind) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_a_sound_table_has_nothing_found(tmp_path: Path) -> None:
    assert audit(write(tmp_path / "t.csv", rows())).findings == ()


def test_missing_values_are_counted_with_their_lines_and_the_rest_is_audited(
    tmp_path: Path,
) -> None:
    table = rows()
    table[3][2], table[7][2], table[9][2] = "", "NaN", "?"
    file = write(tmp_path / "t.csv", table)
    report = audit(file)
    (finding,) = of_kind(report, "missing-values")
    assert finding.columns == ("b",)
    assert finding.message == "column b has no value in 3 of 40 rows (lines 5, 9, 11)"
    assert report.columns == 3
    plan = tmp_path / "plan.yaml"
    plan.write_text(render_plan(make_plan(report)))
    assert load_dataset("table", file, fix=plan).feature_names == ("a", "c", "d")


def test_text_among_numbers_is_an_error_not_a_missing_value(tmp_path: Path) -> None:
    table = rows()
    table[3][2] = "loud"
    with pytest.raises(DatasetError, match=r"line 5, column 'b': 'loud' is not a finite number"):
        load_table(write(tmp_path / "t.csv", table))


def test_constant_and_repeated_columns_are_found(tmp_path: Path) -> None:
    table = [[*row[:5], 2.5, row[1], 1000 * float(str(row[2])) - 3, row[5]] for row in rows()]
    file = write(tmp_path / "t.csv", table, "filename,a,b,c,d,still,again,scaled,label")
    report = audit(file)
    assert [one.columns for one in of_kind(report, "constant-column")] == [("still",)]
    repeated = of_kind(report, "duplicate-column")
    assert [one.columns for one in repeated] == [("again", "a"), ("scaled", "b")]
    assert repeated[0].message == "column again equals a"
    assert "up to unit" in repeated[1].message
    fixed = load_dataset("table", file, fix=make_plan(report))
    assert fixed.feature_names == ("a", "b", "c", "d")


def test_equal_rows_are_found_and_told_apart_by_label(tmp_path: Path) -> None:
    table = rows()
    table[4][1:5] = table[2][1:5]
    table[5][1:5] = table[8][1:5]
    report = audit(write(tmp_path / "t.csv", table))
    (same,) = of_kind(report, "identical-rows")
    assert [item.item_id for item in same.items] == ["t2", "t4"]
    (contradictory,) = of_kind(report, "one-recording-two-labels")
    assert {item.labels for item in contradictory.items} == {("calm",), ("loud",)}
    plan = make_plan(report)
    assert {action.item for action in plan.drop} == {"t4", "t5", "t8"}


def test_rows_that_are_nearly_the_same_are_found(tmp_path: Path) -> None:
    table = rows(200)
    for first, second in ((10, 20), (30, 40)):
        table[second][1:5] = [float(str(cell)) + 0.005 for cell in table[first][1:5]]
    report = audit(write(tmp_path / "t.csv", table))
    found = [{item.item_id for item in one.items} for one in of_kind(report, "near-duplicate")]
    assert {"t10", "t20"} in found
    assert {"t30", "t40"} in found


def test_segments_of_one_recording_are_no_duplicates_of_each_other() -> None:
    rng = np.random.default_rng(1)
    segments = rng.normal(size=(180, 12))
    segments[1::30] = segments[::30] + rng.normal(scale=0.01, size=(6, 12))
    names = [f"track {number // 3}" for number in range(180)]
    assert near_rows(segments, names) == []
    # Without the names they are told by their likeness.
    alone = near_rows(segments, [str(number) for number in range(180)])
    assert [(one.first, one.second) for one in alone] == [(k, k + 1) for k in range(0, 180, 30)]


def test_one_equal_segment_is_not_a_repetition_but_many_are() -> None:
    rng = np.random.default_rng(2)
    segments = rng.normal(size=(20, 9, 12))
    segments[1, 4] = segments[0, 3] + rng.normal(scale=0.01, size=12)
    segments[3, 2:8] = segments[2, 1:7] + rng.normal(scale=0.01, size=(6, 12))
    names = [f"track {number // 9}" for number in range(180)]
    pairs = near_rows(segments.reshape(180, 12), names)
    assert {(names[one.first], names[one.second]) for one in pairs} == {("track 2", "track 3")}
    assert len(pairs) == 6


@pytest.mark.parametrize("columns", [1, 2, 4, 12, 60])
def test_chance_makes_no_near_duplicates_in_any_number_of_columns(columns: int) -> None:
    counts = []
    for seed in range(20):
        table = np.random.default_rng(seed).normal(size=(300, columns))
        counts.append(len(near_rows(table, [str(number) for number in range(300)])))
    assert sum(counts) <= 4


def test_a_table_without_recordings_is_reported_not_to_be_splittable(tmp_path: Path) -> None:
    table = [row[1:] for row in rows()]
    report = audit(write(tmp_path / "t.csv", table, "a,b,c,d,label"))
    (finding,) = of_kind(report, "unknown-recordings")
    assert "which recording a row is from" in finding.message
    assert "near duplicates" in {skipped.check for skipped in report.skipped}


def test_unbalanced_labels_are_found(tmp_path: Path) -> None:
    table = rows()
    for row in table[:30]:
        row[5] = "calm"
    (finding,) = of_kind(audit(write(tmp_path / "t.csv", table)), "class-imbalance")
    assert finding.evidence == {"ratio": 7.0, "largest": 35, "smallest": 5}


def test_pairs_hang_together_in_clusters() -> None:
    pairs = [("a", "b"), ("c", "d"), ("b", "e"), ("f", "g"), ("d", "c")]
    assert clusters(pairs) == [{"a", "b", "e"}, {"c", "d"}, {"f", "g"}]
    assert clusters([]) == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "exact", "near"),
    [("features_30_sec.csv", 14, 16), ("course_30s.tsv", 14, 18)],
)
def test_known_repetitions_of_gtzan_are_found_in_its_tables(
    real_data: Path, name: str, exact: int, near: int
) -> None:
    report = audit(real_data / "gtzan_tables" / name)
    known = report.repetitions
    assert known is not None
    assert (known.exact_found, known.exact_known) == (exact, 14)
    assert known.near_found >= near
    assert len(known.further) <= 5
    (contradictory,) = of_kind(report, "one-recording-two-labels")
    assert {item.item_id for item in contradictory.items} == {"metal.00058", "rock.00016"}
