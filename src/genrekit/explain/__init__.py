"""Why a model says what it says, what data looks like, and whether an explanation is faithful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.explain.data import DataExplanation, explain_data
    from genrekit.explain.data_page import write_data_page
    from genrekit.explain.exploration import Exploration, Explored, explore_dataset
    from genrekit.explain.exploration_page import boxes_of, exploration_sections, write_exploration
    from genrekit.explain.faithfulness import verdict
    from genrekit.explain.framing import framed
    from genrekit.explain.hiding import STRETCH_SECONDS, occlude_and_predict, telling
    from genrekit.explain.importance import Importance, families, permutation_importance
    from genrekit.explain.layers import Layer, layer_boxes, parameters_of, read_layers
    from genrekit.explain.maps import TSNE_COMPONENTS, Rows, fit_scaling, principal_components, tsne
    from genrekit.explain.masking import pieces, predict_track
    from genrekit.explain.network_maps import NetworkMap, attribution_maps
    from genrekit.explain.occlusion import (
        occlude_patches,
        occlude_seconds,
        replace_columns,
        time_line,
    )
    from genrekit.explain.overlay import Spectrogram, described, png, spectrogram
    from genrekit.explain.records import Occlusion, Span, TrackExplanation
    from genrekit.explain.shapley import ShapleyValues, explain_rows
    from genrekit.explain.track import explain_track
    from genrekit.explain.track_page import write_track_page

__all__ = [
    "STRETCH_SECONDS",
    "TSNE_COMPONENTS",
    "DataExplanation",
    "Exploration",
    "Explored",
    "Importance",
    "Layer",
    "NetworkMap",
    "Occlusion",
    "Rows",
    "ShapleyValues",
    "Span",
    "Spectrogram",
    "TrackExplanation",
    "attribution_maps",
    "boxes_of",
    "described",
    "explain_data",
    "explain_rows",
    "explain_track",
    "exploration_sections",
    "explore_dataset",
    "families",
    "fit_scaling",
    "framed",
    "layer_boxes",
    "occlude_and_predict",
    "occlude_patches",
    "occlude_seconds",
    "parameters_of",
    "permutation_importance",
    "pieces",
    "png",
    "predict_track",
    "principal_components",
    "read_layers",
    "replace_columns",
    "spectrogram",
    "telling",
    "time_line",
    "tsne",
    "verdict",
    "write_data_page",
    "write_exploration",
    "write_track_page",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "DataExplanation": "genrekit.explain.data",
    "explain_data": "genrekit.explain.data",
    "write_data_page": "genrekit.explain.data_page",
    "Exploration": "genrekit.explain.exploration",
    "Explored": "genrekit.explain.exploration",
    "explore_dataset": "genrekit.explain.exploration",
    "boxes_of": "genrekit.explain.exploration_page",
    "exploration_sections": "genrekit.explain.exploration_page",
    "write_exploration": "genrekit.explain.exploration_page",
    "verdict": "genrekit.explain.faithfulness",
    "framed": "genrekit.explain.framing",
    "STRETCH_SECONDS": "genrekit.explain.hiding",
    "occlude_and_predict": "genrekit.explain.hiding",
    "telling": "genrekit.explain.hiding",
    "Importance": "genrekit.explain.importance",
    "families": "genrekit.explain.importance",
    "permutation_importance": "genrekit.explain.importance",
    "Layer": "genrekit.explain.layers",
    "layer_boxes": "genrekit.explain.layers",
    "parameters_of": "genrekit.explain.layers",
    "read_layers": "genrekit.explain.layers",
    "TSNE_COMPONENTS": "genrekit.explain.maps",
    "Rows": "genrekit.explain.maps",
    "fit_scaling": "genrekit.explain.maps",
    "principal_components": "genrekit.explain.maps",
    "tsne": "genrekit.explain.maps",
    "pieces": "genrekit.explain.masking",
    "predict_track": "genrekit.explain.masking",
    "NetworkMap": "genrekit.explain.network_maps",
    "attribution_maps": "genrekit.explain.network_maps",
    "occlude_patches": "genrekit.explain.occlusion",
    "occlude_seconds": "genrekit.explain.occlusion",
    "replace_columns": "genrekit.explain.occlusion",
    "time_line": "genrekit.explain.occlusion",
    "Spectrogram": "genrekit.explain.overlay",
    "described": "genrekit.explain.overlay",
    "png": "genrekit.explain.overlay",
    "spectrogram": "genrekit.explain.overlay",
    "Occlusion": "genrekit.explain.records",
    "Span": "genrekit.explain.records",
    "TrackExplanation": "genrekit.explain.records",
    "ShapleyValues": "genrekit.explain.shapley",
    "explain_rows": "genrekit.explain.shapley",
    "explain_track": "genrekit.explain.track",
    "write_track_page": "genrekit.explain.track_page",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
