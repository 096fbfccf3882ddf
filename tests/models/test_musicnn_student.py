"""The student of MSD-musicnn's plan: level does not matter, and gradients are those of maxima."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from genrekit.models.musicnn import MusicnnBody
from genrekit.models.networks import Musicnn
from genrekit.models.peak_filters import PeakFilters, shifted_copies


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


@pytest.mark.parametrize("count", [1, 3, 7, 17, 23])
@pytest.mark.parametrize("size", [(7, 38), (128, 1), (64, 1), (1, 96)])
@pytest.mark.parametrize("extra_frames", [0, 1, 6])
def test_shifted_copies_give_the_loudest_band_of_plain_filters(
    count: int, size: tuple[int, int], extra_frames: int
) -> None:
    torch.manual_seed(2)
    filters = PeakFilters(count, *size).eval()
    torch.nn.init.normal_(filters.bias)
    # All below zero: where a copy goes past the end, the padding would be the loudest.
    x = -1 - torch.rand(2, size[0] + extra_frames, 96)
    filters.conv.weight.data.abs_()
    with torch.no_grad():
        found = filters(x)
        plain = functional.conv2d(x[:, None], filters.conv.weight).amax(dim=3)
    torch.testing.assert_close(found, plain + filters.bias[:, None])


def test_copies_fill_sixteen_channels_where_that_saves_products() -> None:
    # Fifteen channels and 132 frames for five frames, in place of sixteen and 128 for one.
    assert shifted_copies(3, 128) == 5
    # Fourteen of sixteen are full enough: a band more would cost more.
    assert shifted_copies(14, 67) == 1
    assert shifted_copies(16, 32) == 1
