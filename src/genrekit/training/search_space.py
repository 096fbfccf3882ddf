"""What is tuned: the ``tune`` section of a recipe, and the settings that it allows.

Names are those of ``--set``: ``model.c``, ``training.learning_rate``. A setting with a ``when``
is chosen only where the settings it names have the values it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from genrekit.errors import ConfigError
from genrekit.schema import Contract

#: What a trial is judged by, and whether more of it is better.
OBJECTIVES: dict[str, bool] = {
    "accuracy": True,
    "mean_average_precision": True,
    "log_loss": False,
    "latency_ms": False,
    "size_bytes": False,
}
Objective = Literal["accuracy", "mean_average_precision", "log_loss", "latency_ms", "size_bytes"]
#: The ones that only tracks of several genres have, or only those of one.
OF_TASK = {"accuracy": "single-label", "mean_average_precision": "multi-label"}
#: Sections that may be tuned. What is tested, and on which data, is not a matter of taste, and a
#: seed that does well does so by luck.
TUNABLE = ("model", "training", "frontend", "more_frontends", "excerpt", "windows")
MOST_GRID_POINTS = 10_000
_SIGNIFICANT_DIGITS = 6


class Conditional(Contract):
    """What numbers and choices share."""

    when: dict[str, Any] = Field(
        {}, description="settings with the value, or the list of values, that they must have"
    )


class Numbers(Conditional):
    """A number from ``low`` to ``high``, both included."""

    low: float
    high: float
    integer: bool = False
    log: bool = Field(False, description="every factor counts the same: 1 to 10 as 10 to 100")
    step: float | None = Field(None, gt=0, description="only low, low + step, ...")
    points: int | None = Field(
        None, ge=2, le=1000, description="values that a grid takes, where there is no step"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Numbers:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and has no step")
        whole = all(float(x).is_integer() for x in (self.low, self.high, self.step or 1))
        if self.integer and not whole:
            raise ValueError("integer needs a low, high and step without fractions")
        return self

    @property
    def ends(self) -> tuple[float, ...]:
        """Its extreme values."""
        return self.as_is(self.low), self.as_is(self.high)

    def as_is(self, value: float) -> float:
        """``value`` as the type that the setting has, and no more digits than anybody reads."""
        return int(value) if self.integer else float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


class Choices(Conditional):
    """One of several values, which may be lists or whole sections."""

    choices: tuple[Any, ...] = Field(min_length=1, max_length=1000)

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them."""
        return self.choices


def _kind(value: Any) -> str:
    choices = "choices" in value if isinstance(value, dict) else isinstance(value, Choices)
    return "choices" if choices else "numbers"


Parameter = Annotated[
    Annotated[Numbers, Tag("numbers")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]


class TuneConfig(Contract):
    """What is looked for, by what it is judged, and how long."""

    space: dict[str, Parameter] = Field(min_length=1)
    objectives: tuple[Objective, ...] = Field(
        ("log_loss",), min_length=1, description="with several, the trials that none beats in all"
    )
    method: Literal["tpe", "random", "grid"] = "tpe"
    trials: int | None = Field(
        None, ge=1, description="in all, earlier runs counted; None is 50, or the whole grid"
    )
    random_trials: int = Field(10, ge=1, description="drawn at random before tpe has a say")
    folds: int = Field(5, ge=2, le=20, description="of the training part, by recording")
    rounds: int | None = Field(
        None, ge=1, description="folds that are fitted in a trial; None is all of them"
    )
    prune: bool = Field(
        True, description="end a trial that is worse than the median; only with one objective"
    )
    prune_after_trials: int = Field(5, ge=1)
    prune_after_epochs: int = Field(5, ge=0)
    seed: int = Field(0, ge=0, le=2**32 - 1)

    @model_validator(mode="after")
    def _settings_are_tunable(self) -> TuneConfig:
        if len(set(self.objectives)) != len(self.objectives):
            raise ValueError("an objective is named twice")
        names = list(self.space)
        for number, name in enumerate(names):
            if name.partition(".")[0] not in TUNABLE:
                raise ValueError(f"{name} cannot be tuned; only settings of {', '.join(TUNABLE)}")
            late = set(self.space[name].when) & set(names[number:])
            if late:
                raise ValueError(f"{name} depends on {min(late)}, which must come before it")
        return self

    @property
    def n_trials(self) -> int:
        """Trials in all, for methods that could go on for ever."""
        return self.trials or 50

    @property
    def prunes(self) -> bool:
        """What is worse in one objective may be better in another, so only one can prune."""
        return self.prune and len(self.objectives) == 1


def walk(
    space: Mapping[str, Numbers | Choices],
    known: Mapping[str, Any],
    pick: Callable[[str, Numbers | Choices], Any],
) -> dict[str, Any]:
    """Pick a value of every setting whose conditions hold.

    Parameters
    ----------
    known : mapping
        The recipe before tuning, nested; its settings may be conditions too.
    pick : callable
        Gets name and parameter.
    """
    chosen: dict[str, Any] = {}
    for name, parameter in space.items():
        if _holds(parameter, chosen, space, known):
            chosen[name] = pick(name, parameter)
    return chosen


def grid(
    space: Mapping[str, Numbers | Choices], known: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Every combination of values; a setting whose conditions fail makes no further ones.

    Raises
    ------
    ConfigError
        If a range has no step, or there are more than `MOST_GRID_POINTS`.
    """
    points: list[dict[str, Any]] = [{}]
    for name, parameter in space.items():
        values = _grid_values(name, parameter)
        points = [
            changed
            for point in points
            for changed in (
                [{**point, name: value} for value in values]
                if _holds(parameter, point, space, known)
                else [point]
            )
        ]
        if len(points) > MOST_GRID_POINTS:
            raise ConfigError(
                f"the grid has more than {MOST_GRID_POINTS} points already at {name}; take fewer "
                "values, or --method tpe"
            )
    return tuple(points)


def corners(
    space: Mapping[str, Numbers | Choices], known: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Points that show every parameter at its ends: where one is impossible, so is a trial."""
    found = []
    for name, parameter in space.items():
        for value in parameter.ends:
            forced = {**_needed(name, space), name: value}

            def pick(
                other: str, parameter: Numbers | Choices, forced: dict[str, Any] = forced
            ) -> Any:
                return forced.get(other, parameter.ends[0])

            found.append(walk(space, known, pick))
    return tuple(found)


def _needed(name: str, space: Mapping[str, Numbers | Choices]) -> dict[str, Any]:
    """Choices under which a conditional setting is chosen at all."""
    needed: dict[str, Any] = {}
    for other, wanted in space[name].when.items():
        if other in space:
            needed |= {**_needed(other, space), other: _allowed(wanted)[0]}
    return needed


def _holds(
    parameter: Numbers | Choices,
    chosen: Mapping[str, Any],
    space: Mapping[str, Any],
    known: Mapping[str, Any],
) -> bool:
    for name, wanted in parameter.when.items():
        if name in space and name not in chosen:
            return False  # what it depends on is itself not in use
        found = chosen[name] if name in chosen else look_up(known, name)
        if found not in _allowed(wanted):
            return False
    return True


def _allowed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def look_up(settings: Mapping[str, Any], name: str) -> Any:
    """Return the setting ``section.key``; None if there is none."""
    value: Any = settings
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _grid_values(name: str, parameter: Numbers | Choices) -> tuple[Any, ...]:
    if isinstance(parameter, Choices):
        return parameter.choices
    low, high = parameter.low, parameter.high
    if parameter.step:
        count = int((high - low) / parameter.step + 1e-9) + 1
        values = low + parameter.step * np.arange(count)
    elif parameter.points:
        space = np.geomspace if parameter.log else np.linspace
        values = space(low, high, parameter.points)
    else:
        raise ConfigError(f"a grid needs to know the values of {name}: give it step, or points")
    if parameter.integer:
        values = np.round(values)
    return tuple(dict.fromkeys(parameter.as_is(value) for value in values.tolist()))
