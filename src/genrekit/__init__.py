"""genrekit tells the genre of music.

>>> import genrekit
>>> genrekit.__version__.count(".")
2

The public names below are resolved on first use, so importing the package costs next to nothing.
"""

from __future__ import annotations

import os

from genrekit.lazy import attach_stub

# ONNX Runtime 1.29 and later tells its makers what is run, and on what, unless it is told not to
# before it is imported. Nothing leaves this machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach_stub(__name__)
__all__.append("__version__")
