"""What a search found: its trials, the best recipes as YAML, and what mattered."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from genrekit.datasets import Dataset
from genrekit.experiments.trials import Search, is_done, trial_settings
from genrekit.files import replace_file
from genrekit.schema import Contract
from genrekit.training import OBJECTIVES, Objective, TuneConfig

TRIALS_FOR_IMPORTANCE = 4
TRIALS, BEST, FRONT = "trials.jsonl", "best.yaml", "front"
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class TrialRecord(Contract):
    """One line of ``trials.jsonl``.

    Parameters
    ----------
    settings : dict of str to value
        What was chosen, by the names of ``--set``.
    values : dict of str to float
        All objectives, those that were not aimed at too; empty for trials that did not end well.
    """

    number: int
    state: Literal["complete", "pruned", "failed"]
    settings: dict[str, Any]
    values: dict[str, float] = Field({})
    seconds: float
    error: str = ""


class TuneResult(Contract):
    """Everything that a search found.

    Parameters
    ----------
    best : TrialRecord or None
        The first of ``front``; None if no trial was completed.
    front : tuple of TrialRecord
        The trials that none beats in all objectives, best first in the first one.
    importance : dict of str to float
        Share of each setting in what made the first objective good or bad; empty for fewer than
        `TRIALS_FOR_IMPORTANCE` completed trials.
    """

    recipe: str
    dataset: str
    dataset_fingerprint: str
    objectives: tuple[Objective, ...]
    method: str
    seed: int
    best: TrialRecord | None
    front: tuple[TrialRecord, ...]
    importance: dict[str, float]
    trials: tuple[TrialRecord, ...]


def collect(
    study: optuna.Study, search: Search, dataset: Dataset, *, importance: bool = False
) -> TuneResult:
    """Return the result of a study so far; ``importance`` takes long with many trials."""
    trials = study.get_trials(deepcopy=False)
    front = [trial.number for trial in study.best_trials]
    records = tuple(_record(trial) for trial in trials if is_done(trial))
    first = search.plan.objectives[0]
    sign = -1 if OBJECTIVES[first] else 1
    best_first = sorted(
        (record for record in records if record.number in front),
        key=lambda record: (sign * record.values[first], record.number),
    )
    return TuneResult(
        recipe=search.source.name,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        objectives=search.plan.objectives,
        method=search.plan.method,
        seed=search.plan.seed,
        best=best_first[0] if best_first else None,
        # Of a single objective, equals are not a front.
        front=tuple(best_first if len(search.plan.objectives) > 1 else best_first[:1]),
        importance=_importance(study, search.plan) if importance else {},
        trials=records,
    )


def write_results(result: TuneResult, search: Search, out: Path) -> None:
    """Write the trials, the best recipe, and with several objectives those of the whole front."""
    lines = "".join(record.model_dump_json() + "\n" for record in result.trials)
    replace_file(out / TRIALS, lines)
    if result.best is None:
        return
    replace_file(out / BEST, best_recipe(result, result.best, search, out))
    if len(result.objectives) > 1:
        folder = out / FRONT
        folder.mkdir(exist_ok=True)
        for old in folder.glob("trial-*.yaml"):
            old.unlink()
        for record in result.front:
            text = best_recipe(result, record, search, folder)
            replace_file(folder / f"trial-{record.number:04d}.yaml", text)


def best_recipe(result: TuneResult, record: TrialRecord, search: Search, folder: Path) -> str:
    """Return the recipe of a trial as YAML for ``folder``, and how it was found."""
    settings = trial_settings(search.settings, record.settings)
    _move_paths(settings, search.source.resolve().parent, folder.resolve())
    plan = search.plan
    rounds = min(plan.rounds or plan.folds, plan.folds)
    place = "the best" if record == result.best else "on the front"
    head = [
        f"Found by genrekit tune in {search.source.name}: trial {record.number}, {place} of "
        f"{trials_text(result.trials)} by {' and '.join(plan.objectives)}, method {plan.method}, "
        f"seed {plan.seed}.",
        f"Judged on {rounds} of {plan.folds} folds of the training part of {result.dataset}, "
        f"grouped by recording: {values_text(record.values, plan.objectives)}.",
        "Tuned: " + "; ".join(f"{name} {value}" for name, value in record.settings.items()),
    ]
    body = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return "".join(f"# {line}\n" for line in head) + body


def trials_text(records: Sequence[TrialRecord]) -> str:
    """How many there are and how they ended, for people: ``40 trials (5 pruned)``."""
    counts = Counter(record.state for record in records)
    rest = [f"{counts[state]} {state}" for state in ("pruned", "failed") if counts[state]]
    text = f"{len(records)} trial{'' if len(records) == 1 else 's'}"
    return f"{text} ({', '.join(rest)})" if rest else text


def values_text(values: Mapping[str, float], objectives: Sequence[str]) -> str:
    """How good a trial is, and whatever else was aimed at."""
    shown = {"accuracy", "mean_average_precision", "log_loss", *objectives}
    names = [name for name in OBJECTIVES if name in shown and name in values]
    return ", ".join(f"{name} {values[name]:.4g}" for name in names)


def _record(trial: FrozenTrial) -> TrialRecord:
    attributes = trial.user_attrs
    return TrialRecord.model_validate(
        {
            "number": trial.number,
            "state": _STATES[trial.state],
            "settings": attributes.get("settings", {}),
            "values": attributes.get("measured", {}),
            "seconds": attributes.get("seconds", 0.0),
            "error": attributes.get("error", ""),
        }
    )


def _importance(study: optuna.Study, plan: TuneConfig) -> dict[str, float]:
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    names = {name for trial in done for name in trial.params}
    if len(done) < TRIALS_FOR_IMPORTANCE or len(names) < 2:
        return {}
    sign = -1.0 if OBJECTIVES[plan.objectives[0]] else 1.0
    target = None if len(plan.objectives) == 1 else lambda trial: sign * trial.values[0]
    with warnings.catch_warnings():
        # It says that a target should be small, which the sign sees to; and that few trials tell
        # little.
        for warning in (
            "PedAnova.*low `target`",
            "Some regimes for parameter",
            "Target and region",
        ):
            warnings.filterwarnings("ignore", warning, UserWarning)
        found = optuna.importance.get_param_importances(study, target=target)
    return {name: round(share, 4) for name, share in found.items()}


def _move_paths(settings: dict[str, Any], old: Path, new: Path) -> None:
    """Relative paths are relative to the recipe, which is elsewhere now."""
    data = settings.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        settings["data"] = {**data, "path": _moved(data["path"], old, new)}
    if isinstance(settings.get("leave_out"), str):
        settings["leave_out"] = _moved(settings["leave_out"], old, new)


def _moved(text: str, old: Path, new: Path) -> str:
    if text.startswith(("~", "$")) or Path(text).is_absolute():
        return text
    return os.path.relpath(old / text, new)
