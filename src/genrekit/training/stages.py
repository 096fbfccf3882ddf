"""Recipe to bundle: rows, split, fit, export, evaluate what was saved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrekit.datasets import (
    Dataset,
    Fold,
    Split,
    drop_tracks,
    load_dataset,
    straddling,
)
from genrekit.errors import BundleError, ConfigError
from genrekit.evaluation import evaluate_bundle
from genrekit.features import build_frontend
from genrekit.features.cache import FeatureCache
from genrekit.inference import Classifier, calibrated
from genrekit.schema import EvaluationResult, MelConfig
from genrekit.training.export import run_onnx
from genrekit.training.fit import (
    Task,
    checked_split,
    fit,
    fit_rows,
    fold_scores,
    pooled,
    temperature,
    temperature_out_of_fold,
)
from genrekit.training.recipe import ProtocolConfig, Recipe, known_path
from genrekit.training.rows import Rows, audio_windows, readable, table_rows
from genrekit.training.saving import Fitted, Run, save


@dataclass(frozen=True, slots=True)
class Step:
    """How far a training run is.

    Attributes
    ----------
    stage : str
        What is being done, for people: ``"features"``, ``"fit fault-filtered"``, ...
    done, total : int
        Steps of this stage.
    bundle : Path, optional
        What was written; only in the last step.
    """

    stage: str
    done: int
    total: int
    bundle: Path | None = None


def train(
    recipe: Recipe,
    out: Path,
    *,
    data: Path | None = None,
    workers: int = 1,
    cache: FeatureCache | None = None,
    overwrite: bool = False,
    progress: Callable[[Step], None] | None = None,
) -> Path:
    """Make a bundle; see `train_steps`.

    Parameters
    ----------
    progress : callable, optional
        Called with every step.

    Returns
    -------
    Path
        The bundle, ``out``.
    """
    steps = train_steps(recipe, out, data=data, workers=workers, cache=cache, overwrite=overwrite)
    for step in steps:
        if progress is not None:
            progress(step)
    return out


def train_steps(
    recipe: Recipe,
    out: Path,
    *,
    data: Path | None = None,
    workers: int = 1,
    cache: FeatureCache | None = None,
    overwrite: bool = False,
) -> Iterator[Step]:
    """Make a bundle, one step at a time.

    Parameters
    ----------
    recipe : Recipe
        Everything that decides what the bundle becomes.
    out : Path
        The directory to write.
    data : Path, optional
        Takes the place of ``recipe.data.path``.
    workers : int
        Processes that compute features from audio.
    cache : FeatureCache, optional
        Where features from audio are kept.
    overwrite : bool
        Replace ``out`` if it is a bundle already.

    Yields
    ------
    Step
        The last one carries the bundle's directory.

    Raises
    ------
    ConfigError
        If settings contradict each other.
    DatasetError
        If the data is missing or does not fit the protocol.
    BundleError
        If the exported model differs from its source, or ``out`` exists.
    """
    _check(recipe, out, overwrite)
    run = yield from _prepare(recipe, data, workers, cache)
    split = checked_split(run.dataset, recipe.protocol, run.rows)
    if len(split.folds) == 1:
        saved, headline = yield from _by_protocol(run, split)
    elif recipe.final_fit == "everything":
        saved, headline = None, (yield from _on_the_fly(run, recipe.protocol))
    else:
        raise ConfigError(
            f"{split.protocol} fits {len(split.folds)} models, none of which is the one to save; "
            "set final_fit: everything"
        )
    results = [headline]
    for protocol in recipe.beside:
        results.append((yield from _on_the_fly(run, protocol)))
    if saved is None or recipe.final_fit == "everything":
        saved = yield from _on_everything(run, saved)
        if run.left_out:
            results.append(_on_left_out(run, split, saved, results))
    save(out, run, split, saved, results, overwrite=overwrite)
    yield Step("saved", 1, 1, bundle=out)


def _check(recipe: Recipe, out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:  # said now, not after an hour of fitting
        raise BundleError(f"{out} exists already; choose another name or ask to overwrite it")
    if isinstance(recipe.frontend, MelConfig):
        raise ConfigError(
            f"{recipe.model.architecture} takes vectors; frontend.kind mel gives pictures. Take "
            "gtzan57 or descriptors"
        )


def _prepare(
    recipe: Recipe, data: Path | None, workers: int, cache: FeatureCache | None
) -> Generator[Step, None, Run]:
    path = data or (recipe.data.path and known_path(recipe.data.path))
    dataset = load_dataset(recipe.data.corpus, path, **recipe.data.options)
    frontend = build_frontend(recipe.frontend)
    if dataset.features is None:
        for protocol in (recipe.protocol, *recipe.beside):
            checked_split(dataset, protocol)  # before hours of listening
        dataset, rows = yield from _listen(recipe, dataset, workers, cache)
    else:
        rows = table_rows(dataset, frontend.feature_names)
    kept = _without_left_out(dataset, recipe.leave_out)
    task = Task(
        model=recipe.model,
        input_name=recipe.frontend.kind,
        feature_names=frontend.feature_names,
        labels=dataset.labels,
        seed=recipe.seed,
    )
    left_out = tuple(sorted(set(dataset.groups()) - set(kept.groups())))
    return Run(recipe, task, dataset, rows, left_out)


def _without_left_out(dataset: Dataset, tracks: Path | tuple[str, ...] | None) -> Dataset:
    if tracks is None:
        return dataset
    return drop_tracks(dataset, known_path(tracks) if isinstance(tracks, Path) else tracks)


def _listen(
    recipe: Recipe, dataset: Dataset, workers: int, cache: FeatureCache | None
) -> Generator[Step, None, tuple[Dataset, Rows]]:
    outcomes = []
    yield Step("features", 0, len(dataset))
    for outcome in audio_windows(
        dataset,
        recipe.frontend,
        excerpt=recipe.excerpt,
        windows=recipe.windows,
        workers=workers,
        cache=cache,
    ):
        outcomes.append(outcome)
        yield Step("features", len(outcomes), len(dataset))
    return readable(dataset, outcomes)


def _by_protocol(run: Run, split: Split) -> Generator[Step, None, tuple[Fitted, EvaluationResult]]:
    """Fit by the protocol, save, and score what was saved."""
    stage = f"fit and evaluate: {split.protocol}"
    yield Step(stage, 0, 1)
    recipe = run.recipe
    (fold,) = split.folds
    rows = run.rows if recipe.final_fit == "everything" else run.shippable
    fitted = fit_rows(rows, fold, recipe.protocol.fit_on)
    heat = temperature(run.task, rows, fold) if recipe.calibrate else 1.0
    one = Fitted(fit(run.task, fitted), fitted, heat)
    result = _score_saved(run, split, one, [])
    yield Step(stage, 1, 1)
    return one, result.model_copy(update={"fitted_on": recipe.protocol.fit_on})


def _on_the_fly(run: Run, protocol: ProtocolConfig) -> Generator[Step, None, EvaluationResult]:
    """Fit a model per fold and pool their scores; none of them is kept."""
    split = checked_split(run.dataset, protocol, run.rows)
    stage = f"fit and evaluate: {split.protocol}"
    scores = []
    for number, fold in enumerate(split.folds):
        yield Step(stage, number, len(split.folds))
        scores.append(fold_scores(run.task, run.rows, fold, protocol.fit_on))
    yield Step(stage, len(split.folds), len(split.folds))
    result = pooled(run.recipe.name, run.dataset, split, run.rows, scores)
    return result.model_copy(update={"fitted_on": protocol.fit_on})


def _on_everything(run: Run, by_protocol: Fitted | None) -> Generator[Step, None, Fitted]:
    """Fit on all that may be seen; the temperature of the protocol's fit stays."""
    yield Step("fit on everything", 0, 1)
    rows = run.shippable
    if by_protocol is not None:
        heat = by_protocol.temperature
    else:
        heat = temperature_out_of_fold(run.task, rows) if run.recipe.calibrate else 1.0
    everything = Fitted(fit(run.task, rows), rows, heat)
    yield Step("fit on everything", 1, 1)
    return everything


def _on_left_out(
    run: Run, split: Split, saved: Fitted, results: Sequence[EvaluationResult]
) -> EvaluationResult:
    """Score the very weights that are saved on the tracks that they never saw."""
    away = tuple(item.item_id for item in run.dataset.items if item.group in set(run.left_out))
    left_out = split.model_copy(update={"protocol": "left-out", "folds": (Fold(test=away),)})
    return _score_saved(run, left_out, saved, results)


def _score_saved(
    run: Run, split: Split, one: Fitted, results: Sequence[EvaluationResult]
) -> EvaluationResult:
    """Write a bundle aside, load it, and score it through `Classifier`."""
    if not results:  # a bundle cannot be loaded without numbers; these are of the same graph
        (fold,) = split.folds
        logits = run_onnx(one.model, run.rows.of(fold.test).x)
        scores = calibrated(logits, task="single-label", temperature=one.temperature)
        results = [pooled(run.recipe.name, run.dataset, split, run.rows, [scores])]
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "bundle"
        save(aside, run, split, one, results, overwrite=False)
        torn = straddling(run.dataset, split)
        unit: Literal["segment", "track"] = "segment" if torn else "track"
        result, _ = evaluate_bundle(Classifier.load(aside), run.dataset, split, unit=unit)
    return result
