"""Boxes and arrows: what is made of what, as text and as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 250, 44, 24, 26, 16


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Parameters
    ----------
    name, note : str
        Its two lines.
    before : sequence of int
        Places of the boxes that arrows come from, all earlier in the list.
    """

    name: str
    note: str
    before: Sequence[int] = ()


def ranks_of(boxes: Sequence[Box]) -> list[int]:
    """How many boxes lie before each one, on the longest way."""
    ranks: list[int] = []
    for box in boxes:
        ranks.append(max((ranks[one] + 1 for one in box.before), default=0))
    return ranks


def diagram_text(boxes: Sequence[Box]) -> str:
    """Return a line for each box; those that do not take the one above say what they take."""
    wide = max((len(box.name) for box in boxes), default=0)
    far = len(str(len(boxes)))
    lines = []
    for place, box in enumerate(boxes):
        above = list(box.before) == [place - 1]
        start = not box.before
        taken = "" if above or start else f"  < {', '.join(str(one + 1) for one in box.before)}"
        lines.append(f"{place + 1:>{far}}  {box.name:<{wide}}  {box.note}{taken}".rstrip())
    return "\n".join(lines)


def diagram_svg(boxes: Sequence[Box], title: str) -> str:
    """Return the same as an SVG that needs nothing but itself; names stay text."""
    ranks = ranks_of(boxes)
    rows: dict[int, list[int]] = {}
    for place, rank in enumerate(ranks):
        rows.setdefault(rank, []).append(place)
    most = max((len(row) for row in rows.values()), default=1)
    width = 2 * _MARGIN + most * _WIDTH + (most - 1) * _ACROSS
    height = 2 * _MARGIN + 24 + len(rows) * (_HEIGHT + _DOWN)
    middle, top = {}, {}
    for rank, row in rows.items():
        left = (width - len(row) * _WIDTH - (len(row) - 1) * _ACROSS) / 2
        for number, place in enumerate(row):
            middle[place] = left + number * (_WIDTH + _ACROSS) + _WIDTH / 2
            top[place] = _MARGIN + 24 + rank * (_HEIGHT + _DOWN)
    arrows = [
        _arrow((middle[one], top[one] + _HEIGHT), (middle[at], top[at]), ranks[at] - ranks[one])
        for at, box in enumerate(boxes)
        for one in box.before
    ]
    drawn = [_box(box, middle[place], top[place]) for place, box in enumerate(boxes)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" role="img" font-family="sans-serif" font-size="12">'
        f"<title>{escape(title)}</title>"
        '<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{width / 2:g}" y="{_MARGIN + 8}" text-anchor="middle" font-size="14">'
        f"{escape(title)}</text>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
    )
    return "\n".join([head, *arrows, *drawn, "</svg>"]) + "\n"


def _arrow(start: tuple[float, float], end: tuple[float, float], ranks: int) -> str:
    """Straight down to the next row; around the boxes between where it goes further."""
    (x, y), (to_x, to_y) = start, end
    path = f"M{x:g} {y:g}L{to_x:g} {to_y:g}"
    if ranks > 1:
        aside = max(x, to_x) + _WIDTH / 2 + _ACROSS / 2
        path = f"M{x:g} {y:g}C{aside:g} {y + _DOWN:g} {aside:g} {to_y - _DOWN:g} {to_x:g} {to_y:g}"
    return f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#tip)"/>'


def _box(box: Box, x: float, y: float) -> str:
    parts = [
        f'<text x="{x:g}" y="{y + 18:g}" text-anchor="middle">{escape(box.name)}</text>',
        f'<text x="{x:g}" y="{y + 34:g}" text-anchor="middle" fill="#555" font-size="10">'
        f"{escape(box.note)}</text>",
    ]
    frame = (
        f'<rect x="{x - _WIDTH / 2:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        'fill="#f3f6fa" stroke="#5b7fa6"/>'
    )
    return frame + "".join(parts)
