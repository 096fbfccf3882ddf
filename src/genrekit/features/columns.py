"""What a column of a feature table means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One number of a vector front-end.

    Parameters
    ----------
    name : str
        Column name, unique within its front-end.
    unit : str
        Unit of the number; ``"1"`` for a pure number.
    meaning : str
        One line.
    family : str
        ``"timbre"``, ``"rhythm"``, ``"harmony"`` or ``"dynamics"``.
    """

    name: str
    unit: str
    meaning: str
    family: str
