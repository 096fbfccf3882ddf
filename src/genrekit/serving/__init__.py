"""REST and WebSocket over ``Classifier``, made to survive the open internet.

One process answers; audio is decoded and scored only in killable worker processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = ["Settings", "create_app", "new_key", "serve"]

# Resolved on first use: worker processes live in this room too, and need no web framework.
_HOMES = {
    "Settings": "genrekit.serving.settings",
    "create_app": "genrekit.serving.app",
    "new_key": "genrekit.serving.access",
    "serve": "genrekit.serving.server",
}

if TYPE_CHECKING:
    from genrekit.serving.access import new_key
    from genrekit.serving.app import create_app
    from genrekit.serving.server import serve
    from genrekit.serving.settings import Settings

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
