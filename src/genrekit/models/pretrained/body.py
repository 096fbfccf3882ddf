"""What the module of every backbone is."""

from __future__ import annotations

from torch import Tensor, nn


class Body(nn.Module):
    """Samples (n, 1, samples) to an embedding (n, embedding_size).

    Attributes
    ----------
    embedding_size : int
    feature_names : tuple of str
        Of the embedding's columns.
    """

    embedding_size: int

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the embedding's columns."""
        return tuple(f"embedding{number:04d}" for number in range(self.embedding_size))


class Frozen(nn.Module):
    """A module that training changes in nothing: no gradients, no batch statistics, no dropout."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.requires_grad_(False)
        self.inner.eval()

    def train(self, mode: bool = True) -> Frozen:
        """Switch everything but ``inner``, which stays as it is used."""
        super().train(mode)
        self.inner.eval()
        return self

    def forward(self, *arrays: Tensor) -> Tensor:
        """What ``inner`` gives."""
        found: Tensor = self.inner(*arrays)
        return found.detach()
