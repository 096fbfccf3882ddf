"""Models outside of Python: one graph from audio to the answer, and a page that runs it.

On a phone or in another program it is an ONNX file; in a browser, a folder of static files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = ["EdgeModel", "edge_graph", "export_edge", "export_web"]

# Resolved on first use: most of it needs onnx, which predicting does not.
_HOMES = {
    "EdgeModel": "genrekit.edge.contract",
    "edge_graph": "genrekit.edge.graph",
    "export_edge": "genrekit.edge.export",
    "export_web": "genrekit.edge.web",
}

if TYPE_CHECKING:
    from genrekit.edge.contract import EdgeModel
    from genrekit.edge.export import export_edge
    from genrekit.edge.graph import edge_graph
    from genrekit.edge.web import export_web

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
