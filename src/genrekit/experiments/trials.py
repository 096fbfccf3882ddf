"""One trial of a search: choose settings, fit them on folds of the training part, measure.

A search knows the rows of the training part and no other. Trials are kept in an SQLite file, so
several processes may work on one search, and what was stopped is continued by starting it again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from genrekit.datasets import Fold
from genrekit.errors import BundleError, ConfigError, DatasetError, TrainingError
from genrekit.experiments.objectives import FoldEvaluation, evaluate_fold, objective_values
from genrekit.experiments.sampling import sampler_of, suggest
from genrekit.features import FeatureCache
from genrekit.models import MODELS, NetworkConfig
from genrekit.progress import Progress, silent
from genrekit.training import (
    OBJECTIVES,
    Recipe,
    Run,
    TuneConfig,
    check_recipe,
    fit,
    prepare,
    recipe_of,
    set_setting,
    training_for,
    walk,
)

if TYPE_CHECKING:
    from genrekit.training import EpochRecord

STUDY = "tune"
#: What makes a trial fail, and not the search.
_FAILURES = (ConfigError, DatasetError, TrainingError, BundleError)
#: Settings that change what a validation loss means, so that trials cannot be compared by it.
_CHANGE_THE_LOSS = {"training.loss", "training.label_smoothing", "training.balance"}
#: Steps from one fold to the next, more than a fold can have epochs.
_STEPS_A_FOLD = 1_000_000
_RUNS_KEPT = 3
_WAIT_SECONDS = 60  # for another process that writes to the study


@dataclass(frozen=True, slots=True)
class Search:
    """Everything that trials share.

    Attributes
    ----------
    source : Path
        The recipe's file.
    settings : mapping
        What it says, nested, as it was written.
    known : mapping
        The same with every default.
    folds : tuple of Fold
        Of the training part: ``test`` are the items that judge. No other items are ever used.
    points : tuple of mapping
        Of a grid.
    """

    source: Path
    settings: Mapping[str, Any]
    known: Mapping[str, Any]
    plan: TuneConfig
    folds: tuple[Fold, ...]
    points: tuple[Mapping[str, Any], ...]
    database: Path
    data: Path | None = None
    cache: FeatureCache | None = None

    @property
    def work_dir(self) -> Path:
        """Where rows are kept that are too many for memory."""
        return self.database.with_name("rows")

    @property
    def total(self) -> int:
        """Trials in all."""
        if self.plan.method != "grid":
            return self.plan.n_trials
        return min(self.plan.trials or len(self.points), len(self.points))


@dataclass(slots=True)
class TrialContext:
    """What one process keeps from trial to trial: the open study, and rows by what made them.

    ``threads`` are those of a network; 0 leaves that to torch.
    """

    study: optuna.Study
    threads: int = 0
    runs: dict[str, Run] = field(default_factory=dict)


def open_study(database: Path, plan: TuneConfig) -> optuna.Study:
    """Return the study in ``database``, which is made if it is not there."""
    # Optuna has a handler of its own on stderr; what it says there is said by trials here.
    optuna.logging.disable_default_handler()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{database}",
        engine_kwargs={"connect_args": {"timeout": _WAIT_SECONDS}},
        skip_compatibility_check=not database.exists(),  # takes a while
    )
    return optuna.create_study(
        study_name=STUDY,
        storage=storage,
        directions=["maximize" if OBJECTIVES[name] else "minimize" for name in plan.objectives],
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=plan.prune_after_trials, n_warmup_steps=plan.prune_after_epochs
        ),
        load_if_exists=True,
    )


def run_trial(index: int, *, search: Search, threads: int) -> None:
    """One trial in a process that may do several; see `make_trial`."""
    context = _trial_context(search.database, search.plan.model_dump_json(), threads)
    make_trial(search, index, context)


def make_trial(
    search: Search, index: int, context: TrialContext, progress: Progress = silent
) -> None:
    """Make the trial ``index`` and tell the study of it.

    The same index draws the same random numbers, so a search that was stopped and continued tries
    the same settings as one that was not.

    Parameters
    ----------
    progress : callable, optional
        Called for every fold.
    """
    study = context.study
    study.sampler = sampler_of(search.plan, index, search.points)
    trial = study.ask()
    trial.set_user_attr("index", index)
    started = time.perf_counter()
    state, values = TrialState.FAIL, None
    try:
        measured = _measured(search, trial, context, progress)
        trial.set_user_attr("measured", measured)
        values = [measured[name] for name in search.plan.objectives]
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except _FAILURES as error:
        trial.set_user_attr("error", str(error))
    # Not when it is stopped: a query that was cut short still holds the database, and telling would
    # wait for it. The next search ends such trials.
    trial.set_user_attr("seconds", round(time.perf_counter() - started, 3))
    study.tell(trial, values, state)


def is_done(trial: FrozenTrial) -> bool:
    """Whether a trial came to its end: one that was stopped did not."""
    ended = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    return ended or "error" in trial.user_attrs


def trial_recipe(search: Search, chosen: Mapping[str, Any]) -> Recipe:
    """Return the recipe with the settings of a trial.

    Raises
    ------
    ConfigError
        If one does not fit.
    """
    return recipe_of(trial_settings(search.settings, chosen), search.source)


def trial_settings(settings: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a recipe after those of a trial.

    Where another architecture is chosen, what it has no setting for is left out.
    """
    changed = {name: deepcopy(value) for name, value in settings.items() if name != "tune"}
    architecture = chosen.get("model.architecture")
    if architecture is not None:
        known = MODELS.get(architecture).model_fields
        model = changed.get("model", {})
        changed["model"] = {name: value for name, value in model.items() if name in known}
    for name, value in chosen.items():
        set_setting(changed, name, deepcopy(value))
    return changed


# --- what is fitted -----------------------------------------------------------------------------


def _measured(
    search: Search, trial: optuna.Trial, context: TrialContext, progress: Progress
) -> dict[str, float]:
    """Fit the chosen settings on every fold, and measure the graphs."""
    plan = search.plan
    chosen = walk(plan.space, search.known, partial(suggest, trial))
    trial.set_user_attr("settings", chosen)
    recipe = trial_recipe(search, chosen)
    check_recipe(recipe)
    run = _run(search, recipe, context, progress)
    if context.threads and isinstance(recipe.model, NetworkConfig):
        _use_threads(context.threads)
    training = training_for(recipe, run.dataset)
    task = replace(run.task, model=recipe.model, training=training, seed=recipe.seed)
    folds = search.folds[: plan.rounds]
    evaluated: list[FoldEvaluation] = []
    for number, fold in enumerate(folds):
        progress("this trial", number, len(folds))
        made = fit(
            task, run.rows.of(fold.train), each_epoch=partial(_report_epoch, trial, plan, number)
        )
        evaluated.append(evaluate_fold(task, made, run.rows.of(fold.test)))
        _report(trial, plan, objective_values(evaluated), (number + 1) * _STEPS_A_FOLD)
    progress("this trial", len(folds), len(folds))
    return objective_values(evaluated)


def _run(search: Search, recipe: Recipe, context: TrialContext, progress: Progress) -> Run:
    """Return the rows of a recipe, those of earlier trials where nothing differs."""
    key = data_key(recipe)
    if key not in context.runs:
        for old in list(context.runs)[: 1 - _RUNS_KEPT]:
            del context.runs[old]
        name = f"{os.getpid()}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        context.runs[key] = prepare(
            recipe, search.data, 1, search.cache, search.work_dir / name, progress=progress
        )
    return context.runs[key]


def data_key(recipe: Recipe) -> str:
    """Everything that decides the rows of a recipe."""
    deciding = {"data", "labels", "frontend", "more_frontends", "excerpt", "windows", "leave_out"}
    copies = recipe.training.augment.waveform.model_dump_json()
    return recipe.model_dump_json(include=deciding) + copies


def _report_epoch(trial: optuna.Trial, plan: TuneConfig, fold: int, record: EpochRecord) -> None:
    """Report an epoch, and end a trial that does worse than most."""
    _report(trial, plan, _epoch_values(record, plan), fold * _STEPS_A_FOLD + record.epoch)


def _epoch_values(record: EpochRecord, plan: TuneConfig) -> dict[str, float]:
    """Return an epoch's objectives, on the training rows that chose the epoch."""
    if record.valid_loss is None or record.valid_accuracy is None:
        return {}
    loss = record.valid_loss
    if _CHANGE_THE_LOSS & set(plan.space):
        loss = 1 - record.valid_accuracy
    return {"accuracy": record.valid_accuracy, "log_loss": loss}


def _report(trial: optuna.Trial, plan: TuneConfig, values: Mapping[str, float], step: int) -> None:
    if not plan.prunes or plan.objectives[0] not in values:
        return
    trial.report(values[plan.objectives[0]], step)
    if trial.should_prune():
        raise optuna.TrialPruned


# --- processes ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _trial_context(database: Path, plan: str, threads: int) -> TrialContext:
    return TrialContext(open_study(database, TuneConfig.model_validate_json(plan)), threads)


def _use_threads(threads: int) -> None:
    """Share the cores: by default every process would take all of them for itself."""
    import torch

    torch.set_num_threads(threads)
