"""Genres of one's own from a handful of tracks: find them, listen, learn, test, save."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from genrekit.bundles import Bundle, check_target, find_bundle, list_bundles, load_bundle
from genrekit.datasets import Dataset, Pair
from genrekit.errors import AudioError, ConfigError, DatasetError, GenreError
from genrekit.evaluation import Learnt, learnt_sounds
from genrekit.features import FeatureCache
from genrekit.fingerprint import Fingerprint, find_near_duplicates, fingerprint_files
from genrekit.learn.embedding import Embedded, embed_tracks, joined
from genrekit.learn.examples import By, gather
from genrekit.learn.fitting import About, save_trained, train_head
from genrekit.learn.methods import Method, more_genres, own_genres
from genrekit.learn.report import LearnReport
from genrekit.progress import Progress, silent
from genrekit.schema import Manifest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """What `learn` is asked for.

    Attributes
    ----------
    by : {"tag", "folder", "csv"}
        Where genres are told.
    several : bool
        A track may have several genres.
    model : str
        The base, which gives the embedding.
    extend : bool
        The base's genres stay, and those of the tracks are added.
    corrections : mapping of str to str
        Path to the true genre.
    duplicates : bool
        Look for near duplicates, so that copies are not on both sides of a test.
    curve : bool
        Draw the learning curve.
    """

    by: By = "folder"
    several: bool = False
    model: str = "default"
    extend: bool = False
    corrections: Mapping[str, str] = field(default_factory=dict)
    duplicates: bool = True
    curve: bool = True
    seed: int = 0


def learn(
    source: Path,
    out: Path,
    options: LearnOptions | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    overwrite: bool = False,
    workers: int = 1,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
) -> LearnReport:
    """Learn genres from labelled tracks, and write a bundle.

    Parameters
    ----------
    source : Path
        A folder of music, or a list of tracks.
    out : Path
        Where the bundle goes.
    name : str, optional
        Of the model; None takes that of ``out``.
    version : str, optional
        None takes the next one after those of this name in the store.
    workers : int
        Processes that listen.
    cache : FeatureCache, optional
        None keeps nothing for the next time.

    Returns
    -------
    LearnReport

    Raises
    ------
    BundleError
        If ``out`` exists and is not to be overwritten.
    DatasetError
        If there are not enough tracks to learn from and to test with.
    ConfigError
        If the base has no embedding, or options contradict each other.
    """
    asked = options or LearnOptions()
    check_target(out, overwrite)
    if asked.extend and asked.several:
        raise ConfigError("--extend adds genres of which a track has one; leave out --several")
    place = find_bundle(asked.model)
    base = load_bundle(place)
    found = gather(
        source,
        asked.by,
        several=asked.several,
        corrections=asked.corrections,
        progress=progress,
    )
    extracted = _extract(found.dataset, place, workers, cache, progress)
    dataset = _extended(extracted.dataset, base) if asked.extend else extracted.dataset
    prints = (
        _fingerprints(dataset, base, workers, cache, progress) if asked.duplicates else _Prints()
    )
    about = About(
        name=name or model_name(out),
        version=version or next_version(name or model_name(out)),
        description=_description(dataset, base, asked),
        recipe=_recipe(source, asked),
        learnt=prints.learnt,
        notes=found.notes,
        unreadable=extracted.unreadable,
    )
    trained = train_head(
        base,
        dataset,
        extracted.examples,
        _method(base, dataset, asked, progress),
        about,
        pairs=prints.pairs,
        curve=asked.curve,
        seed=asked.seed,
        progress=progress,
    )
    save_trained(trained, out, overwrite=overwrite)
    return trained.report


def model_name(out: Path) -> str:
    """Return a name for the model of a folder, in the letters that names have."""
    return re.sub(r"[^a-z0-9_-]+", "-", out.absolute().name.lower()).strip("-_")[:64] or "my-genres"


def next_version(name: str) -> str:
    """Return the version after the newest of a name in the store; 1.0.0 for a new name."""
    stored = [one for one in list_bundles() if one.name == name and not one.packaged]
    if not stored:
        return "1.0.0"
    major, minor, _ = max(tuple(map(int, one.version.split("."))) for one in stored)
    return f"{major}.{minor + 1}.0"


# --- listening ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Extracted:
    dataset: Dataset
    examples: Embedded
    unreadable: dict[str, str]


def _extract(
    dataset: Dataset, model: Path, workers: int, cache: FeatureCache | None, progress: Progress
) -> _Extracted:
    files = [item.path for item in dataset.items if item.path is not None]
    outcomes = embed_tracks(files, model, workers=workers, cache=cache, progress=progress)
    kept, rows, unreadable = [], [], {}
    for place, (item, outcome) in enumerate(zip(dataset.items, outcomes, strict=True)):
        if isinstance(outcome, AudioError):
            unreadable[item.item_id] = str(outcome)
        else:
            kept.append(place)
            rows.append(outcome)
    if not kept:
        raise DatasetError(
            f"not one of {len(files)} tracks of {dataset.name} could be read; the first says: "
            f"{next(iter(unreadable.values()), 'nothing')}"
        )
    return _Extracted(_with_used_labels(dataset.select(kept)), joined(rows), unreadable)


def _with_used_labels(dataset: Dataset) -> Dataset:
    """Without genres of which no track is left."""
    used = {label for item in dataset.items for label in item.labels}
    tree = dataset.taxonomy
    return replace(
        dataset,
        labels=tuple(label for label in dataset.labels if label in used),
        taxonomy=None if tree is None else tree.within(used),
    )


@dataclass(frozen=True, slots=True)
class _Prints:
    """Near duplicates, and digests of the audio."""

    pairs: tuple[Pair, ...] = ()
    learnt: Learnt | None = None


def _fingerprints(
    dataset: Dataset, base: Bundle, workers: int, cache: FeatureCache | None, progress: Progress
) -> _Prints:
    """Compare what the base takes of each track: copies share it, whole or nearly."""
    excerpt = base.manifest.excerpt
    sources = [(item.path, excerpt) for item in dataset.items if item.path is not None]
    prints: dict[str, Fingerprint] = {}
    contents: dict[str, str] = {}
    outcomes = fingerprint_files(sources, workers=workers, cache=cache)
    for number, (item, one) in enumerate(zip(dataset.items, outcomes, strict=True), 1):
        if one.fingerprint is not None:
            prints[item.item_id], contents[item.item_id] = one.fingerprint, one.content
        progress("Comparing tracks", number, len(sources))
    pairs = tuple((match.first, match.second) for match in find_near_duplicates(prints))
    return _Prints(pairs, learnt_sounds(contents, prints, list(prints)))


# --- what is learnt -----------------------------------------------------------------------------


def _extended(dataset: Dataset, base: Bundle) -> Dataset:
    """Return the dataset with the labels of the base, in their order, before its own."""
    shipped = {label.casefold(): label for label in base.manifest.labels}
    items = tuple(
        replace(item, labels=tuple(shipped.get(one.casefold(), one) for one in item.labels))
        for item in dataset.items
    )
    own = sorted({label for item in items for label in item.labels} - {*base.manifest.labels})
    if not own:
        raise ConfigError(
            f"all genres of the tracks are among those of {base.manifest.name} already "
            f"({', '.join(base.manifest.labels)}); leave out --extend to learn them anew"
        )
    return replace(dataset, labels=(*base.manifest.labels, *own), items=items)


def _method(base: Bundle, dataset: Dataset, asked: LearnOptions, progress: Progress) -> Method:
    if asked.extend:
        return more_genres(base, len(dataset.labels), progress=progress)
    return own_genres(base, len(dataset.labels), several=dataset.task == "multi-label")


def _description(dataset: Dataset, base: Bundle, asked: LearnOptions) -> str:
    own = len(dataset.labels) - (len(base.manifest.labels) if asked.extend else 0)
    what = f"{own} genres learnt from {len(dataset)} tracks of their owner's"
    on = f"on the embedding of {base.manifest.name} {base.manifest.version}"
    if not asked.extend:
        return f"{what}, {on}."
    return (
        f"{what}, beside the {len(base.manifest.labels)} genres of {base.manifest.name} "
        f"{base.manifest.version}, {on}. The numbers are of the owner's tracks: those of the "
        "base's own genres are on its card."
    )


def _recipe(source: Path, asked: LearnOptions) -> str:
    """How the model is made again, for `relearn`."""
    return yaml.safe_dump(
        {
            "kind": "learn",
            "source": str(source.absolute()),
            "by": asked.by,
            "several": asked.several,
            "model": asked.model,
            "extend": asked.extend,
            "seed": asked.seed,
            "corrections": dict(asked.corrections),
        },
        sort_keys=False,
        allow_unicode=True,
    )


# --- again --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relearning:
    """What a learnt model was made from, with corrections added."""

    source: Path
    options: LearnOptions
    name: str


def relearning(model: str | Path, corrections: Mapping[str, str]) -> Relearning:
    """How to learn a model again.

    Parameters
    ----------
    model : str or Path
        A bundle that `learn` made.
    corrections : mapping of str to str
        Added to those that it was made with.

    Raises
    ------
    ConfigError
        If it was made in another way.
    """
    manifest = load_bundle(model, verify=False).manifest
    settings = _settings(manifest)
    if settings is None:
        raise ConfigError(
            f"{manifest.name} was not made by genrekit learn, so it cannot be learnt again"
        )
    settings.pop("kind")
    source = Path(settings.pop("source"))
    settings["corrections"] = {**settings.get("corrections", {}), **corrections}
    return Relearning(source, LearnOptions(**settings), manifest.name)


def own_labels(manifest: Manifest) -> tuple[str, ...]:
    """Labels of a model that its owner named; none where it was not made by `learn`."""
    settings = _settings(manifest)
    if settings is None:
        return ()
    shipped: set[str] = set()
    if settings.get("extend"):
        try:
            base = load_bundle(str(settings["model"]), verify=False).manifest.labels
        except GenreError:  # the base may be gone by now
            base = ()
        shipped = {*base}
    return tuple(label for label in manifest.labels if label not in shipped)


def _settings(manifest: Manifest) -> dict[str, Any] | None:
    """Return what `_recipe` wrote; None for models that were made in another way."""
    try:
        settings = yaml.safe_load(manifest.provenance.recipe)
    except yaml.YAMLError:
        return None
    is_ours = isinstance(settings, dict) and settings.get("kind") == "learn"
    return settings if is_ours else None
