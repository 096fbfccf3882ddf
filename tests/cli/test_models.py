"""``genrekit models``: list, show, verify, add, alias."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.schema import BundleMetrics, Manifest, TrackPrediction

Run = Callable[..., Any]
Build = Callable[..., Path]


@pytest.fixture
def broken(tiny_bundle: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_bundle, folder)
    (folder / "golden.npz").write_bytes(b"nonsense")
    return folder


def test_the_model_of_the_package_is_listed(run: Run) -> None:
    (row,) = json.loads(run("models", "--json").out)
    assert row["aliases"] == ["default"]
    assert row["packaged"] is True
    assert row["genres"] == 10
    assert row["problem"] == ""
    heading, line = run("models").out.splitlines()
    assert heading.split() == [
        *("name", "version", "aliases", "architecture", "genres", "size", "from")
    ]
    assert line.split()[:3] == [row["name"], row["version"], "default"]


def test_versions_and_aliases(run: Run, bundle_factory: Build, tmp_path: Path) -> None:
    for version in ("0.1.0", "0.2.0"):
        path = bundle_factory(tmp_path / version, version=version)
        ran = run("models", "add", path)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"tiny@{version} is stored in ")
    assert run("models", "alias", "tiny", "good", "0.1.0") == (0, "tiny@good is tiny@0.1.0\n", "")
    rows = [row for row in json.loads(run("models", "--json").out) if row["name"] == "tiny"]
    assert [(row["version"], row["aliases"]) for row in rows] == [
        ("0.1.0", ["good"]),
        ("0.2.0", []),
    ]

    def version_of(name: str) -> str:
        return str(json.loads(run("models", "show", name, "--json").out)["manifest"]["version"])

    assert version_of("tiny") == "0.2.0"
    assert version_of("tiny@good") == "0.1.0"
    assert version_of("tiny@0.2.0") == "0.2.0"
    assert version_of(str(tmp_path / "0.1.0")) == "0.1.0"


def test_a_champion_is_promoted_and_rolled_back_by_one_command(
    run: Run, bundle_factory: Build, tmp_path: Path
) -> None:
    for version in ("0.1.0", "0.2.0"):
        assert run("models", "add", bundle_factory(tmp_path / version, version=version)).code == 0
    for version in ("0.1.0", "0.2.0"):
        ran = run("models", "promote", f"tiny@{version}")
        assert ran == (0, f"default@champion is tiny@{version}\n", "")
    back = json.loads(run("models", "rollback", "--json").out)
    assert (back["action"], back["model"]) == ("roll back", "tiny@0.1.0")
    assert run("models", "show", "default@champion").out.startswith("# tiny 0.1.0")
    steps = json.loads(run("models", "history", "--json").out)
    assert [step["model"] for step in steps] == ["tiny@0.1.0", "tiny@0.2.0", "tiny@0.1.0"]
    assert run("models", "history").out.splitlines()[-1].endswith("roll back  tiny@0.1.0")
    assert run("models", "rollback").code == 0
    refused = run("models", "rollback")
    assert refused.code == 2
    assert "nothing to go back to" in refused.err


def test_a_model_called_like_the_packaged_one_stands_beside_it(
    run: Run, bundle_factory: Build, song: Path, tmp_path: Path
) -> None:
    (packaged,) = json.loads(run("models", "--json").out)
    path = bundle_factory(tmp_path / "mine", name=packaged["name"], version="7.0.0")
    assert run("models", "add", path).code == 0
    listed = json.loads(run("models", "--json").out)
    assert [(row["version"], row["packaged"]) for row in listed] == [
        (packaged["version"], True),
        ("7.0.0", False),
    ]

    def answering(model: str) -> str:
        line = run("predict", song, "--model", model, "--json").out
        answer = TrackPrediction.model_validate_json(line)
        assert answer.model is not None
        return answer.model.version

    assert answering("default") == packaged["version"]
    assert answering(packaged["name"]) == "7.0.0"
    assert answering(f"{packaged['name']}@{packaged['version']}") == packaged["version"]


def test_adding_as_json_and_with_an_alias(run: Run, tiny_bundle: Path) -> None:
    added = json.loads(run("models", "add", tiny_bundle, "--alias", "best", "--json").out)
    assert added["alias"] == "best"
    assert (added["name"], added["version"]) == ("tiny", "0.1.0")
    assert Path(added["directory"]).is_relative_to(os.environ["GENREKIT_HOME"])
    assert load_bundle("tiny@best").sha256 == load_bundle(tiny_bundle).sha256
    aliased = run("models", "alias", "tiny", "other", "0.1.0", "--json")
    assert json.loads(aliased.out) == {"name": "tiny", "alias": "other", "version": "0.1.0"}
    # Adding the same once more changes nothing.
    assert run("models", "add", tiny_bundle).code == 0


def test_another_bundle_of_the_same_version_is_refused(
    run: Run, bundle_factory: Build, tiny_bundle: Path, tmp_path: Path
) -> None:
    assert run("models", "add", tiny_bundle).code == 0
    other = bundle_factory(tmp_path / "other", temperature=2.0)
    ran = run("models", "add", other)
    assert (ran.code, ran.out) == (5, "")
    assert "give the new one a higher version" in ran.err


def test_the_card(run: Run, tiny_bundle: Path) -> None:
    ran = run("models", "show", tiny_bundle)
    card = (tiny_bundle / "CARD.md").read_text(encoding="utf-8").split("\n---\n\n", 1)[1]
    shown_card, _, said = ran.out.partition("\n## Written into model.onnx\n\n")
    assert (ran.code, shown_card, ran.err) == (0, card, "")
    assert "- genrekit.licence: `MIT`" in said
    shown = json.loads(run("models", "show", tiny_bundle, "--json").out)
    bundle = load_bundle(tiny_bundle)
    assert Manifest.model_validate(shown["manifest"]) == bundle.manifest
    assert BundleMetrics.model_validate(shown["metrics"]) == bundle.metrics
    assert shown["sha256"] == bundle.sha256
    assert shown["onnx_metadata"]["genrekit.name"] == "tiny"


def test_the_card_of_the_default_says_how_good_it_is(run: Run) -> None:
    card = run("models", "show").out
    assert card.startswith("# ")
    assert "leave-one-collection-out" in card


def test_verifying(run: Run, tiny_bundle: Path, broken: Path) -> None:
    digest = load_bundle(tiny_bundle).sha256
    assert run("models", "verify", tiny_bundle).out == f"tiny 0.1.0 is intact: {digest}\n"
    said = json.loads(run("models", "verify", tiny_bundle, "--json").out)
    assert said == {"model": str(tiny_bundle), "ok": True, "sha256": digest}
    assert run("models", "verify").code == 0

    shown = run("models", "verify", broken)
    assert (shown.code, shown.out) == (5, "")
    assert "golden.npz" in shown.err
    ran = run("models", "verify", broken, "--json")
    assert (ran.code, ran.err) == (5, "")
    assert json.loads(ran.out)["ok"] is False
    assert "golden.npz" in json.loads(ran.out)["problem"]


@pytest.mark.parametrize("command", ["show", "add"])
def test_broken_bundles_are_refused(run: Run, broken: Path, command: str) -> None:
    ran = run("models", command, broken)
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: golden.npz")


def test_a_card_that_is_missing_is_a_broken_bundle(run: Run, broken: Path) -> None:
    (broken / "CARD.md").unlink()
    ran = run("models", "show", broken)
    assert (ran.code, ran.out) == (5, "")
    assert "CARD.md" in ran.err


def test_a_damaged_one_in_the_store_is_listed_with_its_problem(run: Run, tiny_bundle: Path) -> None:
    stored = Path(json.loads(run("models", "add", tiny_bundle, "--json").out)["directory"])
    (stored / "manifest.json").write_text("{")
    (row,) = [row for row in json.loads(run("models", "--json").out) if row["name"] == "tiny"]
    assert "manifest.json" in row["problem"]
    assert "manifest.json" in run("models").out


def test_names_and_versions_that_are_not_there(run: Run) -> None:
    ran = run("models", "show", "bocks")
    assert (ran.code, ran.out) == (2, "")
    assert "no model or directory 'bocks'" in ran.err
    ran = run("models", "alias", "tiny", "best", "0.1.0")
    assert (ran.code, ran.out) == (2, "")
    assert "tiny@0.1.0" in ran.err
