"""The explorer: results, data and embeddings in a browser, by Streamlit; optional.

`opening` tells what a path holds, the views show it, `launch` starts a server for one user. Charts
and words are those of `genrekit.explain`, so a picture means the same here and on its pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = ["Opened", "launch", "open_paths"]

_HOMES = {
    "Opened": "genrekit.explorer.opening",
    "open_paths": "genrekit.explorer.opening",
    "launch": "genrekit.explorer.launching",
}

if TYPE_CHECKING:
    from genrekit.explorer.launching import launch
    from genrekit.explorer.opening import Opened, open_paths

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
