"""The model in the box as one network: listener, map, scales, genres, and a guard."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genrekit.models.module import Network
from genrekit.training.box.head import LARGEST_DEVIATIONS, Linear, Scale, Translation
from genrekit.training.box.listener import Listener

MEL, COLUMNS = "mel", "gtzan57"
# Below this, logarithms tell rounding apart and nothing else.
_SMALLEST_PROBABILITY = 1e-4


class BoxNetwork(Network):
    """Mel bands and columns to the logarithms of probabilities.

    The embedding (n, 210) is what the genres are told from: 160 translated features and 50 columns,
    scaled. What the guard takes for no music is spread over all genres, so that none of them is
    probable.
    """

    places: Tensor
    published_centre: Tensor
    published_spread: Tensor
    columns_centre: Tensor
    columns_spread: Tensor
    map_weights: Tensor
    map_bias: Tensor

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        listener: Listener,
        translation: Translation,
        scales: tuple[Scale, Scale],
        places: NDArray[np.int64],
        genres: Linear,
        guard: Linear,
    ) -> None:
        size, n_genres = genres.weights.shape
        super().__init__({}, nn.Identity(), embedding_size=size, n_genres=n_genres, dropout=0.0)
        self.shapes = dict(shapes)
        self.listener = listener
        self.register_buffer("places", torch.from_numpy(places))
        # In double: the columns of the table differ by twelve orders of magnitude.
        for name, scale in zip(("published", "columns"), scales, strict=True):
            self.register_buffer(f"{name}_centre", torch.from_numpy(scale.centre))
            self.register_buffer(f"{name}_spread", torch.from_numpy(scale.spread))
        self.register_buffer("map_weights", torch.from_numpy(translation.weights))
        self.register_buffer("map_bias", torch.from_numpy(translation.bias))
        self.guard = nn.Linear(2 * size, 1)
        for layer, linear in ((self.head, genres), (self.guard, guard)):
            layer.weight.data = torch.from_numpy(linear.weights.T.astype(np.float32))
            layer.bias.data = torch.from_numpy(linear.bias.astype(np.float32))

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, 210) of each row."""
        said = self.listener(inputs[MEL]).double()
        published = said @ self.map_weights + self.map_bias
        columns = inputs[COLUMNS].double()[:, self.places]
        scaled = torch.cat(
            [
                (published - self.published_centre) / self.published_spread,
                (columns - self.columns_centre) / self.columns_spread,
            ],
            dim=1,
        )
        return scaled.clamp(-LARGEST_DEVIATIONS, LARGEST_DEVIATIONS).float()

    def score(self, embedding: Tensor) -> Tensor:
        """Logarithms of probabilities (n, n_genres) of embeddings."""
        genres = torch.softmax(self.head(embedding), dim=1)
        other = torch.sigmoid(self.guard(torch.cat([embedding, embedding.square()], dim=1)))
        probabilities = (1 - other) * genres + other / genres.shape[1]
        return torch.log(probabilities.clamp_min(_SMALLEST_PROBABILITY))
