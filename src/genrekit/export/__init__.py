"""Fitted models as ONNX graphs: classical ones, networks, ensembles, and in eight bits.

A graph is what is saved and scored; each must agree with the model that it was made of.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

# Resolved on first use: a classical model is exported without torch.
__getattr__, __dir__, __all__ = attach_stub(__name__)
