"""The model in the box as one network: an encoder, its genres, a detector of what is not music.

From the same embedding it scores further heads, several labels a track.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from genrekit.models.module import Network, Shapes
from genrekit.models.musicnn import MusicnnBody
from genrekit.models.networks import Musicnn

# Below this, logarithms tell rounding apart and nothing else.
_SMALLEST_PROBABILITY = 1e-4


class BoxNetwork(Network):
    """Mel spectrograms in decibels (n, 96, frames) to the logarithms of probabilities.

    What the detector takes for no music is spread over all genres, so that none of them is
    probable (out-of-domain rejection).

    Parameters
    ----------
    heads : mapping of str to int
        Further heads to their number of labels.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, shapes: Shapes, config: Musicnn, *, n_genres: int, heads: Mapping[str, int]
    ) -> None:
        size = config.embedding
        super().__init__(
            {}, MusicnnBody(config), embedding_size=size, n_genres=n_genres, dropout=0.0
        )
        self.shapes = dict(shapes)
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.out_of_domain = nn.Linear(2 * size, 1)
        self.heads = nn.ModuleDict({name: nn.Linear(size, count) for name, count in heads.items()})

    def usual_input(self) -> dict[str, Tensor]:
        """Every band as loud as the others."""
        return {name: torch.zeros(shape) for name, shape in self.shapes.items()}

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, 200) of each row, like that of the encoder's teacher."""
        (name,) = self.shapes
        embedding: Tensor = self.body(inputs[name])
        return embedding

    def score(self, embedding: Tensor) -> Tensor:
        """Logarithms of probabilities (n, n_genres) of embeddings."""
        scaled = (embedding - self.centre) / self.spread
        genres = torch.softmax(self.head(scaled), dim=1)
        other = torch.sigmoid(self.out_of_domain(torch.cat([scaled, scaled.square()], dim=1)))
        probabilities = (1 - other) * genres + other / genres.shape[1]
        return torch.log(probabilities.clamp_min(_SMALLEST_PROBABILITY))

    def score_head(self, name: str, embedding: Tensor) -> Tensor:
        """Logits (n, labels) of a further head."""
        found: Tensor = self.heads[name]((embedding - self.centre) / self.spread)
        return found


def from_weights(shapes: Shapes, weights: Mapping[str, Tensor]) -> BoxNetwork:
    """A network of random weights that given ones fit into."""
    counts = [len(weights[f"body.front.filters.{number}.bias"]) for number in range(5)]
    heads = {
        name.split(".")[1]: len(value)
        for name, value in sorted(weights.items())  # a file has them in any order
        if name.startswith("heads.") and name.endswith(".bias")
    }
    config = Musicnn(
        timbre=(counts[0], counts[1]),
        tempo=(counts[2], counts[3], counts[4]),
        middle=len(weights["body.middle.0.linear.bias"]),
        embedding=len(weights["centre"]),
    )
    return BoxNetwork(shapes, config, n_genres=len(weights["head.bias"]), heads=heads)
