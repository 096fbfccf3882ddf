"""Waveform to named arrays: the front-ends, their cache, and tables of features."""

from __future__ import annotations

from genrekit.features.cache import FeatureCache
from genrekit.features.columns import ColumnInfo
from genrekit.features.extract import Extraction, extract
from genrekit.features.frontend import (
    FRONTENDS,
    Frontend,
    VectorFrontend,
    build_frontend,
    from_table,
    frontend_fingerprint,
    table_columns,
)
from genrekit.features.table import write_table

__all__ = [
    "FRONTENDS",
    "ColumnInfo",
    "Extraction",
    "FeatureCache",
    "Frontend",
    "VectorFrontend",
    "build_frontend",
    "extract",
    "from_table",
    "frontend_fingerprint",
    "table_columns",
    "write_table",
]
