"""Recipe to bundle: rows, split, fit, export, evaluate what was saved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import check_target
from genrekit.datasets import (
    Fold,
    Split,
    leaking_groups,
)
from genrekit.errors import ConfigError
from genrekit.evaluation import RunResult, bundle_run, score_items, write_run
from genrekit.features import FeatureCache
from genrekit.inference import Classifier
from genrekit.models import NetworkConfig
from genrekit.progress import Progress, silent
from genrekit.schema import DeclaredStep, EvaluationResult
from genrekit.training.fitting import (
    EachEpoch,
    checked_split,
    fit,
    fit_rows,
    valid_rows,
)
from genrekit.training.judging import Tuned, pooled_scores, score_fold, score_rows, tuned
from genrekit.training.pooling import pooled_run
from genrekit.training.preparation import ROWS, check_recipe, prepare
from genrekit.training.recipe import ProtocolConfig, Recipe
from genrekit.training.reference import at_temperature, reference_of
from genrekit.training.saving import Fitted, Run, save

if TYPE_CHECKING:
    from genrekit.training.loop import EpochRecord

FittedOn = Literal["", "train", "train+valid"]
Scores = NDArray[np.float64]
#: Called with the name of a fit and the record of each epoch of its network.
EachEpochOf = Callable[[str, "EpochRecord"], None]


def unheard_of(fit: str, record: EpochRecord) -> None:
    """Let an epoch pass."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who is told how far a run is."""

    progress: Progress
    each_epoch: EachEpochOf

    def epochs_of(self, fit: str, total: int) -> EachEpoch:
        """Tell of the epochs of one fit; classical models have none."""

        def report(record: EpochRecord) -> None:
            self.progress(f"{fit}: epochs", record.epoch, total)
            self.each_epoch(fit, record)

        return report


def train(
    recipe: Recipe,
    out: Path,
    *,
    data: Path | None = None,
    workers: int = 1,
    cache: FeatureCache | None = None,
    overwrite: bool = False,
    resume: bool = False,
    restart: bool = False,
    listen: bool = False,
    checkpoints: Path | None = None,
    results: bool = False,
    progress: Progress = silent,
    each_epoch: EachEpochOf = unheard_of,
) -> Path:
    """Make a bundle.

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
    resume : bool
        Continue networks from the checkpoints of a run that was stopped; they are beside ``out``.
        The result is the same as without the stop.
    restart : bool
        Drop such checkpoints; without it they are an error, unless they are continued.
    listen : bool
        Keep recordings of audio together that sound alike, and refuse a split that parts them.
    checkpoints : Path, optional
        Where they are, if not beside ``out``: those of the process that leads this one.
    results : bool
        Write a results file of every protocol into the folder ``<out>.results``, with the answer
        for every tested track.
    progress : callable, optional
        Called with what is done, and how many of its steps are, of how many. What it raises stops
        the run, which can then be continued.
    each_epoch : callable, optional
        Called with the name of a fit and the record of each epoch of its network.

    Returns
    -------
    Path
        The bundle, ``out``.

    Raises
    ------
    ConfigError
        If settings contradict each other, or checkpoints would be lost.
    DatasetError
        If the data is missing or does not fit the protocol.
    TrainingError
        If the training of a network cannot go on.
    BundleError
        If the exported model differs from its source, or ``out`` exists and is not to be replaced,
        or is not a bundle.
    """
    check_target(out, overwrite)
    check_recipe(recipe)
    work_dir = out.with_name(f"{out.name}.training")
    if not resume:
        _refuse_to_drop(work_dir, restart)
        shutil.rmtree(work_dir, ignore_errors=True)
    try:
        run = prepare(recipe, data, workers, cache, work_dir, listen, progress)
        run = replace(run, task=replace(run.task, work_dir=checkpoints or work_dir))
        if results:
            run = replace(run, results=out.with_name(f"{out.name}.results"))
        _fit_and_save(run, out, overwrite, _Watch(progress, each_epoch))
    finally:  # a run that is continued makes its rows again, mostly from the cache
        shutil.rmtree(work_dir / ROWS, ignore_errors=True)
    shutil.rmtree(work_dir, ignore_errors=True)
    progress("saved", 1, 1)
    return out


def _refuse_to_drop(work_dir: Path, restart: bool) -> None:
    """Refuse to lose hours of training that nobody said may go."""
    kept = [] if restart else sorted(work_dir.glob("*/epoch-?????"))
    if kept:
        epoch = max(int(folder.name.removeprefix("epoch-")) for folder in kept)
        raise ConfigError(
            f"{work_dir} holds a training that was stopped, with checkpoints up to epoch {epoch}; "
            "continue it with --resume, or drop it with --restart"
        )


def _fit_and_save(run: Run, out: Path, overwrite: bool, watch: _Watch) -> None:
    recipe = run.recipe
    split = checked_split(run.dataset, recipe.protocol, run.rows)
    if len(split.folds) == 1:
        saved, headline, answers = _by_protocol(run, split, watch)
    elif recipe.final_fit == "everything":
        saved, (headline, answers) = None, _on_the_fly(run, recipe.protocol, watch)
    else:
        raise ConfigError(
            f"{split.protocol} fits {len(split.folds)} models, none of which is the one to save; "
            "set final_fit: everything"
        )
    results = [headline]
    for protocol in recipe.beside:
        results.append(_on_the_fly(run, protocol, watch)[0])
    on_the_fly = saved is None
    if saved is None or recipe.final_fit == "everything":
        saved = _on_everything(run, saved, watch)
        if run.left_out:
            results.append(_on_left_out(run, split, saved, results))
    if on_the_fly and not run.task.multi_label:  # they are the graphs' own
        answers = at_temperature(answers, saved.temperature)
    reference = reference_of(run, saved, split.protocol, answers)
    save(out, run, split, saved, results, reference=reference, overwrite=overwrite)


def _by_protocol(run: Run, split: Split, watch: _Watch) -> tuple[Fitted, EvaluationResult, Scores]:
    """Fit by the protocol, save, and score what was saved; with its probabilities."""
    stage = f"fit and evaluate: {split.protocol}"
    watch.progress(stage, 0, 1)
    recipe = run.recipe
    (fold,) = split.folds
    rows = run.rows if recipe.final_fit == "everything" else run.shippable
    fit_on = recipe.protocol.fit_on
    fitted = fit_rows(rows, fold, fit_on)
    each = watch.epochs_of(split.protocol, recipe.training.epochs)
    made = fit(run.task, fitted, valid_rows(rows, fold, fit_on), each)
    answer = tuned(run.task, rows, made, fold=fold, fit_on=fit_on, calibrate=recipe.calibrate)
    one = Fitted(made.model, fitted, answer.temperature, made.files, answer.thresholds)
    found = _score_saved(run, split, one, [])
    watch.progress(stage, 1, 1)
    result = _kept(run, found, fit_on, _declared(run, split, recipe.protocol))
    return one, result, _probabilities(found)


def _probabilities(found: RunResult) -> Scores:
    return np.array([answer.probabilities for answer in found.answers])


def _kept(
    run: Run, found: RunResult, fit_on: FittedOn, steps: tuple[DeclaredStep, ...]
) -> EvaluationResult:
    """Return the numbers of a run, after its file was written, if files are wanted."""
    result = found.result.model_copy(update={"fitted_on": fit_on, "steps": steps})
    if run.results is not None:
        run.results.mkdir(parents=True, exist_ok=True)
        fitted = "-train+valid" if fit_on == "train+valid" else ""
        kept = found.model_copy(update={"result": result, "seed": run.recipe.seed})
        write_run(kept, run.results / f"{result.protocol}{fitted}.json")
    return result


def _declared(run: Run, split: Split, protocol: ProtocolConfig) -> tuple[DeclaredStep, ...]:
    """Return what a model takes from data on the way to a number, as far as it is worth telling."""
    recipe, on, training = run.recipe, protocol.fit_on, run.recipe.training
    valid = on == "train" and all(fold.valid for fold in split.folds)
    answered = [
        DeclaredStep(what="calibrate", on="valid" if valid else on, note="threshold of each genre")
    ]
    answered = answered if run.task.multi_label else []
    network = isinstance(recipe.model, NetworkConfig)
    steps = [DeclaredStep(what="scale", on=on)] if network else []
    augment = training.augment
    if augment.waveform.copies or (network and augment != type(augment)()):
        steps.append(DeclaredStep(what="augment", on=on))
    if not network:
        return (*steps, *answered)
    if valid:
        steps.append(DeclaredStep(what="stop", on="valid"))
    elif training.hold_out:
        steps.append(DeclaredStep(what="stop", on=on, note="recordings held out from fitting"))
    return (*steps, *answered)


def _on_the_fly(
    run: Run, protocol: ProtocolConfig, watch: _Watch
) -> tuple[EvaluationResult, Scores]:
    """Fit a model per fold and pool their scores, which are returned too; no model is kept."""
    split = checked_split(run.dataset, protocol, run.rows)
    stage = f"fit and evaluate: {split.protocol}"
    scores = []
    for number, fold in enumerate(split.folds):
        watch.progress(stage, number, len(split.folds))
        place = f"{split.protocol}, fold {number + 1}"
        found = score_fold(
            run.task,
            run.rows,
            fold,
            protocol.fit_on,
            calibrate=run.recipe.calibrate,
            each_epoch=watch.epochs_of(place, run.recipe.training.epochs),
        )
        scores.append(found)
    watch.progress(stage, len(split.folds), len(split.folds))
    declared = _declared(run, split, protocol)
    if run.task.multi_label:
        result = pooled_scores(run.task, run.recipe.name, run.dataset, split, run.rows, scores)
        result = result.model_copy(update={"fitted_on": protocol.fit_on, "steps": declared})
        return result, np.concatenate([one.probabilities for one in scores])
    plain = [one.probabilities for one in scores]
    whole = pooled_run(run.recipe.name, run.dataset, split, run.rows, plain, fit_on=protocol.fit_on)
    return _kept(run, whole, protocol.fit_on, declared), _probabilities(whole)


def _on_everything(run: Run, by_protocol: Fitted | None, watch: _Watch) -> Fitted:
    """Fit on all that may be seen; the temperature of the protocol's fit stays."""
    watch.progress("fit on everything", 0, 1)
    rows = run.shippable
    each = watch.epochs_of("everything", run.recipe.training.epochs)
    made = fit(run.task, rows, each_epoch=each)
    if by_protocol is not None:
        answer = Tuned(by_protocol.temperature, by_protocol.thresholds)
    else:
        answer = tuned(run.task, rows, made, calibrate=run.recipe.calibrate)
    everything = Fitted(made.model, rows, answer.temperature, made.files, answer.thresholds)
    watch.progress("fit on everything", 1, 1)
    return everything


def _on_left_out(
    run: Run, split: Split, saved: Fitted, results: Sequence[EvaluationResult]
) -> EvaluationResult:
    """Score the very weights that are saved on the tracks that they never saw."""
    away = tuple(item.item_id for item in run.dataset.items if item.group in set(run.left_out))
    left_out = split.model_copy(update={"protocol": "left-out", "folds": (Fold(test=away),)})
    return _kept(run, _score_saved(run, left_out, saved, results), "", ())


def _score_saved(
    run: Run, split: Split, one: Fitted, results: Sequence[EvaluationResult]
) -> RunResult:
    """Write a bundle aside, load it, and score it through `Classifier`."""
    if not results:  # a bundle cannot be loaded without numbers; these are of the same graph
        (fold,) = split.folds
        answer = Tuned(one.temperature, one.thresholds)
        scores = [score_rows(run.task, one.model, run.rows.of(fold.test), answer)]
        results = [pooled_scores(run.task, run.recipe.name, run.dataset, split, run.rows, scores)]
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "bundle"
        save(aside, run, split, one, results, overwrite=False)
        classifier = Classifier.load(aside)
        # The split was checked, contents and all, before anything was fitted.
        answers = tuple(score_items(classifier, run.dataset, split, contents=False))
        leaks = bool(leaking_groups(run.dataset, split))
        return bundle_run(classifier, run.dataset, split, answers, by_rows=leaks)
