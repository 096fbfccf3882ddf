"""Columns that somebody else computed: a front-end that knows their names and nothing more."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import ConfigError
from genrekit.schema import ColumnsConfig


class ColumnsFrontend:
    """Stands for columns of a table in bundles that score rows of such tables.

    Parameters
    ----------
    config : ColumnsConfig
        With the names themselves, no patterns; see `chosen_columns`.

    Attributes
    ----------
    cell_names : tuple of str
        Columns of a table that hold it: of a sequence, each name at each step.
    """

    code_version = 1

    def __init__(self, config: ColumnsConfig) -> None:
        self.config = config
        self.feature_names = config.names
        self.cell_names = config.names
        if config.steps > 1:
            self.cell_names = tuple(
                at_step(name, step) for name in config.names for step in range(config.steps)
            )

    def __call__(self, samples: NDArray[np.float32]) -> NoReturn:
        """Refuse audio.

        Raises
        ------
        ConfigError
            Always: how the columns came about is not known.
        """
        raise ConfigError(
            f"this model scores rows of a table with {len(self.feature_names)} columns "
            f"({', '.join(self.feature_names[:3])}, ...), not audio; give it such a table "
            "(genrekit evaluate MODEL --data TABLE), or take a model with another front-end"
        )


def at_step(name: str, step: int) -> str:
    """Return what a column of a table is called at one step of a sequence of its rows."""
    return f"{name}[{step}]"


def chosen_columns(config: ColumnsConfig, columns: tuple[str, ...]) -> ColumnsConfig:
    """``config`` with the names of those ``columns`` that its patterns stand for, in their order.

    Of a table of sequences, patterns are of the names without their steps.

    Raises
    ------
    ConfigError
        If a pattern stands for none.
    """
    if config.steps > 1:
        ends = at_step("", 0)
        columns = tuple(name.removesuffix(ends) for name in columns if name.endswith(ends))
    if not config.names:
        return config.model_copy(update={"names": columns})
    for pattern in config.names:
        if not any(fnmatchcase(column, pattern) for column in columns):
            raise ConfigError(
                f"frontend.names: no column is called {pattern!r}; there are "
                f"{', '.join(columns[:8])}{', ...' if len(columns) > 8 else ''}"
            )
    kept = tuple(
        column
        for column in columns
        if any(fnmatchcase(column, pattern) for pattern in config.names)
    )
    return config.model_copy(update={"names": kept})
