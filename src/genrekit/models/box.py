"""The model in the box as one network: listener, map, scales, genres, and a guard."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from genrekit.models.listener import SAID, Listener
from genrekit.models.module import Network, Shapes

MEL, COLUMNS = "mel", "gtzan57"
#: Standardised values beyond this are taken as this.
LARGEST_DEVIATIONS = 4.0
# Below this, logarithms tell rounding apart and nothing else.
_SMALLEST_PROBABILITY = 1e-4


class BoxNetwork(Network):
    """Mel bands and columns to the logarithms of probabilities.

    The embedding (n, 260) is what the genres are told from: 210 translated features and 50 columns,
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

    def __init__(self, shapes: Shapes, *, n_published: int, n_columns: int, n_genres: int) -> None:
        size = n_published + n_columns
        super().__init__({}, nn.Identity(), embedding_size=size, n_genres=n_genres, dropout=0.0)
        self.shapes = dict(shapes)
        self.listener = Listener()
        self.register_buffer("places", torch.arange(n_columns))
        # In double: the columns of the table differ by twelve orders of magnitude.
        for name, count in (("published", n_published), ("columns", n_columns)):
            self.register_buffer(f"{name}_centre", torch.zeros(count, dtype=torch.float64))
            self.register_buffer(f"{name}_spread", torch.ones(count, dtype=torch.float64))
        weights = torch.zeros(SAID, n_published, dtype=torch.float64)
        self.register_buffer("map_weights", weights)
        self.register_buffer("map_bias", torch.zeros(n_published, dtype=torch.float64))
        self.guard = nn.Linear(2 * size, 1)

    def usual_input(self) -> dict[str, Tensor]:
        """Every band as loud as the others, and the columns at their means."""
        columns = torch.zeros(self.shapes[COLUMNS])
        columns[self.places] = self.columns_centre.float()
        return {MEL: torch.zeros(self.shapes[MEL]), COLUMNS: columns}

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, 260) of each row."""
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


def from_weights(shapes: Shapes, weights: Mapping[str, Tensor]) -> BoxNetwork:
    """A network of random weights that given ones fit into."""
    return BoxNetwork(
        shapes,
        n_published=len(weights["published_centre"]),
        n_columns=len(weights["places"]),
        n_genres=len(weights["head.weight"]),
    )
