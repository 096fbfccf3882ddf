"""A stream is answered while it plays: soon, often, and with what the file would get."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.audio import Waveform
from genrekit.errors import AudioContentError, ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import UNKNOWN, SegmentScore, TrackPrediction, WindowConfig

RATE = 22050
Factory = Callable[..., Path]
#: Window and hop in seconds: short ones at a hop of one second, at one of their own length, at one
#: that is not a whole number of seconds, and one that is longer than all there is to hear.
WINDOWS = [(3.0, 1.0), (3.0, 3.0), (2.9, 1.3), (30.0, 30.0)]


@pytest.fixture(scope="module", params=WINDOWS, ids=str)
def classifier(
    request: Any, bundle_factory: Factory, tmp_path_factory: pytest.TempPathFactory
) -> Classifier:
    length, hop = request.param
    windows = WindowConfig(window_seconds=length, hop_seconds=hop, short="loop")
    folder = tmp_path_factory.mktemp("follow") / "model"
    return Classifier.load(bundle_factory(folder, windows=windows))


@pytest.fixture(scope="module")
def song() -> Waveform:
    parts = [synthesise(genre, seconds=4.0, sample_rate_hz=RATE) for genre in ("jazz", "metal")]
    return Waveform(np.concatenate([one.samples for one in parts])[: round(7.7 * RATE)], RATE)


def _blocks(samples: Any, size: int = 5512) -> Iterator[Any]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _timeless(answer: TrackPrediction) -> dict[str, Any]:
    return answer.model_dump(exclude={"timings_ms"})


def test_first_words_come_within_three_seconds_and_then_every_second(
    classifier: Classifier, song: Waveform
) -> None:
    on_segment = [answer.seconds for answer in classifier.follow(_blocks(song.samples))]
    assert on_segment[0] == pytest.approx(min(3, classifier.bundle.manifest.windows.window_seconds))
    assert max(b - a for a, b in itertools.pairwise(on_segment)) <= 1 + 1e-3
    assert on_segment[-1] == pytest.approx(song.seconds)


def test_nothing_is_waited_for(classifier: Classifier, song: Waveform) -> None:
    """An answer is there before the next block is asked for."""
    asked = []

    def blocks() -> Iterator[Any]:
        for number, block in enumerate(_blocks(song.samples, RATE)):
            asked.append(number)
            yield block

    answers = classifier.follow(blocks())
    next(answers)
    assert len(asked) == 3


def test_every_answer_is_that_of_the_audio_so_far(classifier: Classifier, song: Waveform) -> None:
    for answer in classifier.follow(_blocks(song.samples), name="song", segments=True):
        part = Waveform(song.samples[: round(answer.seconds * RATE)], RATE)
        expected = classifier.predict(part, name="song", segments=True)
        assert _timeless(answer) == _timeless(expected)
    assert answer.seconds == song.seconds


@settings(max_examples=8)
@given(cuts=st.lists(st.integers(0, 170_000), max_size=12))
def test_how_audio_is_cut_makes_no_difference(
    classifier: Classifier, song: Waveform, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(song.samples)) for cut in cuts), len(song.samples)]
    blocks = [song.samples[start:end] for start, end in itertools.pairwise(edges)]
    answers = [_timeless(one) for one in classifier.follow(blocks)]
    assert answers == [_timeless(one) for one in classifier.follow(_blocks(song.samples))]


def test_segments_are_those_of_the_stream(classifier: Classifier, song: Waveform) -> None:
    on_segment: list[SegmentScore] = []
    list(classifier.follow(_blocks(song.samples), on_segment=on_segment.append))
    assert on_segment == list(classifier.stream(_blocks(song.samples)))


def test_music_that_has_not_come_yet_breaks_no_silence(
    classifier: Classifier, song: Waveform
) -> None:
    """In one block: what is said after four seconds knows nothing of the fifth."""
    samples = np.concatenate([np.zeros(round(4.2 * RATE), np.float32), song.samples])
    answers = list(classifier.follow([samples]))
    assert [one.genre for one in answers if one.seconds <= 4] == [UNKNOWN] * sum(
        one.seconds <= 4 for one in answers
    )
    assert answers[-1].genre != UNKNOWN


def test_other_paces_and_short_audio(classifier: Classifier, song: Waveform) -> None:
    fast = list(classifier.follow([song.samples], every_seconds=0.25))
    assert len(fast) > 18
    (only,) = classifier.follow([song.samples[: 2 * RATE]])
    assert only.seconds == pytest.approx(2)
    with pytest.raises(AudioContentError, match=r"0\.500 s of audio"):
        list(classifier.follow([song.samples[: RATE // 2]]))
    with pytest.raises(ConfigError, match="above 0"):
        classifier.follow([song.samples], every_seconds=0)
