"""What augmentation does to a batch, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import ConfigError
from genrekit.training.augment import augmented, check_augment, crop, cutmix, filter_curves, mask
from genrekit.training.augment import mixup as mix
from genrekit.training.batches import Batch
from genrekit.training.settings import Augment

N, BANDS, FRAMES = 6, 16, 30


def batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    mel = torch.randn(N, BANDS, FRAMES, generator=generator) * 10 - 40
    vector = torch.randn(N, 5, generator=generator)
    return Batch({"mel": mel, "vector": vector}, torch.eye(3)[torch.arange(N) % 3])


def drawn(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_is_changed_unless_asked_for() -> None:
    before = batch()
    after = augmented(before, Augment(), drawn())
    assert torch.equal(after.inputs["mel"], before.inputs["mel"])
    assert torch.equal(after.shares, before.shares)


@pytest.mark.parametrize(
    "settings",
    [{"gain_db": 6}, {"filter_db": 6}, {"noise_db": 2}, {"time_masks": 2}, {"band_masks": 2}],
)
def test_each_change_reaches_spectrograms_and_nothing_else(settings: dict[str, Any]) -> None:
    before = batch()
    kept = before.inputs["mel"].clone()
    after = augmented(before, Augment(**settings), drawn())
    assert after.inputs["mel"].shape == kept.shape
    assert not torch.equal(after.inputs["mel"], kept)
    assert torch.equal(before.inputs["mel"], kept), "the rows themselves must stay as they are"
    assert after.inputs["vector"] is before.inputs["vector"]
    assert torch.equal(after.shares, before.shares)


def test_gain_is_one_number_a_row_within_its_limit() -> None:
    before = batch()
    change = augmented(before, Augment(gain_db=6), drawn()).inputs["mel"] - before.inputs["mel"]
    assert torch.allclose(change, change[:, :1, :1].expand_as(change), atol=1e-5)
    assert 0 < change.abs().max() <= 6 + 1e-5
    assert len(set(change[:, 0, 0].tolist())) == N


def test_filters_are_smooth_and_the_same_at_all_times() -> None:
    curves = filter_curves(batch().inputs["mel"], drawn())
    assert curves.shape == (N, BANDS, 1)
    assert curves.abs().max() <= 1
    assert curves.diff(dim=1).abs().max() <= 2 / (BANDS / 4)


@given(st.integers(0, 1000), st.sampled_from([1, 2]), st.integers(0, 12))
def test_a_mask_is_one_stretch_of_the_mean(seed: int, axis: int, longest: int) -> None:
    x = batch().inputs["mel"]
    masked = mask(x, axis, longest, drawn(seed))
    for row, old in zip(masked, x, strict=True):
        hidden = (row != old).all(dim=2 - axis)
        assert torch.equal(row != old, hidden.unsqueeze(2 - axis).expand_as(old))
        places = hidden.nonzero().flatten().tolist()
        assert len(places) <= longest
        assert places == list(range(places[0], places[0] + len(places))) if places else True
        if places:
            assert torch.allclose(row[row != old], old.mean())


@given(st.integers(0, 1000), st.integers(1, FRAMES))
def test_a_crop_is_frames_in_a_row(seed: int, n_frames: int) -> None:
    x = torch.arange(FRAMES).float().expand(N, BANDS, FRAMES)
    cropped = crop(x, n_frames, drawn(seed))
    assert cropped.shape == (N, BANDS, n_frames)
    expected = (cropped[:, :1, :1] + torch.arange(n_frames)).expand_as(cropped)
    assert torch.equal(cropped, expected)


def test_crops_start_anywhere() -> None:
    x = torch.arange(FRAMES).float().expand(500, 1, FRAMES)
    assert set(crop(x, 28, drawn())[:, 0, 0].tolist()) == {0, 1, 2}


def test_mixup_mixes_all_inputs_and_the_shares_alike() -> None:
    before = batch()
    partners = torch.tensor([1, 2, 3, 4, 5, 0])
    after = mix(before, 0.75, partners)
    for name, x in before.inputs.items():
        assert torch.allclose(after.inputs[name], 0.75 * x + 0.25 * x[partners])
    assert torch.allclose(after.shares, 0.75 * before.shares + 0.25 * before.shares[partners])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_cutmix_shares_are_the_area_of_what_stayed(own: float, top: float, left: float) -> None:
    before = batch()
    partners = torch.tensor([1, 2, 3, 4, 5, 0])
    after = cutmix(before, own, partners, corner=(top, left))
    x, y = before.inputs["mel"], after.inputs["mel"]
    stayed = (y == x).float().mean().item()
    assert torch.equal(torch.where(y == x, x, x[partners]), y)
    expected = stayed * before.shares + (1 - stayed) * before.shares[partners]
    assert torch.allclose(after.shares, expected, atol=1e-6)
    assert stayed == pytest.approx(own, abs=0.1)


def test_the_same_seed_draws_the_same() -> None:
    every = Augment(
        crop=0.8,
        time_masks=1,
        band_masks=1,
        gain_db=3,
        filter_db=3,
        noise_db=1,
        mixup=0.3,
        cutmix=1,
    )
    results = []
    for seed in (4, 4, 5):
        torch.manual_seed(0)
        results.append(augmented(batch(), every, drawn(seed)))
    assert torch.equal(results[0].inputs["mel"], results[1].inputs["mel"])
    assert torch.equal(results[0].shares, results[1].shares)
    assert not torch.equal(results[0].inputs["mel"], results[2].inputs["mel"])


def test_shares_always_sum_to_one() -> None:
    for seed in range(20):
        after = augmented(batch(), Augment(mixup=0.3, cutmix=1.0), drawn(seed))
        assert torch.allclose(after.shares.sum(dim=1), torch.ones(N))


def test_changes_of_spectrograms_need_one() -> None:
    with pytest.raises(ConfigError, match=r"training\.augment\.gain_db"):
        check_augment(Augment(gain_db=3), {"gtzan57": (57,)})
    check_augment(Augment(mixup=0.2, gain_db=0), {"gtzan57": (57,)})
    check_augment(Augment(gain_db=3), {"gtzan57": (57,), "mel": (16, 30)})
