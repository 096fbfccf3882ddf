"""Waveform to named arrays: the front-ends, their cache, and tables of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.features.cache import FeatureCache, cache_key
    from genrekit.features.chroma import PITCH_CLASSES
    from genrekit.features.clip import FRAMES_PER_SECOND, SAMPLE_RATE_HZ, analyse
    from genrekit.features.columns import ColumnInfo
    from genrekit.features.extraction import (
        WHOLE_TRACK,
        Extraction,
        compute_files,
        extract,
        extract_windows,
    )
    from genrekit.features.foreign import at_step, chosen_columns
    from genrekit.features.frontend import (
        FRONTENDS,
        Frontend,
        VectorFrontend,
        build_frontend,
        from_table,
        frontend_fingerprint,
        table_columns,
    )
    from genrekit.features.mel import MelFrontend
    from genrekit.features.picture import PICTURE_SHAPE, Drawing, picture_levels, scale_levels
    from genrekit.features.stft import (
        bin_frequencies_hz,
        by_block,
        forward_stft,
        frames,
        hann,
        inverse_stft,
        mel_filters,
    )
    from genrekit.features.storage import Floats, Numbers, RowWriter, joined, taken
    from genrekit.features.table import check_table, feature_columns, feature_rows, save_table
    from genrekit.features.windowed import WindowedFrontend

__all__ = [
    "FRAMES_PER_SECOND",
    "FRONTENDS",
    "PICTURE_SHAPE",
    "PITCH_CLASSES",
    "SAMPLE_RATE_HZ",
    "WHOLE_TRACK",
    "ColumnInfo",
    "Drawing",
    "Extraction",
    "FeatureCache",
    "Floats",
    "Frontend",
    "MelFrontend",
    "Numbers",
    "RowWriter",
    "VectorFrontend",
    "WindowedFrontend",
    "analyse",
    "at_step",
    "bin_frequencies_hz",
    "build_frontend",
    "by_block",
    "cache_key",
    "check_table",
    "chosen_columns",
    "compute_files",
    "extract",
    "extract_windows",
    "feature_columns",
    "feature_rows",
    "forward_stft",
    "frames",
    "from_table",
    "frontend_fingerprint",
    "hann",
    "inverse_stft",
    "joined",
    "mel_filters",
    "picture_levels",
    "save_table",
    "scale_levels",
    "table_columns",
    "taken",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "FeatureCache": "genrekit.features.cache",
    "cache_key": "genrekit.features.cache",
    "PITCH_CLASSES": "genrekit.features.chroma",
    "FRAMES_PER_SECOND": "genrekit.features.clip",
    "SAMPLE_RATE_HZ": "genrekit.features.clip",
    "analyse": "genrekit.features.clip",
    "ColumnInfo": "genrekit.features.columns",
    "WHOLE_TRACK": "genrekit.features.extraction",
    "Extraction": "genrekit.features.extraction",
    "compute_files": "genrekit.features.extraction",
    "extract": "genrekit.features.extraction",
    "extract_windows": "genrekit.features.extraction",
    "at_step": "genrekit.features.foreign",
    "chosen_columns": "genrekit.features.foreign",
    "FRONTENDS": "genrekit.features.frontend",
    "Frontend": "genrekit.features.frontend",
    "VectorFrontend": "genrekit.features.frontend",
    "build_frontend": "genrekit.features.frontend",
    "from_table": "genrekit.features.frontend",
    "frontend_fingerprint": "genrekit.features.frontend",
    "table_columns": "genrekit.features.frontend",
    "MelFrontend": "genrekit.features.mel",
    "PICTURE_SHAPE": "genrekit.features.picture",
    "Drawing": "genrekit.features.picture",
    "picture_levels": "genrekit.features.picture",
    "scale_levels": "genrekit.features.picture",
    "bin_frequencies_hz": "genrekit.features.stft",
    "by_block": "genrekit.features.stft",
    "forward_stft": "genrekit.features.stft",
    "frames": "genrekit.features.stft",
    "hann": "genrekit.features.stft",
    "mel_filters": "genrekit.features.stft",
    "inverse_stft": "genrekit.features.stft",
    "Floats": "genrekit.features.storage",
    "Numbers": "genrekit.features.storage",
    "RowWriter": "genrekit.features.storage",
    "joined": "genrekit.features.storage",
    "taken": "genrekit.features.storage",
    "check_table": "genrekit.features.table",
    "feature_columns": "genrekit.features.table",
    "feature_rows": "genrekit.features.table",
    "save_table": "genrekit.features.table",
    "WindowedFrontend": "genrekit.features.windowed",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
