"""The overlay as a figure: a title, what the tests say, axes in Hz and seconds, and a key."""

from __future__ import annotations

from textwrap import wrap

import numpy as np

from genrekit.explain.overlay import (
    AGAINST,
    FOR,
    GAP,
    HEIGHT,
    NO_EVIDENCE,
    STRIP,
    WIDTH,
    Pixels,
    Spectrogram,
    largest_loss,
    overlaid,
)
from genrekit.explain.records import Occlusion
from genrekit.pages import ADVANCE, LINE, hertz_ticks, lettered

_SCALE = 2
_LEFT, _RIGHT, _BOTTOM, _MARGIN = 92, 24, 62, 14
_INK, _PAPER = (27, 31, 36), (255, 255, 255)
_LINE_PIXELS = LINE * _SCALE
_LETTER_PIXELS = ADVANCE * _SCALE
_TICK = 6
_SECONDS_APART = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_MOST_TICKS = 12


def framed(found: Occlusion, spectrogram: Spectrogram) -> Pixels:
    """Return the overlay of an explanation with everything that says what it shows.

    Returns
    -------
    (height, width, 3) uint8
    """
    plot = overlaid(found, spectrogram)
    lines = _head(found)
    top = _MARGIN + _LINE_PIXELS * (len(lines) + 1) + _MARGIN
    width = _LEFT + WIDTH + _RIGHT
    page = np.full((top + len(plot) + _BOTTOM, width, 3), _PAPER, np.uint8)
    page[top : top + len(plot), _LEFT : _LEFT + WIDTH] = plot
    for number, line in enumerate(lines):
        _write(page, line, _MARGIN, _MARGIN + number * _LINE_PIXELS)
    _key(page, found.genre, _MARGIN + len(lines) * _LINE_PIXELS)
    _bands(page, spectrogram, top)
    _strip_axis(page, found, top + HEIGHT + GAP)
    _seconds(page, spectrogram, top + len(plot))
    return page


def _head(found: Occlusion) -> list[str]:
    title = (
        f"What {found.genre} ({found.probability:.3f}) rests on in {found.path}, by "
        f"{found.model.name} {found.model.version}"
    )
    texts = [title]
    texts += [f"Seconds, below: {found.verdict}." if found.verdict else ""]
    texts += [f"Patches, above: {found.patch_verdict}." if found.patch_verdict else ""]
    most = (_LEFT + WIDTH + _RIGHT - 2 * _MARGIN) // _LETTER_PIXELS
    return [line for text in texts for line in wrap(text, most)]


def _key(page: Pixels, genre: str, y: int) -> None:
    x = _MARGIN
    names = (f"speaks for {genre}", "speaks against it", "no evidence")
    for colour, name in zip((FOR, AGAINST, NO_EVIDENCE), names, strict=True):
        page[y : y + 7 * _SCALE, x : x + 7 * _SCALE] = colour
        _write(page, name, x + 9 * _SCALE, y)
        x += 14 * _SCALE + _LETTER_PIXELS * (len(name) + 1)


def _bands(page: Pixels, spectrogram: Spectrogram, top: int) -> None:
    borders = spectrogram.borders_hz
    for share, name in hertz_ticks(borders, np.linspace(0, 1, len(borders))):
        _left_tick(page, name, top + round(HEIGHT * (1 - share)))
    _write(page, "Hz", _LEFT - 3 * _LETTER_PIXELS, top - _LINE_PIXELS)


def _strip_axis(page: Pixels, found: Occlusion, top: int) -> None:
    most = f"{largest_loss(found.occlusion):.2g}"
    _left_tick(page, f"+{most}", top + 7)
    _left_tick(page, f"-{most}", top + STRIP - 7)
    _left_tick(page, "0", top + STRIP // 2)
    _write(page, "log-odds lost", _LEFT, top + STRIP + _TICK + 4 + _LINE_PIXELS)


def _seconds(page: Pixels, spectrogram: Spectrogram, bottom: int) -> None:
    length = spectrogram.end_seconds - spectrogram.start_seconds
    apart = next((one for one in _SECONDS_APART if length / one <= _MOST_TICKS), length)
    first = np.ceil(spectrogram.start_seconds / apart) * apart
    for at in np.arange(first, spectrogram.end_seconds + 1e-9, apart):
        x = _LEFT + min(WIDTH - 1, round(WIDTH * (at - spectrogram.start_seconds) / length))
        page[bottom : bottom + _TICK, x - 1 : x + 1] = _INK
        text = f"{at:g}"
        _write(page, text, x - len(text) * _LETTER_PIXELS // 2, bottom + _TICK + 4)
    text = "seconds of the track"
    _write(
        page, text, _LEFT + WIDTH - len(text) * _LETTER_PIXELS, bottom + _TICK + 4 + _LINE_PIXELS
    )


def _left_tick(page: Pixels, text: str, y: int) -> None:
    page[y - 1 : y + 1, _LEFT - _TICK : _LEFT] = _INK
    _write(page, text, _LEFT - _TICK - 4 - len(text) * _LETTER_PIXELS, y - 7 * _SCALE // 2)


def _write(page: Pixels, text: str, x: int, y: int) -> None:
    """Put a line of text where its upper left corner is; what sticks out is cut off."""
    dots = lettered(text, scale=_SCALE)
    x, y = max(0, x), max(0, y)
    area = page[y : y + dots.shape[0], x : x + dots.shape[1]]
    area[dots[: area.shape[0], : area.shape[1]]] = _INK
