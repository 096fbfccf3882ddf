"""What every configuration of a model has in common."""

from __future__ import annotations

from genrekit.schema import Contract


class ModelConfig(Contract):
    """Settings of one architecture; a subclass fixes its name and adds what it needs."""

    architecture: str
