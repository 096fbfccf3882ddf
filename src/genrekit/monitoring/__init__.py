"""What a server answered, kept and compared: prediction log, A/B, drift."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
