"""From labelled embeddings to a model and a report of it, and to a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as version_of
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import genrekit
from genrekit.bundles import Bundle, write_bundle
from genrekit.datasets import Dataset, Pair, track_digest
from genrekit.evaluation import (
    Learnt,
    Scored,
    genre_ranking,
    learnt_files,
    mean_defined,
    paired_difference,
    read_learnt,
    score,
    share_by_group,
)
from genrekit.inference import chosen, edges, make_reference
from genrekit.jukebox import synthesise
from genrekit.learn.embedding import Embedded
from genrekit.learn.examining import doubtful, inseparable, learning_curve, verdicts
from genrekit.learn.folds import Folds, make_folds
from genrekit.learn.judging import Held, hold_out, parents_of, targets_of
from genrekit.learn.methods import Method, Model
from genrekit.learn.report import LearnReport
from genrekit.progress import Progress, silent
from genrekit.schema import (
    UNKNOWN,
    BundleMetrics,
    Estimate,
    EvaluationResult,
    Manifest,
    Provenance,
)

_GOLDEN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class About:
    """What a bundle says of itself.

    Attributes
    ----------
    recipe : str
        How it is made again, as YAML.
    learnt : Learnt, optional
        Digests of the audio.
    """

    name: str
    version: str = "1.0.0"
    description: str = ""
    recipe: str = ""
    learnt: Learnt | None = None
    notes: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model that was learnt, what its folds said, and the report."""

    base: Bundle
    dataset: Dataset
    folds: Folds
    held: Held
    model: Model
    report: LearnReport
    about: About


def train_head(
    base: Bundle,
    dataset: Dataset,
    examples: Embedded,
    method: Method,
    about: About,
    *,
    pairs: Sequence[Pair] = (),
    curve: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Trained:
    """Test by folds, learn from everything, and report.

    Parameters
    ----------
    dataset : Dataset
        Its labels are those of the model, in order.
    examples : Embedded
        Of each item, in order.
    pairs : sequence of (str, str)
        Near duplicates by item id.
    curve : bool
        Draw the learning curve, which takes most of the time.

    Raises
    ------
    DatasetError
        If no two genres have two recordings each.
    """
    folds = make_folds(dataset, pairs, seed=seed)
    held = hold_out(dataset, examples, folds, method, progress=progress)
    model = method.fit(examples, targets_of(dataset))
    result = _result(dataset, folds, held, about)
    points, forecast = (
        learning_curve(dataset, examples, folds, method, seed=seed, progress=progress)
        if curve
        else ((), None)
    )
    baselines = _baselines(dataset, folds, held)
    answered, right = _answered(held)
    genres = verdicts(dataset, folds, held, result)
    several = result.multi_label
    report = LearnReport(
        name=about.name,
        version=about.version,
        base=f"{base.manifest.name} {base.manifest.version}",
        labels=dataset.labels,
        tracks=len(dataset),
        groups=len(set(folds.groups)),
        measure="accuracy" if several is None else "mean average precision",
        score=_by_group(folds, held, result),
        majority=baselines.majority,
        nearest_centroid=baselines.centroid,
        better_than_centroid=baselines.better,
        result=result,
        relations=folds.relations,
        flatters=folds.flatters,
        per_genre=genres,
        thin=tuple(one.genre for one in genres if one.note),
        untested=folds.untested,
        pairs=inseparable(dataset, folds, held),
        doubts=doubtful(folds, held),
        duplicates=tuple(pairs),
        curve=points,
        forecast=forecast,
        temperature=held.temperature,
        unknown_below=held.unknown_below,
        answered=answered,
        right_of_answered=right,
        unreadable=dict(about.unreadable),
        notes=about.notes,
    )
    return Trained(base, dataset, folds, held, model, report, about)


def _groups(folds: Folds) -> tuple[str, ...]:
    return tuple(folds.groups[row] for row in folds.rows)


def _by_group(folds: Folds, held: Held, result: EvaluationResult) -> Estimate:
    """Return the score with an interval over whole groups: tracks of one artist err together."""
    if result.multi_label is not None:
        return result.multi_label.mean_average_precision
    hits = held.probabilities.argmax(axis=1) == held.targets
    return share_by_group(hits.astype(np.float64), _groups(folds))


def _result(dataset: Dataset, folds: Folds, held: Held, about: About) -> EvaluationResult:
    groups = tuple(item.group for item in folds.tested.items)
    scored = Scored(held.targets, held.probabilities, groups, folds.fold_of)
    choice = None
    if scored.several:
        tree = edges(dataset.labels, parents_of(dataset))
        choice = chosen(held.probabilities, held.thresholds, tree)
    return score(
        scored,
        labels=dataset.labels,
        dataset=folds.tested,
        split=folds.split,
        model=f"{about.name} {about.version}",
        choice=choice,
        thresholds=held.thresholds if scored.several else None,
    )


@dataclass(frozen=True, slots=True)
class _Baselines:
    majority: float
    centroid: Estimate | None = None
    better: Estimate | None = None


def _baselines(dataset: Dataset, folds: Folds, held: Held) -> _Baselines:
    if held.targets.ndim == 2:
        even = genre_ranking(held.targets, np.zeros_like(held.probabilities))
        return _Baselines(float(mean_defined(even.average_precision)[0]))
    groups = _groups(folds)
    counts = np.bincount(held.targets, minlength=len(dataset.labels))
    near = (held.nearest == held.targets).astype(np.float64)
    hits = (held.probabilities.argmax(axis=1) == held.targets).astype(np.float64)
    better, _ = paired_difference(hits, near, groups)
    return _Baselines(float(counts.max() / counts.sum()), share_by_group(near, groups), better)


def _answered(held: Held) -> tuple[float, float | None]:
    """Share of held-out tracks that are told a genre, and share of the answers that are right."""
    if held.targets.ndim == 2:
        return 1.0, None
    sure = held.probabilities.max(axis=1) >= held.unknown_below
    right = held.probabilities.argmax(axis=1) == held.targets
    return float(sure.mean()), float(right[sure].mean()) if sure.any() else None


# --- the bundle ---------------------------------------------------------------------------------


def save_trained(trained: Trained, out: Path, *, overwrite: bool = False) -> Path:
    """Write what was learnt as a bundle.

    Raises
    ------
    BundleError
        If ``out`` exists and is not to be overwritten, or is not a bundle.
    """
    base = trained.base
    model = trained.model.graph((base.directory / "model.onnx").read_bytes())
    return write_bundle(
        out,
        manifest=_manifest(trained),
        model_onnx=model,
        metrics=BundleMetrics(
            results=(trained.report.result,),
            reference=make_reference(
                trained.report.result.protocol, _predicted(trained), _best(trained.held), {}
            ),
        ),
        golden=synthesise(
            "jazz", seconds=_GOLDEN_SECONDS, sample_rate_hz=base.manifest.sample_rate_hz
        ),
        extra_files=_learnt(trained),
        overwrite=overwrite,
    )


def _manifest(trained: Trained) -> Manifest:
    base, about, dataset = trained.base.manifest, trained.about, trained.dataset
    return Manifest(
        name=about.name,
        version=about.version,
        description=about.description,
        licence=base.licence,
        task=dataset.task,
        architecture=f"{base.name}+linear",
        labels=dataset.labels,
        frontends=base.frontends,
        frontend_fingerprints=base.frontend_fingerprints,
        excerpt=base.excerpt,
        windows=base.windows,
        aggregation="mean-logit",
        embedding_size=trained.base.embedding_size,
        temperature=trained.held.temperature,
        unknown_below=trained.held.unknown_below,
        thresholds=trained.held.thresholds,
        parents=parents_of(dataset),
        provenance=_provenance(trained),
        versions={
            "genrekit": genrekit.__version__,
            **{name: version_of(name) for name in ("numpy", "scipy")},
        },
    )


def _provenance(trained: Trained) -> Provenance:
    base, dataset = trained.base.manifest.provenance, trained.dataset
    digests = {track_digest(item.group) for item in dataset.items}
    return Provenance(
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        split_fingerprint=trained.folds.split.fingerprint,
        protocol=f"{trained.folds.split.protocol}, then fitted on everything",
        tracks=len(digests),
        trained_on=tuple(sorted({*digests, *base.trained_on})),
        pretrained_on=base.pretrained_on,
        left_out=base.left_out,
        data_licence=f"{dataset.info.licence}; {trained.base.manifest.name}: {base.data_licence}",
        citation=base.citation,
        recipe=trained.about.recipe,
    )


def _learnt(trained: Trained) -> dict[str, bytes]:
    """Files with digests of what was learnt here, and of what the base had learnt before."""
    own, before = trained.about.learnt, read_learnt(trained.base.directory)
    return learnt_files(before if own is None else (own, *before))


def _best(held: Held) -> NDArray[np.float64]:
    return np.asarray(held.probabilities.max(axis=1))


def _predicted(trained: Trained) -> list[str]:
    """Return the one-word answer for each held-out track."""
    held, labels = trained.held, trained.dataset.labels
    shown, known = held.probabilities, _best(held) >= held.unknown_below
    if held.targets.ndim == 2:
        choice = chosen(shown, held.thresholds, edges(labels, parents_of(trained.dataset)))
        known &= choice.any(axis=1)
        shown = np.where(choice, shown, -1.0)
    best = shown.argmax(axis=1)
    return [labels[one] if sure else UNKNOWN for one, sure in zip(best, known, strict=True)]
