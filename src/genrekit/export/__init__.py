"""Fitted models as ONNX graphs: classical ones, networks, ensembles, and in eight bits.

A graph is what is saved and scored; each must agree with the model that it was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.export.agreement import AGREEMENT, relative_difference, require_agreement
    from genrekit.export.classical import check_agreement, export_onnx, run_onnx
    from genrekit.export.ensemble import (
        Combiner,
        MemberGraph,
        ensemble_graph,
        log_odds,
        logarithm,
    )
    from genrekit.export.int8 import int8_graph, quantise, quiet_logging
    from genrekit.export.network import (
        check_network,
        check_outputs,
        export_body,
        export_embedding,
        export_network,
        export_outputs,
        run_network,
    )
    from genrekit.export.one_vs_rest import (
        check_one_vs_rest,
        export_one_vs_rest,
        fit_one_vs_rest,
    )

__all__ = [
    "AGREEMENT",
    "Combiner",
    "MemberGraph",
    "check_agreement",
    "check_network",
    "check_one_vs_rest",
    "check_outputs",
    "ensemble_graph",
    "export_body",
    "export_embedding",
    "export_network",
    "export_one_vs_rest",
    "export_onnx",
    "export_outputs",
    "fit_one_vs_rest",
    "int8_graph",
    "log_odds",
    "logarithm",
    "quantise",
    "quiet_logging",
    "relative_difference",
    "require_agreement",
    "run_network",
    "run_onnx",
]

# Resolved on first use: a classical model is exported without torch.
_AGREEMENT = "genrekit.export.agreement"
_CLASSICAL = "genrekit.export.classical"
_ENSEMBLE = "genrekit.export.ensemble"
_INT8 = "genrekit.export.int8"
_NETWORK = "genrekit.export.network"
_ONE_VS_REST = "genrekit.export.one_vs_rest"
_HOMES = {
    "AGREEMENT": _AGREEMENT,
    "Combiner": _ENSEMBLE,
    "MemberGraph": _ENSEMBLE,
    "check_agreement": _CLASSICAL,
    "check_network": _NETWORK,
    "check_one_vs_rest": _ONE_VS_REST,
    "check_outputs": _NETWORK,
    "ensemble_graph": _ENSEMBLE,
    "export_body": _NETWORK,
    "export_embedding": _NETWORK,
    "export_network": _NETWORK,
    "export_one_vs_rest": _ONE_VS_REST,
    "export_onnx": _CLASSICAL,
    "export_outputs": _NETWORK,
    "fit_one_vs_rest": _ONE_VS_REST,
    "int8_graph": _INT8,
    "log_odds": _ENSEMBLE,
    "logarithm": _ENSEMBLE,
    "quantise": _INT8,
    "quiet_logging": _INT8,
    "relative_difference": _AGREEMENT,
    "require_agreement": _AGREEMENT,
    "run_network": _NETWORK,
    "run_onnx": _CLASSICAL,
}

__getattr__ = resolver(__name__, _HOMES)
