"""How the settings of a trial are chosen: by TPE, at random, or from a grid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from genrekit.training import Choices, Numbers, TuneConfig


def sampler_of(
    plan: TuneConfig, index: int, points: Sequence[Mapping[str, Any]]
) -> optuna.samplers.BaseSampler:
    """Return what chooses for the trial ``index``; the same index draws the same random numbers.

    TPE is the tree-structured Parzen estimator of J. Bergstra et al., *Algorithms for
    Hyper-Parameter Optimization* (NIPS 2011).

    Parameters
    ----------
    points : sequence of mapping
        Of a grid.
    """
    if plan.method == "grid":
        return _Point(points[index])
    seed = int(np.random.SeedSequence([plan.seed, index]).generate_state(1)[0])
    if plan.method == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=plan.random_trials)


def suggest(trial: optuna.Trial, name: str, parameter: Numbers | Choices) -> Any:
    """Return the value that the sampler of ``trial`` chooses for a setting."""
    if isinstance(parameter, Choices):
        # Optuna knows no lists.
        texts = [json.dumps(value) for value in parameter.choices]
        return json.loads(trial.suggest_categorical(name, texts))
    if parameter.integer:
        return trial.suggest_int(
            name,
            int(parameter.low),
            int(parameter.high),
            step=int(parameter.step or 1),
            log=parameter.log,
        )
    low, high = parameter.low, parameter.high
    return parameter.as_is(
        trial.suggest_float(name, low, high, step=parameter.step, log=parameter.log)
    )


class _Point(optuna.samplers.BaseSampler):
    """Chooses what a point of a grid says."""

    def __init__(self, point: Mapping[str, Any]) -> None:
        self.point = point

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        value = self.point[param_name]
        categorical = isinstance(param_distribution, optuna.distributions.CategoricalDistribution)
        return json.dumps(value) if categorical else value
