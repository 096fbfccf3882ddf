from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from genrekit.distil import is_distil_recipe
from genrekit.errors import ConfigError
from genrekit.models.classical import Svm, Vote
from genrekit.training import load_recipe

RECIPE = """\
name: plain
data:
  corpus: table
  path: features.csv
model:
  architecture: svm
  c: 3
  prepare:
    drop: [harmony_mean]
protocol: {name: fault-filtered}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "plain.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_reads_what_is_written_and_keeps_the_text(recipe: Path) -> None:
    read = load_recipe(recipe)
    assert isinstance(read.model, Svm)
    assert read.model.c == 3
    assert read.model.prepare.drop == ("harmony_mean",)
    assert read.text == RECIPE


def test_paths_are_relative_to_the_recipe(recipe: Path, tmp_path: Path) -> None:
    assert load_recipe(recipe).data.path == tmp_path / "features.csv"


def test_paths_expand_the_environment(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe.write_text(RECIPE.replace("features.csv", "${SONGS}/x.csv"), encoding="utf-8")
    monkeypatch.setenv("SONGS", "/songs")
    assert load_recipe(recipe).data.path == Path("/songs/x.csv")


def test_overrides_are_yaml_values_and_are_noted_without_folders(recipe: Path) -> None:
    read = load_recipe(
        recipe,
        ["model.c=0.5", "calibrate=false", "model.prepare.drop=[a, b]", "data.path=/home/me/t.csv"],
    )
    assert isinstance(read.model, Svm)
    assert read.model.c == 0.5
    assert read.calibrate is False
    assert read.model.prepare.drop == ("a", "b")
    assert "# overridden: model.c=0.5\n" in read.text
    assert "/home/me" not in read.text
    assert read.text.endswith(RECIPE)


def test_another_architecture_has_other_settings(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("  c: 3\n", ""), encoding="utf-8")
    read = load_recipe(recipe, ["model.architecture=vote"])
    assert isinstance(read.model, Vote)
    assert [member.architecture for member in read.model.members] == [
        *("svm", "logistic", "forest", "extra-trees")
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("c: 3", "gama: 3", r"line 7, model\.gama: there is no such setting; did you mean gamma"),
        ("c: 3", "c: -3", r"line 7, model\.c: Input should be greater than 0"),
        ("drop:", "dropp:", r"line 9, model\.prepare\.dropp: .*did you mean drop"),
        ("corpus:", "corpse:", r"line 3, data\.corpse: .*did you mean corpus"),
        ("protocol:", "protocols:", r"line 10, protocols: .*did you mean protocol"),
        ("svm", "swm", "no 'swm' among the models; did you mean svm"),
        ("architecture: svm", "kind: svm", "model.architecture is missing"),
        ("name: plain", "name: Not Plain", r"line 1, name: String should match"),
        ("name: plain", "source: x", "source is not a setting"),
        (RECIPE, "- a\n- b\n", "holds no settings"),
        (RECIPE, "a: [", "is not YAML"),
    ],
)
def test_a_mistake_is_answered_with_its_place(
    recipe: Path, old: str, new: str, message: str
) -> None:
    recipe.write_text(RECIPE.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_recipe(recipe)


def test_mistakes_in_members_are_found(recipe: Path) -> None:
    settings = yaml.safe_load(RECIPE)
    settings["model"] = {
        "architecture": "vote",
        "members": [{"architecture": "knn"}, {"architecture": "forest", "tres": 3}],
    }
    recipe.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"model\.members\.1\.tres: .*did you mean trees"):
        load_recipe(recipe)


@pytest.mark.parametrize("override", ["model.c", "=3", "name.x=3", "model.c=[", "model.=3"])
def test_overrides_without_form_are_refused(recipe: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_recipe(recipe, [override])


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_recipe(tmp_path / "none.yaml")


def test_a_recipe_made_in_python_says_the_same_as_text(recipe: Path, tmp_path: Path) -> None:
    made = load_recipe(recipe).model_copy(update={"source": ""})
    again = tmp_path / "again.yaml"
    again.write_text(made.text, encoding="utf-8")
    assert str(tmp_path) not in made.text
    assert load_recipe(again).model_copy(update={"source": ""}) == made


RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.yaml"))
# Recipes of kind distil have a reader of their own: tests/distil/test_distil.py.
RECIPES = [path for path in RECIPES if not is_distil_recipe(path)]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_repository_is_valid(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREKIT_DATA", "/data")
    assert load_recipe(path).name


def test_there_is_a_recipe_for_every_classical_model() -> None:
    from genrekit.models import MODELS, NETWORKS

    folder = Path(__file__).parents[2] / "recipes" / "classical"
    assert {path.stem for path in folder.glob("*.yaml")} == set(MODELS) - set(NETWORKS)


def test_trees_lie_beside_the_recipe_or_in_it(tmp_path: Path) -> None:
    text = "name: r\ndata: {corpus: table}\nmodel: {architecture: logistic}\n"
    text += "protocol: {name: holdout}\nlabels: {tree: TREE}\n"
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace("TREE", "genres/tree.yaml"))
    recipe = load_recipe(path)
    assert recipe.labels.tree == tmp_path / "genres/tree.yaml"
    assert str(tmp_path) not in recipe.model_copy(update={"source": ""}).text
    for tree in ({"Punk": "Rock", "Rock": None}, {}, None):
        path.write_text(text.replace("TREE", json.dumps(tree)))
        assert load_recipe(path).labels.tree == tree
