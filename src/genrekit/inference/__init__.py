"""The prediction path: windows, scores, aggregation, calibration, abstention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.inference.classifier import EVERY_SECONDS, FIRST_SECONDS, Classifier
    from genrekit.inference.inputs import (
        InputNumbers,
        InputWatch,
        input_numbers,
        make_reference,
        spread_of,
    )
    from genrekit.inference.records import error_record, printable
    from genrekit.inference.scoring import aggregate, calibrated, decide, ranked
    from genrekit.inference.tree import chosen, consistent, edges, with_ancestors
    from genrekit.inference.windows import Window, cut_windows

__all__ = [
    "EVERY_SECONDS",
    "FIRST_SECONDS",
    "Classifier",
    "InputNumbers",
    "InputWatch",
    "Window",
    "aggregate",
    "calibrated",
    "chosen",
    "consistent",
    "cut_windows",
    "decide",
    "edges",
    "error_record",
    "input_numbers",
    "make_reference",
    "printable",
    "ranked",
    "spread_of",
    "with_ancestors",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "EVERY_SECONDS": "genrekit.inference.classifier",
    "FIRST_SECONDS": "genrekit.inference.classifier",
    "Classifier": "genrekit.inference.classifier",
    "InputNumbers": "genrekit.inference.inputs",
    "InputWatch": "genrekit.inference.inputs",
    "input_numbers": "genrekit.inference.inputs",
    "make_reference": "genrekit.inference.inputs",
    "spread_of": "genrekit.inference.inputs",
    "error_record": "genrekit.inference.records",
    "printable": "genrekit.inference.records",
    "aggregate": "genrekit.inference.scoring",
    "calibrated": "genrekit.inference.scoring",
    "decide": "genrekit.inference.scoring",
    "ranked": "genrekit.inference.scoring",
    "chosen": "genrekit.inference.tree",
    "consistent": "genrekit.inference.tree",
    "edges": "genrekit.inference.tree",
    "with_ancestors": "genrekit.inference.tree",
    "Window": "genrekit.inference.windows",
    "cut_windows": "genrekit.inference.windows",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
