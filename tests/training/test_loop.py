"""The training loop: what it keeps, when it ends, and how it fails."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genrekit.errors import ConfigError, DatasetError, TrainingError
from genrekit.export.network import run_network
from genrekit.models import NetworkConfig, build_network
from genrekit.models.networks import Bigru, Cnn, Mlp
from genrekit.training.batches import Batch, Examples, batches
from genrekit.training.checkpoint import HISTORY, read_checkpoint, write_checkpoint
from genrekit.training.deep import NetworkFit, balanced_weights, fit_network
from genrekit.training.loop import EpochRecord, Hooks, Learner, evaluate, run_epochs
from genrekit.training.losses import build_loss
from genrekit.training.network_rows import held_out
from genrekit.training.optimisers import build_optimiser
from genrekit.training.rows import Rows
from genrekit.training.settings import Augment, TrainingConfig

CPU = torch.device("cpu")
NETWORK = Mlp(layers=(16, 8), batch_norm=True, dropout=0.2)


def examples(n: int = 30, seed: int = 0, noise: float = 1.0) -> Examples:
    """Three genres around centres that every seed shares."""
    centres = np.random.default_rng(99).normal(0, 1.5, (3, 6))
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = centres[y] + generator.normal(0, noise, (n, 6))
    return Examples({"gtzan57": x.astype(np.float32)}, np.eye(3, dtype=np.float32)[y])


def pictures(n: int = 12) -> Examples:
    generator = np.random.default_rng(0)
    x = generator.normal(-40, 10, (n, 16, 20)).astype(np.float32)
    return Examples({"mel": x}, np.eye(3, dtype=np.float32)[np.arange(n) % 3])


def learner(rows: Examples, network: NetworkConfig = NETWORK, **settings: Any) -> Learner:
    config = TrainingConfig(precision="float32", **settings)
    torch.manual_seed(0)
    built = build_network(network, rows.shapes, rows.shares.shape[1])
    built.fit_scales(rows.inputs)
    optimiser = build_optimiser(config, built.parameters())
    return Learner(built, optimiser, build_loss(config), config, CPU)


def fit(train: Examples, valid: Examples | None = None, **options: Any) -> NetworkFit:
    where = {name: options.pop(name) for name in ("seed", "work_dir") if name in options}
    return fit_network(NETWORK, TrainingConfig(**options), train, valid, **where)


class Stopped(Exception):
    """As by Ctrl-C."""


def stop_after(epochs: int) -> Callable[[EpochRecord], None]:
    def each_epoch(record: EpochRecord) -> None:
        if record.epoch == epochs:
            raise Stopped

    return each_epoch


# --- epochs and steps ---------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "size"), [(33, 32), (64, 32), (5, 32), (7, 3)])
def test_batches_hold_every_row_once_and_are_of_nearly_equal_size(n: int, size: int) -> None:
    rows = examples(n)
    order = np.random.default_rng(0).permutation(n)
    made = list(batches(rows, size, device=CPU, order=order))
    sizes = [len(batch.shares) for batch in made]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert np.array_equal(
        torch.cat([b.inputs["gtzan57"] for b in made]), rows.inputs["gtzan57"][order]
    )


def test_one_step_is_what_torch_does_by_hand() -> None:
    rows = examples(6)
    plain = Mlp(layers=(4,), dropout=0)
    settings: dict[str, Any] = {
        "epochs": 1,
        "batch_size": 6,
        "optimiser": "sgd",
        "momentum": 0,
        "weight_decay": 0,
        "learning_rate": 0.5,
        "schedule": "constant",
        "clip_norm": 0.1,
    }
    one, other = learner(rows, plain, **settings), learner(rows, plain, **settings)
    run_epochs(one, rows, None, Hooks())
    logits = other.network({"gtzan57": torch.from_numpy(rows.inputs["gtzan57"])})
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(6) % 3)
    torch.autograd.backward(loss)
    gradients = [p.grad for p in other.network.parameters() if p.grad is not None]
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    assert norm > 0.1, "there is something to clip"
    for mine, theirs in zip(one.network.parameters(), other.network.parameters(), strict=True):
        assert theirs.grad is not None
        stepped = theirs - 0.5 * theirs.grad * 0.1 / (norm + 1e-6)
        assert torch.allclose(mine, stepped, atol=1e-6)
    assert one.history[0].train_loss == pytest.approx(loss.item(), rel=1e-5)


def test_top3_counts_genres_among_the_best_three() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1, (40, 6)).astype(np.float32)
    y = np.arange(40) % 5
    rows = Examples({"gtzan57": x}, np.eye(5, dtype=np.float32)[y])
    one = learner(rows, epochs=2, batch_size=8)
    run_epochs(one, rows, rows, Hooks())
    last = one.history[-1]
    with torch.no_grad():
        logits = one.network({"gtzan57": torch.from_numpy(x)}).numpy()
    best = np.argsort(-logits, axis=1)[:, :3]
    assert last.valid_top3 == pytest.approx((best == y[:, None]).any(axis=1).mean())
    assert last.valid_accuracy is not None
    assert last.train_top3 is not None
    assert last.valid_top3 is not None
    assert last.train_accuracy <= last.train_top3
    assert last.valid_accuracy <= last.valid_top3


@pytest.mark.parametrize("loss", ["cross-entropy", "binary"])
def test_there_is_no_top3_of_three_genres_or_of_several_a_track(loss: Any) -> None:
    rows = examples()
    one = learner(rows, epochs=1, loss=loss)
    run_epochs(one, rows, rows, Hooks())
    (only,) = one.history
    assert only.train_top3 is None
    assert only.valid_top3 is None


def test_dropout_follows_its_schedule_in_every_layer() -> None:
    rows = pictures()
    network = Bigru(units=4, attention=4, dropout=0.4, layer_dropout=0.2, frames_per_step=2)
    one = learner(rows, network, epochs=3, dropout_schedule="linear", dropout_end=0.5)
    found = []

    def after_epoch(learner: Learner) -> None:
        recurrent = [m.dropout for m in learner.network.modules() if isinstance(m, torch.nn.GRU)]
        found.append((learner.network.dropout.p, *recurrent))

    run_epochs(one, rows, None, Hooks(after_epoch=after_epoch))
    expected = [(0.4, 0.2), (0.3, 0.15), (0.2, 0.1)]
    assert found == [pytest.approx(rates) for rates in expected]


def test_hooks_are_called_at_their_places() -> None:
    rows, calls = examples(30), []

    def before_step(batch: Batch, generator: np.random.Generator) -> Batch:
        calls.append("step")
        return batch

    hooks = Hooks(
        before_step=before_step,
        after_step=lambda done, total: calls.append(f"{done}/{total}"),
        after_epoch=lambda learner: calls.append(f"epoch {len(learner.history)}"),
    )
    run_epochs(learner(rows, epochs=2, batch_size=15), rows, rows, hooks)
    epoch = ["step", "1/2", "step", "2/2"]
    assert calls == [*epoch, "epoch 1", *epoch, "epoch 2"]


def test_validation_rows_are_never_augmented_or_learnt_from() -> None:
    rows, valid = examples(30), examples(9, seed=1)
    seen = []

    def before_step(batch: Batch, generator: np.random.Generator) -> Batch:
        seen.append(batch.inputs["gtzan57"])
        return batch

    one = learner(rows, epochs=2)
    run_epochs(one, rows, valid, Hooks(before_step=before_step))
    taken = {tuple(row) for row in torch.cat(seen).tolist()}
    assert taken == {tuple(row) for row in np.array(rows.inputs["gtzan57"]).tolist()}
    before = {k: v.clone() for k, v in one.network.state_dict().items()}
    last = one.history[-1]
    for _ in range(2):
        assert evaluate(one, valid)[:2] == (last.valid_loss, last.valid_accuracy)
    after = one.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_loop_learns() -> None:
    result = fit(examples(60), examples(60, seed=1), epochs=40, learning_rate=0.01)
    fresh = examples(90, seed=2)
    found = run_network(result.model, fresh.inputs, n_genres=3).argmax(axis=1)
    assert (found == fresh.shares.argmax(axis=1)).mean() > 0.8


# --- what is kept, and when it ends -------------------------------------------------------------


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_the_best_epoch_is_kept_and_patience_ends_training(monitor: Any) -> None:
    train, valid = examples(24, noise=2.0), examples(60, seed=1, noise=2.0)
    one = learner(train, epochs=400, patience=6, learning_rate=0.02, monitor=monitor)
    run_epochs(one, train, valid, Hooks())
    records = one.history
    loss, accuracy = np.array([(r.valid_loss, r.valid_accuracy) for r in records], np.float64).T
    best = int(np.argmin(loss) if monitor == "loss" else np.argmax(accuracy))
    assert len(records) == best + 1 + 6 < 400
    one.network.load_state_dict(one.best)
    assert evaluate(one, valid)[:2] == (records[best].valid_loss, records[best].valid_accuracy)


def test_without_validation_the_last_epoch_is_kept() -> None:
    rows = examples(24)
    one = learner(rows, epochs=30, patience=1)
    run_epochs(one, rows, None, Hooks())
    assert len(one.history) == 30
    now = one.network.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in one.best.items())


def test_no_patience_trains_all_epochs() -> None:
    train, valid = examples(24, noise=3.0), examples(24, seed=1, noise=3.0)
    assert len(fit(train, valid, epochs=60, patience=None, learning_rate=0.05).history) == 60


def test_held_out_recordings_are_of_every_genre_and_whole() -> None:
    y = np.repeat([0, 1, 2], [40, 20, 2])
    groups = np.array([f"g{row // 2}" for row in range(len(y))], object)
    rows = Rows(np.zeros((len(y), 1), np.float32), y, groups, groups)
    away = held_out(rows, 0.2, seed=0)
    assert {genre: int(away[y == genre].sum()) for genre in (0, 1, 2)} == {0: 8, 1: 4, 2: 0}
    assert not set(groups[away]) & set(groups[~away])
    assert not np.array_equal(away, held_out(rows, 0.2, seed=1))


def test_balanced_genres_weigh_the_same() -> None:
    shares = np.eye(3, dtype=np.float32)[[0, 0, 0, 0, 1, 2]]
    weights = balanced_weights(shares)
    assert np.allclose(weights * shares.sum(axis=0), 2)
    result = fit(examples(30), epochs=2, balance=True)
    assert len(result.history) == 2


# --- the same again -----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before() -> None:
    rows = examples()
    one = fit(rows, epochs=3, augment=Augment(mixup=0.3), seed=1)
    torch.manual_seed(12345)
    torch.rand(7)
    state = torch.get_rng_state()
    assert fit(rows, epochs=3, augment=Augment(mixup=0.3), seed=1).model == one.model
    assert fit(rows, epochs=3, augment=Augment(mixup=0.3), seed=2).model != one.model
    assert torch.equal(torch.get_rng_state(), state), "the caller's generator is left alone"
    assert not torch.are_deterministic_algorithms_enabled()


OPTIMISERS = ["adam", "adamw", "sgd", "rmsprop"]
SCHEDULES = ["plateau", "cosine", "one-cycle", "constant"]


@pytest.mark.parametrize(("optimiser", "schedule"), list(zip(OPTIMISERS, SCHEDULES, strict=True)))
@pytest.mark.parametrize("epochs", [1, 4])
def test_a_stopped_run_continues_to_the_same_weights(
    optimiser: str, schedule: str, epochs: int, tmp_path: Path
) -> None:
    train, valid = examples(24, noise=2.0), examples(24, seed=1, noise=2.0)
    options: dict[str, Any] = {
        "epochs": 7,
        "batch_size": 8,
        "optimiser": optimiser,
        "schedule": schedule,
        "plateau_patience": 1,
        "patience": 4,
        "augment": Augment(mixup=0.4),
        "checkpoint_seconds": 0,
    }
    whole = fit(train, valid, **options)
    with pytest.raises(Stopped):
        fit_network(
            NETWORK,
            TrainingConfig(**options),
            train,
            valid,
            work_dir=tmp_path,
            each_epoch=stop_after(epochs),
        )
    (folder,) = tmp_path.iterdir()
    state = json.loads((folder / f"epoch-{epochs:05d}" / "state.json").read_text())
    assert len(state["history"]) == epochs
    continued = fit(train, valid, work_dir=tmp_path, **options)
    assert continued.model == whole.model
    assert continued.files == whole.files


def test_an_interruption_between_checkpoints_costs_only_time(tmp_path: Path) -> None:
    rows = pictures()
    network = Cnn(channels=(4, 8))
    config = TrainingConfig(
        epochs=5, batch_size=4, checkpoint_seconds=0, augment=Augment(noise_db=2)
    )
    whole = fit_network(network, config, rows)
    with pytest.raises(Stopped):
        fit_network(network, config, rows, work_dir=tmp_path, each_epoch=stop_after(3))
    (folder,) = tmp_path.iterdir()
    (folder / "epoch-00009.part").mkdir()  # killed while writing
    rarely = config.model_copy(update={"checkpoint_seconds": 1e6})
    assert fit_network(network, rarely, rows, work_dir=tmp_path).files == whole.files


def test_other_rows_or_settings_do_not_continue_a_run(tmp_path: Path) -> None:
    fit(examples(), epochs=3, work_dir=tmp_path)
    fit(examples(), epochs=3, learning_rate=0.002, work_dir=tmp_path)
    fit(examples(seed=4), epochs=3, work_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    seen: list[EpochRecord] = []
    fit_network(
        NETWORK, TrainingConfig(epochs=3), examples(), work_dir=tmp_path, each_epoch=seen.append
    )
    assert seen == [], "it is finished: there is no epoch left"


def test_history_is_written_while_training_goes_on(tmp_path: Path) -> None:
    written: list[list[int]] = []

    def read(record: EpochRecord) -> None:
        (folder,) = tmp_path.iterdir()
        lines = (folder / HISTORY).read_text().splitlines()
        written.append([EpochRecord.model_validate_json(line).epoch for line in lines])

    config = TrainingConfig(epochs=3, checkpoint_seconds=0)
    fit_network(NETWORK, config, examples(), work_dir=tmp_path, each_epoch=read)
    assert written == [[1], [1, 2], [1, 2, 3]]


# --- failures -----------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_ends_in_a_sentence() -> None:
    wild = TrainingConfig(epochs=60, optimiser="sgd", learning_rate=10, clip_norm=None)
    with pytest.raises(TrainingError, match=r"train_loss is (nan|inf) in epoch \d+, .*lower"):
        fit_network(Mlp(layers=(64, 64, 64)), wild, examples())


def test_too_little_memory_ends_in_a_sentence() -> None:
    rows = examples()

    def hungry(batch: Batch, generator: np.random.Generator) -> Batch:
        torch.empty(2**46)
        return batch

    with pytest.raises(TrainingError, match=r"batches of 16 .*--set training\.batch_size=8"):
        run_epochs(learner(rows, batch_size=16), rows, None, Hooks(before_step=hungry))


def test_other_errors_are_not_called_a_lack_of_memory() -> None:
    rows = examples()

    def broken(batch: Batch, generator: np.random.Generator) -> Batch:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        run_epochs(learner(rows), rows, None, Hooks(before_step=broken))


def test_a_full_disk_ends_in_a_sentence_and_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    rows = examples()
    one = learner(rows, epochs=2)

    def keep_the_first(learner: Learner) -> None:
        if len(learner.history) == 1:
            write_checkpoint(tmp_path, learner)

    run_epochs(one, rows, None, Hooks(after_epoch=keep_the_first))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(TrainingError, match=r"epoch 2 cannot be written .*make room"):
            write_checkpoint(tmp_path, one)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00001"]
    assert read_checkpoint(tmp_path, learner(rows, epochs=2))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    rows = examples()
    one = learner(rows, epochs=1)
    run_epochs(one, rows, None, Hooks())
    folder = write_checkpoint(tmp_path, one)
    (folder / "weights.safetensors").write_bytes(b"no tensors")
    with pytest.raises(TrainingError, match=r"epoch-00001 cannot be read"):
        read_checkpoint(tmp_path, learner(rows, epochs=1))


def test_one_row_is_too_few() -> None:
    with pytest.raises(DatasetError, match="1 row"):
        fit(examples(1), epochs=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_asked_for_in_vain() -> None:
    with pytest.raises(ConfigError, match="no GPU"):
        fit(examples(), epochs=1, device="cuda")


def test_half_precision_learns_too() -> None:
    result = fit(examples(60), epochs=20, precision="bfloat16", learning_rate=0.01)
    assert result.history[-1].train_accuracy > 0.7
    exact = fit(examples(60), epochs=20, precision="float32", learning_rate=0.01)
    assert exact.model != result.model
