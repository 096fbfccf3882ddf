"""Occlusion finds what was planted, and costs nothing where nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

from genrekit.audio import Waveform
from genrekit.errors import AudioContentError, ConfigError
from genrekit.explain import occlude_patches, occlude_seconds, pieces, predict_track, time_line
from genrekit.explain.faithfulness import curve, hiding_seconds, measure_faithfulness, verdict
from genrekit.explain.masking import Piece, hidden_scores, hide
from genrekit.explain.occlusion import replace_columns, telling_window
from genrekit.explain.records import Faithfulness
from genrekit.inference import Classifier

RATE_HZ = 22050
INSIDE = {2.0, 3.0}


@pytest.mark.parametrize("fill", ["cut", "silence", "noise"])
def test_the_planted_seconds_are_found(classifier: Classifier, glued: Waveform, fill: str) -> None:
    track = predict_track(classifier, glued, fill=fill)  # type: ignore[arg-type]
    spans = list(occlude_seconds(track, pieces(glued, 1.0), "metal"))
    assert [span.start_seconds for span in spans] == [0, 1, 2, 3, 4, 5]
    best = sorted(spans, key=lambda span: -span.loss)[:2]
    assert {span.start_seconds for span in best} == INSIDE
    if fill == "silence":
        assert min(span.loss for span in best) > 0.05


def test_the_time_line_turns_where_the_music_does(classifier: Classifier, glued: Waveform) -> None:
    line = list(time_line(classifier, glued, seconds=1.0, hop_seconds=1.0))
    metal = {one.start_seconds for one in line if next(iter(one.scores)) == "metal"}
    assert metal == INSIDE
    assert line[-1].end_seconds == pytest.approx(glued.seconds)


def test_hiding_nothing_changes_nothing_and_hiding_all_leaves_the_filling(
    classifier: Classifier, glued: Waveform
) -> None:
    track = predict_track(classifier, glued)
    assert hidden_scores(track, []) == pytest.approx(track.probabilities)
    silence = predict_track(classifier, Waveform(np.zeros_like(glued.samples), RATE_HZ))
    everything = hidden_scores(track, pieces(glued, 1.0))
    np.testing.assert_allclose(everything, silence.probabilities, atol=1e-6)
    np.testing.assert_array_equal(hide(track, []), glued.samples)
    np.testing.assert_allclose(hide(track, pieces(glued, 1.0)), 0, atol=1e-7)


def test_what_is_left_after_a_cut_is_scored_as_a_track_of_its_own(
    classifier: Classifier, glued: Waveform
) -> None:
    start, stop = 2 * RATE_HZ, 4 * RATE_HZ
    found = hidden_scores(predict_track(classifier, glued), [Piece(start, stop)])
    quiet = np.concatenate([glued.samples[:start], glued.samples[stop:]])
    alone = predict_track(classifier, Waveform(quiet, RATE_HZ)).probabilities
    np.testing.assert_allclose(found, alone, atol=0.02)
    assert found[1] < predict_track(classifier, glued).probabilities[1] - 0.1


def test_only_hidden_samples_and_ten_milliseconds_around_them_change(
    classifier: Classifier, glued: Waveform
) -> None:
    start, stop, fade = RATE_HZ, 2 * RATE_HZ, RATE_HZ // 100 + 1
    analysed = hide(predict_track(classifier, glued), [Piece(start, stop)])
    np.testing.assert_array_equal(analysed[: start - fade], glued.samples[: start - fade])
    np.testing.assert_array_equal(analysed[stop + fade :], glued.samples[stop + fade :])
    assert not np.abs(analysed[start + fade : stop - fade]).max() > 1e-7


def test_noise_is_as_loud_as_the_track_and_of_its_colour(
    classifier: Classifier, glued: Waveform
) -> None:
    noise = predict_track(classifier, glued, fill="noise").filling
    power = np.mean(np.square(glued.samples))
    assert np.mean(np.square(noise)) == pytest.approx(power, rel=0.1)
    mel = classifier.bundle.frontends["mel"]
    found, wanted = (
        10 * np.log10(np.mean(10 ** (mel(x) / 10), axis=1)) for x in (noise, glued.samples)
    )
    np.testing.assert_allclose(found, wanted, atol=1.5)


def test_patches_are_losses_of_the_window_that_is_surest(
    classifier: Classifier, glued: Waveform
) -> None:
    window = telling_window(predict_track(classifier, glued), "metal")
    assert window.start_sample / RATE_HZ in INSIDE
    patches = occlude_patches(classifier, window, "mel", "metal", rows=4, columns=5)
    assert len(patches) == 20
    assert patches[0].first_row == 0
    assert patches[-1].last_row == 15
    assert patches[0].start_seconds == pytest.approx(window.start_sample / RATE_HZ)
    # By hand: the second patch of the lowest four bands.
    mel = classifier.bundle.features(window.samples)["mel"].copy()
    before = classifier.predict_features({"mel": mel[np.newaxis]})[0, 1]
    columns = slice(*np.linspace(0, mel.shape[1], 6).round().astype(int)[1:3])
    quiet = np.quantile(mel, 0.05, axis=1, keepdims=True).astype(np.float32)
    mel[:4, columns] = np.minimum(mel[:4, columns], quiet[:4])
    after = classifier.predict_features({"mel": mel[np.newaxis]})[0, 1]
    assert patches[1].loss == pytest.approx(logit(before) - logit(after), abs=1e-5)


def test_patches_of_a_short_track_lie_in_it_and_are_hushed_wherever_it_is_repeated(
    nearer: Path, glued: Waveform, tmp_path: Path
) -> None:
    looping = shutil.copytree(nearer, tmp_path / "looping")
    manifest = looping / "manifest.json"
    kept = manifest.read_text("utf-8")
    assert kept.count('"short": "keep"') == 1
    manifest.write_text(kept.replace('"short": "keep"', '"short": "loop"'), "utf-8")
    classifier = Classifier.load(looping, verify=False)
    short = Waveform(glued.samples[2 * RATE_HZ : 2 * RATE_HZ + RATE_HZ // 2], RATE_HZ)
    window = telling_window(predict_track(classifier, short), "metal")
    patches = occlude_patches(classifier, window, "mel", "metal", rows=2, columns=2)
    assert max(one.end_seconds for one in patches) == pytest.approx(0.5)
    mel = classifier.bundle.features(window.samples)["mel"]
    (whole,) = occlude_patches(classifier, window, "mel", "metal", rows=1, columns=1)
    quiet = np.minimum(mel, np.quantile(mel, 0.05, axis=1, keepdims=True).astype(np.float32))
    before, after = classifier.predict_features({"mel": np.stack([mel, quiet])})[:, 1]
    assert whole.loss == pytest.approx(logit(before) - logit(after), abs=1e-5)


def test_a_column_counts_by_what_is_lost_without_it() -> None:
    class Vector:
        feature_names = ("a", "b", "c")

    class Model:
        """Knows column b alone."""

        labels = ("no", "yes")

        class bundle:
            frontends = {"v": Vector()}  # noqa: RUF012

            class manifest:
                task = "single-label"

        def predict_features(self, rows: Mapping[str, np.ndarray]) -> np.ndarray:
            yes = 1 / (1 + np.exp(-rows["v"][:, 1].astype(float)))
            return np.stack([1 - yes, yes], axis=1)

    row, usual = {"v": np.array([3, 2, 1], np.float32)}, {"v": np.zeros(3, np.float32)}
    first, *others = replace_columns(Model(), row, usual, "yes")  # type: ignore[arg-type]
    assert (first.name, first.value, first.usual) == ("b", 2, 0)
    assert first.loss == pytest.approx(2)  # log-odds of 2 are 0 without it
    assert [one.loss for one in others] == [0, 0]


# --- faithfulness -------------------------------------------------------------------------------


def last(weights: list[float], track: Classifier, glued: Waveform) -> Faithfulness:
    without = hiding_seconds([predict_track(track, glued)], pieces(glued, 0.5), "metal")
    found = measure_faithfulness(without, np.array(weights))
    assert found is not None
    return found


def test_deletion_of_what_matters_beats_a_random_order(
    classifier: Classifier, glued: Waveform
) -> None:
    spans = occlude_seconds(predict_track(classifier, glued), pieces(glued, 0.5), "metal")
    losses = [span.loss for span in spans]
    right = last(losses, classifier, glued)
    assert right.deletion.area < right.random_deletion.area
    assert right.insertion.area > right.random_insertion.area
    assert right.gain > 0
    wrong = last([-loss for loss in losses], classifier, glued)
    assert wrong.gain < 0
    assert not wrong.faithful
    assert verdict(wrong).startswith("Fails its test of faithfulness: gain -")


def _measured(weights: np.ndarray) -> Faithfulness:
    """Of twenty parts the first four hold the genre up, each by a fifth."""

    def without(hidden: np.ndarray) -> float:
        return 0.9 - 0.2 * float((hidden < 4).sum())

    found = measure_faithfulness(without, weights)
    assert found is not None
    return found


def test_an_order_is_faithful_where_random_orders_hardly_ever_are() -> None:
    right = _measured(np.arange(20.0)[::-1])
    assert right.gain > right.needed > 0
    assert right.faithful
    assert verdict(right).startswith("Passes its test of faithfulness: gain +0.")
    flat = _measured(np.zeros(20))  # in the order of the parts, which is right by accident
    assert flat.faithful
    generator = np.random.default_rng(3)
    passed = [_measured(generator.permutation(20).astype(float)).faithful for _ in range(60)]
    assert sum(passed) <= 9  # one in twenty, and what 60 draws add by chance


def test_nothing_is_faithful_where_nothing_changes() -> None:
    found = measure_faithfulness(lambda hidden: 0.5 + 1e-17 * len(hidden), np.arange(9.0))
    assert found is not None
    assert not found.faithful


def test_the_area_under_a_curve_by_hand() -> None:
    found = curve(lambda hidden: 1 - len(hidden) / 4, np.arange(4))
    assert list(found.shares) == [0, 0.25, 0.5, 0.75, 1]
    assert list(found.probabilities) == [1, 0.75, 0.5, 0.25, 0]
    assert found.area == pytest.approx(0.5)
    inserted = curve(lambda hidden: float(0 not in hidden), np.arange(4), insertion=True)
    assert list(inserted.probabilities) == [0, 1, 1, 1, 1]


# --- what cannot be explained -------------------------------------------------------------------


def test_another_rate_too_little_audio_and_unknown_genres_are_refused(
    classifier: Classifier, glued: Waveform
) -> None:
    with pytest.raises(ConfigError, match="16000 Hz"):
        predict_track(classifier, Waveform(glued.samples, 16000))
    with pytest.raises(AudioContentError, match=r"at least 0\.25 s"):
        predict_track(classifier, Waveform(glued.samples[:100], RATE_HZ))
    with pytest.raises(ConfigError, match="knows no genre 'polka'; it knows classical, metal"):
        list(occlude_seconds(predict_track(classifier, glued), pieces(glued, 1.0), "polka"))
