"""The explorer: results, data and embeddings in a browser, by Streamlit; optional.

`opening` tells what a path holds, the views show it, `launch` starts a server for one user. Charts
and words are those of `genrekit.explain`, so a picture means the same here and on its pages.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
