"""The picture pipeline against hand-computed levels, Pillow's definitions and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from genrekit.errors import ConfigError
from genrekit.training.augment import augmented, check_augment
from genrekit.training.augment_pictures import (
    brightness,
    contrast,
    denoise,
    enhanced,
    pipeline,
    sharpness,
)
from genrekit.training.batches import Batch
from genrekit.training.settings import Augment, PictureAugment

PUBLISHED = PictureAugment(share=1, denoise_pixels=1, contrast=0.2, brightness=0.1, sharpness=0.1)


def pictures(n: int = 4, rows: int = 9, columns: int = 11) -> torch.Tensor:
    return torch.rand(n, rows, columns, generator=torch.Generator().manual_seed(2))


def test_contrast_moves_levels_away_from_the_mean_of_their_picture() -> None:
    x = torch.tensor([[[0.2, 0.4], [0.6, 0.8]], [[0.1, 0.1], [0.1, 0.1]]])
    expected = torch.tensor([[[0.14, 0.38], [0.62, 0.86]], [[0.1, 0.1], [0.1, 0.1]]])
    torch.testing.assert_close(contrast(x, 0.2), expected)


def test_brightness_raises_levels_by_a_share_and_stops_at_the_brightest() -> None:
    x = torch.tensor([[[0.0, 0.5, 0.95]]])
    torch.testing.assert_close(brightness(x, 0.1), torch.tensor([[[0.0, 0.55, 1.0]]]))


def test_sharpness_moves_levels_away_from_their_smoothed_neighbourhood() -> None:
    x = torch.zeros(1, 3, 3)
    x[0, 1, 1] = 0.65
    # Smoothed, the middle is 5/13 of 0.65 = 0.25; ten per cent farther from that is 0.69.
    expected = x.clone()
    expected[0, 1, 1] = 0.69
    torch.testing.assert_close(sharpness(x, 0.1), expected)
    dot = torch.zeros(1, 5, 5)
    dot[0, 2, 2] = 0.65
    assert sharpness(dot, 0.1)[0, 1, 1] == 0, "levels do not fall below the darkest"


@pytest.mark.parametrize("deviation", [0.6, 1.0, 2.0])
def test_denoising_is_the_gaussian_of_scipy(deviation: float) -> None:
    x = pictures()
    expected = [gaussian_filter(one.numpy(), deviation, mode="nearest") for one in x]
    np.testing.assert_allclose(denoise(x, deviation).numpy(), np.stack(expected), atol=1e-6)


def test_the_published_pipeline_is_its_parts_in_order() -> None:
    x = pictures()
    by_hand = sharpness(brightness(contrast(denoise(x, 1), 0.2), 0.1), 0.1)
    torch.testing.assert_close(pipeline(x, PUBLISHED), by_hand)
    assert by_hand.min() >= 0
    assert by_hand.max() <= 1


def test_a_share_of_the_rows_is_changed() -> None:
    x = pictures(400)
    half = PUBLISHED.model_copy(update={"share": 0.5})
    after = enhanced(x, half, np.random.default_rng(0))
    changed = (after != x).any(dim=2).any(dim=1)
    assert 150 < int(changed.sum()) < 250
    assert torch.equal(after[changed], pipeline(x, half)[changed])


def test_batches_of_pictures_go_through_it_and_vectors_do_not() -> None:
    before = Batch({"picture": pictures(), "gtzan57": torch.ones(4, 3)}, torch.eye(4))
    after = augmented(before, Augment(pictures=PUBLISHED), np.random.default_rng(0))
    torch.testing.assert_close(after.inputs["picture"], pipeline(pictures(), PUBLISHED))
    assert after.inputs["gtzan57"] is before.inputs["gtzan57"]
    assert torch.equal(before.inputs["picture"], pictures()), "rows must stay as they are"
    with pytest.raises(ConfigError, match=r"training\.augment\.pictures"):
        check_augment(Augment(pictures=PUBLISHED), {"gtzan57": (3,)})
