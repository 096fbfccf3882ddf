"""All dropout of a network, turned down and up again together."""

from __future__ import annotations

from typing import Any

from torch import nn

#: Layers that drop out, and what each calls its probability.
_NAMES: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout), "p"),
    ((nn.RNNBase, nn.MultiheadAttention), "dropout"),
)


class Dropouts:
    """Every probability of dropout in a network, as it was when this was made."""

    def __init__(self, network: nn.Module) -> None:
        self._found: list[tuple[Any, str, float]] = [
            (module, name, float(getattr(module, name)))
            for module in network.modules()
            for kinds, name in _NAMES
            if isinstance(module, kinds)
        ]

    def set(self, share: float) -> None:
        """Make every probability this share of what it was."""
        for module, name, probability in self._found:
            setattr(module, name, share * probability)
