"""What the training loop costs over a bare PyTorch loop of the same network, side by side.

The bare loop is what one writes by hand: shuffled batches, a forward and a backward pass, clipped
gradients, a step, and running loss and accuracy; once with torch's optimiser as it comes, and once
fused as in genrekit, so that nothing differs but the loop. All sides run in turns on one thread;
what counts is the ratio of the processor time of their fastest rounds.

    python benchmarks/loop.py --output docs/results/loop.md
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
import torch
from torch.nn import functional

from genrekit.models import NetworkConfig, build_network
from genrekit.models.module import Network
from genrekit.models.networks import Cnn, Mlp, Resnet
from genrekit.training.batches import Examples
from genrekit.training.loop import Hooks, Learner, run_epochs
from genrekit.training.losses import build_loss
from genrekit.training.optimisers import build_optimiser
from genrekit.training.settings import TrainingConfig

GENRES = 10
ROUNDS = 15
#: Network, shape of a row, rows, rows of a batch, epochs.
CASES: list[tuple[NetworkConfig, tuple[int, ...], int, int, int]] = [
    (Mlp(), (57,), 443, 32, 4),
    (Cnn(channels=(16, 32, 64)), (64, 128), 64, 16, 1),
    (Resnet(), (96, 320), 32, 16, 1),
]


def examples(shape: tuple[int, ...], rows: int) -> Examples:
    name = "gtzan57" if len(shape) == 1 else "mel"
    x = np.random.default_rng(0).normal(0, 1, (rows, *shape)).astype(np.float32)
    return Examples({name: x}, np.eye(GENRES, dtype=np.float32)[np.arange(rows) % GENRES])


def fresh(config: NetworkConfig, rows: Examples) -> Network:
    torch.manual_seed(0)
    network = build_network(config, rows.shapes, GENRES)
    network.fit_scales(rows.inputs)
    return network


def own_loop(config: NetworkConfig, rows: Examples, settings: TrainingConfig) -> float:
    network = fresh(config, rows)
    optimiser = build_optimiser(settings, network.parameters())
    learner = Learner(network, optimiser, build_loss(settings), settings, torch.device("cpu"))
    begin = time.process_time()
    run_epochs(learner, rows, None, Hooks())
    return time.process_time() - begin


def bare_loop(
    config: NetworkConfig, rows: Examples, settings: TrainingConfig, *, fused: bool | None
) -> float:
    network = fresh(config, rows)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=fused,
    )
    ((name, array),) = rows.inputs.items()
    x, y = torch.from_numpy(array), torch.from_numpy(rows.shares.argmax(axis=1))
    begin = time.process_time()
    network.train()
    for _ in range(settings.epochs):
        total = right = 0.0
        for chosen in torch.split(torch.randperm(len(y)), settings.batch_size):
            optimiser.zero_grad()
            logits = network({name: x[chosen]})
            loss = functional.cross_entropy(logits, y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            total += loss.item() * len(chosen)
            right += (logits.argmax(dim=1) == y[chosen]).sum().item()
    return time.process_time() - begin


Loop = Callable[[NetworkConfig, Examples, TrainingConfig], float]


def measured(
    config: NetworkConfig, shape: tuple[int, ...], n_rows: int, batch_size: int, epochs: int
) -> list[float]:
    """Seconds of the fastest round of our loop, of the bare one, and of the bare one fused."""
    settings = TrainingConfig(
        epochs=epochs, batch_size=batch_size, precision="float32", schedule="constant"
    )
    rows = examples(shape, n_rows)
    bare, fused = partial(bare_loop, fused=None), partial(bare_loop, fused=True)
    sides: tuple[Loop, ...] = (own_loop, bare, fused)
    seconds = [[side(config, rows, settings) for side in sides] for _ in range(ROUNDS + 1)][1:]
    return [min(column) for column in zip(*seconds, strict=True)]


def table() -> str:
    """All cases as a Markdown table."""
    lines = [
        "| network | rows x shape | batch | this loop, ms a step | bare, ms | difference "
        "| bare with the fused optimiser, ms | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for config, shape, rows, batch_size, epochs in CASES:
        steps = epochs * -(-rows // batch_size)
        own, bare, fused = (
            1000 * one / steps for one in measured(config, shape, rows, batch_size, epochs)
        )
        size = f"{rows} x {' x '.join(map(str, shape))}"
        lines.append(
            f"| {config.architecture} | {size} | {batch_size} | {own:.2f} "
            f"| {bare:.2f} | {100 * (own / bare - 1):+.1f} % "
            f"| {fused:.2f} | {100 * (own / fused - 1):+.1f} % |"
        )
    return "\n".join(lines)


def report() -> str:
    return (
        "# What the training loop costs\n\n"
        "Made by `python benchmarks/loop.py`. Processor time of the fastest of "
        f"{ROUNDS} rounds in turns, one thread, {platform.machine()}, torch {torch.__version__}."
        f"\n\n{table()}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--output", type=Path, help="a Markdown file; by default the terminal")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    text = report()
    if output is None:
        print(text)
    else:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
