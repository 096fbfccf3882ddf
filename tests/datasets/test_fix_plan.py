from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.datasets import Dataset, FixPlan, apply_plan, load_dataset, read_plan
from genrekit.datasets.fix_plan import ColumnAction, DropAction, RelabelAction, render_plan
from genrekit.errors import ConfigError, DatasetError

HEADER = "filename,a,b,label"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [f"t{k},{k},{k * k},{('calm', 'loud')[k % 2]}" for k in range(6)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join([HEADER, *rows]))
    return table


@pytest.fixture
def dataset(file: Path) -> Dataset:
    return load_dataset("table", file)


def plan(**fields: object) -> FixPlan:
    return FixPlan.model_validate({"dataset": "t.csv", **fields})


def drop(item: str, accepted: bool = True) -> DropAction:
    return DropAction(item=item, because="silent", accepted=accepted)


def relabel(item: str, old: str, new: str, accepted: bool = True) -> RelabelAction:
    return RelabelAction(item=item, old=old, new=new, because="doubted", accepted=accepted)


def test_accepted_actions_are_applied_while_loading_and_the_file_stays(
    file: Path, tmp_path: Path
) -> None:
    before = file.read_bytes()
    written = tmp_path / "plan.yaml"
    written.write_text(
        render_plan(
            plan(
                drop=(drop("t0"), drop("t1", accepted=False)),
                relabel=(relabel("t2", "calm", "loud"), relabel("t4", "calm", "loud", False)),
                drop_columns=(ColumnAction(column="b", because="constant"),),
            )
        )
    )
    fixed = load_dataset("table", file, fix=written)
    assert [item.item_id for item in fixed.items] == ["t1", "t2", "t3", "t4", "t5"]
    assert [item.labels[0] for item in fixed.items] == ["loud", "loud", "loud", "calm", "loud"]
    assert fixed.feature_names == ("a",)
    assert fixed.features is not None
    assert fixed.features[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert file.read_bytes() == before


def test_a_fixed_dataset_has_another_fingerprint(dataset: Dataset) -> None:
    assert apply_plan(dataset, plan(drop=(drop("t0"),))).fingerprint != dataset.fingerprint
    assert apply_plan(dataset, plan()).fingerprint == dataset.fingerprint


def test_fix_comes_before_leave_out(file: Path) -> None:
    fixed = load_dataset("table", file, fix=plan(drop=(drop("t0"),)), leave_out=["t1"])
    assert [item.item_id for item in fixed.items] == ["t2", "t3", "t4", "t5"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"drop": (drop("elsewhere"),)}, "not one of them is in t.csv"),
        ({"relabel": (relabel("t0", "loud", "calm"),)}, "from 'loud', but it is"),
        ({"relabel": (relabel("t0", "calm", "soft"),)}, "not a label of t.csv; it has calm, loud"),
        ({"drop": tuple(drop(f"t{k}") for k in range(6))}, "leaves nothing"),
    ],
)
def test_a_plan_of_other_data_is_refused(
    dataset: Dataset, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        apply_plan(dataset, plan(**fields))


def test_items_that_have_gone_since_are_only_warned_of(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        fixed = apply_plan(dataset, plan(drop=(drop("t0"), drop("gone"))))
    assert len(fixed) == 5
    assert "1 of 2 items of the plan are not in t.csv" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drop: [", "cannot read the plan"),
        ("just text", "is not a plan"),
        ("dataset: x\ndrops: []", "drops"),
        ("dataset: x\ndrop:\n  - item: a", "drop.0.because"),
        ("format_version: 2\ndataset: x", "format_version"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_plan(file)
    with pytest.raises(ConfigError, match="cannot read the plan"):
        read_plan(tmp_path / "absent.yaml")


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(texts, texts, texts, st.booleans())
def test_any_names_survive_the_file(item: str, label: str, because: str, accepted: bool) -> None:
    import yaml

    before = plan(
        drop=(DropAction(item=item, because=because, accepted=accepted),),
        relabel=(RelabelAction(item=item, old=label, new=because, because=label),),
    )
    assert FixPlan.model_validate(yaml.safe_load(render_plan(before))) == before


def test_a_plan_says_what_waits_for_a_person() -> None:
    text = render_plan(plan(relabel=(relabel("t0", "calm", "loud", accepted=False),)))
    assert "# 1 actions are proposed only" in text
    assert '    because: "doubted"' in text
