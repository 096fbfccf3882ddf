"""Many fits with one question: study, tune, learning curve, compare."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
