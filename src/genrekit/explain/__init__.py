"""Why a model says what it says, what data looks like, and whether an explanation is faithful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.explain.data import DataExplanation, explain_data
    from genrekit.explain.data_page import write_data_page
    from genrekit.explain.exploration import Exploration, explore_dataset
    from genrekit.explain.exploration_page import write_exploration
    from genrekit.explain.hiding import occlude_and_predict, telling
    from genrekit.explain.layers import Layer, layer_boxes, parameters_of, read_layers
    from genrekit.explain.masking import pieces, predict_track
    from genrekit.explain.network_maps import NetworkMap, attribution_maps
    from genrekit.explain.occlusion import (
        occlude_patches,
        occlude_seconds,
        replace_columns,
        time_line,
    )
    from genrekit.explain.records import Occlusion, TrackExplanation
    from genrekit.explain.shapley import ShapleyValues, explain_rows
    from genrekit.explain.track import explain_track
    from genrekit.explain.track_page import write_track_page

__all__ = [
    "DataExplanation",
    "Exploration",
    "Layer",
    "NetworkMap",
    "Occlusion",
    "ShapleyValues",
    "TrackExplanation",
    "attribution_maps",
    "explain_data",
    "explain_rows",
    "explain_track",
    "explore_dataset",
    "layer_boxes",
    "occlude_and_predict",
    "occlude_patches",
    "occlude_seconds",
    "parameters_of",
    "pieces",
    "predict_track",
    "read_layers",
    "replace_columns",
    "telling",
    "time_line",
    "write_data_page",
    "write_exploration",
    "write_track_page",
]

__getattr__ = resolver(
    __name__,
    {
        "DataExplanation": "genrekit.explain.data",
        "explain_data": "genrekit.explain.data",
        "write_data_page": "genrekit.explain.data_page",
        "Exploration": "genrekit.explain.exploration",
        "explore_dataset": "genrekit.explain.exploration",
        "write_exploration": "genrekit.explain.exploration_page",
        "Occlusion": "genrekit.explain.records",
        "TrackExplanation": "genrekit.explain.records",
        "explain_track": "genrekit.explain.track",
        "occlude_and_predict": "genrekit.explain.hiding",
        "telling": "genrekit.explain.hiding",
        "Layer": "genrekit.explain.layers",
        "layer_boxes": "genrekit.explain.layers",
        "parameters_of": "genrekit.explain.layers",
        "read_layers": "genrekit.explain.layers",
        "predict_track": "genrekit.explain.masking",
        "NetworkMap": "genrekit.explain.network_maps",
        "attribution_maps": "genrekit.explain.network_maps",
        "ShapleyValues": "genrekit.explain.shapley",
        "explain_rows": "genrekit.explain.shapley",
        "occlude_patches": "genrekit.explain.occlusion",
        "occlude_seconds": "genrekit.explain.occlusion",
        "pieces": "genrekit.explain.masking",
        "replace_columns": "genrekit.explain.occlusion",
        "time_line": "genrekit.explain.occlusion",
        "write_track_page": "genrekit.explain.track_page",
    },
)
