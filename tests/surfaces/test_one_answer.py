"""One clip through every way in: the same answer.

Each surface adds one entry to ``SURFACES``: a function from a model and a file to an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.audio import Waveform, decode, synthesise
from genrekit.batch import predict_many
from genrekit.inference import Classifier, aggregate, ranked
from genrekit.schema import TrackPrediction


def _file(model: Path, clip: Path) -> TrackPrediction:
    return Classifier.load(model).predict_file(clip, segments=True)


def _waveform(model: Path, clip: Path) -> TrackPrediction:
    classifier = Classifier.load(model)
    waveform = decode(
        clip, sample_rate_hz=classifier.sample_rate_hz, excerpt=classifier.bundle.manifest.excerpt
    )
    return classifier.predict(waveform, name=str(clip), segments=True)


def _bytes(model: Path, clip: Path) -> TrackPrediction:
    classifier = Classifier.load(model)
    waveform = decode(clip.read_bytes(), sample_rate_hz=classifier.sample_rate_hz)
    return classifier.predict(waveform, name=str(clip), segments=True)


def _stream(model: Path, clip: Path) -> TrackPrediction:
    """What a socket gets: 100-ms blocks in, segments out, the mean at the end."""
    classifier = Classifier.load(model)
    samples = decode(clip, sample_rate_hz=classifier.sample_rate_hz).samples
    blocks = np.array_split(samples, len(samples) // 2205)
    segments = tuple(classifier.stream(blocks))
    table = np.array([[one.scores[label] for label in classifier.labels] for one in segments])
    scores = ranked(classifier.labels, aggregate(table, classifier.bundle.manifest))
    best = next(iter(scores))
    return TrackPrediction(
        path=str(clip),
        genre=best,
        scores=scores,
        genres=(best,),
        segments=segments,
        seconds=len(samples) / classifier.sample_rate_hz,
        model=classifier.identity,
    )


def _batch(model: Path, clip: Path) -> TrackPrediction:
    (answer,) = predict_many([clip], model, segments=True)
    return answer


SURFACES: dict[str, Callable[[Path, Path], TrackPrediction]] = {
    "waveform": _waveform,
    "bytes": _bytes,
    "stream": _stream,
    "batch": _batch,
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    waveform: Waveform = synthesise("reggae", seconds=4.7, sample_rate_hz=22050)
    path = tmp_path_factory.mktemp("clip") / "clip.flac"
    soundfile.write(path, waveform.samples, 22050)
    return path


@pytest.mark.parametrize("surface", SURFACES)
def test_every_way_in_gives_the_answer_of_the_file(
    tiny_bundle: Path, clip: Path, surface: str
) -> None:
    def timeless(answer: TrackPrediction) -> dict[str, Any]:
        return answer.model_dump(exclude={"timings_ms"})

    assert timeless(SURFACES[surface](tiny_bundle, clip)) == timeless(_file(tiny_bundle, clip))
