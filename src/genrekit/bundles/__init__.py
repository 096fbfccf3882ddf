"""Saved models that describe themselves: load, verify, write, name. Nothing in them is pickle."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
