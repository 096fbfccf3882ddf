"""Why a model says what it says, what data looks like, and whether an explanation is faithful."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
