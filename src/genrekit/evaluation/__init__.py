"""Numbers that can be trusted: metrics with intervals, calibration, and a detector of leaks."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
