"""The student of MSD-musicnn's plan: level does not matter, and gradients are those of maxima."""

from __future__ import annotations

import torch
from torch.nn import functional

from genrekit.models.musicnn import MusicnnBody, PeakFilters
from genrekit.models.networks import Musicnn


def test_the_level_of_a_recording_changes_nothing() -> None:
    torch.manual_seed(0)
    body = MusicnnBody(Musicnn(timbre=(2, 2), tempo=(2, 2, 2), middle=4, embedding=6)).eval()
    decibels = 10 * torch.randn(3, 96, 187) - 30
    with torch.no_grad():
        loud, quiet = body(decibels), body(decibels - 25)
    assert loud.shape == (3, 6)
    assert loud.std(dim=0).max() > 0.01  # windows do differ
    torch.testing.assert_close(quiet, loud, rtol=1e-3, atol=1e-4)


def test_the_gradient_of_peak_filters_is_that_of_the_maximum() -> None:
    torch.manual_seed(1)
    filters, x = PeakFilters(3, 5, 4), torch.randn(2, 20, 9)
    filters.train()
    found = filters(x)
    wanted = functional.conv2d(x[:, None], filters.conv.weight).amax(dim=3) + filters.bias[:, None]
    torch.testing.assert_close(found, wanted)
    weights = torch.randn_like(found)
    own = torch.autograd.grad((found * weights).sum(), [filters.conv.weight, filters.bias])
    true = torch.autograd.grad((wanted * weights).sum(), [filters.conv.weight, filters.bias])
    for one, other in zip(own, true, strict=True):
        torch.testing.assert_close(one, other)
    filters.eval()
    torch.testing.assert_close(filters(x), found)
