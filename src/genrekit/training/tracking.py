"""Training runs in MLflow: settings, numbers of every epoch, the bundle as a model version.

Tracking watches and has no say: a store that fails after training began is warned of once, and
training goes on without it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.bundles import load_bundle
from genrekit.errors import ConfigError, GenreError
from genrekit.extras import naming_extra
from genrekit.schema import Contract
from genrekit.training.recipe import Recipe

if TYPE_CHECKING:
    from genrekit.training.loop import EpochRecord

logger = logging.getLogger(__name__)

_SQLITE = "sqlite:///"
# MLflow would send usage data to its makers, and wait minutes for a server that does not answer.
_MANNERS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_MOST_CHARACTERS = 500  # of a parameter
_MOST_AT_ONCE = 100  # parameters
_SCORES = ("loss", "accuracy", "top3")
_EPOCH = (*(f"{side}_{name}" for side in ("train", "valid") for name in _SCORES), "learning_rate")


@dataclass(slots=True)
class Tracker:
    """One run in a store, which is told no more after the first failure.

    Attributes
    ----------
    client : mlflow.MlflowClient
    lost : str
        Why the store was given up; empty as long as all goes well.
    """

    client: Any
    run_id: str
    lost: str = ""

    def tell(self, what: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call ``what`` of the client, if the store still answers; None if it does not."""
        if self.lost:
            return None
        try:
            return what(*arguments, **named)
        except _failures() as error:
            self.lost = _first_line(error)
            logger.warning("tracking stopped, training goes on: %s", self.lost)
            return None

    def each_epoch(self, fit: str, record: EpochRecord) -> None:
        """Write down the scores of an epoch, under the name of its fit."""
        values = {f"{_name(fit)}/{name}": getattr(record, name) for name in _EPOCH}
        _tell_numbers(self, values, record.epoch)

    def bundle(self, directory: Path) -> None:
        """Write down a bundle: its numbers, its files, a new version of the registered model."""
        _tell_bundle(self, directory)


@contextmanager
def tracked(recipe: Recipe, store: str, *, experiment: str = "genrekit") -> Iterator[Tracker]:
    """Write down a training run that goes on within the block.

    Parameters
    ----------
    store : str
        An MLflow tracking address, ``sqlite:///runs.db`` or that of a server.
    experiment : str
        What the run belongs to; made if it is not there.

    Yields
    ------
    Tracker
        Its `Tracker.each_epoch` is for `genrekit.training.train`; `Tracker.bundle` for what that
        made.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    ConfigError
        If the store cannot be opened, before anything was trained.
    """
    tracker = _open(store, experiment, recipe.name)
    with _ended(tracker):
        _tell_settings(tracker, recipe)
        yield tracker


def set_champion(store: str, name: str, version: str, alias: str) -> None:
    """Let an alias of a registered model mean the version that a bundle was registered as.

    A store that does not answer costs a warning, as the model is promoted already.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """
    client = _import_mlflow().MlflowClient(store)
    try:
        versions = client.search_model_versions(f"name = '{name}'")
        ours = [one for one in versions if one.tags.get("genrekit.version") == version]
        if not ours:
            logger.warning("%s has no version %s of %s; it has no alias", store, version, name)
            return
        newest = max(ours, key=lambda one: int(one.version))
        client.set_registered_model_alias(name, alias, newest.version)
    except _failures() as error:
        logger.warning("%s was not told of the %s: %s", store, alias, _first_line(error))


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their names as in ``--set``; lists stay whole."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


# --- the store ----------------------------------------------------------------------------------


def _import_mlflow() -> Any:
    for variable, value in _MANNERS.items():
        os.environ.setdefault(variable, value)
    with naming_extra():
        import mlflow
    return mlflow


def _open(store: str, experiment: str, name: str) -> Tracker:
    mlflow = _import_mlflow()
    try:
        client = mlflow.MlflowClient(store)
        known = client.get_experiment_by_name(experiment)
        place = (
            known.experiment_id
            if known
            else client.create_experiment(experiment, artifact_location=_artifacts(store))
        )
        run = client.create_run(place, run_name=name)
    except _failures() as error:
        raise ConfigError(
            f"the tracking store {store} cannot be opened: {_first_line(error)}; expected an "
            "address such as sqlite:///runs.db, or train without --track"
        ) from error
    return Tracker(client, run.info.run_id)


def _artifacts(store: str) -> str | None:
    """Return a folder beside an SQLite file; servers have places of their own."""
    if not store.startswith(_SQLITE):
        return None
    return str(Path(store.removeprefix(_SQLITE)).resolve().with_suffix(".artifacts"))


def _failures() -> tuple[type[Exception], ...]:
    """Return what a store that is not there, full or damaged raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


@contextmanager
def _ended(tracker: Tracker) -> Iterator[None]:
    """Say how the run ended, however it does."""
    status = "KILLED"  # by somebody who stopped it
    try:
        yield
        status = "FINISHED"
    except GenreError:
        status = "FAILED"
        raise
    finally:
        tracker.tell(tracker.client.set_terminated, tracker.run_id, status)


# --- what is told -------------------------------------------------------------------------------


def _tell_settings(tracker: Tracker, recipe: Recipe) -> None:
    from mlflow.entities import Param

    settings = flat(recipe.model_dump(mode="json", exclude={"tune"}))
    params = [Param(name, str(value)[:_MOST_CHARACTERS]) for name, value in settings.items()]
    for start in range(0, len(params), _MOST_AT_ONCE):
        some = params[start : start + _MOST_AT_ONCE]
        tracker.tell(tracker.client.log_batch, tracker.run_id, params=some)


def _tell_numbers(tracker: Tracker, values: Mapping[str, float | None], step: int = 0) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [
        Metric(name, value, now, step) for name, value in values.items() if value is not None
    ]
    tracker.tell(tracker.client.log_batch, tracker.run_id, metrics=metrics)


def _tell_bundle(tracker: Tracker, directory: Path) -> None:
    """Numbers with their intervals, the files, and a new version of the registered model."""
    client, run_id = tracker.client, tracker.run_id
    bundle = load_bundle(directory)
    for result in bundle.metrics.results:
        _tell_numbers(tracker, flat(_numbers(result), f"{_name(result.protocol)}/"))
    tracker.tell(client.set_tag, run_id, "genrekit.bundle_sha256", bundle.sha256)
    tracker.tell(client.log_artifacts, run_id, str(directory), "bundle")
    name = bundle.manifest.name
    if not tracker.tell(client.search_registered_models, f"name = '{name}'"):
        tracker.tell(client.create_registered_model, name)
    run = tracker.tell(client.get_run, run_id)
    if run is not None:
        tracker.tell(
            client.create_model_version,
            name,
            f"{run.info.artifact_uri}/bundle",
            run_id,
            tags={"genrekit.version": bundle.manifest.version, "sha256": bundle.sha256},
        )


def _numbers(result: Contract) -> dict[str, Any]:
    """Everything of a result that is one number, or one with an interval."""
    kept = {"value", "low", "high"}
    numbers: dict[str, Any] = {}
    for name, value in result:
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[name] = value
        elif isinstance(value, Contract) and kept <= set(type(value).model_fields):
            numbers[name] = value.model_dump(include=kept)
        elif name == "multi_label" and isinstance(value, Contract):
            numbers |= _numbers(value)
    return numbers


def _name(text: str) -> str:
    """Only what MLflow allows in names."""
    return re.sub(r"[^A-Za-z0-9_. -]+", "", text).strip().replace(" ", "-")
