"""Saved models to one that asks all of them: a vote, a weighted vote, or a stack."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

import genrekit
from genrekit.bundles import Bundle, check_target, window_samples, write_bundle
from genrekit.bundles.verify import MODEL
from genrekit.datasets import Dataset, Fold, Split, straddling, track_digest
from genrekit.errors import BundleError, ConfigError, DatasetError
from genrekit.evaluation import score_items
from genrekit.evaluation.bundle_run import bundle_run
from genrekit.evaluation.run import RunResult
from genrekit.features import frontend_fingerprint
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import BundleMetrics, FrontendConfig, Manifest, Provenance, WindowConfig
from genrekit.training.ensemble_graph import Combiner, MemberGraph, ensemble_graph, logarithm

How = Literal["vote", "weighted", "stack"]
#: Largest difference of a probability between the graph and its members.
AGREEMENT = 1e-4
GOLDEN_SECONDS = 5.0
#: Inverse strength of the penalty of a stack.
_STACK_C = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """What is to be written.

    Attributes
    ----------
    members : tuple of Bundle
    frontends : mapping of str to FrontendConfig
        Inputs of the graph; members with the same front-end share it.
    graphs : tuple of MemberGraph
    """

    members: tuple[Bundle, ...]
    frontends: dict[str, FrontendConfig]
    graphs: tuple[MemberGraph, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the first member."""
        return self.members[0].manifest.labels


def joined(members: Sequence[Bundle]) -> Ensemble:
    """Bring members together.

    Audio shorter than a window is filled up for all members as the first one of them needs it.

    Raises
    ------
    ConfigError
        If they are fewer than two, tell several genres a track or different genres, or do not hear
        the same part of a track in the same windows.
    """
    if len(members) < 2:
        raise ConfigError("an ensemble needs at least two models")
    for member in members[1:]:
        _check_alike(members[0].manifest, member.manifest)
    if members[0].manifest.task != "single-label":
        raise ConfigError(
            f"{members[0].manifest.name} tells several genres a track; an ensemble is of models "
            "that tell one"
        )
    _windows([member.manifest for member in members])
    frontends: dict[str, FrontendConfig] = {}
    graphs = []
    for member in members:
        inputs = {
            name: _place(frontends, name, config)
            for name, config in member.manifest.frontends.items()
        }
        labels = member.manifest.labels
        graphs.append(
            MemberGraph(
                model=(member.directory / MODEL).read_bytes(),
                inputs=inputs,
                order=tuple(labels.index(label) for label in members[0].manifest.labels),
                temperature=member.manifest.temperature,
            )
        )
    return Ensemble(tuple(members), frontends, tuple(graphs))


def _check_alike(first: Manifest, other: Manifest) -> None:
    if set(first.labels) != set(other.labels):
        apart = sorted(set(first.labels) ^ set(other.labels))
        raise ConfigError(
            f"{first.name} and {other.name} tell different genres ({', '.join(apart[:5])}"
            f"{', ...' if len(apart) > 5 else ''}); an ensemble is of models with the same ones"
        )
    for what, one, two in (
        ("audio at this rate (Hz)", first.sample_rate_hz, other.sample_rate_hz),
        ("this part of a track", first.excerpt, other.excerpt),
        ("windows like these", _cut(first), _cut(other)),
        ("tasks", first.task, other.task),
    ):
        if one != two:
            raise ConfigError(
                f"{first.name} and {other.name} differ in {what}: {one} and {two}; train one of "
                "them as the other is (frontend.sample_rate_hz, excerpt, windows)"
            )


def _cut(manifest: Manifest) -> tuple[float, float]:
    return manifest.windows.window_seconds, manifest.windows.hop_seconds


def _windows(manifests: Sequence[Manifest]) -> WindowConfig:
    """Windows of all members; what one needs filled up, all of them get so.

    Raises
    ------
    ConfigError
        If some loop and some pad what is short.
    """
    filled = {one.windows.short for one in manifests} - {"keep"}
    if len(filled) > 1:
        raise ConfigError(
            "some of the models loop audio that is shorter than a window, and some pad it; train "
            "them with the same windows.short"
        )
    longest = max(one.windows.minimum_seconds for one in manifests)
    short = next(iter(filled), "keep")
    return manifests[0].windows.model_copy(update={"short": short, "minimum_seconds": longest})


def _place(frontends: dict[str, FrontendConfig], name: str, config: FrontendConfig) -> str:
    """The input for a front-end: one that is there already, or a new one with a free name."""
    for taken, there in frontends.items():
        if there == config:
            return taken
    free = name if name not in frontends else f"{name}-{len(frontends) + 1}"
    frontends[free] = config
    return free


# --- how they are combined ----------------------------------------------------------------------


def combiner_for(
    how: How,
    ensemble: Ensemble,
    dataset: Dataset,
    split: Split,
    *,
    weights: Sequence[float] | None = None,
    seed: int = 0,
) -> Combiner:
    """Find the combiner; weights and stacks are fitted on the validation part of the split.

    Raises
    ------
    ConfigError
        If weights are of another number, or have no sum.
    DatasetError
        If there is no validation part, or a member learnt from it.
    """
    count = len(ensemble.members)
    if weights is not None:
        total = sum(weights)
        if len(weights) != count or min(weights) < 0 or not total > 0:
            raise ConfigError(
                f"{len(weights)} weights {list(weights)} for {count} models; expected one for "
                "each, none below 0 and not all 0"
            )
        return Combiner(tuple(weight / total for weight in weights))
    if how == "vote":
        return Combiner((1 / count,) * count)
    rows = _valid(dataset, split)
    said = [_said(member, ensemble.labels, dataset, rows) for member in ensemble.members]
    number = {label: place for place, label in enumerate(ensemble.labels)}
    valid = [item for item in dataset.items if item.item_id in set(rows.folds[0].test)]
    by_id = {item.item_id: number[item.labels[0]] for item in valid}
    targets = np.array([by_id[item_id] for item_id in rows.folds[0].test])
    if how == "weighted":
        return Combiner(_fitted_weights(said, targets))
    return _fitted_stack(said, targets, len(ensemble.labels), seed)


def _valid(dataset: Dataset, split: Split) -> Split:
    if len(split.folds) != 1 or not split.folds[0].valid:
        raise DatasetError(
            f"{split.protocol} has no validation part to fit weights or a stack on; take a split "
            "that has (genrekit split DATA --protocol holdout -o split.json), or a plain vote"
        )
    # Tested as if it were the test part, so that the leak detector refuses what members learnt.
    return split.model_copy(
        update={"protocol": f"{split.protocol}, valid", "folds": (Fold(test=split.folds[0].valid),)}
    )


def _said(
    member: Bundle, labels: Sequence[str], dataset: Dataset, rows: Split
) -> NDArray[np.float64]:
    """Probabilities (n, labels) of a member for the test part of ``rows``."""
    classifier = Classifier(member)
    order = [classifier.labels.index(label) for label in labels]
    return np.array([one.probabilities[order] for one in score_items(classifier, dataset, rows)])


def _fitted_weights(
    said: Sequence[NDArray[np.float64]], targets: NDArray[np.int64]
) -> tuple[float, ...]:
    """Weights with the least log loss, drawn to equal ones as far as the rows are few."""
    from scipy.optimize import minimize

    right = np.array([one[np.arange(len(targets)), targets] for one in said])

    def loss(free: NDArray[np.float64]) -> float:
        shares = np.exp(free - free.max())
        likely = logarithm(shares @ right / shares.sum()).mean()
        return float((free**2).sum() / len(targets) - likely)

    found = minimize(loss, np.zeros(len(said)), method="Nelder-Mead", bounds=[(-8, 8)] * len(said))
    shares = np.exp(found.x - found.x.max())
    return tuple(float(share) for share in shares / shares.sum())


def _fitted_stack(
    said: Sequence[NDArray[np.float64]], targets: NDArray[np.int64], n_labels: int, seed: int
) -> Combiner:
    from sklearn.linear_model import LogisticRegression

    if missing := sorted(set(range(n_labels)) - set(targets.tolist())):
        raise DatasetError(
            f"the validation part has nothing of {len(missing)} of {n_labels} genres, so no stack "
            "can be fitted on it; take a plain vote, or another split"
        )
    logs = np.concatenate([logarithm(one) for one in said], axis=1)
    model = LogisticRegression(C=_STACK_C, max_iter=5000, random_state=seed).fit(logs, targets)
    matrix, offset = model.coef_.T, model.intercept_
    if n_labels == 2:  # scikit-learn keeps one column of the two
        matrix, offset = np.hstack([-matrix, matrix]) / 2, np.concatenate([-offset, offset]) / 2
    return Combiner((), matrix, offset)


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
        )
        classifier = Classifier.load(aside)
        _check_agreement(ensemble, combiner, classifier.bundle, np.asarray(golden.samples))
        answers = []
        for one in score_items(classifier, dataset, split):
            answers.append(one)
            if progress is not None:
                progress("testing", len(answers), sum(len(fold.test) for fold in split.folds))
        found = bundle_run(
            classifier, dataset, split, tuple(answers), by_rows=bool(straddling(dataset, split))
        )
    metrics = BundleMetrics(results=(found.result,))
    write_bundle(
        out,
        manifest=manifest,
        model_onnx=model,
        metrics=metrics,
        golden=golden,
        overwrite=overwrite,
    )
    return found


def _check_agreement(
    ensemble: Ensemble, combiner: Combiner, whole: Bundle, samples: NDArray[np.float32]
) -> None:
    if any(config.kind == "columns" for config in ensemble.frontends.values()):
        return  # they listen to nothing
    length, _ = window_samples(whole.manifest.windows, whole.manifest.sample_rate_hz)
    found = whole.features(samples[:length])
    rows = {name: array[np.newaxis] for name, array in found.items()}
    said = []
    for member, graph in zip(ensemble.members, ensemble.graphs, strict=True):
        own = {name: rows[fed] for name, fed in graph.inputs.items()}
        said.append(Classifier(member).predict_features(own)[:, list(graph.order)])
    expected = combiner.logits(said)
    expected = np.exp(expected - expected.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    worst = float(np.abs(Classifier(whole).predict_features(rows) - expected).max())
    if not worst <= AGREEMENT:
        raise BundleError(
            f"the joined graph differs from its members by {worst:.2g} in a probability; at most "
            f"{AGREEMENT} is allowed, so nothing was written"
        )


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
        excerpt=first.excerpt,
        windows=_windows(manifests),
        provenance=_provenance(ensemble, combiner, how, dataset, split),
        versions=versions | {"genrekit": genrekit.__version__, "onnx": version("onnx")},
    )


_HOW = {"vote": "Soft vote", "weighted": "Weighted soft vote", "stack": "Logistic regression"}


def _provenance(
    ensemble: Ensemble, combiner: Combiner, how: How, dataset: Dataset, split: Split
) -> Provenance:
    sources = [member.manifest.provenance for member in ensemble.members]
    learnt = {digest for source in sources for digest in source.trained_on}
    if how == "stack" or (how == "weighted" and split.folds[0].valid):
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
