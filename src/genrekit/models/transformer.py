"""Self-attention over patches of a spectrogram."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Transformer


def build(config: Transformer, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram, or for shorter ones of as many bands.

    Raises
    ------
    ConfigError
        If the spectrogram is smaller than one patch.
    """
    shapes = ordered(config, shapes)
    ((n_bands, n_frames),) = shapes.values()
    grid = n_bands // config.patch_bands, math.ceil(n_frames / config.patch_frames)
    if not grid[0]:
        raise ConfigError(
            f"patches of {config.patch_bands} bands do not fit a spectrogram of {n_bands}; lower "
            "model.patch_bands"
        )
    return Network(
        shapes,
        PatchTransformer(config, grid),
        embedding_size=config.width,
        n_genres=n_genres,
        dropout=config.dropout,
    )


class PatchTransformer(nn.Module):
    """Patches to tokens, layers of attention, and the mean of the tokens.

    Parameters
    ----------
    grid : (int, int)
        Rows and columns of patches, at most.
    """

    def __init__(self, config: Transformer, grid: tuple[int, int]) -> None:
        super().__init__()
        size = (config.patch_bands, config.patch_frames)
        self.fill = config.patch_frames - 1
        self.patches = nn.Conv2d(1, config.width, size, stride=size)
        self.positions = LearnedPositions(config, grid)
        self.layers = nn.ModuleList(Layer(config, grid) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Spectrograms (n, bands, frames) to (n, width)."""
        # The last patch is filled with zeros, which are the mean of scaled inputs.
        filled = torch.cat([x, x.new_zeros(x.shape[0], x.shape[1], self.fill)], dim=2)
        patches = self.patches(filled.unsqueeze(1))
        tokens = self.positions(patches.permute(0, 2, 3, 1)).flatten(1, 2)
        for layer in self.layers:
            tokens = layer(tokens, patches.shape[3])
        embedding: Tensor = self.norm(tokens).mean(dim=1)
        return embedding


class LearnedPositions(nn.Module):
    """Adds to each patch a vector for its row and one for its column, unless not wanted."""

    def __init__(self, config: Transformer, grid: tuple[int, int]) -> None:
        super().__init__()
        self.wanted = config.positions == "learned"
        if self.wanted:
            self.row = nn.Parameter(0.02 * torch.randn(grid[0], 1, config.width))
            self.column = nn.Parameter(0.02 * torch.randn(1, grid[1], config.width))

    def forward(self, patches: Tensor) -> Tensor:
        """Patches (n, rows, columns, width), with no more columns than the grid has."""
        if not self.wanted:
            return patches
        return patches + self.row + self.column[:, : patches.shape[2]]


class RelativeBias(nn.Module):
    """A learned number for each distance between two patches and each head, unless not wanted."""

    index: Tensor

    def __init__(self, config: Transformer, grid: tuple[int, int]) -> None:
        super().__init__()
        self.wanted = config.positions == "relative"
        if self.wanted:
            rows, columns = torch.arange(grid[0]), torch.arange(grid[1])
            row = (rows[:, None] - rows + grid[0] - 1)[:, None, :, None]
            column = (columns[:, None] - columns + grid[1] - 1)[None, :, None, :]
            width = 2 * grid[1] - 1
            self.register_buffer("index", row * width + column, persistent=False)
            self.table = nn.Parameter(torch.zeros((2 * grid[0] - 1) * width, config.heads))

    def forward(self, scores: Tensor, columns: int) -> Tensor:
        """Add it to the scores (n, heads, tokens, tokens) of patches in that many columns."""
        if not self.wanted:
            return scores
        index = self.index[:, :columns, :, :columns].flatten(2, 3).flatten(0, 1)
        return scores + self.table[index].permute(2, 0, 1)


class Layer(nn.Module):
    """Attention between all tokens, then a dense network on each; both add to what was there."""

    def __init__(self, config: Transformer, grid: tuple[int, int]) -> None:
        super().__init__()
        self.heads = config.heads
        self.scale = (config.width // config.heads) ** -0.5
        self.bias = RelativeBias(config, grid)
        self.before_attention = nn.LayerNorm(config.width)
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.mix_heads = nn.Linear(config.width, config.width)
        self.dense = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
        )
        self.dropout = nn.Dropout(config.layer_dropout)

    def forward(self, tokens: Tensor, columns: int) -> Tensor:
        """Tokens (n, rows * columns, width) to as many."""
        tokens = tokens + self.dropout(self.attend(self.before_attention(tokens), columns))
        out: Tensor = tokens + self.dropout(self.dense(tokens))
        return out

    def attend(self, tokens: Tensor, columns: int) -> Tensor:
        """Mix tokens (n, tokens, width) by how much each looks at each."""
        parts = self.query_key_value(tokens).chunk(3, dim=2)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        scores = self.bias(query @ key.transpose(2, 3) * self.scale, columns)
        mixed = (torch.softmax(scores, dim=3) @ value).transpose(1, 2).flatten(2, 3)
        out: Tensor = self.mix_heads(mixed)
        return out
