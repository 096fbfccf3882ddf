"""Saved models to one that asks all of them: a vote, a weighted vote, or a stack."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

import genrekit
from genrekit.bundles import MODEL, Bundle, check_target, window_samples, write_bundle
from genrekit.datasets import Dataset, Split, leaking_groups, track_digest
from genrekit.errors import ConfigError
from genrekit.evaluation import (
    RunResult,
    bundle_run,
    fingerprint_items,
    fingerprinted_items,
    learnt_files,
    learnt_rows,
    learnt_sounds,
    read_learnt,
    score_items,
)
from genrekit.export import Combiner, MemberGraph, ensemble_graph, require_agreement
from genrekit.features import frontend_fingerprint
from genrekit.inference import Classifier, aggregate, calibrated
from genrekit.jukebox import synthesise
from genrekit.schema import (
    BundleMetrics,
    ColumnsConfig,
    ExcerptConfig,
    FrontendConfig,
    Manifest,
    Provenance,
    WindowConfig,
    WindowedConfig,
)

logger = logging.getLogger(__name__)

How = Literal["vote", "weighted", "stack"]
GOLDEN_SECONDS = 5.0
#: Inputs that a bundle may have.
MOST_FRONTENDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """What is to be written.

    Attributes
    ----------
    members : tuple of Bundle
    frontends : mapping of str to FrontendConfig
        Inputs of the graph; members with the same front-end share it.
    graphs : tuple of MemberGraph
    excerpt : ExcerptConfig
        The longest part of a track that a member takes.
    windows : WindowConfig
        Those of the member with the longest.
    """

    members: tuple[Bundle, ...]
    frontends: dict[str, FrontendConfig]
    graphs: tuple[MemberGraph, ...]
    excerpt: ExcerptConfig
    windows: WindowConfig

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the first member."""
        return self.members[0].manifest.labels

    @property
    def several(self) -> bool:
        """Whether a track may have several genres."""
        return self.members[0].manifest.task == "multi-label"


def joined(members: Sequence[Bundle]) -> Ensemble:
    """Bring members together.

    They may take different rates and windows: the ensemble takes the longest
    window at the highest rate, and inside of it each member takes its own. Where they take
    different parts of a track, all take the longest.

    Raises
    ------
    ConfigError
        If they are fewer than two, differ in their genres or in whether a track has several, or if
        some score tables and some audio.
    """
    if len(members) < 2:
        raise ConfigError("an ensemble needs at least two models")
    for member in members:
        member.check_predicts()
        _check_same(members[0].manifest, member.manifest)
    manifests = [member.manifest for member in members]
    windows, rate_hz = _windows(manifests), max(one.sample_rate_hz for one in manifests)
    frontends: dict[str, FrontendConfig] = {}
    graphs = []
    for member in members:
        manifest = member.manifest
        inside = manifest.sample_rate_hz != rate_hz or not _cut_same(manifest.windows, windows)
        graphs.append(
            MemberGraph(
                model=(member.directory / MODEL).read_bytes(),
                inputs=_inputs(frontends, manifest, rate_hz if inside else None),
                order=tuple(manifest.labels.index(label) for label in members[0].manifest.labels),
                temperature=manifest.temperature,
                several=manifest.task == "multi-label",
                windowed=inside,
                by_logit=manifest.aggregation == "mean-logit",
            )
        )
    if len(frontends) > MOST_FRONTENDS:
        raise ConfigError(
            f"these models take {len(frontends)} front-ends together; a bundle has at most "
            f"{MOST_FRONTENDS}, so join fewer"
        )
    return Ensemble(tuple(members), frontends, tuple(graphs), _excerpt(manifests), windows)


def _check_same(first: Manifest, other: Manifest) -> None:
    if first.task != other.task:
        raise ConfigError(
            f"{first.name} is {first.task} and {other.name} {other.task}; an ensemble is of models "
            "of one kind"
        )
    if set(first.labels) != set(other.labels):
        apart = sorted(set(first.labels) ^ set(other.labels))
        raise ConfigError(
            f"{first.name} and {other.name} tell different genres ({', '.join(apart[:5])}"
            f"{', ...' if len(apart) > 5 else ''}); an ensemble is of models with the same ones"
        )
    if first.parents != other.parents:
        raise ConfigError(
            f"{first.name} and {other.name} have different trees of genres; an ensemble is of "
            "models with the same one"
        )
    if _of_rows(first) != _of_rows(other):
        rows, audio = (first, other) if _of_rows(first) else (other, first)
        raise ConfigError(
            f"{rows.name} scores rows of tables and {audio.name} audio, and there is no data for "
            "both; train one of them on what the other takes"
        )


def _of_rows(manifest: Manifest) -> bool:
    return any(config.kind == "columns" for config in manifest.frontends.values())


def _cut_same(one: WindowConfig, other: WindowConfig) -> bool:
    same = (one.window_seconds, one.hop_seconds) == (other.window_seconds, other.hop_seconds)
    return same and one.short == other.short


def _windows(manifests: Sequence[Manifest]) -> WindowConfig:
    """Return the longest windows; each member fills up what is shorter in its own way."""
    windows = [one.windows for one in manifests]
    longest = max(windows, key=lambda one: (one.window_seconds, -one.hop_seconds))
    fills = {one.short for one in windows}
    return longest.model_copy(
        update={
            "short": next(iter(fills)) if len(fills) == 1 else "keep",
            "minimum_seconds": max(one.minimum_seconds for one in windows),
        }
    )


def _excerpt(manifests: Sequence[Manifest]) -> ExcerptConfig:
    """Return the longest part; a warning says which members take more than they were tested on."""
    longest = max(
        (one.excerpt for one in manifests),
        key=lambda one: inf if one.duration_seconds is None else one.duration_seconds,
    )
    others = [one.name for one in manifests if one.excerpt != longest]
    if others and not _of_rows(manifests[0]):
        logger.warning(
            "%s analysed another part of a track alone; together all analyse %s",
            ", ".join(others),
            _part(longest),
        )
    return longest


def _part(excerpt: ExcerptConfig) -> str:
    if excerpt.duration_seconds is None:
        begin = excerpt.start_seconds or 0.0
        return f"everything from {begin:g} s on" if begin else "all of it"
    start = (
        "the middle" if excerpt.start_seconds is None else f"from {excerpt.start_seconds:g} s on"
    )
    return f"{start} {excerpt.duration_seconds:g} s"


def _inputs(
    frontends: dict[str, FrontendConfig], manifest: Manifest, rate_hz: int | None
) -> dict[str, str]:
    """Which input of the ensemble each front-end of a member is fed by; new ones are added.

    Parameters
    ----------
    rate_hz : int or None
        Of the ensemble, if the member takes windows inside of its own.
    """
    found = {}
    for name, config in manifest.frontends.items():
        given = config
        if rate_hz is not None:
            assert not isinstance(config, ColumnsConfig | WindowedConfig), "neither is inside"
            given = WindowedConfig(sample_rate_hz=rate_hz, inner=config, windows=manifest.windows)
        found[name] = _place(frontends, name, given)
    return found


def _place(frontends: dict[str, FrontendConfig], name: str, config: FrontendConfig) -> str:
    """Return a front-end's input: one that is there, or a new one with a free name."""
    for taken, there in frontends.items():
        if there == config:
            return taken
    free = name if name not in frontends else f"{name}-{len(frontends) + 1}"
    frontends[free] = config
    return free


# --- the bundle ---------------------------------------------------------------------------------


def write_ensemble(
    out: Path,
    ensemble: Ensemble,
    combiner: Combiner,
    *,
    how: How,
    name: str,
    dataset: Dataset,
    split: Split,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> RunResult:
    """Write the ensemble as a bundle, scored like any other.

    Raises
    ------
    DatasetError
        If a member was trained on what is tested.
    BundleError
        If the graph differs from its members, or ``out`` exists and is not to be replaced.
    """
    check_target(out, overwrite)
    model = ensemble_graph(ensemble.graphs, combiner)
    extra = _learnt(ensemble, combiner, dataset, split)
    manifest = _manifest(ensemble, combiner, how, name, dataset, split)
    golden = synthesise("jazz", seconds=GOLDEN_SECONDS, sample_rate_hz=manifest.sample_rate_hz)
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "bundle"
        # Nothing can be loaded without numbers; those of a member stand there for a moment.
        write_bundle(
            aside,
            manifest=manifest,
            model_onnx=model,
            metrics=ensemble.members[0].metrics,
            golden=golden,
            extra_files=extra,
        )
        classifier = Classifier.load(aside)
        _check_agreement(ensemble, combiner, classifier.bundle, np.asarray(golden.samples))
        answers = []
        for one in score_items(classifier, dataset, split):
            answers.append(one)
            if progress is not None:
                progress("testing", len(answers), sum(len(fold.test) for fold in split.folds))
        found = bundle_run(
            classifier, dataset, split, tuple(answers), by_rows=bool(leaking_groups(dataset, split))
        )
    metrics = BundleMetrics(results=(found.result,))
    write_bundle(
        out,
        manifest=manifest,
        model_onnx=model,
        metrics=metrics,
        golden=golden,
        extra_files=extra,
        overwrite=overwrite,
    )
    return found


def _check_agreement(
    ensemble: Ensemble, combiner: Combiner, whole: Bundle, samples: NDArray[np.float32]
) -> None:
    if _of_rows(whole.manifest):
        return  # they listen to nothing
    length, _ = window_samples(whole.manifest.windows, whole.manifest.sample_rate_hz)
    found = whole.features(samples[:length])
    rows = {name: array[np.newaxis] for name, array in found.items()}
    outputs = []
    for member, graph in zip(ensemble.members, ensemble.graphs, strict=True):
        inputs = {
            name: found[fed] if graph.windowed else rows[fed] for name, fed in graph.inputs.items()
        }
        outputs.append(_says(member, graph, inputs))
    task = whole.manifest.task
    expected = calibrated(combiner.logits(outputs), task=task, temperature=1.0)
    given = calibrated(whole.run(rows), task=task, temperature=1.0)
    worst = float(np.abs(given - expected).max())
    require_agreement(worst, "the joined graph differs from its members", "probability")


def _says(
    member: Bundle, graph: MemberGraph, inputs: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Probabilities (1, labels) of a member for one window of the ensemble."""
    manifest = member.manifest
    logits = member.run(inputs)
    predicted = calibrated(logits, task=manifest.task, temperature=manifest.temperature)
    return aggregate(predicted, manifest)[np.newaxis, list(graph.order)]


def _manifest(
    ensemble: Ensemble,
    combiner: Combiner,
    how: How,
    name: str,
    dataset: Dataset,
    split: Split,
) -> Manifest:
    first = ensemble.members[0].manifest
    manifests = [member.manifest for member in ensemble.members]
    versions = {library: number for one in manifests for library, number in one.versions.items()}
    return Manifest(
        name=name,
        version="0.1.0",
        description=f"{_HOW[how]} of {', '.join(one.name for one in manifests)}.",
        licence="; ".join(dict.fromkeys(one.licence for one in manifests)),
        architecture="ensemble",
        labels=ensemble.labels,
        frontends=ensemble.frontends,
        frontend_fingerprints={
            key: frontend_fingerprint(config) for key, config in ensemble.frontends.items()
        },
        excerpt=ensemble.excerpt,
        windows=ensemble.windows,
        task=first.task,
        thresholds=_thresholds(ensemble, combiner),
        parents=first.parents,
        provenance=_provenance(ensemble, combiner, how, dataset, split),
        versions=versions | {"genrekit": genrekit.__version__, "onnx": version("onnx")},
    )


def _thresholds(ensemble: Ensemble, combiner: Combiner) -> tuple[float, ...]:
    """Those that were tuned; else means of the members', for models of several genres a track."""
    if not ensemble.several or combiner.thresholds:
        return combiner.thresholds
    weights = combiner.weights or (1 / len(ensemble.members),) * len(ensemble.members)
    rows = [
        [member.manifest.thresholds[place] for place in graph.order]
        for member, graph in zip(ensemble.members, ensemble.graphs, strict=True)
    ]
    return tuple(float(one) for one in np.clip(np.asarray(weights) @ np.array(rows), 0, 1))


_HOW = {"vote": "Soft vote", "weighted": "Weighted soft vote", "stack": "Logistic regression"}


def _provenance(
    ensemble: Ensemble, combiner: Combiner, how: How, dataset: Dataset, split: Split
) -> Provenance:
    sources = [member.manifest.provenance for member in ensemble.members]
    learnt = {digest for source in sources for digest in source.trained_on}
    if combiner.fitted:
        valid = set(split.folds[0].valid)
        learnt |= {track_digest(item.group) for item in dataset.items if item.item_id in valid}
    corpora = {corpus for source in sources for corpus in source.pretrained_on}
    members = [
        {"name": one.manifest.name, "version": one.manifest.version, "sha256": one.sha256}
        for one in ensemble.members
    ]
    recipe: dict[str, Any] = {"ensemble": how, "members": members}
    if combiner.weights:
        recipe["weights"] = [round(weight, 6) for weight in combiner.weights]
    return Provenance(
        dataset=" + ".join(dict.fromkeys(source.dataset for source in sources)),
        dataset_fingerprint=dataset.fingerprint,
        split_fingerprint=split.fingerprint,
        protocol=f"{split.protocol}; members as each of them says",
        tracks=max(len(learnt), *(source.tracks for source in sources)),
        trained_on=tuple(sorted(learnt)),
        pretrained_on=tuple(sorted(corpora)),
        data_licence="; ".join(dict.fromkeys(source.data_licence for source in sources)),
        citation="; ".join(dict.fromkeys(source.citation for source in sources if source.citation)),
        recipe=yaml.safe_dump(recipe, sort_keys=False),
    )


def _learnt(
    ensemble: Ensemble, combiner: Combiner, dataset: Dataset, split: Split
) -> dict[str, bytes]:
    """Digests of what the members learnt, and of what the combination was fitted on."""
    found = [one for member in ensemble.members for one in read_learnt(member.directory)]
    if combiner.fitted:
        valid = dataset.select(dataset.indices(split.folds[0].valid))
        ids = [item.item_id for item in valid.items]
        if valid.features is not None:
            # What combines answers has learnt the rows, and nothing that is like them.
            found.append(replace(learnt_rows(valid, valid.feature_names, ids), most_bits=-1))
        else:
            found.append(
                learnt_sounds(*fingerprinted_items(valid, tuple(fingerprint_items(valid))), ids)
            )
    return learnt_files(found)
