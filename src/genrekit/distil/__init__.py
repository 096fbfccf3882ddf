"""Distillation: a network learns, from music without labels, to give a backbone's embedding.

`distil` carries out a recipe of ``kind: distil`` and saves the student as a bundle with an
embedding, on which heads are trained as on any backbone.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
