"""REST and WebSocket over ``Classifier``, made to survive the open internet.

One process answers; audio is decoded and scored only in killable worker processes.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

# Resolved on first use: worker processes live in this room too, and need no web framework.
__getattr__, __dir__, __all__ = attach_stub(__name__)
