"""One spectrogram picture: its file to levels, audio to levels, and levels to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.colour_maps import TOLERANCE, colours, levels_of
from genrekit.errors import ConfigError, DatasetError
from genrekit.extras import naming_extra
from genrekit.features import PICTURE_SHAPE, Drawing, picture_levels, scale_levels

if TYPE_CHECKING:
    from genrekit.audio import Waveform

SAMPLE_RATE_HZ = 22050

#: Pixels left and right of, and above and below, a picture that is written.
MARGINS_PIXELS = (10, 9)

_WHITE = 250
_BRIGHTNESS = np.array([0.299, 0.587, 0.114]) / 255


def read_picture(
    file: Path, size: tuple[int, int] | None = None, *, colour_map: str | None = None
) -> NDArray[np.float32]:
    """Crop the margins of a picture and turn its colours back into levels.

    Parameters
    ----------
    size : (int, int), optional
        Rows and columns to scale to; None keeps those of the picture.
    colour_map : str, optional
        One of `COLOUR_MAPS`, or ``"grey"``, which takes the brightness of any picture. None finds
        the map, and refuses colours of none.

    Returns
    -------
    ndarray of float32, shape (n_rows, n_columns)
        In [0, 1], the lowest row of the picture first.

    Raises
    ------
    DatasetError
        If the file is not a picture, all margin, or of another map.
    MissingExtraError
        Without the extra ``train``.
    """
    rgb, blank = _crop(file, *_open(file))
    if colour_map == "grey":
        levels = (rgb @ _BRIGHTNESS).astype(np.float32)
    else:
        levels = _invert(file, rgb, blank, colour_map)
    levels[blank] = 0
    upright = np.ascontiguousarray(levels[::-1])
    return upright if size is None else scale_levels(upright, size)


def draw_picture(
    waveform: Waveform, size: tuple[int, int] = PICTURE_SHAPE, *, drawing: Drawing = "edges"
) -> NDArray[np.float32]:
    """Levels of the picture that `write_picture` would write, see `picture_levels`.

    Raises
    ------
    ConfigError
        If the waveform is not at 22,050 Hz, the rate of the pictures.
    AudioContentError
        If it is too short.
    """
    if waveform.sample_rate_hz != SAMPLE_RATE_HZ:
        raise ConfigError(
            f"pictures are drawn at {SAMPLE_RATE_HZ} Hz, not {waveform.sample_rate_hz}; decode the "
            "audio at that rate"
        )
    return picture_levels(waveform.samples, size, drawing=drawing)


def write_picture(levels: NDArray[np.float32], file: Path, *, colour_map: str = "viridis") -> None:
    """Write levels, lowest row first, as a PNG with the margins of the published set.

    Raises
    ------
    MissingExtraError
        Without the extra ``train``.
    """
    image = _pillow()
    beside, above = MARGINS_PIXELS
    rgb = np.pad(
        colours(levels[::-1], colour_map),
        ((above, above + 1), (beside, beside - 1), (0, 0)),
        constant_values=255,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    image.fromarray(rgb).save(file, format="PNG", optimize=True)


def drawing_of(levels: NDArray[np.float32]) -> Drawing:
    """Which drawing made a picture of `PICTURE_SHAPE`; the two repeat different rows.

    Raises
    ------
    ConfigError
        If the picture has another shape.
    """
    if levels.shape != PICTURE_SHAPE:
        raise ConfigError(f"a picture of {levels.shape} pixels; expected {PICTURE_SHAPE}")
    same = np.mean(levels[1:] == levels[:-1], axis=1)
    return "edges" if same[2] + same[5] > same[1] + same[4] else "centres"


# --- pixels -------------------------------------------------------------------------------------


def _open(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours, shape (n_rows, n_columns, 3), and which pixels are white or transparent."""
    image = _pillow()
    try:
        with image.open(file) as opened:
            rgba = np.asarray(opened.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as problem:
        raise DatasetError(f"{file} is not readable as a picture: {problem}") from problem
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    return rgb, (rgb >= _WHITE).all(axis=-1) | (alpha == 0)


def _crop(
    file: Path, rgb: NDArray[np.uint8], blank: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    rows, columns = np.flatnonzero(~blank.all(axis=1)), np.flatnonzero(~blank.all(axis=0))
    if not rows.size:
        raise DatasetError(f"{file} is all margin: no pixel has a colour")
    inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return rgb[inner], blank[inner]


def _invert(
    file: Path, rgb: NDArray[np.uint8], blank: NDArray[np.bool_], colour_map: str | None
) -> NDArray[np.float32]:
    values, name, distance = levels_of(rgb[~blank], colour_map)
    if distance > TOLERANCE:
        raise DatasetError(
            f"{file}: colours are {distance:.0f} of 255 away from {name}, the nearest map; pass "
            "colour_map='grey' to take the brightness instead"
        )
    levels = np.zeros(blank.shape, dtype=np.float32)
    levels[~blank] = values
    return levels


def _pillow() -> Any:
    with naming_extra():
        from PIL import Image
    return Image
