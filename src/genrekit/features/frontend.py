"""Front-ends by name: audio to model input, the same code in training and in serving."""

from __future__ import annotations

import hashlib
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from genrekit.catalog import Catalog
from genrekit.features.columns import ColumnInfo
from genrekit.schema import FrontendConfig, WindowedConfig

FRONTENDS = Catalog(
    "front-ends",
    {
        "columns": "genrekit.features.foreign:ColumnsFrontend",
        "descriptors": "genrekit.features.descriptors:DescriptorsFrontend",
        "gtzan57": "genrekit.features.gtzan57:Gtzan57Frontend",
        "mel": "genrekit.features.mel:MelFrontend",
        "picture": "genrekit.features.picture:PictureFrontend",
        "trajectories": "genrekit.features.trajectories:TrajectoriesFrontend",
        "waveform": "genrekit.features.samples:WaveformFrontend",
        "windowed": "genrekit.features.windowed:WindowedFrontend",
    },
    group="genrekit.frontends",
)


class Frontend(Protocol):
    """Turns samples into one named array.

    Attributes
    ----------
    code_version : int
        Raised whenever the code gives other values for the same configuration.
    feature_names : tuple of str
        Names along the first axis of the output.
    """

    code_version: int
    feature_names: tuple[str, ...]

    @property
    def config(self) -> FrontendConfig:
        """Everything that decides the output, apart from the code itself."""
        ...

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn samples (n,) at the set rate into ``(n_features,)`` or ``(n_mels, n_frames)``."""
        ...


class VectorFrontend(Frontend, Protocol):
    """A front-end that gives one number per column, whatever the length of the audio."""

    columns: tuple[ColumnInfo, ...]


def build_frontend(config: FrontendConfig) -> Frontend:
    """Build the front-end that ``config`` describes.

    Raises
    ------
    ConfigError
        If no front-end has the name ``config.kind``.
    """
    return cast(Frontend, FRONTENDS.get(config.kind)(config))


def table_columns(frontend: Frontend) -> tuple[str, ...]:
    """Names of the columns of a table that hold what the front-end gives, cell by cell."""
    names: tuple[str, ...] = getattr(frontend, "cell_names", frontend.feature_names)
    return names


def from_table(frontend: Frontend, cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of a table, (n, columns) in the order of `table_columns`, as the front-end's output."""
    if cells.shape[1] == len(frontend.feature_names):
        return cells
    return cells.reshape(len(cells), len(frontend.feature_names), -1)


def frontend_fingerprint(config: FrontendConfig) -> str:
    """SHA-256 (hex) over the configuration and the version of the code that carries it out."""
    code_version = FRONTENDS.get(config.kind).code_version
    described = f"{config.kind}/{code_version}/{config.model_dump_json()}"
    if isinstance(config, WindowedConfig):
        described += f"/{frontend_fingerprint(config.inner)}"
    return hashlib.sha256(described.encode()).hexdigest()
