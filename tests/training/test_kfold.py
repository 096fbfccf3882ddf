"""A network per fold: trained, scored, continued where it was stopped, and summed up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset, make_split
from genrekit.errors import ConfigError
from genrekit.models.networks import Mlp
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.settings import TrainingConfig

FOLDS = 3


def recipe(table: Path) -> Recipe:
    return Recipe(
        name="folded",
        data=DataConfig(corpus="table", path=table),
        model=Mlp(layers=(16,)),
        training=TrainingConfig(epochs=4, batch_size=16, learning_rate=0.01, checkpoint_seconds=0),
        protocol=ProtocolConfig(name="grouped-kfold", n_folds=FOLDS),
        final_fit="everything",
    )


@pytest.fixture(scope="module")
def whole(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(recipe(table), tmp_path_factory.mktemp("whole") / "out")


def test_every_track_is_tested_once_by_a_network_that_never_saw_it(
    table: Path, whole: Path
) -> None:
    dataset = load_dataset("table", table)
    split = make_split(dataset, "grouped-kfold", n_folds=FOLDS)
    (result,) = load_bundle(whole).metrics.results
    assert result.items == len(dataset)
    assert result.split_fingerprint == split.fingerprint
    assert len(result.fold_accuracies) == FOLDS
    assert result.bundle_sha256 is None, "the numbers are not of the weights that are saved"
    sizes = [len(fold.test) for fold in split.folds]
    pooled = np.average(result.fold_accuracies, weights=sizes)
    assert result.accuracy.value == pytest.approx(pooled)


def test_mean_and_spread_are_reported(whole: Path) -> None:
    (result,) = load_bundle(whole).metrics.results
    assert result.over_folds is not None
    mean, spread = result.over_folds
    assert mean == pytest.approx(np.mean(result.fold_accuracies))
    assert spread == pytest.approx(np.std(result.fold_accuracies, ddof=1))
    card = (whole / "CARD.md").read_text(encoding="utf-8")
    assert f"over the {FOLDS} folds of grouped-kfold" in card
    found = result.accuracy_over_folds
    assert found is not None
    assert found.low < found.value == pytest.approx(mean)
    said = f"mean {mean:.3f} [{found.low:.3f}, {found.high:.3f}] (corrected t), standard deviation"
    assert f"{said} {spread:.3f}" in card
    alone = result.model_copy(update={"fold_accuracies": (0.5,)})
    assert alone.over_folds is None


def test_a_stopped_run_goes_on_in_the_fold_where_it_was(
    table: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def stop(stage: str, done: int, total: int) -> None:
        if "fold 2" in stage and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(table), out, progress=stop)
    assert not out.exists()
    later: list[tuple[str, int]] = []
    train(recipe(table), out, resume=True, progress=lambda *told: later.append(told[:2]))
    epochs = [(stage, done) for stage, done in later if stage.endswith("epochs")]
    assert not any("fold 1" in stage for stage, _ in epochs), "fold 1 was finished"
    # The second epoch was told of before its checkpoint was asked for.
    assert [done for stage, done in epochs if "fold 2" in stage] == [3, 4]
    assert [done for stage, done in epochs if "fold 3" in stage] == [1, 2, 3, 4]
    for file in ("model.onnx", "metrics.json", "weights.safetensors", "manifest.json"):
        assert (out / file).read_bytes() == (whole / file).read_bytes(), file
    assert not list(tmp_path.glob("*.training"))


def test_folds_alone_give_nothing_to_save(table: Path, tmp_path: Path) -> None:
    alone = recipe(table).model_copy(update={"final_fit": "protocol"})
    with pytest.raises(ConfigError, match="final_fit: everything"):
        train(alone, tmp_path / "out")
