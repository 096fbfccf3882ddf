"""The picture: what is in it lies where it should, and any program can read it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from genrekit.audio import Waveform
from genrekit.explain import hide_and_listen
from genrekit.explain.overlay import (
    AGAINST,
    FOR,
    Spectrogram,
    described,
    narrowed,
    overlaid,
    png,
    spectrogram,
)
from genrekit.explain.records import Occlusion, Patch, Span
from genrekit.inference import Classifier
from genrekit.schema import ModelIdentity


def made_up() -> tuple[Occlusion, Spectrogram]:
    """Four bands and ten seconds from 20 s on; one patch and one second for it, one against."""

    def patch(row: int, start: float, loss: float) -> Patch:
        return Patch(
            first_row=row,
            last_row=row,
            start_seconds=start,
            end_seconds=start + 5,
            loss=loss,
            low_hz=100.0 * row,
            high_hz=100.0 * (row + 1),
        )

    spans = [(20.0, 0.2), (21.0, -0.1), (22.0, 0.0)]
    found = Occlusion(
        path="söng.mp3",
        model=ModelIdentity(name="m", version="1", sha256="0" * 64),
        genre="jazz",
        probability=0.5,
        scores={"jazz": 0.5},
        start_seconds=20.0,
        seconds=10.0,
        time_line=(),
        occlusion=tuple(
            Span(start_seconds=start, end_seconds=start + 1, loss=loss) for start, loss in spans
        ),
        patches=(patch(0, 20.0, 0.1), patch(3, 25.0, -0.05)),
    )
    heard = Spectrogram(
        start_seconds=20.0,
        end_seconds=30.0,
        borders_hz=(0, 100, 200, 300, 400),
        decibels=((-80, -80), (-80, -80), (-80, -80), (0, -80)),
    )
    return found, heard


def test_patches_and_seconds_lie_where_they_belong() -> None:
    picture = overlaid(*made_up()).astype(int)
    height, width, _ = picture.shape
    strip = picture[height - 54 :]
    left_bottom, right_top = picture[350, 10], picture[10, width - 10]
    assert left_bottom[0] > left_bottom[2] + 50  # orange: red above blue
    assert right_top[2] > right_top[0] + 30  # blue, and paler
    assert picture[10, 10].tolist() == [226] * 3  # loud, and not tinted
    assert picture[200, 10].tolist() == [14] * 3  # silent
    assert strip[10, 10].tolist() == list(FOR)
    assert strip[40, width // 10 + 10].tolist() == list(AGAINST)
    assert strip[10, width // 10 + 10].tolist() == [14] * 3


def test_without_patches_the_spectrogram_stays_grey() -> None:
    found, heard = made_up()
    picture = overlaid(found.model_copy(update={"patches": ()}), heard)[:384]
    assert (picture.max(axis=2) == picture.min(axis=2)).all()


def test_the_png_is_read_as_it_was_drawn() -> None:
    found, heard = made_up()
    picture = overlaid(found, heard)
    read = Image.open(io.BytesIO(png(picture, described(found))))
    np.testing.assert_array_equal(np.asarray(read), picture)
    read.load()
    text = read.text["Description"]  # type: ignore[attr-defined]
    assert "What jazz (0.500) rests on in söng.mp3" in text
    assert "20.0 to 21.0 s its probability changes most, by -0.200" in text


def test_columns_are_means_and_never_more_than_there_are() -> None:
    values = np.arange(12.0).reshape(2, 6)
    np.testing.assert_allclose(narrowed(values, 3), [[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]])
    np.testing.assert_array_equal(narrowed(values, 100), values)


def test_a_track_that_begins_later_is_shifted_as_a_whole(
    classifier: Classifier, glued: Waveform
) -> None:
    later = Waveform(glued.samples, glued.sample_rate_hz, start_seconds=20.0)
    (*_, first), (*_, second) = (
        hide_and_listen(classifier, one, name="x", genre="metal") for one in (glued, later)
    )
    assert first.hidden is not None
    assert second.hidden is not None
    a, b = first.hidden.found, second.hidden.found
    for one, other in zip(
        (*a.occlusion, *a.patches, *a.time_line),
        (*b.occlusion, *b.patches, *b.time_line),
        strict=True,
    ):
        assert other.start_seconds - one.start_seconds == pytest.approx(20)
        assert other.end_seconds - one.end_seconds == pytest.approx(20)
    assert (a.start_seconds, b.start_seconds) == (0, 20)
    heard = spectrogram(classifier, later)
    assert (heard.start_seconds, heard.end_seconds) == pytest.approx((20, 26))
    mel = classifier.bundle.frontends["mel"](glued.samples)
    assert heard.decibels[0][0] == round(float(mel[0, : -(-mel.shape[1] // 300)].mean()))
