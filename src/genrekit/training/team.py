"""Processes that train one network together: each takes its rows of every batch.

The batch of a recipe is that of one process, so two learn as one would with a batch twice as large:
gradients are averaged over all rows before every step, and all processes stay equal. What looks
across rows does so within a process: batch norm takes its statistics from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from genrekit.models import Network
from genrekit.training.batches import Batch


@dataclass(frozen=True, slots=True)
class Team:
    """A process among all that train together; alone by default.

    Attributes
    ----------
    rank : int
        Number of this process; 0 leads, and it alone writes.
    size : int
        Processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def wrapped(self, network: Network, device: torch.device) -> nn.Module:
        """``network`` with gradients that are averaged over all processes."""
        if self.size == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices)

    def share(self, batch: Batch) -> tuple[Batch, float]:
        """Return the rows of this process, and the weight of their mean among all."""
        if self.size == 1:
            return batch, 1.0
        total = len(batch.shares)
        begin, end = total * self.rank // self.size, total * (self.rank + 1) // self.size
        inputs = {name: x[begin:end] for name, x in batch.inputs.items()}
        genres = None if batch.genres is None else batch.genres[begin:end]
        return Batch(inputs, batch.shares[begin:end], genres), (end - begin) * self.size / total

    def summed(self, numbers: Tensor) -> Tensor:
        """``numbers`` of all processes, added."""
        if self.size > 1:
            distributed.all_reduce(numbers)
        return numbers

    def agree(self, network: Network) -> None:
        """Give all the leader's statistics of batch norm."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def leaders(self, *numbers: float, device: torch.device) -> tuple[float, ...]:
        """Numbers as the leader has them: all must end in the same epoch."""
        numbers_tensor = torch.tensor(numbers, dtype=torch.float64, device=device)
        if self.size > 1:
            distributed.broadcast(numbers_tensor, 0)
        return tuple(numbers_tensor.tolist())

    def wait(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            distributed.barrier()


def team() -> Team:
    """Return the processes joined by torchrun, Ray or `genrekit train --processes`."""
    if distributed.is_available() and distributed.is_initialized():
        return Team(distributed.get_rank(), distributed.get_world_size())
    return Team()
