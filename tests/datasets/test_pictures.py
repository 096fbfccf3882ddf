from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from genrekit.audio import Waveform
from genrekit.datasets import folder as audio_folder
from genrekit.datasets import pictures
from genrekit.datasets.colour_maps import COLOUR_MAPS, colours, levels_of
from genrekit.errors import AudioContentError, AudioError, ConfigError, DatasetError
from genrekit.features.picture import PICTURE_SHAPE, picture_levels


def ramp(rows: int = 37, columns: int = 64) -> np.ndarray:
    """Levels with every step, darkest in the lowest row."""
    steps = np.arange(rows * columns) % 256
    return (np.sort(steps).reshape(rows, columns) / 255).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("blues/blues.00000.png", "blues/blues.00012.png", "jazz/jazz.00051.png"):
        pictures.write_picture(ramp(), tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_colours_are_those_of_matplotlib_and_inverted_exactly(colour_map: str) -> None:
    from matplotlib import colormaps

    levels = np.linspace(0, 1, 256)
    expected = np.round(colormaps[colour_map](levels)[:, :3] * 255)
    np.testing.assert_array_equal(colours(levels, colour_map), expected)
    inverted, found, distance = levels_of(colours(levels, colour_map))
    assert (found, distance) == (colour_map, 0)
    # Neighbouring steps of the darkest colours may round to one colour.
    np.testing.assert_allclose(inverted, levels, atol=1 / 255 + 1e-6)


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_a_picture_survives_its_file(tmp_path: Path, colour_map: str) -> None:
    file = tmp_path / "a.png"
    pictures.write_picture(ramp(), file, colour_map=colour_map)
    np.testing.assert_allclose(pictures.read_picture(file), ramp(), atol=1 / 255 + 1e-6)


def test_a_written_picture_has_the_margins_of_the_set(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    pictures.write_picture(np.ones(PICTURE_SHAPE, np.float32), file)
    with Image.open(file) as image:
        assert image.size == (515, 389)
        pixels = np.asarray(image)
    inside = np.flatnonzero((pixels < 250).any(axis=(0, 2)))
    assert (inside[0], inside[-1]) == (10, 505)


def test_transparent_margins_and_palettes_are_read(tmp_path: Path) -> None:
    rgba = np.zeros((50, 90, 4), np.uint8)
    rgba[5:42, 13:77, :3] = colours(ramp()[::-1])
    rgba[5:42, 13:77, 3] = 255
    file = tmp_path / "a.png"
    Image.fromarray(rgba).save(file)
    np.testing.assert_allclose(pictures.read_picture(file), ramp(), atol=1 / 255 + 1e-6)
    Image.fromarray(rgba[5:42, 13:77, :3]).quantize(256).save(file)
    np.testing.assert_allclose(pictures.read_picture(file), ramp(), atol=0.05)


def test_colours_of_no_map_are_refused_unless_brightness_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(np.full((20, 20, 3), (240, 10, 120), np.uint8)).save(file)
    with pytest.raises(DatasetError, match="the nearest map; pass colour_map='grey'"):
        pictures.read_picture(file)
    grey = pictures.read_picture(file, colour_map="grey")
    assert grey == pytest.approx((0.299 * 240 + 0.587 * 10 + 0.114 * 120) / 255)
    with pytest.raises(ConfigError, match="no colour map 'jet'"):
        pictures.read_picture(file, colour_map="jet")


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"RIFF....WAVE")
    with pytest.raises(DatasetError, match=r"a\.png is not readable as a picture"):
        pictures.read_picture(file)
    pictures.write_picture(ramp(), file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"a\.png is not readable as a picture"):
        pictures.read_picture(file)
    Image.fromarray(np.full((9, 9, 3), 255, np.uint8)).save(file)
    with pytest.raises(DatasetError, match="all margin"):
        pictures.read_picture(file)


def test_names_of_gtzan_are_known(folder: Path) -> None:
    dataset = pictures.load(folder)
    assert [item.item_id for item in dataset.items] == ["blues.00000", "blues.00012", "jazz.00051"]
    assert [item.split for item in dataset.items] == ["valid", "test", "train"]
    # jazz.00051 repeats jazz.00033.
    assert dataset.groups() == ("blues.00000", "blues.00012", "jazz.00033")
    assert dataset.labels == ("blues", "jazz")
    assert dataset.features is None
    assert "GTZAN" in dataset.info.title


def test_the_kaggle_layout(tmp_path: Path) -> None:
    for name in ("blues/blues00007.png", "rock/rock00000.png"):
        pictures.write_picture(ramp(), tmp_path / "images_original" / name)
    pictures.write_picture(ramp(), tmp_path / "other" / "x.png")
    dataset = pictures.load(tmp_path)
    assert dataset.groups() == ("blues.00007", "rock.00000")


def test_other_names_are_their_own_group(tmp_path: Path) -> None:
    for name in ("a/one.png", "b/one.png"):
        pictures.write_picture(ramp(), tmp_path / name)
    dataset = pictures.load(tmp_path)
    assert dataset.groups() == ("a/one", "b/one")
    assert dataset.info == pictures.INFO


def test_a_size_makes_features(folder: Path) -> None:
    dataset = pictures.load(folder, size=(4, 8))
    assert dataset.features is not None
    assert dataset.features.shape == (3, 32)
    assert dataset.feature_names[:2] == ("row000_column000", "row000_column001")
    stack = pictures.read_pictures(dataset, (4, 8))
    np.testing.assert_allclose(dataset.features, stack.reshape(3, 32))
    assert (np.diff(stack.mean(axis=(0, 2))) > 0).all()  # the ramp's lowest row comes first


def test_too_few_genres(tmp_path: Path) -> None:
    pictures.write_picture(ramp(), tmp_path / "blues" / "x.png")
    with pytest.raises(DatasetError, match=r"under 1 genres \['blues'\]"):
        pictures.load(tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        pictures.load(tmp_path / "absent")


def test_audio_is_drawn_at_the_rate_of_the_pictures(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 22050 * 3).astype(np.float32)
    drawn = pictures.draw_picture(Waveform(samples, 22050))
    file = tmp_path / "a.png"
    pictures.write_picture(drawn, file)
    np.testing.assert_allclose(pictures.read_picture(file), drawn, atol=1.5 / 255)
    with pytest.raises(ConfigError, match="not 44100"):
        pictures.draw_picture(Waveform(samples, 44100))
    with pytest.raises(AudioContentError):
        pictures.draw_picture(Waveform(samples[:9], 22050))


def test_a_corpus_of_audio_becomes_one_of_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("calm/a.wav", "calm/b.wav", "loud/c.wav"):
        (tmp_path / "audio" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "audio" / name, rng.normal(0, 0.1, 22050), 22050)
    (tmp_path / "audio/calm/b.wav").write_bytes(b"RIFF")
    audio = audio_folder.load(tmp_path / "audio")
    first, second, third = pictures.write_pictures(audio, tmp_path / "drawn")
    assert (first.item.item_id, first.error) == ("calm/a.wav", None)
    assert second.file is None
    assert isinstance(second.error, AudioError)
    assert third.file is not None
    drawn = pictures.load(tmp_path / "drawn")
    assert [item.labels for item in drawn.items] == [("calm",), ("loud",)]
    samples = soundfile.read(tmp_path / "audio/loud/c.wav", dtype="float32")[0]
    np.testing.assert_allclose(
        pictures.read_picture(third.file), picture_levels(samples), atol=1.5 / 255
    )


@pytest.mark.parametrize("drawing", ["edges", "centres"])
def test_a_drawing_is_told_by_its_rows(drawing: str) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 22050 * 3).astype(np.float32)
    levels = picture_levels(samples, drawing=drawing)  # type: ignore[arg-type]
    assert pictures.drawing_of(levels) == drawing
    with pytest.raises(ConfigError, match="expected"):
        pictures.drawing_of(levels[:-1])


@pytest.mark.real
def test_the_real_set_is_indexed_and_grouped(real_data: Path) -> None:
    dataset = pictures.load(real_data / "gtzan_pictures")
    assert len(dataset) == 985
    assert len(dataset.labels) == 10
    parts = [item.split for item in dataset.items]
    # Of 443, 197 and 290 tracks all but the 15 without a picture.
    assert [parts.count(part) for part in ("train", "valid", "test")] == [433, 196, 286]


@pytest.mark.real
def test_drawn_pictures_are_those_of_the_set(real_data: Path) -> None:
    clips = sorted((real_data / "gtzan_audio/clips").glob("*/*.00003.flac"))
    assert len(clips) == 10
    for clip in clips:
        genre, samples = clip.parent.name, soundfile.read(clip, dtype="float32")[0]
        levels = pictures.read_picture(real_data / "gtzan_pictures" / genre / f"{clip.stem}.png")
        assert levels.shape == PICTURE_SHAPE
        drawing = pictures.drawing_of(levels)
        assert drawing == ("centres" if genre == "jazz" else "edges")
        drawn = picture_levels(samples, drawing=drawing)
        assert np.corrcoef(drawn.ravel(), levels.ravel())[0, 1] > 0.9998
        assert np.mean(np.abs(drawn - levels) < 1 / 255) > 0.98
