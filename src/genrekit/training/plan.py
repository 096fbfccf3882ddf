"""What recipe, split and labels decide together, decided before the first second of audio."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from genrekit.bundles import window_features, window_samples
from genrekit.datasets import RELATIONS, Dataset, Split, drop_tracks, related
from genrekit.errors import ConfigError, DatasetError
from genrekit.features import build_frontend
from genrekit.models import ClassicalConfig, NetworkConfig, build, build_network
from genrekit.models.pretrained import Pretrained
from genrekit.schema import PictureConfig
from genrekit.training.backbone import Backbone
from genrekit.training.enough import check_enough
from genrekit.training.fitting import checked_split
from genrekit.training.recipe import ProtocolConfig, Recipe, known_path

logger = logging.getLogger(__name__)

#: Stands for whatever protocol fits the data.
FITTING = "fitting"
#: Protocols that need parts which the data names itself.
_BY_PARTS = frozenset({"official", "fault-filtered"})
#: With fewer recordings of a genre than this, a single test part says next to nothing.
ENOUGH_FOR_A_HOLDOUT = 20
_FEW_FOLDS = 5


def planned(recipe: Recipe, dataset: Dataset, *, replaced: bool = False) -> Recipe:
    """Return the recipe with a protocol that fits the data, and which weights are to be saved.

    Parameters
    ----------
    replaced : bool
        The data is not what the recipe was written for: protocols of it that do not fit are
        replaced or left out, with a warning.

    Raises
    ------
    ConfigError
        If the protocol fits several models and none is to be saved.
    DatasetError
        If no protocol fits.
    """
    protocol = recipe.protocol
    if replaced and protocol.name in _BY_PARTS and not _has_parts(dataset):
        protocol = _fitting(dataset, protocol)
        logger.warning(
            "%s names no parts for training and testing, which %s needs; taken instead: %s",
            *(dataset.name, recipe.protocol.name, _text_of(protocol)),
        )
    elif protocol.name == FITTING:
        protocol = _fitting(dataset, protocol)
        logger.info("%s: the protocol that fits is %s", dataset.name, _text_of(protocol))
    beside = tuple(one for one in recipe.beside if not replaced or _fits(dataset, one))
    changed = recipe.model_copy(update={"protocol": protocol, "beside": beside})
    if recipe.final_fit is None:
        several = len(protocol.split(dataset, allow_leaking=True).folds) > 1
        fit = "everything" if several else "protocol"
        changed = changed.model_copy(update={"final_fit": fit})
    return changed


def _has_parts(dataset: Dataset) -> bool:
    """Whether the data says who is tested, and trains something of every genre."""
    return any(item.split == "test" for item in dataset.items) and not _untrained(
        dataset, [item.item_id for item in dataset.items if item.split == "train"]
    )


def _fitting(dataset: Dataset, protocol: ProtocolConfig) -> ProtocolConfig:
    if _has_parts(dataset):
        name = "fault-filtered" if "gtzan" in dataset.info.corpora else "official"
        return protocol.model_copy(update={"name": name})
    groups = related(dataset, protocol.by or RELATIONS, ())
    pairs = zip(dataset.items, groups, strict=True)
    counts = Counter(label for label, _ in {(name, g) for item, g in pairs for name in item.labels})
    fewest = min((counts[label] for label in dataset.labels), default=0)
    if fewest >= ENOUGH_FOR_A_HOLDOUT or dataset.task == "multi-label":
        return protocol.model_copy(update={"name": "holdout"})
    # A genre with a single recording is refused by the split itself, which names it.
    folds = max(2, min(_FEW_FOLDS, fewest))
    return protocol.model_copy(update={"name": "grouped-kfold", "n_folds": folds})


def _text_of(protocol: ProtocolConfig) -> str:
    folds = f" with {protocol.n_folds} folds" if "kfold" in protocol.name else ""
    return f"{protocol.name}{folds}"


def _fits(dataset: Dataset, protocol: ProtocolConfig) -> bool:
    try:
        if protocol.name not in _BY_PARTS or _has_parts(dataset):
            checked_split(dataset, protocol)
            return True
        problem = "the data names no parts"
    except DatasetError as error:
        problem = str(error)
    logger.warning("%s is left out of what stands beside: %s", protocol.name, problem)
    return False


# --- what would fail after the features ---------------------------------------------------------


def check_plan(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse a recipe that cannot be carried out on the data.

    Raises
    ------
    ConfigError
        If no fit would be the one to save.
    DatasetError
        If a protocol does not fit or leaks, or a genre has nothing to be trained on.
    """
    kept = {item.item_id for item in without_left_out(recipe, dataset).items}
    everything = recipe.final_fit == "everything"
    for number, protocol in enumerate((recipe.protocol, *recipe.beside)):
        split = checked_split(dataset, protocol)
        if not number and not any(fold.train for fold in split.folds):
            raise ConfigError(
                f"{split.protocol} leaves no tracks that are for training alone; set another "
                "protocol, such as --set protocol.name=holdout"
            )
        saved = not number and not everything
        if saved and len(split.folds) > 1:
            raise ConfigError(
                f"{split.protocol} fits {len(split.folds)} models, none of which is the one to "
                "save; set final_fit: everything"
            )
        _check_folds(recipe, dataset, split, protocol.fit_on, kept if saved else None)
    if everything:
        if missing := _untrained(dataset, kept):
            raise DatasetError(_nothing_of(missing, "when all but leave_out is fitted"))
        _check_number(recipe, dataset, kept, "when all but leave_out is fitted")


def without_left_out(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return what saved weights may see."""
    tracks = recipe.leave_out
    if tracks is None:
        return dataset
    return drop_tracks(dataset, known_path(tracks) if not isinstance(tracks, tuple) else tracks)


def _check_folds(
    recipe: Recipe,
    dataset: Dataset,
    split: Split,
    fit_on: str,
    only: Collection[str] | None,
) -> None:
    for number, fold in enumerate(split.folds, start=1):
        fitted_on = fold.fitted_on(fit_on)
        ids = [item_id for item_id in fitted_on if only is None or item_id in only]
        where = f"by {split.protocol}"
        where += f", fold {number} of {len(split.folds)}" if len(split.folds) > 1 else ""
        where += " without leave_out" if only is not None and len(only) < len(dataset) else ""
        if ids and (missing := _untrained(dataset, ids)):
            raise DatasetError(_nothing_of(missing, where))
        _check_number(recipe, dataset, ids, where)


def _check_number(recipe: Recipe, dataset: Dataset, item_ids: Collection[str], where: str) -> None:
    if not item_ids or not isinstance(recipe.model, ClassicalConfig):
        return
    inside = set(item_ids)
    excerpt, window = recipe.excerpt.duration_seconds, recipe.windows.window_seconds
    copies = recipe.training.augment.waveform.copies
    one_window = excerpt is not None and excerpt <= window and not copies
    check_enough(
        recipe.model,
        [item for item in dataset.items if item.item_id in inside],
        one_row_each=dataset.features is not None or one_window,
        several=dataset.task == "multi-label",
        where=where,
    )


def _untrained(dataset: Dataset, item_ids: Collection[str]) -> list[str]:
    """Labels that none of these items has; of multi-label data, all if there are none at all."""
    inside = set(item_ids)
    seen = {label for item in dataset.items if item.item_id in inside for label in item.labels}
    # A rare genre of many is not a reason to stop: it is never chosen, and said to be so.
    if dataset.task == "multi-label" and seen:
        return []
    return [label for label in dataset.labels if label not in seen]


def _nothing_of(missing: Sequence[str], where: str) -> str:
    more = f" (nor of {len(missing) - 1} others)" if len(missing) > 1 else ""
    return (
        f"there is nothing of {missing[0]!r}{more} to train on {where}; add tracks, take another "
        "protocol (--set protocol.name=grouped-kfold), or leave the label out (labels.keep)"
    )


# --- whether the model can be built -------------------------------------------------------------


def check_model(
    recipe: Recipe, dataset: Dataset, names: Sequence[str], backbone: Backbone | None
) -> None:
    """Build the model as it will be built after the features, and forget it.

    Parameters
    ----------
    names : sequence of str
        Columns that a classical model will see.

    Raises
    ------
    ConfigError
        If settings do not fit each other or the machine.
    MissingExtraError
        If a library is missing.
    """
    if isinstance(recipe.model, ClassicalConfig):
        build(recipe.model, seed=recipe.seed, feature_names=names)
        return
    if not isinstance(recipe.model, NetworkConfig) or backbone is not None:
        return
    from genrekit.training.augment import check_augment
    from genrekit.training.deep import usable_device

    usable_device(recipe.training)
    if isinstance(recipe.model, Pretrained):  # building it takes its weights
        return
    if shapes := _shapes(recipe, dataset):
        check_augment(recipe.training.augment, shapes)
        build_network(recipe.model, shapes, len(dataset.labels))


def _shapes(recipe: Recipe, dataset: Dataset) -> dict[str, tuple[int, ...]]:
    """Shape of what each front-end makes of a window; empty where only the data can tell."""
    if dataset.features is not None or any(
        isinstance(config, PictureConfig) for config in recipe.frontends.values()
    ):
        return {}
    rate = recipe.frontend.sample_rate_hz
    length, _ = window_samples(recipe.windows, rate)
    noise = np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32)
    frontends = {name: build_frontend(config) for name, config in recipe.frontends.items()}
    found = window_features(noise, frontends, recipe.windows)
    return {name: array.shape for name, array in found.items()}
