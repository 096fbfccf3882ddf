"""Recipe to rows: what contradicts itself is refused, data is loaded, audio is listened to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from genrekit.datasets import (
    Dataset,
    as_multi_label,
    as_sequences,
    as_taxonomy,
    choose_labels,
    read_taxonomy,
    with_taxonomy,
)
from genrekit.errors import ConfigError
from genrekit.evaluation import (
    Duplicates,
    find_duplicates,
    fingerprint_items,
    group_duplicates,
)
from genrekit.extras import naming_extra
from genrekit.features import FeatureCache, at_step, build_frontend, from_table, table_columns
from genrekit.models import ClassicalConfig, Form, ModelConfig, NetworkConfig
from genrekit.models.pretrained import Pretrained, PublishedConfig
from genrekit.progress import Progress, silent
from genrekit.schema import (
    ColumnsConfig,
    FrontendConfig,
    MelConfig,
    PictureConfig,
    TrajectoriesConfig,
    WaveformConfig,
)
from genrekit.training.backbone import Backbone
from genrekit.training.clean import cleaned
from genrekit.training.composing import DESCRIPTION
from genrekit.training.copies import refuse_leaking_copies, with_copies, without_copies
from genrekit.training.fitting import Task, checked_split
from genrekit.training.own import load_data, pointed
from genrekit.training.plan import check_model, check_plan, planned, without_left_out
from genrekit.training.recipe import LabelsConfig, Recipe
from genrekit.training.resolving import (
    origin_of,
    refuse_known_tracks,
    with_backbone,
    with_columns,
)
from genrekit.training.rows import (
    Gathering,
    Rows,
    audio_windows,
    readable_by_all,
    table_rows,
)
from genrekit.training.saving import Run
from genrekit.training.settings import Augment, TrainingConfig

#: Folder below the work_dir for rows that are too many for memory.
ROWS = "rows"
_SPECTROGRAMS = (MelConfig, PictureConfig, TrajectoriesConfig)


def check_recipe(recipe: Recipe) -> None:
    """Say now what would fail after an hour of fitting.

    Raises
    ------
    ConfigError
        If the model does not take what the front-ends give.
    """
    rates = {config.sample_rate_hz for config in recipe.frontends.values()}
    if len(rates) > 1 or len(recipe.frontends) <= len(recipe.more_frontends):
        raise ConfigError(
            f"the front-ends are {list(recipe.frontends)} at {sorted(rates)} Hz; they must be of "
            "different kinds and share one sample rate"
        )
    if isinstance(recipe.model, NetworkConfig):
        _require_torch()
        _check_network(recipe, recipe.model)
    elif _form(recipe.frontend) != "vector" or recipe.more_frontends:
        raise ConfigError(
            f"{recipe.model.architecture} takes one vector; frontend.kind {recipe.frontend.kind} "
            "gives a spectrogram. Take gtzan57 or descriptors alone"
        )


def _require_torch() -> None:
    with naming_extra():
        import genrekit.training.network_rows  # noqa: F401


def _check_network(recipe: Recipe, model: NetworkConfig) -> None:
    forms = {name: _form(config) for name, config in recipe.frontends.items()}
    if sorted(forms.values()) != sorted(model.takes):
        given = " and ".join(f"{name} gives a {form}" for name, form in forms.items())
        raise ConfigError(
            f"{model.architecture} takes one {' and one '.join(model.takes)}; {given}. Set "
            "frontend.kind, or more_frontends, otherwise"
        )
    if {"mel", "trajectories", "waveform"} & set(forms) and recipe.windows.short == "keep":
        raise ConfigError(
            f"{model.architecture} takes windows of one length; set windows.short to loop or "
            "pad, so that shorter audio is filled up"
        )
    _check_changes(recipe.training.augment, set(forms))
    if isinstance(model, Pretrained):
        _check_rate(recipe.frontend, model.backbone)


def _form(config: FrontendConfig) -> Form:
    if isinstance(config, WaveformConfig):
        return "waveform"
    if isinstance(config, ColumnsConfig) and config.steps > 1:
        return "spectrogram"
    return "spectrogram" if isinstance(config, _SPECTROGRAMS) else "vector"


def _check_rate(frontend: FrontendConfig, backbone: PublishedConfig) -> None:
    if frontend.sample_rate_hz != backbone.sample_rate_hz:
        raise ConfigError(
            f"{backbone.name} takes audio at {backbone.sample_rate_hz} Hz; set "
            f"frontend.sample_rate_hz, which is {frontend.sample_rate_hz}, to that"
        )


def _check_changes(augment: Augment, frontends: set[str]) -> None:
    """Refuse changes of batches that mean nothing for what a front-end gives."""
    decibels = ("gain_db", "filter_db", "noise_db")
    masks = (*decibels, "time_masks", "band_masks")
    named = {"picture": decibels, "trajectories": masks, "waveform": (*masks, "cutmix")}
    units = {
        "picture": "levels from 0 to 1",
        "trajectories": "columns of different units",
        "waveform": "samples; training.augment.waveform changes those",
    }
    for name in sorted(frontends & set(named)):
        wrong = [change for change in named[name] if getattr(augment, change)]
        if wrong:
            raise ConfigError(
                f"training.augment.{wrong[0]} changes decibels, and {name} gives {units[name]}; "
                "leave it out"
            )
    if augment.pictures.active and "picture" not in frontends:
        raise ConfigError(
            "training.augment.pictures changes pictures, and frontend.kind picture is not there; "
            "leave it out"
        )


def prepare(
    recipe: Recipe,
    data: Path | None,
    workers: int,
    cache: FeatureCache | None,
    work_dir: Path | None = None,
    listen: bool | None = None,
    progress: Progress = silent,
) -> Run:
    """Load the data and make rows of it.

    Parameters
    ----------
    work_dir : Path, optional
        Where rows are kept that are too many for memory; None has room for all.
    listen : bool, optional
        Keep recordings together that sound alike, and refuse a split that parts them. False only
        takes digests of what is decoded, for the bundle; None does neither.
    progress : callable, optional
        Called for every item that was listened to.
    """
    if data is not None:
        recipe = pointed(recipe, data)
    fills = imputes(recipe.model)
    loaded = load_data(recipe.data, cache, keep_missing=fills)
    dataset = labelled(_in_steps(recipe, loaded), recipe.labels)
    notes = ""
    if recipe.data.clean.active:
        dataset, notes = cleaned(
            dataset,
            recipe.data.clean,
            seed=recipe.seed,
            workers=workers,
            cache=cache,
            progress=progress,
        )
    recipe = with_columns(recipe, dataset)
    training = training_for(recipe, dataset)
    _refuse_table(recipe, dataset)
    rows = None if dataset.features is None else _from_table(recipe, dataset)
    recipe = planned(recipe, dataset, replaced=recipe.data.replaced)
    check_plan(recipe, dataset)
    recipe, backbone = with_backbone(recipe, progress)
    names = backbone.feature_names if backbone else build_frontend(recipe.frontend).feature_names
    check_model(recipe, dataset, names, backbone)
    origin = origin_of(recipe, backbone)
    if origin is not None:
        refuse_known_tracks(recipe, dataset, origin)
    duplicates = None
    if rows is None and listen is not None:
        duplicates = _fingerprints(dataset, workers, cache, progress)
        if listen and duplicates.related:
            dataset = group_duplicates(dataset, duplicates.related)
            check_plan(recipe, dataset)
    if rows is None:
        everything = _with_copies(recipe, dataset)  # finds leaks before hours of listening
        dataset, rows = _extract_rows(
            recipe, everything, workers, cache, work_dir, backbone, progress=progress
        )
    kept = without_left_out(recipe, dataset)
    task = Task(
        model=recipe.model,
        input_name=DESCRIPTION if backbone else recipe.frontend.kind,
        feature_names=names,
        labels=dataset.labels,
        seed=recipe.seed,
        int8=recipe.export.int8,
        training=training,
        multi_label=dataset.task == "multi-label",
        parents=_parents(dataset),
        thresholds=recipe.labels.thresholds,
    )
    left_out = tuple(sorted(set(dataset.groups()) - set(kept.groups())))
    return Run(
        recipe,
        task,
        dataset,
        rows,
        left_out,
        backbone,
        origin,
        duplicates=duplicates,
        cleaned=notes,
    )


def _fingerprints(
    dataset: Dataset, workers: int, cache: FeatureCache | None, progress: Progress
) -> Duplicates:
    """Digests and fingerprints of all audio."""
    outcomes = []
    for outcome in fingerprint_items(dataset, workers=workers, cache=cache):
        outcomes.append(outcome)
        progress("listening for copies", len(outcomes), len(dataset))
    return find_duplicates(dataset, outcomes)


def imputes(model: ModelConfig) -> bool:
    """Whether a model fills missing values."""
    return isinstance(model, ClassicalConfig) and model.prepare.impute is not None


def labelled(dataset: Dataset, labels: LabelsConfig) -> Dataset:
    """Return the dataset with the labels, the tree and the task that a recipe wants.

    Raises
    ------
    DatasetError
        If it does not have them.
    """
    if labels.task == "multi-label":
        dataset = as_multi_label(dataset)
    if labels.tree == {}:
        dataset = replace(dataset, taxonomy=None)
    elif labels.tree is not None:
        tree = labels.tree
        dataset = with_taxonomy(
            dataset, read_taxonomy(tree) if isinstance(tree, Path) else as_taxonomy(tree)
        )
    return choose_labels(
        dataset,
        keep=labels.keep,
        most_common=labels.most_common,
        minimum_tracks=labels.minimum_tracks,
    )


def training_for(recipe: Recipe, dataset: Dataset) -> TrainingConfig:
    """Return the recipe's training; for several genres a track the loss is binary.

    Raises
    ------
    ConfigError
        If the loss is named and takes one genre a track.
    """
    training = recipe.training
    if dataset.task == "single-label" or training.loss != "cross-entropy":
        return training
    if "loss" in training.model_fields_set or training.balance:
        raise ConfigError(
            f"{dataset.name} is multi-label, and training.loss cross-entropy (which "
            "training.balance weighs) takes one genre a track; set training.loss to binary or "
            "asymmetric, without balance"
        )
    return training.model_copy(update={"loss": "binary"})


def _parents(dataset: Dataset) -> dict[str, str]:
    if dataset.taxonomy is None:
        return {}
    return {genre: parent for genre, parent in dataset.taxonomy.parents.items() if parent}


def _refuse_table(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse what listens, where there is nothing to listen to."""
    if dataset.features is None:
        return
    if np.isnan(dataset.features).any() and not imputes(recipe.model):
        raise ConfigError(
            f"{dataset.name} misses values, and {recipe.model.architecture} fills none; set "
            "model.prepare.impute of a classical model, or leave keep_missing out"
        )
    if recipe.training.augment.waveform.copies:
        raise ConfigError(
            f"training.augment.waveform changes audio, and {dataset.name} holds features; take a "
            "corpus of audio, or leave it out"
        )
    chosen = recipe.backbone
    if chosen is not None:
        name = chosen.name if isinstance(chosen, PublishedConfig) else chosen.bundle
        raise ConfigError(
            f"the backbone {name} listens to audio, and {dataset.name} holds features; take a "
            "corpus of audio, or a model without backbone"
        )


def _with_copies(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the dataset with copies of what protocols fit on, after splits are checked."""
    protocols = (recipe.protocol, *recipe.beside)
    splits = [checked_split(dataset, protocol) for protocol in protocols]
    augment = recipe.training.augment.waveform
    if not augment.copies:
        return dataset
    fitted = {
        item_id
        for protocol, split in zip(protocols, splits, strict=True)
        for fold in split.folds
        for item_id in fold.fitted_on(protocol.fit_on)
    }
    if recipe.final_fit == "everything":
        fitted = {item.item_id for item in dataset.items}
    everything = with_copies(dataset, fitted, augment.copies)
    for protocol, split in zip(protocols, splits, strict=True):
        refuse_leaking_copies(everything, split, protocol.fit_on)
    return everything


def _extract_rows(
    recipe: Recipe,
    dataset: Dataset,
    workers: int,
    cache: FeatureCache | None,
    work_dir: Path | None,
    backbone: Backbone | None,
    *,
    progress: Progress,
) -> tuple[Dataset, Rows]:
    limit_bytes = math.inf if work_dir is None else recipe.training.rows_in_memory_mb * 1e6
    found: dict[str, Gathering] = {}
    listeners: Mapping[str, FrontendConfig | Backbone] = recipe.frontends
    if backbone is not None:
        listeners = {backbone.origin.name: backbone}
    for name, config in listeners.items():
        stage = f"features: {name}"
        progress(stage, 0, len(dataset))
        found[name] = Gathering((work_dir or Path()) / ROWS / f"{name}.npy", limit_bytes)
        windows = audio_windows(
            dataset,
            config,
            excerpt=recipe.excerpt,
            windows=recipe.windows,
            workers=workers,
            cache=cache,
            augment=recipe.training.augment.waveform,
            seed=recipe.seed,
        )
        for done, outcome in enumerate(windows, start=1):
            found[name].add(outcome)
            progress(stage, done, len(dataset))
    return without_copies(*readable_by_all(dataset, found))


def _in_steps(recipe: Recipe, dataset: Dataset) -> Dataset:
    """With rows of a recording as one sequence, if the front-end wants that."""
    config = recipe.frontend
    if not isinstance(config, ColumnsConfig) or config.steps == 1 or dataset.features is None:
        return dataset
    wanted = at_step("", config.steps - 1)
    if any(name.endswith(wanted) for name in dataset.feature_names):
        return dataset  # it was loaded so
    return as_sequences(dataset, config.steps)


def _from_table(recipe: Recipe, dataset: Dataset) -> Rows:
    first, *others = (_columns(config, dataset) for config in recipe.frontends.values())
    names = list(recipe.frontends)[1:]
    return replace(first, more={name: rows.x for name, rows in zip(names, others, strict=True)})


def _columns(config: FrontendConfig, dataset: Dataset) -> Rows:
    frontend = build_frontend(config)
    rows = table_rows(dataset, table_columns(frontend))
    return replace(rows, x=from_table(frontend, np.asarray(rows.x)))
