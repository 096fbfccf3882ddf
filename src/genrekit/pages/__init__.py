"""Pages: charts, HTML, Markdown and figures, drawn and written one way."""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
