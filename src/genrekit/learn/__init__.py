"""Genres of one's own on a model's embedding, with NumPy and SciPy alone."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
