"""One training run of a recipe on real data, kept as one JSON file and its graph."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Split
from genrekit.export import quantise
from genrekit.models import NetworkConfig, build_network
from genrekit.models.module import count_parameters
from genrekit.schema import Contract, Int8Numbers
from genrekit.training import ProtocolConfig, Recipe, load_recipe
from genrekit.training.fitting import checked_split, fit, fit_rows, logits
from genrekit.training.preparation import prepare
from genrekit.training.saving import Run

FITTING = ("frontend", "more_frontends", "model", "training", "data", "windows", "excerpt")


class DeepRun(Contract):
    """What one fit scored.

    Parameters
    ----------
    tracks, truth, predicted : tuple
        The test tracks, their genres and what the exported graph says, as positions in ``labels``.
    cpu_seconds : float
        Processor time of fitting and exporting, all threads together.
    """

    recipe: str
    recipe_digest: str
    architecture: str
    inputs: str
    protocol: str
    leaky: bool
    fit_on: str
    seed: int
    labels: tuple[str, ...]
    tracks: tuple[str, ...]
    truth: tuple[int, ...]
    predicted: tuple[int, ...]
    train_rows: int
    epochs: int
    train_accuracy: float
    parameters: int
    onnx_bytes: int
    cpu_seconds: float
    wall_seconds: float
    threads: int
    machine: str

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which tracks were predicted right."""
        right: NDArray[np.bool_] = np.array(self.truth) == np.array(self.predicted)
        return right


@dataclass(frozen=True, slots=True)
class Job:
    """One fit that the page needs."""

    recipe: Recipe
    protocol: ProtocolConfig
    seed: int

    @property
    def digest(self) -> str:
        """Of everything that decides what is fitted; where the data lies does not."""
        settings = self.recipe.model_dump(mode="json", include=set(FITTING), exclude_defaults=True)
        settings["data"].pop("path", None)
        settings["model"]["architecture"] = self.recipe.model.architecture
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def file(self, folder: Path) -> Path:
        """Where the run is kept."""
        name = f"{self.recipe.name}-{self.protocol.name}-{self.protocol.fit_on}-seed{self.seed}"
        return folder / f"{name}-{self.digest[:8]}.json"

    def int8_file(self, folder: Path) -> Path:
        """Where it is kept what eight bits gain."""
        return self.file(folder).with_suffix(".int8.json")


@dataclass(slots=True)
class Loaded:
    """Data that is read once for all recipes that see it in the same way."""

    places: dict[str, Path]
    runs: dict[str, Run] = field(default_factory=dict)
    splits: dict[tuple[str, str], Split] = field(default_factory=dict)

    def run(self, recipe: Recipe) -> tuple[str, Run]:
        """Rows for a recipe, and a name for them."""
        seen = recipe.model_dump(mode="json", include={"frontend", "more_frontends"})
        key = json.dumps([recipe.data.corpus, recipe.data.options, seen], sort_keys=True)
        if key not in self.runs:
            self.runs.clear()  # one set of large pictures is enough for the memory
            place = self.places.get(recipe.data.corpus or "")
            self.runs[key] = prepare(self._here(recipe), place, 1, None)
        return key, self.runs[key]

    def _here(self, recipe: Recipe) -> Recipe:
        """A recipe whose second table is where the first one is."""
        if "table" not in recipe.data.options:
            return recipe
        options = {**recipe.data.options, "table": str(self.places["table"].resolve())}
        data = recipe.data.model_copy(update={"options": options})
        return recipe.model_copy(update={"data": data})

    def split(self, key: str, run: Run, protocol: ProtocolConfig) -> Split:
        """The split of a protocol, which the leak detector has seen."""
        name = (key, protocol.model_dump_json())
        if name not in self.splits:
            self.splits[name] = checked_split(run.dataset, protocol, run.rows)
        return self.splits[name]


def jobs(recipes: list[Path], seeds: int) -> list[Job]:
    """All fits: every recipe by its honest protocol and by its leaky ones, seed by seed."""
    read = [load_recipe(path) for path in recipes]
    return [
        Job(recipe, protocol, seed)
        for seed in range(seeds)
        for recipe in read
        for protocol in (recipe.protocol, *recipe.beside)
        if protocol is recipe.protocol or protocol.name.endswith("-leaky")
    ]


def fitted(job: Job, loaded: Loaded) -> tuple[DeepRun, bytes]:
    """Fit, export, and score the graph on the test tracks.

    Of a protocol with folds, each seed takes the next fold.
    """
    recipe = job.recipe
    assert isinstance(recipe.model, NetworkConfig)
    key, run = loaded.run(recipe)
    split = loaded.split(key, run, job.protocol)
    fold = split.folds[job.seed % len(split.folds)]
    task = replace(run.task, model=recipe.model, training=recipe.training, seed=job.seed)
    train, test = fit_rows(run.rows, fold, job.protocol.fit_on), run.rows.of(fold.test)
    wall, cpu = time.perf_counter(), time.process_time()
    made = fit(task, train)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    predicted = logits(task, made.model, test).argmax(axis=1)
    history = [json.loads(line) for line in made.files["history.jsonl"].splitlines()]
    arrays = {task.input_name: train.x, **train.more}
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    network = build_network(recipe.model, shapes, len(task.labels))
    done = DeepRun(
        recipe=recipe.name,
        recipe_digest=job.digest,
        architecture=recipe.model.architecture,
        inputs=" and ".join(" x ".join(map(str, shape)) for shape in shapes.values()),
        protocol=split.protocol,
        leaky=split.leaky,
        fit_on=job.protocol.fit_on,
        seed=job.seed,
        labels=task.labels,
        tracks=tuple(map(str, test.groups)),
        truth=tuple(test.y.tolist()),
        predicted=tuple(predicted.tolist()),
        train_rows=len(train),
        epochs=len(history),
        train_accuracy=history[-1]["train_accuracy"],
        parameters=count_parameters(network),
        onnx_bytes=len(made.model),
        cpu_seconds=round(cpu, 2),
        wall_seconds=round(wall, 2),
        threads=int(os.environ.get("OMP_NUM_THREADS", "0")),
        machine=f"{platform.machine()}, {processor()}",
    )
    return done, made.model


class Int8Run(Contract):
    """What a recipe's graph gains in eight bits, and what it then scores.

    Parameters
    ----------
    accuracy_float, accuracy_int8 : float
        On the test tracks of the honest protocol; of what would be shipped.
    """

    recipe: str
    numbers: Int8Numbers
    accuracy_float: float
    accuracy_int8: float


def int8_run(job: Job, folder: Path, loaded: Loaded) -> Int8Run:
    """Quantise the kept graph of a job on its training rows, once."""
    file = job.int8_file(folder)
    if file.exists():
        return Int8Run.model_validate_json(file.read_text(encoding="utf-8"))
    model = job.file(folder).with_suffix(".onnx").read_bytes()
    key, run = loaded.run(job.recipe)
    fold = loaded.split(key, run, job.protocol).folds[0]
    train, test = fit_rows(run.rows, fold, job.protocol.fit_on), run.rows.of(fold.test)
    arrays = {run.task.input_name: train.x, **train.more}
    small, numbers = quantise(model, arrays, n_genres=len(run.task.labels))
    scores = [
        float(
            (
                logits(replace(run.task, model=job.recipe.model), graph, test).argmax(1) == test.y
            ).mean()
        )
        for graph in (model, small)
    ]
    found = Int8Run(
        recipe=job.recipe.name,
        numbers=Int8Numbers.model_validate_json(numbers),
        accuracy_float=scores[0],
        accuracy_int8=scores[1],
    )
    file.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    return found


def processor() -> str:
    """What the processor calls itself, and how many of it there are."""
    lines = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (lines.read_text().splitlines() if lines.exists() else [])
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor() or 'unknown'}, {os.cpu_count()} cores"


def keep(job: Job, folder: Path, loaded: Loaded) -> DeepRun:
    """The run of a job: read if it is kept already, fitted and written otherwise."""
    file = job.file(folder)
    if file.exists():
        return DeepRun.model_validate_json(file.read_text(encoding="utf-8"))
    run, model = fitted(job, loaded)
    file.with_suffix(".onnx").write_bytes(model)
    part = file.with_suffix(".part")
    part.write_text(run.model_dump_json(indent=1), encoding="utf-8")
    part.rename(file)
    return run
