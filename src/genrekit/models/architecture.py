"""What every configuration of a model has in common."""

from __future__ import annotations

from typing import ClassVar

from genrekit.schema import Contract


class ModelConfig(Contract):
    """Settings of one architecture; a subclass fixes its name and adds what it needs.

    Attributes
    ----------
    builder : str
        ``"module:function"`` that builds the model of a configuration from another package. Those
        of genrekit itself have none: its catalogs lead to theirs.
    """

    builder: ClassVar[str] = ""

    architecture: str
