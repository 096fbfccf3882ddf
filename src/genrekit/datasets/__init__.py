"""Corpora: one file each, all turned into `Dataset`, and splits that keep recordings together."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
