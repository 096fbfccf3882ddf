"""What every network is: scaled inputs, a body that makes an embedding, a layer of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.models.networks import Form, NetworkConfig

#: Name of each array to its shape, without the axis of rows.
Shapes = Mapping[str, tuple[int, ...]]

_FORMS: dict[int, Form] = {1: "vector", 2: "spectrogram"}
# Tables have outliers of a thousand deviations, which would drown everything else.
_LARGEST_DEVIATIONS = 10.0
_ROWS_AT_ONCE = 64


class Readable(Protocol):
    """Rows in an array, or in a file that gives as many at once as it is asked for."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.float32]: ...


class Scale(nn.Module):
    """Values of each row of an array's first axis (columns, or bands) to mean 0 and deviation 1.

    Parameters
    ----------
    shape : tuple of int
        Of one array; a vector is scaled in float64, because the columns of one table differ by
        twelve orders of magnitude.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = (shape[0], *(1 for _ in shape[1:]))
        dtype = torch.float64 if len(shape) == 1 else torch.float32
        self.register_buffer("centre", torch.zeros(size, dtype=dtype))
        self.register_buffer("spread", torch.ones(size, dtype=dtype))

    def fit(self, x: Readable) -> None:
        """Take mean and deviation from the training rows ``x`` (n, *shape)."""
        axes = (0, *range(2, x.ndim))
        mean = _mean(x, lambda part: part.mean(axes, dtype=np.float64))
        shaped = mean.reshape(-1, *(1 for _ in range(2, x.ndim)))
        deviation = np.sqrt(
            _mean(x, lambda part: np.square(part - shaped).mean(axes, dtype=np.float64))
        )
        # A column that never changes says nothing; without this it would be divided by nothing.
        constant = deviation <= 1e-6 * np.abs(mean)
        self.centre.copy_(torch.from_numpy(shaped))
        self.spread.copy_(torch.from_numpy(np.where(constant, 1, deviation).reshape(shaped.shape)))

    def forward(self, x: Tensor) -> Tensor:
        """Scale ``x`` (n, *shape)."""
        scaled = (x.to(self.centre.dtype) - self.centre) / self.spread
        return scaled.clamp(-_LARGEST_DEVIATIONS, _LARGEST_DEVIATIONS).float()


def _mean(
    x: Readable, of_part: Callable[[NDArray[np.float32]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Mean over all rows of what ``of_part`` takes the mean of; a part at a time is in memory."""
    parts = [slice(i, min(i + _ROWS_AT_ONCE, len(x))) for i in range(0, len(x), _ROWS_AT_ONCE)]
    weights = [part.stop - part.start for part in parts]
    return np.average([of_part(x[part]) for part in parts], axis=0, weights=weights)


class Network(nn.Module):
    """Named arrays to an embedding, and to a score for each genre.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        The arrays, in the order that ``body`` takes them.
    body : torch.nn.Module
        Scaled arrays, each with rows on axis 0, to an embedding (n, embedding_size).
    """

    def __init__(
        self,
        shapes: Shapes,
        body: nn.Module,
        *,
        embedding_size: int,
        n_genres: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.shapes = dict(shapes)
        self.embedding_size = embedding_size
        self.scales = nn.ModuleDict({name: Scale(shape) for name, shape in shapes.items()})
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(embedding_size, n_genres)

    def fit_scales(self, arrays: Mapping[str, Readable]) -> None:
        """Take the scales of all inputs from training rows."""
        for name, scale in self.scales.items():
            assert isinstance(scale, Scale)
            scale.fit(arrays[name])

    def usual_input(self) -> dict[str, Tensor]:
        """Return what it takes for nothing in particular: the means of its training rows."""
        found = {}
        for name, scale in self.scales.items():
            assert isinstance(scale, Scale)
            found[name] = scale.centre.float().expand(self.shapes[name]).clone()
        return found

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, embedding_size) of each row."""
        embedding: Tensor = self.body(*(self.scales[name](inputs[name]) for name in self.shapes))
        return embedding

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Logits (n, n_genres) of each row."""
        return self.score(self.embed(inputs))

    def score(self, embedding: Tensor) -> Tensor:
        """Logits (n, n_genres) of embeddings."""
        logits: Tensor = self.head(self.dropout(embedding))
        return logits


def ordered(config: NetworkConfig, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """``shapes`` in the order that ``config`` takes them.

    Raises
    ------
    ConfigError
        If there are more or fewer arrays than it takes, or of another form.
    """
    forms = {name: _FORMS.get(len(shape), "?") for name, shape in shapes.items()}
    found = [[name for name, form in forms.items() if form == wanted] for wanted in config.takes]
    if len(shapes) != len(config.takes) or any(len(names) != 1 for names in found):
        raise ConfigError(
            f"{config.architecture} takes one {' and one '.join(config.takes)}; the front-ends "
            f"give {', '.join(f'{name}, a {form}' for name, form in forms.items())}"
        )
    return {names[0]: shapes[names[0]] for names in found}


def count_parameters(module: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
