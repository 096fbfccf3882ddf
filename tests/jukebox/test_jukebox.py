"""The jukebox keeps its promises, and its genres can be told apart."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.errors import ConfigError
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.jukebox.genres import disco, reggae
from genrekit.jukebox.harmony import chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.play import compose
from genrekit.jukebox.score import Clock

Samples = NDArray[np.float32]


def clip(genre: str, seed: int = 1, seconds: float = 6.0) -> Samples:
    return synthesise(genre, seconds=seconds, seed=seed).samples


def power_frames(samples: Samples, size: int = 1024, hop: int = 256) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), size)[::hop]
    return np.abs(scipy.fft.rfft(frames * np.hanning(size), axis=1)) ** 2 + 1e-12


def flatness(samples: Samples) -> float:
    power = power_frames(samples)[:, 5:400]
    return float(np.mean(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)))


def level_spread_db(samples: Samples) -> float:
    """Standard deviation of the level of blocks of half a second."""
    blocks = samples[: len(samples) // 11025 * 11025].reshape(-1, 11025)
    return float(np.std(10 * np.log10(np.mean(blocks**2, axis=1))))


def onsets(samples: Samples) -> NDArray[np.float64]:
    """Spectral flux, one value each 256 samples."""
    level = np.log(power_frames(samples) + 1e-4)
    flux: NDArray[np.float64] = np.maximum(0, np.diff(level, axis=0)).mean(axis=1)
    return flux


def periodicity(samples: Samples, period_seconds: float) -> float:
    """Autocorrelation of the onsets at a lag, against that at lag zero."""
    flux = onsets(samples) - onsets(samples).mean()
    lag = round(period_seconds * 22050 / 256)
    near = [float(flux[:-step] @ flux[step:]) for step in range(lag - 1, lag + 2)]
    return max(near) / float(flux @ flux)


def fingerprint(samples: Samples) -> NDArray[np.float64]:
    """A few numbers of timbre and dynamics, enough to tell recipes apart."""
    power = power_frames(samples, 2048, 1024)
    edges = np.unique(np.geomspace(2, 1024, 17).astype(int))
    bands = np.log(np.add.reduceat(power[:, :1024], edges[:-1], axis=1))
    shape = bands - bands.mean(axis=1, keepdims=True)
    return np.concatenate(
        [shape.mean(axis=0), shape.std(axis=0), [bands.mean(), bands.mean(axis=1).std()]]
    )


@pytest.mark.parametrize("genre", JUKEBOX_GENRES)
def test_clip_is_finite_mono_float32_at_its_peak(genre: str) -> None:
    waveform = synthesise(genre, seconds=3.0, seed=5)
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.shape == (3 * 22050,)
    assert np.isfinite(waveform.samples).all()
    peak_db = 20 * np.log10(np.abs(waveform.samples).max())
    assert -9.0 < peak_db < -2.9
    if genre not in ("classical", "jazz"):
        assert peak_db == pytest.approx(-3.0, abs=0.01)
    assert waveform.warnings == ()
    assert np.sqrt(np.mean(waveform.samples**2)) > 0.01


@settings(max_examples=15, deadline=None)
@given(
    genre=st.sampled_from(JUKEBOX_GENRES),
    seconds=st.floats(0.05, 2.5),
    rate_hz=st.sampled_from((4000, 8000, 16000, 22050, 44100, 48000, 192000)),
    seed=st.integers(0, 2**31),
)
def test_any_length_rate_and_seed_gives_sound(
    genre: str, seconds: float, rate_hz: int, seed: int
) -> None:
    waveform = synthesise(genre, seconds=seconds, seed=seed, sample_rate_hz=rate_hz)
    assert waveform.sample_rate_hz == rate_hz
    assert len(waveform.samples) == round(seconds * rate_hz)
    assert np.isfinite(waveform.samples).all()
    assert 0.3 < np.abs(waveform.samples).max() < 0.71


@pytest.mark.parametrize("genre", JUKEBOX_GENRES)
def test_same_arguments_same_bits_and_other_seed_other_piece(genre: str) -> None:
    first = clip(genre, 3, 1.0)
    assert first.tobytes() == clip(genre, 3, 1.0).tobytes()
    other = clip(genre, 4, 1.0)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.5


def test_same_bits_in_a_fresh_process() -> None:
    program = (
        "import hashlib; from genrekit.jukebox import synthesise;"
        "print(hashlib.sha256(synthesise('jazz', seconds=1.5, seed=9).samples.tobytes())"
        ".hexdigest())"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert fresh.stdout.strip() == hashlib.sha256(clip("jazz", 9, 1.5).tobytes()).hexdigest()


@pytest.mark.parametrize("genre", JUKEBOX_GENRES)
def test_a_longer_piece_begins_with_the_notes_of_a_shorter_one(genre: str) -> None:
    short, long = compose(genre, seconds=5.0, seed=2), compose(genre, seconds=20.0, seed=2)
    assert sum(map(len, long.lines.values())) > sum(map(len, short.lines.values()))
    for line, notes in short.lines.items():
        assert long.lines[line][: len(notes)] == notes


@pytest.mark.parametrize("genre", JUKEBOX_GENRES)
def test_every_line_has_a_part_and_stays_in_range(genre: str) -> None:
    for seed in range(8):
        score = compose(genre, seconds=30.0, seed=seed)
        assert set(score.lines) <= set(score.parts)
        for notes in score.lines.values():
            assert all(note.start_seconds >= 0 and note.seconds > 0 for note in notes)
            assert all(20 <= note.pitch <= 105 and 0 < note.velocity <= 1.2 for note in notes)
        assert max(note.start_seconds for notes in score.lines.values() for note in notes) > 29


def test_tempo_and_key_differ_between_seeds() -> None:
    tempos = {compose("rock", seconds=1.0, seed=seed).bpm for seed in range(20)}
    assert len(tempos) == 20
    roots = {compose("rock", seconds=1.0, seed=seed).lines["bass"][0].pitch for seed in range(30)}
    assert len(roots) >= 8


@pytest.mark.parametrize(
    ("genre", "slowest", "fastest"), [("disco", 118, 126), ("hiphop", 85, 100)]
)
def test_tempo_lies_in_the_range_of_the_genre(genre: str, slowest: float, fastest: float) -> None:
    for seed in range(20):
        assert slowest <= compose(genre, seconds=1.0, seed=seed).bpm <= fastest


def test_disco_is_four_on_the_floor_and_reggae_drops_the_first_beat() -> None:
    four = disco.compose(np.random.default_rng(0), 8.0)
    kicks = [note.start_seconds * four.bpm / 60 for note in four.lines["kick"][:16]]
    np.testing.assert_allclose(kicks, range(16), atol=0.05)
    drop = reggae.compose(np.random.default_rng(3), 8.0)
    snares = [note.start_seconds * drop.bpm / 60 % 4 for note in drop.lines["rim"][:8]]
    np.testing.assert_allclose(snares, 2.0, atol=0.1)


@pytest.mark.parametrize("genre", ["disco", "metal", "rock"])
def test_onsets_recur_with_the_beat(genre: str) -> None:
    beat_seconds = 60 / compose(genre, seconds=10.0, seed=1).bpm
    assert periodicity(clip(genre, 1, 10.0), 2 * beat_seconds) > 0.4


def test_classical_has_no_strong_beat_and_no_drums() -> None:
    for seed in range(3):
        score = compose("classical", seconds=10.0, seed=seed)
        assert not {"kick", "snare", "hat"} & set(score.lines)
        samples = clip("classical", seed, 10.0)
        beat = periodicity(samples, 2 * 60 / score.bpm)
        disco_bpm = compose("disco", seconds=10.0, seed=seed).bpm
        assert beat < 0.75 * periodicity(clip("disco", seed, 10.0), 2 * 60 / disco_bpm)


@pytest.mark.parametrize("seed", range(4))
def test_metal_is_noisier_and_steadier_than_classical(seed: int) -> None:
    metal, classical = clip("metal", seed), clip("classical", seed)
    assert flatness(metal) > 2 * flatness(classical)
    assert level_spread_db(metal) < level_spread_db(classical)


@pytest.mark.slow
def test_genres_can_be_told_apart_on_other_seeds() -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features = {
        part: np.array([fingerprint(clip(g, s, 2.5)) for g in JUKEBOX_GENRES for s in seeds])
        for part, seeds in {"train": range(6), "test": range(100, 103)}.items()
    }
    model = make_pipeline(StandardScaler(), SVC(C=10))
    model.fit(features["train"], np.repeat(JUKEBOX_GENRES, 6))
    right = model.predict(features["test"]) == np.repeat(JUKEBOX_GENRES, 3)
    assert right.mean() >= 0.8


def test_unknown_genre_names_the_near_one() -> None:
    with pytest.raises(ConfigError, match="did you mean reggae"):
        synthesise("regae")


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"seconds": 0.0}, "seconds is 0"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": 1e6}, "seconds is 1000000"),
        ({"seed": -1}, "seed is -1"),
        ({"sample_rate_hz": 10}, "sample_rate_hz is 10"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, float], seen: str) -> None:
    with pytest.raises(ConfigError, match=seen):
        synthesise("pop", **options)  # type: ignore[arg-type]


def test_roman_numerals_name_the_right_notes() -> None:
    assert chord("V7", 0).root == 7
    assert sorted({(7 + i) % 12 for i in chord("V7", 0).intervals}) == [2, 5, 7, 11]
    assert [c.root for c in chords("I V vi IV", 7)] == [7, 2, 4, 0]
    assert chord("bVII", 0).root == 10
    assert chord("vi", 0).intervals == (0, 3, 7)
    assert chord("iim7b5", 0).intervals == (0, 3, 6, 10)
    assert {p % 12 for p in voiced(chord("I", 2), 60)} == {2, 6, 9}
    assert root_near(chord("I", 4), 38) == 40
    assert scale_pitches(0, "blues", 60, 72) == (60, 63, 65, 66, 67, 70, 72)
    with pytest.raises(ConfigError, match="is not a chord"):
        chord("H7", 0)
    with pytest.raises(ConfigError, match="quality"):
        chord("I77", 0)


@given(beat=st.floats(0, 400), step=st.floats(0.01, 2))
def test_time_never_runs_backwards(beat: float, step: float) -> None:
    for clock in (Clock(90), Clock(120, swing=0.66), Clock(60, rubato_seconds=0.1)):
        assert clock.seconds(beat + step) > clock.seconds(beat)


def test_swing_puts_the_off_beat_on_the_triplet() -> None:
    clock = Clock(60, swing=2 / 3)
    assert clock.seconds(1.5) == pytest.approx(1 + 2 / 3)
    assert clock.seconds(2.0) == pytest.approx(2.0)
