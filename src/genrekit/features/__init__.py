"""Waveform to named arrays: the front-ends, their cache, and tables of features."""

from __future__ import annotations

from genrekit.features.columns import ColumnInfo
from genrekit.features.frontend import (
    FRONTENDS,
    Frontend,
    VectorFrontend,
    build_frontend,
    frontend_fingerprint,
)

__all__ = [
    "FRONTENDS",
    "ColumnInfo",
    "Frontend",
    "VectorFrontend",
    "build_frontend",
    "frontend_fingerprint",
]
