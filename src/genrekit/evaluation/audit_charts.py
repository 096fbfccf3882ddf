"""Small charts as inline SVG: bars for labels, histograms for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_WIDTH = 640
_BAR = 18
_LABEL_WIDTH = 150
_HEIGHT = 150
_MARGIN = 36
MOST_BARS = 40


def bars(counts: Mapping[str, int], title: str) -> str:
    """One horizontal bar for each label, at most `MOST_BARS`, the largest of them."""
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_BARS]
    top = max((count for _, count in ranked), default=0) or 1
    room = _WIDTH - _LABEL_WIDTH - 60
    parts = []
    for row, (label, count) in enumerate(ranked):
        y, length = row * (_BAR + 4), room * count / top
        middle = y + _BAR - 5
        shown = label if len(label) <= 20 else f"{label[:19]}…"
        parts += [
            f'<text x="{_LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(shown)}</text>',
            f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2">'
            f"<title>{escape(label)}: {count}</title></rect>",
            f'<text x="{_LABEL_WIDTH + length + 6:.1f}" y="{middle}">{count}</text>',
        ]
    return _figure(parts, len(ranked) * (_BAR + 4), title)


def histogram(values: Sequence[float], title: str, unit: str, n_bins: int = 30) -> str:
    """How often values occur; empty text for none."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.asarray(values), bins=n_bins, range=(low, high))
    top, width = int(counts.max()), (_WIDTH - 2 * _MARGIN) / n_bins
    parts = []
    for number, count in enumerate(counts.tolist()):
        height = (_HEIGHT - _MARGIN) * count / top
        x, y = _MARGIN + number * width, _HEIGHT - _MARGIN / 2 - height
        said = f"{edges[number]:.4g} to {edges[number + 1]:.4g} {unit}: {count}"
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width - 1, 1):.1f}" height="{height:.1f}">'
            f"<title>{escape(said)}</title></rect>"
        )
    base = _HEIGHT - 2
    for x, anchor, value in (
        (_MARGIN, "start", low),
        (_WIDTH / 2, "middle", (low + high) / 2),
        (_WIDTH - _MARGIN, "end", high),
    ):
        text = escape(f"{value:.4g} {unit}")
        parts.append(f'<text x="{x:.0f}" y="{base}" text-anchor="{anchor}">{text}</text>')
    return _figure(parts, _HEIGHT, title)


def _figure(parts: Sequence[str], height: int, title: str) -> str:
    name = escape(title, quote=True)
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {_WIDTH} {height + 4}" '
        f'role="img" aria-label="{name}">{"".join(parts)}</svg></figure>'
    )
