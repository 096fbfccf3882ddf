"""Models outside of Python: one graph from audio to the answer, and a page that runs it.

On a phone or in another program it is an ONNX file; in a browser, a folder of static files.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

# Resolved on first use: most of it needs onnx, which predicting does not.
__getattr__, __dir__, __all__ = attach_stub(__name__)
