"""What is planted in a table is found: the column, the mistake, the cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genrekit.datasets import load_dataset
from genrekit.errors import ConfigError, MissingExtraError
from genrekit.explain.columns import (
    column_plane,
    component_number,
    component_plane,
    partial_dependence,
)
from genrekit.explain.data import (
    EvaluatedData,
    column_importance,
    confident_mistakes,
    confusion_cells,
    explain_data,
)
from genrekit.explain.maps import agreement, fit_scaling, neighbours, principal_components
from genrekit.explain.shapley import shap_values
from genrekit.inference import Classifier

Floats = np.ndarray


def knows_one(x: Floats) -> Floats:
    """The probability of the second genre rests on column 1 alone."""
    yes = 1 / (1 + np.exp(-3 * x[:, 1].astype(np.float64)))
    return np.stack([1 - yes, yes], axis=1)


def rows(count: int = 40, columns: int = 4, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, (count, columns)).astype(np.float32)


def test_shap_values_add_up_and_are_of_the_planted_column() -> None:
    x = rows()
    try:
        values, usual = shap_values(knows_one, x[:5], x[5:25])
    except MissingExtraError:
        pytest.skip("shap is not installed")
    np.testing.assert_allclose(usual, knows_one(x[5:25]).mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(values.sum(axis=1) + usual, knows_one(x[:5]), atol=1e-6)
    np.testing.assert_allclose(values[:, [0, 2, 3]], 0, atol=1e-9)


def test_partial_dependence_is_the_mean_over_rows() -> None:
    x = rows()
    places, means = partial_dependence(knows_one, x, 1)
    assert list(places) == sorted(places)
    changed = x.copy()
    changed[:, 1] = places[3]
    np.testing.assert_allclose(means[3], knows_one(changed).mean(axis=0), atol=1e-6)
    _, flat = partial_dependence(knows_one, x, 0)
    np.testing.assert_allclose(flat, np.broadcast_to(flat[0], flat.shape), atol=1e-9)


def test_planes_hold_what_the_model_says_there() -> None:
    x = rows(columns=2) * np.float32(5)
    points, across, up, scores = column_plane(knows_one, x, 0, 1)
    np.testing.assert_allclose(points, x)
    here = np.array([[across[7], up[9]]], np.float32)
    np.testing.assert_allclose(scores[9, 7], knows_one(here)[0], atol=1e-6)
    # Of two columns the plane of components is the whole space, turned.
    points, across, up, scores = component_plane(knows_one, x)
    nearest = np.abs(across - points[0, 0]).argmin(), np.abs(up - points[0, 1]).argmin()
    np.testing.assert_allclose(scores[nearest[1], nearest[0]], knows_one(x[:1])[0], atol=0.4)


def test_a_plane_of_other_components_leaves_the_first_at_its_mean() -> None:
    x = rows(columns=3) * np.array([9, 1, 4], np.float32)
    points, *_, scores = component_plane(knows_one, x, 0, 1)
    others, across, up, flat = component_plane(knows_one, x, 2, 1)
    np.testing.assert_allclose(others[:, 1], points[:, 1])
    assert not np.allclose(others[:, 0], points[:, 0])
    assert flat.shape == scores.shape == (len(up), len(across), 2)
    scaling, parts = fit_scaling(x), principal_components(fit_scaling(x)(x))
    scaled = across[7] * parts.axes[2] + up[9] * parts.axes[1] + parts.centre
    here = (scaled * scaling.spread + scaling.centre).astype(np.float32)
    np.testing.assert_allclose(flat[9, 7], knows_one(here[np.newaxis])[0], atol=1e-5)
    assert [component_number(name) for name in ("component-3", "component-0", "tempo")] == [
        2,
        None,
        None,
    ]


def test_components_and_neighbours_by_hand() -> None:
    x = np.array([[0.0, 0], [1, 0], [5, 0.1], [6, 0]])
    parts = principal_components(x)
    assert parts.shares[0] > 0.99
    assert abs(parts.axes[0, 0]) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(parts.project(x, 2) @ parts.axes + parts.centre, x, atol=1e-9)
    assert neighbours(x, 1)[:, 0].tolist() == [1, 0, 3, 2]
    assert agreement(neighbours(x, 1), np.array([0, 0, 1, 0])) == 0.5
    assert not fit_scaling(np.ones((3, 2)))(np.ones((3, 2))).any()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> EvaluatedData:
    """A nearest-centre model on a table where one row has another genre's numbers."""
    from genrekit.models.classical import Logistic
    from genrekit.schema import ColumnsConfig
    from genrekit.training import DataConfig, ProtocolConfig, Recipe, train

    folder = tmp_path_factory.mktemp("planted")
    generator = np.random.default_rng(0)
    for name in ("train", "test"):
        lines = ["filename,mfcc1_mean,mfcc1_var,tempo,label"]
        for genre, centre in {"jazz": -2, "rock": 2}.items():
            for number in range(24):
                wrong = (name, genre, number) == ("test", "jazz", 5)
                told = -centre if wrong else centre
                cells = [generator.normal(), generator.normal(told, 0.5), generator.normal()]
                lines.append(f"{genre} {name} {number}.wav,{','.join(map(str, cells))},{genre}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    recipe = Recipe(
        name="planted",
        data=DataConfig(corpus="table", path=folder / "train.csv"),
        frontend=ColumnsConfig(),
        model=Logistic(),
        protocol=ProtocolConfig(name="holdout"),
    )
    classifier = Classifier.load(train(recipe, folder / "planted"))
    dataset = load_dataset("table", folder / "test.csv")
    return explain_data(classifier, dataset, item="jazz test 5.wav")


def test_the_planted_column_is_worth_most(judged: EvaluatedData) -> None:
    first, *others = judged.found.importance
    assert first.name == "mfcc1_var"
    assert first.drop.low > 0.2
    assert all(one.drop.value < 0.05 for one in others)
    families = {one.name: one for one in judged.found.family_importance}
    assert families["mfcc"].columns == ("mfcc1_mean", "mfcc1_var")
    assert families["mfcc"].drop.value > families["tempo"].drop.value
    assert column_importance(judged) == judged.found.importance


def test_the_planted_mistake_is_first_and_doubted(judged: EvaluatedData) -> None:
    first = judged.found.mistakes[0]
    assert (first.item, first.true, first.predicted) == ("jazz test 5.wav", "jazz", "rock")
    assert first.audit == "doubted: rock?"
    assert sum("(rock)" in one for one in first.neighbours) >= 3
    assert judged.found.right == 47
    assert judged.found.trained_on == 0
    cells = {(one.true, one.predicted): one.items for one in judged.found.confusion}
    assert cells[("jazz", "rock")] == ("jazz test 5.wav",)
    assert len(cells[("rock", "rock")]) == 24


def test_one_item_rests_on_the_planted_column(judged: EvaluatedData) -> None:
    first, *others = judged.found.columns
    assert judged.found.item == "jazz test 5.wav"
    assert first.name == "mfcc1_var"
    assert first.value > first.usual  # as of rock, in place of half way
    assert first.loss > 3 * max(abs(one.loss) for one in others)
    if judged.shap is not None:
        assert judged.shap.rows[0] == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item": "jazz test 50.wav"}, r"no item 'jazz test 50.wav'; .* jazz test \d+.wav"),
        ({"plane": ("tempo", "mfcc1_men")}, "no column 'mfcc1_men'; it has mfcc1_mean"),
        ({"plane": ("tempo", "tempo")}, "'tempo' is named twice"),
        ({"plane": ("component-1", "component-4")}, "3 components"),
        ({"plane": ("component-1", "tempo")}, "two columns, or of two components"),
    ],
)
def test_what_is_not_there_is_refused_at_once(
    judged: EvaluatedData, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        explain_data(judged.classifier, judged.dataset, **options)


def test_cells_and_mistakes_count_every_item(judged: EvaluatedData) -> None:
    wrong = judged.probabilities[:, ::-1]
    cells = confusion_cells(judged.classifier, judged.dataset, wrong)
    assert sum(len(one.items) for one in cells) == 48
    opinions = ["not doubted"] * 48
    found = confident_mistakes(
        judged.classifier, judged.dataset, wrong, judged.vectors, opinions, 5
    )
    assert len(found) == 5
    assert [one.probability for one in found] == sorted(
        (one.probability for one in found), reverse=True
    )
