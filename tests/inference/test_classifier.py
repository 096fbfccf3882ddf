"""One path from audio to an answer."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from genrekit.audio import Waveform, decode
from genrekit.errors import AudioContentError, AudioError, BundleError, ConfigError
from genrekit.inference import Classifier, error_record
from genrekit.jukebox import synthesise
from genrekit.schema import UNKNOWN, ExcerptConfig, TrackPrediction, WindowConfig

RATE = 22050
Factory = Callable[..., Path]


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return Classifier.load(tiny_bundle)


@pytest.fixture(scope="module")
def clip() -> Waveform:
    return synthesise("disco", seconds=3.3, sample_rate_hz=RATE)


def test_an_answer_is_complete(classifier: Classifier, clip: Waveform) -> None:
    answer = classifier.predict(clip, name="clip", segments=True)
    assert answer.path == "clip"
    assert set(answer.scores) == set(classifier.labels)
    assert sum(answer.scores.values()) == pytest.approx(1)
    assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)
    assert answer.genre == next(iter(answer.scores))
    assert answer.genres == (answer.genre,)
    assert answer.seconds == pytest.approx(3.3, abs=1e-3)
    assert answer.model is not None
    assert answer.model.sha256 == classifier.bundle.sha256
    assert answer.error is None
    timings = answer.timings_ms
    assert timings is not None
    assert timings.decode + timings.frontend + timings.model <= timings.total
    assert TrackPrediction.model_validate_json(answer.model_dump_json()) == answer


def test_windows_of_one_second_every_half_second(classifier: Classifier, clip: Waveform) -> None:
    segments = classifier.predict(clip, segments=True).segments
    starts = [segment.start_seconds for segment in segments]
    assert starts == pytest.approx([0, 0.5, 1, 1.5, 2, 2.3], abs=1e-3)
    assert segments[-1].end_seconds == pytest.approx(clip.seconds)
    assert classifier.predict(clip).segments == ()


def test_the_answer_is_the_mean_of_what_the_model_says(
    classifier: Classifier, clip: Waveform
) -> None:
    """By hand, from the front-end and the graph."""
    starts = [round(t * RATE) for t in (0, 0.5, 1, 1.5, 2)] + [len(clip.samples) - RATE]
    frontend = classifier.bundle.frontends["mel"]
    mel = np.stack([frontend(clip.samples[start : start + RATE]) for start in starts])
    logits = classifier.bundle.run({"mel": mel})
    expected = softmax(logits / classifier.bundle.manifest.temperature, axis=1).mean(axis=0)
    scores = classifier.predict(clip).scores
    np.testing.assert_allclose([scores[label] for label in classifier.labels], expected, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 72_000), max_size=30))
def test_any_block_cutting_gives_identical_scores(
    classifier: Classifier, clip: Waveform, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(clip.samples)) for cut in cuts), len(clip.samples)]
    blocks = [clip.samples[start:end] for start, end in itertools.pairwise(edges)]
    assert tuple(classifier.stream(blocks)) == classifier.predict(clip, segments=True).segments


def test_threads_may_share_a_classifier(classifier: Classifier) -> None:
    clips = [synthesise("blues", seconds=2.0, seed=n, sample_rate_hz=RATE) for n in range(8)]
    alone = [classifier.predict(clip).scores for clip in clips]
    with ThreadPoolExecutor(4) as threads:
        together = [answer.scores for answer in threads.map(classifier.predict, clips)]
    assert together == alone
    assert len({tuple(scores.values()) for scores in alone}) == 8


def test_a_stream_answers_while_audio_arrives(classifier: Classifier) -> None:
    delivered = []

    def blocks() -> Iterator[NDArray[np.float32]]:
        for number in range(100):
            delivered.append(number)
            yield synthesise("pop", seconds=0.1, seed=number, sample_rate_hz=RATE).samples

    scores = classifier.stream(blocks())
    assert next(scores).end_seconds == pytest.approx(1.0)
    assert len(delivered) == 10


def test_memory_does_not_grow_with_the_stream(classifier: Classifier) -> None:
    second = synthesise("metal", seconds=1.0, sample_rate_hz=RATE).samples

    def peak(seconds: int) -> int:
        tracemalloc.start()
        for _ in classifier.stream(second for _ in range(seconds)):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(5)
    assert peak(100) < peak(10) + 100_000


# --- files --------------------------------------------------------------------------------------


def _same_but_for_time(answer: TrackPrediction) -> dict[str, Any]:
    return answer.model_dump(exclude={"timings_ms", "path"})


def test_a_file_and_its_decoded_audio_get_the_same_answer(
    classifier: Classifier, clip: Waveform, tmp_path: Path
) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, clip.samples, RATE, subtype="FLOAT")
    from_file = classifier.predict_file(path, segments=True)
    assert from_file.path == str(path)
    assert _same_but_for_time(from_file) == _same_but_for_time(
        classifier.predict(clip, segments=True)
    )


def test_the_bundle_says_which_part_is_analysed(
    bundle_factory: Factory, tmp_path: Path, clip: Waveform
) -> None:
    model = bundle_factory(
        tmp_path / "model", excerpt=ExcerptConfig(start_seconds=1.0, duration_seconds=2.0)
    )
    classifier = Classifier.load(model)
    path = tmp_path / "clip.wav"
    soundfile.write(path, clip.samples, RATE, subtype="FLOAT")
    part = Waveform(clip.samples[RATE : 3 * RATE], RATE)
    answer = classifier.predict_file(path)
    assert answer.seconds == pytest.approx(2.0)
    assert answer.scores == classifier.predict(part).scores
    whole = classifier.predict_file(path, excerpt=ExcerptConfig(duration_seconds=None))
    assert whole.scores == classifier.predict(clip).scores


def test_segments_of_an_excerpt_are_placed_in_the_track(
    classifier: Classifier, tmp_path: Path
) -> None:
    """44.1 kHz, so that a resampler stands between the file and the windows."""
    path = tmp_path / "long.wav"
    samples = synthesise("rock", seconds=10.0, sample_rate_hz=44100).samples
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    middle = ExcerptConfig(duration_seconds=2.0)
    segments = classifier.predict_file(path, excerpt=middle, segments=True).segments
    places = [(one.start_seconds, one.end_seconds) for one in segments]
    assert np.array(places) == pytest.approx(np.array([(4, 5), (4.5, 5.5), (5, 6)]), abs=1e-3)
    decoded = decode(path, excerpt=middle)
    assert classifier.predict(decoded, segments=True).segments == segments


def test_a_name_that_is_not_text_still_makes_valid_json(
    classifier: Classifier, clip: Waveform, tmp_path: Path
) -> None:
    path = tmp_path / "caf\udce9.wav"
    with path.open("wb") as file:
        soundfile.write(file, clip.samples, RATE, format="WAV")
    answer = classifier.predict_file(path)
    assert answer.path.endswith(r"caf\udce9.wav")
    assert TrackPrediction.model_validate_json(answer.model_dump_json()) == answer


def test_any_name_can_be_recorded(classifier: Classifier, clip: Waveform) -> None:
    for name in ("caf\udce9", "\ud800", "a\x00b", "☕"):
        answer = classifier.predict(clip, name=name)
        failed = error_record(name, ValueError(name))
        assert answer.path == failed.path
        for record in (answer, failed):
            assert TrackPrediction.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("name", ["missing.wav", "text.mp3", "folder"])
def test_what_is_no_audio_is_an_audio_error(
    classifier: Classifier, tmp_path: Path, name: str
) -> None:
    (tmp_path / "text.mp3").write_text("no music")
    (tmp_path / "folder").mkdir()
    with pytest.raises(AudioError) as caught:
        classifier.predict_file(tmp_path / name)
    record = error_record(tmp_path / name, caught.value)
    assert record.error is not None
    assert record.error.type == type(caught.value).__name__
    assert record.genre is None
    assert record.scores == {}


# --- odd audio ----------------------------------------------------------------------------------


def _wave(samples: Any) -> Waveform:
    return Waveform(np.asarray(samples, np.float32), RATE)


def test_silence_is_unknown_and_says_so(classifier: Classifier) -> None:
    answer = classifier.predict(_wave(np.zeros(2 * RATE)))
    assert answer.genre == UNKNOWN
    assert answer.genres == ()
    assert [warning.split(":")[0] for warning in answer.warnings] == ["silent"]


def test_a_named_silence_is_not_named_twice(classifier: Classifier, clip: Waveform) -> None:
    silent = Waveform(clip.samples, RATE, ("truncated: 1 s is missing", "silent: so I was told"))
    answer = classifier.predict(silent)
    assert answer.genre == UNKNOWN
    assert answer.warnings == silent.warnings


def test_quiet_music_is_not_silence(classifier: Classifier, clip: Waveform) -> None:
    assert classifier.predict(_wave(clip.samples * 0.01)).genre != UNKNOWN


@pytest.mark.parametrize(("seconds", "state"), [(0, "empty"), (0.2, "too_short")])
def test_too_little_audio_is_named(classifier: Classifier, seconds: float, state: str) -> None:
    with pytest.raises(AudioContentError) as caught:
        classifier.predict(_wave(np.ones(round(seconds * RATE))))
    assert caught.value.state == state


def test_a_minimum_longer_than_a_window_counts_the_whole_track(
    bundle_factory: Factory, tmp_path: Path, clip: Waveform
) -> None:
    windows = WindowConfig(window_seconds=1.0, hop_seconds=1.0, minimum_seconds=5.0)
    classifier = Classifier.load(bundle_factory(tmp_path / "model", windows=windows))
    with pytest.raises(AudioContentError, match=r"3\.300 s of audio"):
        classifier.predict(clip)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(
    classifier: Classifier, clip: Waveform, value: float
) -> None:
    samples = clip.samples.copy()
    samples[-1] = value
    with pytest.raises(AudioContentError) as caught:
        classifier.predict(_wave(samples))
    assert caught.value.state == "non_finite"


def test_another_rate_or_shape_is_refused(classifier: Classifier) -> None:
    with pytest.raises(ConfigError, match="sample_rate_hz=22050"):
        classifier.predict(Waveform(np.zeros(48000, np.float32), 48000))
    with pytest.raises(ConfigError, match="mono"):
        list(classifier.stream([np.zeros((2, RATE), np.float32)]))


@pytest.mark.parametrize("short", ["keep", "loop", "pad"])
def test_short_audio_follows_the_policy(
    bundle_factory: Factory, tmp_path: Path, clip: Waveform, short: str
) -> None:
    windows = {"window_seconds": 5.0, "hop_seconds": 5.0, "short": short}
    model = bundle_factory(tmp_path / "model", windows=WindowConfig.model_validate(windows))
    classifier = Classifier.load(model)
    n = len(clip.samples)
    same = {
        "keep": clip.samples,
        "loop": np.concatenate([clip.samples, clip.samples])[: 5 * RATE],
        "pad": np.concatenate([clip.samples, np.zeros(5 * RATE - n, np.float32)]),
    }[short]
    mel = classifier.bundle.frontends["mel"](same)[np.newaxis]
    expected = classifier.predict_features({"mel": mel})[0]
    answer = classifier.predict(clip, segments=True)
    np.testing.assert_allclose([answer.scores[one] for one in classifier.labels], expected)
    assert answer.segments[0].end_seconds == pytest.approx(clip.seconds)


# --- thresholds, tables, bad models -------------------------------------------------------------


def test_below_the_threshold_the_answer_is_unknown(
    bundle_factory: Factory, tmp_path: Path, clip: Waveform
) -> None:
    classifier = Classifier.load(bundle_factory(tmp_path / "model", unknown_below=0.99))
    answer = classifier.predict(clip)
    assert (answer.genre, answer.genres) == (UNKNOWN, ())
    best = next(iter(answer.scores))
    assert classifier.predict(clip, unknown_below=0.0).genre == best


def test_multi_label_answers_several_genres(
    bundle_factory: Factory, tmp_path: Path, clip: Waveform
) -> None:
    model = bundle_factory(tmp_path / "model", task="multi-label", thresholds=[0.0] * 10)
    answer = Classifier.load(model).predict(clip)
    assert answer.genres == tuple(answer.scores)
    assert answer.genre == answer.genres[0]
    assert sum(answer.scores.values()) != pytest.approx(1)


def test_features_from_a_table_score_like_audio(classifier: Classifier, clip: Waveform) -> None:
    window = clip.samples[:RATE]
    rows = np.stack([classifier.bundle.frontends["mel"](window)] * 3)
    probabilities = classifier.predict_features({"mel": rows})
    scores = classifier.predict(_wave(window)).scores
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities[0], [scores[one] for one in classifier.labels])
    with pytest.raises(ConfigError, match="the model takes"):
        classifier.predict_features({"gtzan57": rows})


def test_a_model_that_gives_nan_gives_no_answer(classifier: Classifier) -> None:
    rows = np.full((1, 16, 20), np.nan, np.float32)
    with pytest.raises(BundleError, match="not finite"):
        classifier.predict_features({"mel": rows})
