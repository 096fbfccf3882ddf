"""The picture: what is in it lies where it should, and any program can read it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from genrekit.audio import Waveform
from genrekit.explain import occlude_and_predict
from genrekit.explain.framing import framed
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
from genrekit.explain.records import Agreement, Occlusion, Patch, Span
from genrekit.inference import Classifier
from genrekit.pages import lettered
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
    analysed = Spectrogram(
        start_seconds=20.0,
        end_seconds=30.0,
        borders_hz=(0, 100, 200, 300, 400),
        decibels=((-80, -80), (-80, -80), (-80, -80), (0, -80)),
    )
    return found, analysed


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
    found, analysed = made_up()
    picture = overlaid(found.model_copy(update={"patches": ()}), analysed)[:384]
    assert (picture.max(axis=2) == picture.min(axis=2)).all()


def test_the_png_is_read_as_it_was_drawn() -> None:
    found, analysed = made_up()
    picture = overlaid(found, analysed)
    read = Image.open(io.BytesIO(png(picture, described(found))))
    np.testing.assert_array_equal(np.asarray(read), picture)
    read.load()
    text = read.text["Description"]  # type: ignore[attr-defined]
    assert "What jazz (0.500) rests on in söng.mp3" in text
    assert "20.0 to 21.0 s its log-odds change most, by -0.20" in text


def test_the_figure_has_a_title_axes_and_the_verdicts() -> None:
    found, analysed = made_up()
    said = {"verdict": "Said of seconds", "patch_verdict": "Said of patches"}
    page = framed(found.model_copy(update=said), analysed)
    plot = overlaid(found, analysed)
    height, width, _ = plot.shape
    (left,) = [
        x
        for x in range(page.shape[1] - width)
        if (page[:, x : x + width] == plot[0]).all(axis=(1, 2)).any()
    ]
    (top,) = [y for y in range(page.shape[0] - height) if _same(page, plot, left, y)]
    for text in (
        "What jazz (0.500) rests on in s",
        "Said of seconds",
        "Said of patches",
        "no evidence",
    ):
        assert _written(page[:top], text), text
    for text in ("400", "200", "Hz", "+0.2", "-0.2"):
        expected = text in ("200", "Hz", "+0.2", "-0.2")
        assert _written(page[:, :left], text) == expected, text
    for text in ("20", "25", "30", "seconds of the track"):
        assert _written(page[top + height :], text), text


def _same(page: np.ndarray, plot: np.ndarray, x: int, y: int) -> bool:
    height, width, _ = plot.shape
    return bool((page[y : y + height, x : x + width] == plot).all())


def _written(area: np.ndarray, text: str) -> bool:
    """Whether a line of text is somewhere in the picture, dot for dot."""
    dots = lettered(text)
    ink = (area == (27, 31, 36)).all(axis=2)
    views = np.lib.stride_tricks.sliding_window_view(ink, dots.shape[0], axis=0)
    for row in views.transpose(0, 2, 1):
        runs = np.lib.stride_tricks.sliding_window_view(row, dots.shape[1], axis=1)
        if (runs == dots[:, np.newaxis]).all(axis=(0, 2)).any():
            return True
    return False


def test_letters_are_known_or_marked() -> None:
    assert np.array_equal(lettered("söng"), lettered("song"))
    assert np.array_equal(lettered("☃"), lettered("?"))
    assert lettered("ab", scale=1).shape == (7, 11)
    letters = {lettered(chr(code)).tobytes() for code in range(0x20, 0x7F)}
    assert len(letters) == 95


def test_what_is_no_evidence_is_grey_and_what_failed_is_faded() -> None:
    found, analysed = made_up()
    strong = overlaid(found, analysed).astype(int)
    failed = Agreement(
        ways=("quiet", "usual"), concordance=0.5, p_value=0.5, largest=1, enough=False
    )
    spans = tuple(one.model_copy(update={"evidence": False}) for one in found.occlusion)
    faded = found.model_copy(update={"patch_agreement": failed, "occlusion": spans})
    weak = overlaid(faded, analysed).astype(int)
    assert 0 < weak[350, 10, 0] - 14 < (strong[350, 10, 0] - 14) / 3
    assert weak[390 + 10, 10].tolist() == [128] * 3
    patches = tuple(one.model_copy(update={"evidence": False}) for one in found.patches)
    none = overlaid(found.model_copy(update={"patches": patches}), analysed)
    assert none[350, 10].tolist() == [14] * 3


def test_float_noise_is_not_painted() -> None:
    found, analysed = made_up()
    patches = tuple(one.model_copy(update={"loss": 4e-16}) for one in found.patches)
    spans = tuple(one.model_copy(update={"loss": 4e-16}) for one in found.occlusion)
    picture = overlaid(found.model_copy(update={"patches": patches, "occlusion": spans}), analysed)
    assert (picture.max(axis=2) == picture.min(axis=2)).all()


def test_columns_are_means_and_never_more_than_there_are() -> None:
    values = np.arange(12.0).reshape(2, 6)
    np.testing.assert_allclose(narrowed(values, 3), [[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]])
    np.testing.assert_array_equal(narrowed(values, 100), values)


def test_a_track_that_begins_later_is_shifted_as_a_whole(
    classifier: Classifier, glued: Waveform
) -> None:
    later = Waveform(glued.samples, glued.sample_rate_hz, start_seconds=20.0)
    first, second = (
        occlude_and_predict(classifier, one, name="x", genre="metal") for one in (glued, later)
    )
    a, b = first.found, second.found
    spans, moved = (
        [(one.start_seconds, one.end_seconds) for part in parts for one in part]
        for parts in ((each.occlusion, each.patches, each.time_line) for each in (a, b))
    )
    np.testing.assert_allclose(np.subtract(moved, spans), 20)
    assert (a.start_seconds, b.start_seconds) == (0, 20)
    analysed = spectrogram(classifier, later)
    assert (analysed.start_seconds, analysed.end_seconds) == pytest.approx((20, 26))
    mel = classifier.bundle.frontends["mel"](glued.samples)
    assert analysed.decibels[0][0] == round(float(mel[0, : -(-mel.shape[1] // 300)].mean()))
