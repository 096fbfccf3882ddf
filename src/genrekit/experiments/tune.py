"""``genrekit tune``: look for good settings of a recipe without ever seeing its test tracks.

The training part of the recipe's protocol is cut into folds by recording; a trial fits its settings
on each and is judged on the rows left out. Test and validation rows of the protocol take no part.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from genrekit.datasets import Dataset, Fold, Split
from genrekit.errors import ConfigError
from genrekit.experiments.trials import (
    Search,
    TrialContext,
    data_key,
    is_done,
    make_trial,
    open_study,
    run_trial,
    trial_recipe,
)
from genrekit.experiments.tune_report import TuneResult, collect, write_results
from genrekit.features import FeatureCache
from genrekit.progress import Progress, silent
from genrekit.training import (
    OF_TASK,
    ProtocolConfig,
    Recipe,
    Run,
    TuneConfig,
    check_recipe,
    checked_split,
    corners,
    grid,
    override,
    prepare,
    read_settings,
    recipe_of,
)
from genrekit.workers import WorkerDied, cores, ordered_map

logger = logging.getLogger(__name__)

DATABASE = "study.db"
_MADE_OF = "made of"  # where a study keeps the fingerprint of its settings


def _unseen(result: TuneResult) -> None:
    """Let a result pass."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    search: Search
    context: TrialContext
    dataset: Dataset


def tune_recipe(
    recipe: str | Path,
    out: str | Path,
    *,
    space: Path | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    data: Path | None = None,
    cache: FeatureCache | None = None,
    jobs: int = 1,
    workers: int = 1,
    progress: Progress = silent,
    each_trial: Callable[[TuneResult], None] = _unseen,
) -> TuneResult:
    """Search, or continue the search that ``out`` holds, to its end.

    Parameters
    ----------
    recipe : str or Path
        YAML file, with a section ``tune`` unless there is ``space``.
    out : str or Path
        Folder for the study, the trials and the best recipe.
    space : Path or mapping, optional
        What could be in the section ``tune``, and takes its place; or a YAML file of that.
    overrides : sequence of str
        As for `load_recipe`; ``tune.trials=20`` and the like too.
    data : Path, optional
        Takes the place of ``data.path``.
    jobs : int
        Processes that compute features from audio.
    workers : int
        Processes that make trials. One repeats its trials exactly.
    progress : callable, optional
        Called with what is done, and how many of its steps are, of how many. What it raises stops
        the search, which can then be continued.
    each_trial : callable, optional
        Called after every trial, with what all trials have found by then.

    Returns
    -------
    TuneResult
        Its ``best`` trial holds the settings; the whole recipe is ``out / "best.yaml"``.

    Raises
    ------
    ConfigError
        If settings contradict each other, the protocol leaves nothing to tune on, or ``out`` holds
        a search for something else.
    DatasetError
        If the data is missing, or has too few recordings for the folds.
    """
    recipe, out = Path(recipe), Path(out)
    settings, base = read_plan(recipe, space, overrides)
    prepared = _prepare(recipe, settings, base, out, data, cache, jobs, progress=progress)
    search, study = prepared.search, prepared.context.study
    todo = _todo(study, search)
    progress("trials", search.total - len(todo), search.total)

    def ended() -> None:
        found = _write_results(prepared, out)
        progress("trials", len(found.trials), search.total)
        each_trial(found)

    try:
        _make_trials(search, prepared.context, todo, workers, progress, ended)
    finally:
        shutil.rmtree(search.work_dir, ignore_errors=True)
    _end_stopped(study)
    _write_results(prepared, out)
    return collect(study, search, prepared.dataset, importance=True)


def read_plan(
    recipe: Path, space: Path | Mapping[str, Any] | None, overrides: Sequence[str] = ()
) -> tuple[dict[str, Any], Recipe]:
    """Read the settings of a recipe with a section ``tune``, as written and as checked.

    Raises
    ------
    ConfigError
        If there is nothing to tune, or a value that may be chosen does not fit the recipe.
    """
    text, settings = read_settings(recipe)
    if isinstance(space, Path):
        _, settings["tune"] = read_settings(space)
    elif space is not None:
        settings["tune"] = json.loads(json.dumps(space))
    for one in overrides:
        override(settings, one)
    base = recipe_of(settings, recipe, text)
    if base.tune is None:
        raise ConfigError(
            f"{recipe} has no section tune, which says what to look for; write one, or name a file "
            "that holds it (--space)"
        )
    return settings, base


# --- before the first trial ---------------------------------------------------------------------


def _prepare(
    path: Path,
    settings: dict[str, Any],
    base: Recipe,
    out: Path,
    data: Path | None,
    cache: FeatureCache | None,
    jobs: int,
    *,
    progress: Progress,
) -> _Prepared:
    assert base.tune is not None, "read_plan has looked"
    plan, known = base.tune, base.model_dump(mode="json")
    database = out / DATABASE
    search = Search(
        source=path,
        settings=settings,
        known=known,
        plan=plan,
        folds=(),
        points=grid(plan.space, known) if plan.method == "grid" else (),
        database=database,
        data=data,
        cache=cache,
    )
    check_recipe(base)
    for corner in corners(plan.space, known):
        trial_recipe(search, corner)
    out.mkdir(parents=True, exist_ok=True)
    run = prepare(base, data, jobs, cache, search.work_dir / "first", progress=progress)
    _check_objectives(plan, run.dataset)
    search = replace(search, folds=training_folds(run, plan))
    study = open_study(database, plan)
    _check_same(study, search, run.dataset, out)
    return _Prepared(search, TrialContext(study, runs={data_key(base): run}), run.dataset)


def _check_objectives(plan: TuneConfig, dataset: Dataset) -> None:
    for name in plan.objectives:
        if OF_TASK.get(name, dataset.task) != dataset.task:
            raise ConfigError(
                f"tune.objectives: {name} is for {OF_TASK[name]} data, and {dataset.name} is "
                f"{dataset.task}; take log_loss"
            )


def training_folds(run: Run, plan: TuneConfig) -> tuple[Fold, ...]:
    """Folds of what the protocol fits on, by recording; its other items are in none.

    Raises
    ------
    ConfigError
        If the protocol tests every item in some fold.
    DatasetError
        If there are too few recordings.
    """
    protocol = run.recipe.protocol
    split = checked_split(run.dataset, protocol, run.rows)
    fold = _only_fold(split)
    ids = fold.fitted_on(protocol.fit_on)
    left_out = set(run.left_out)
    chosen = set(ids)
    training = run.dataset.select(
        [
            number
            for number, item in enumerate(run.dataset.items)
            if item.item_id in chosen and item.group not in left_out
        ]
    )
    inner = ProtocolConfig(name="grouped-kfold", n_folds=plan.folds, by=protocol.by, seed=plan.seed)
    return checked_split(training, inner, run.rows.of(ids)).folds


def _only_fold(split: Split) -> Fold:
    if len(split.folds) > 1 or not split.folds[0].train:
        raise ConfigError(
            f"{split.protocol} leaves no tracks that are for training alone, so whatever is tuned "
            "would be tested on what it was tuned on; set another protocol, such as "
            "--set protocol.name=holdout"
        )
    return split.folds[0]


def _check_same(study: optuna.Study, search: Search, dataset: Dataset, out: Path) -> None:
    """Refuse to continue a study with other things than it was begun with, but its length."""
    settings = {k: v for k, v in search.settings.items() if k not in {"description", "tune"}}
    plan = search.plan.model_dump(mode="json", exclude={"trials"})
    content = json.dumps([settings, plan, dataset.fingerprint], sort_keys=True, default=str)
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    if study.user_attrs.setdefault(_MADE_OF, fingerprint) != fingerprint:
        raise ConfigError(
            f"{out} holds a search with another recipe, space or data; choose another folder, or "
            f"remove {out / DATABASE}"
        )
    study.set_user_attr(_MADE_OF, fingerprint)


def _todo(study: optuna.Study, search: Search) -> list[int]:
    _end_stopped(study)
    trials = study.get_trials(deepcopy=False)
    done = {trial.user_attrs["index"] for trial in trials if is_done(trial)}
    return [index for index in range(search.total) if index not in done]


def _end_stopped(study: optuna.Study) -> None:
    """Trials of processes that have ended; they are made again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


# --- trials -------------------------------------------------------------------------------------


def _make_trials(
    search: Search,
    context: TrialContext,
    todo: Sequence[int],
    workers: int,
    progress: Progress,
    ended: Callable[[], None],
) -> None:
    """Make trials, and say when each has ended."""
    if workers == 1:
        for index in todo:
            make_trial(search, index, context, progress)
            ended()
        return
    threads = max(1, cores() // workers)
    one = partial(run_trial, search=search, threads=threads)
    # A trial may take an hour: those that nobody waits for any more end with the map.
    with closing(ordered_map(one, todo, workers=workers)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, WorkerDied):
                logger.warning("a trial killed its process; is memory short?")
            ended()


def _write_results(prepared: _Prepared, out: Path) -> TuneResult:
    """Write down what is known by now."""
    search = prepared.search
    result = collect(prepared.context.study, search, prepared.dataset)
    write_results(result, search, out)
    return result
