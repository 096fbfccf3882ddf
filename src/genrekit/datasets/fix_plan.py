"""A plan that repairs a dataset while it is loaded; the files stay as they are.

An audit writes it (``genrekit audit DATA --fix plan.yaml``), a person may edit it, and
`load_dataset` applies it (``fix="plan.yaml"``). Only actions that are ``accepted`` are applied:
the others wait for somebody who has listened.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import Field, ValidationError

from genrekit.datasets.dataset import Dataset, Item
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import Contract

logger = logging.getLogger(__name__)

_ENDLESS = 1 << 20  # one line for each text


class DropAction(Contract):
    """Leave an item out."""

    item: str = Field(min_length=1, description="item id")
    because: str
    accepted: bool = True


class RelabelAction(Contract):
    """Give an item another label."""

    item: str = Field(min_length=1, description="item id")
    old: str
    new: str
    because: str
    accepted: bool = False


class ColumnAction(Contract):
    """Leave a column of a table out."""

    column: str = Field(min_length=1)
    because: str
    accepted: bool = True


class FixPlan(Contract):
    """What to leave out and what to call otherwise, item by item, each with its reason."""

    format_version: Literal[1] = 1
    dataset: str
    drop: tuple[DropAction, ...] = ()
    relabel: tuple[RelabelAction, ...] = ()
    drop_columns: tuple[ColumnAction, ...] = ()

    def item_actions(self) -> tuple[DropAction | RelabelAction, ...]:
        """All actions but those on columns, accepted or not."""
        return (*self.drop, *self.relabel)

    def columns(self) -> tuple[str, ...]:
        """Columns that are to be left out."""
        return tuple(action.column for action in self.drop_columns if action.accepted)


def read_plan(file: str | Path) -> FixPlan:
    """Read a plan.

    Raises
    ------
    ConfigError
        If there is no such file, or it is not a plan; the message says where.
    """
    try:
        content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ConfigError(f"cannot read the plan {file}: {problem}") from problem
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file} is not a plan; write one with: genrekit audit DATA --fix {file}")
    try:
        return FixPlan.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{file}: {where}: {first['msg']}") from problem


def render_plan(plan: FixPlan) -> str:
    """Write a plan as YAML with its reasons beside every action."""
    waiting = sum(not action.accepted for action in plan.item_actions())
    lines = [
        "# A plan to repair a dataset while it is loaded; no file is touched.",
        "# Apply it: load_dataset(corpus, path, fix='plan.yaml'), or data.options.fix in a recipe.",
        "# Only actions with 'accepted: true' are applied; the reason stands beside each.",
    ]
    if waiting:
        lines.append(f"# {waiting} actions are proposed only: listen, then set them to true.")
    lines += [f"format_version: {plan.format_version}", f"dataset: {_quoted(plan.dataset)}"]
    for name in ("drop", "relabel", "drop_columns"):
        actions: tuple[Contract, ...] = getattr(plan, name)
        lines.append(f"{name}:" if actions else f"{name}: []")
        for action in actions:
            fields = [f"{key}: {_quoted(value)}" for key, value in action]
            lines += [f"  - {fields[0]}", *(f"    {text}" for text in fields[1:])]
    return "\n".join(lines) + "\n"


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    text: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=_ENDLESS)
    return text.rstrip("\n")


def apply_plan(dataset: Dataset, plan: FixPlan) -> Dataset:
    """Leave out and relabel what the plan says and accepts.

    Raises
    ------
    DatasetError
        If the plan was made from other data: it names not one item of this dataset, or an item
        has another label than the plan says; or if nothing would be left.
    """
    labels = {item.item_id: item.labels for item in dataset.items}
    named = {action.item for action in plan.item_actions()}
    unknown = sorted(named - set(labels))
    if named and len(unknown) == len(named):
        raise DatasetError(
            f"the plan of {plan.dataset!r} names {len(named)} items, such as {unknown[0]!r}, and "
            f"not one of them is in {dataset.name}; make a plan from this data"
        )
    if unknown:
        logger.warning(
            "%d of %d items of the plan are not in %s", len(unknown), len(named), dataset.name
        )
    new = {action.item: action for action in plan.relabel if action.accepted}
    gone = {action.item for action in plan.drop if action.accepted}
    for action in new.values():
        _check_relabel(dataset, action, labels.get(action.item))
    kept = [row for row, item in enumerate(dataset.items) if item.item_id not in gone]
    if not kept:
        raise DatasetError(f"the plan leaves nothing of {dataset.name}")
    fixed = dataset.select(kept)
    return _without_columns(
        replace(fixed, items=tuple(_relabelled(item, new) for item in fixed.items)),
        plan.columns(),
    )


def _check_relabel(dataset: Dataset, action: RelabelAction, labels: tuple[str, ...] | None) -> None:
    if labels is None:
        return
    if action.old not in labels:
        raise DatasetError(
            f"the plan relabels {action.item} from {action.old!r}, but it is {list(labels)} in "
            f"{dataset.name}; make a plan from this data"
        )
    if action.new not in dataset.labels:
        raise DatasetError(
            f"the plan relabels {action.item} to {action.new!r}, which is not a label of "
            f"{dataset.name}; it has {', '.join(dataset.labels)}"
        )


def _relabelled(item: Item, new: Mapping[str, RelabelAction]) -> Item:
    action = new.get(item.item_id)
    if action is None:
        return item
    labels = [action.new if label == action.old else label for label in item.labels]
    return replace(item, labels=tuple(dict.fromkeys(labels)))


def _without_columns(dataset: Dataset, columns: tuple[str, ...]) -> Dataset:
    if dataset.features is None or not set(columns) & set(dataset.feature_names):
        return dataset
    kept = [row for row, name in enumerate(dataset.feature_names) if name not in columns]
    if not kept:
        raise DatasetError(f"the plan leaves no column of {dataset.name}")
    names = tuple(dataset.feature_names[row] for row in kept)
    return replace(dataset, features=dataset.features[:, np.array(kept)], feature_names=names)
