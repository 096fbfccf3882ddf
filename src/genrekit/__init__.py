"""genrekit tells the genre of music.

>>> import genrekit
>>> genrekit.__version__.count(".")
2

The public names below are resolved on first use, so importing the package costs next to nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from genrekit.lazy import resolver

# ONNX Runtime 1.29 and later tells its makers what is run, and on what, unless it is told not to
# before it is imported. Nothing leaves this machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "GenreError",
    "GenreEstimator",
    "TrackPrediction",
    "Waveform",
    "__version__",
    "build_frontend",
    "decode",
    "load_bundle",
    "report",
    "study",
    "synthesise",
    "train",
]

_HOMES = {
    "Classifier": "genrekit.inference",
    "GenreError": "genrekit.errors",
    "GenreEstimator": "genrekit.training.estimator",
    "TrackPrediction": "genrekit.schema",
    "Waveform": "genrekit.audio",
    "build_frontend": "genrekit.features",
    "decode": "genrekit.audio",
    "load_bundle": "genrekit.bundles",
    "report": "genrekit.reports",
    "study": "genrekit.reports",
    "synthesise": "genrekit.jukebox",
    "train": "genrekit.training",
}

if TYPE_CHECKING:
    from genrekit.audio import Waveform, decode
    from genrekit.bundles import load_bundle
    from genrekit.errors import GenreError
    from genrekit.features import build_frontend
    from genrekit.inference import Classifier
    from genrekit.jukebox import synthesise
    from genrekit.reports import report, study
    from genrekit.schema import TrackPrediction
    from genrekit.training import GenreEstimator, train

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
