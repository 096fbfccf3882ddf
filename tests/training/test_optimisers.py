"""Learning rates against torch's schedulers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    OneCycleLR,
    ReduceLROnPlateau,
)

from genrekit.training.optimisers import best_epoch, build_optimiser, dropout_share, learning_rate
from genrekit.training.settings import TrainingConfig

STEPS = 40
LOSSES = [3.0, 2.0, 2.5, 2.0, 2.1, 2.2, 1.9, 1.9, 1.9, 1.9, 1.9, 2.0, 1.0, 1.0, 1.1]


def optimiser() -> Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def theirs(steps: int, **scheduler: Any) -> list[float]:
    one = optimiser()
    kind = scheduler.pop("kind")
    schedule = kind(one, **scheduler)
    rates = []
    for _ in range(steps):
        rates.append(one.param_groups[0]["lr"])
        one.step()
        schedule.step()
    return rates


def test_cosine() -> None:
    config = TrainingConfig(learning_rate=0.1, schedule="cosine")
    ours = [learning_rate(config, step / STEPS, []) for step in range(STEPS)]
    assert ours == pytest.approx(theirs(STEPS, kind=CosineAnnealingLR, T_max=STEPS))


def test_warm_restarts() -> None:
    config = TrainingConfig(
        epochs=STEPS, learning_rate=0.1, schedule="warm-restarts", restart_epochs=5
    )
    ours = [learning_rate(config, step / STEPS, []) for step in range(STEPS)]
    assert ours == pytest.approx(theirs(STEPS, kind=CosineAnnealingWarmRestarts, T_0=5, T_mult=2))
    equal = config.model_copy(update={"restart_factor": 1.0})
    ours = [learning_rate(equal, step / STEPS, []) for step in range(STEPS)]
    assert ours == pytest.approx(theirs(STEPS, kind=CosineAnnealingWarmRestarts, T_0=5))


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop"])
def test_betas_and_epsilon_reach_the_optimiser(name: Any) -> None:
    config = TrainingConfig(optimiser=name, betas=(0.8, 0.95), epsilon=1e-3)
    (group,) = build_optimiser(config, [torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert group["eps"] == 1e-3
    assert name == "rmsprop" or group["betas"] == (0.8, 0.95)


def test_dropout_falls_rises_or_stays() -> None:
    def shares(**settings: Any) -> list[float]:
        config = TrainingConfig(epochs=5, **settings)
        return [dropout_share(config, epoch) for epoch in range(1, 6)]

    assert shares() == [1, 1, 1, 1, 1]
    assert shares(dropout_schedule="linear") == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    rising = {"dropout_schedule": "linear", "dropout_start": 0.0, "dropout_end": 0.8}
    assert shares(**rising) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    half_a_wave = [1, 0.853553, 0.5, 0.146447, 0]
    assert shares(dropout_schedule="cosine") == pytest.approx(half_a_wave, abs=1e-5)


def test_one_cycle() -> None:
    config = TrainingConfig(learning_rate=0.1, schedule="one-cycle")
    # torch reaches the last rate at the last step, so its cycle is one step shorter.
    ours = [learning_rate(config, step / STEPS, []) for step in range(STEPS + 1)]
    cycle = {"max_lr": 0.1, "total_steps": STEPS + 1, "pct_start": 13 / 41, "cycle_momentum": False}
    assert ours == pytest.approx(theirs(STEPS + 1, kind=OneCycleLR, **cycle), abs=2e-4)
    assert max(ours) == pytest.approx(0.1)


def test_plateau() -> None:
    config = TrainingConfig(learning_rate=0.1, schedule="plateau", plateau_patience=2)
    ours = [learning_rate(config, 0.5, LOSSES[:epoch]) for epoch in range(len(LOSSES) + 1)]
    one = optimiser()
    schedule = ReduceLROnPlateau(one, factor=0.5, patience=2, threshold=0)
    rates = [0.1]
    for loss in LOSSES:
        schedule.step(loss)
        rates.append(one.param_groups[0]["lr"])
    assert ours == pytest.approx(rates)
    assert ours[-1] < 0.1


def test_constant() -> None:
    config = TrainingConfig(learning_rate=0.1, schedule="constant")
    assert {learning_rate(config, p, LOSSES) for p in (0, 0.3, 1)} == {0.1}


def test_the_first_of_the_best_epochs_is_kept() -> None:
    assert best_epoch([3, 1, 2, 1]) == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", Adam), ("adamw", AdamW), ("sgd", SGD), ("rmsprop", RMSprop)]
)
def test_optimisers_by_name(name: Any, kind: type[Optimizer]) -> None:
    config = TrainingConfig(optimiser=name, learning_rate=0.2, weight_decay=0.03, momentum=0.8)
    made = build_optimiser(config, [torch.nn.Parameter(torch.zeros(1))])
    assert type(made) is kind
    (group,) = made.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.2, 0.03)
    assert group.get("momentum", 0.8) == 0.8
