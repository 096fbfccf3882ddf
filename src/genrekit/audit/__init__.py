"""What is wrong with data: files, duplicates, labels, balance, tables."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
