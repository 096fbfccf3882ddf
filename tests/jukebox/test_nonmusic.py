"""Sound that is not music is what it says, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from genrekit.jukebox.nonmusic import NONMUSIC_KINDS, synthesise_nonmusic


@pytest.mark.parametrize("kind", NONMUSIC_KINDS)
def test_equal_seeds_give_equal_sound(kind: str) -> None:
    first, second = (synthesise_nonmusic(kind, seconds=2, seed=3) for _ in range(2))
    other = synthesise_nonmusic(kind, seconds=2, seed=4)
    assert np.array_equal(first.samples, second.samples)
    assert not np.array_equal(first.samples, other.samples)
    assert first.samples.shape == (44100,)
    assert np.isfinite(first.samples).all()
    assert 0.05 < np.abs(first.samples).max() <= 0.5


def test_hum_lies_at_the_mains() -> None:
    hum = synthesise_nonmusic("hum", seconds=4, seed=1)
    spectrum = np.abs(np.fft.rfft(hum.samples * np.hanning(len(hum.samples))))
    loudest_hz = np.fft.rfftfreq(len(hum.samples), 1 / hum.sample_rate_hz)[spectrum.argmax()]
    assert min(loudest_hz % 50, 50 - loudest_hz % 50, loudest_hz % 60, 60 - loudest_hz % 60) < 1


def test_beeps_are_silent_between() -> None:
    beeps = np.abs(synthesise_nonmusic("beeps", seconds=4, seed=2).samples)
    assert 0.1 < np.mean(beeps < 1e-6) < 0.9


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(ValueError, match="applause"):
        synthesise_nonmusic("silence")
