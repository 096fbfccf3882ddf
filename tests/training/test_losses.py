"""Losses against torch's own and against hand-made numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from genrekit.training.losses import asymmetric, build_loss
from genrekit.training.settings import TrainingConfig

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0], [-2.0, 4.0, 1.0], [0.0, 0.0, 0.0]])
LABELS = torch.tensor([0, 2, 1, 1])
SHARES = functional.one_hot(LABELS, 3).float()
WEIGHTS = torch.tensor([1.0, 0.5, 3.0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_that_of_torch(smoothing: float, weights: torch.Tensor | None) -> None:
    ours = build_loss(TrainingConfig(label_smoothing=smoothing), weights)(LOGITS, SHARES)
    theirs = functional.cross_entropy(LOGITS, LABELS, weight=weights, label_smoothing=smoothing)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_mixed_labels_are_charged_by_their_shares() -> None:
    loss = build_loss(TrainingConfig())
    half = loss(LOGITS[:1], torch.tensor([[0.5, 0.5, 0.0]]))
    parts = [loss(LOGITS[:1], torch.eye(3)[row : row + 1]).item() for row in (0, 1)]
    assert half.item() == pytest.approx(sum(parts) / 2)


def test_binary_is_that_of_torch() -> None:
    several = torch.tensor([[1.0, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]])
    ours = build_loss(TrainingConfig(loss="binary"))(LOGITS, several)
    theirs = functional.binary_cross_entropy_with_logits(LOGITS, several)
    assert ours.item() == pytest.approx(theirs.item())


def test_asymmetric_by_hand() -> None:
    # One cell of probability 0.5: present, and absent with the margin of 0.05.
    present = asymmetric(torch.zeros(1, 1), torch.ones(1, 1)).item()
    absent = asymmetric(torch.zeros(1, 1), torch.zeros(1, 1)).item()
    assert present == pytest.approx(-0.5 * math.log(0.5))
    assert absent == pytest.approx(-(0.45**4) * math.log(0.55))
    # What is surely absent costs nothing at all, and a certain mistake stays finite.
    assert asymmetric(torch.full((1, 1), -6.0), torch.zeros(1, 1)).item() == 0
    logits = torch.full((1, 1), -200.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(asymmetric(logits, torch.ones(1, 1)), logits)
    assert torch.isfinite(gradient).all()
