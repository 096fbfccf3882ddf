"""Score a saved bundle on the test items of a split, through `Classifier`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Item, Pair, Split
from genrekit.errors import AudioError, DatasetError
from genrekit.evaluation.contents import known_contents
from genrekit.evaluation.leak import refuse_leaks
from genrekit.evaluation.leaks import find_leaks, test_ids
from genrekit.evaluation.scored import Scored, aggregate
from genrekit.evaluation.scoring import score
from genrekit.features import from_table, table_columns
from genrekit.inference import chosen, edges, with_ancestors
from genrekit.schema import UNKNOWN, ColumnsConfig, EvaluationResult, Manifest

if TYPE_CHECKING:
    from genrekit.inference import Classifier

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class ItemScore:
    """What a bundle said about one test item.

    Parameters
    ----------
    true, predicted : str
        Of several genres in the order of the bundle, with "; " between them.
    probabilities : ndarray, shape (n_labels,)
        In the order of the bundle's labels.
    true_genres, predicted_genres : tuple of str
        The same one by one, for multi-label; genres that the bundle does not know are left out.
    """

    item_id: str
    group: str
    true: str
    predicted: str
    probabilities: NDArray[np.float64]
    true_genres: tuple[str, ...] = ()
    predicted_genres: tuple[str, ...] = ()


def evaluate_bundle(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    *,
    unit: Literal["track", "segment"] = "track",
) -> tuple[EvaluationResult, tuple[ItemScore, ...]]:
    """Score all test items at once; see `score_items` and `summarise` for a step at a time.

    Raises
    ------
    DatasetError
        If the leak detector finds something and the protocol is not a leaky one, or the data does
        not fit the bundle.
    """
    scores = tuple(score_items(classifier, dataset, split))
    return summarise(classifier, dataset, split, scores, unit=unit), scores


def score_items(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    *,
    pairs: Sequence[Pair] = (),
    contents: bool = True,
) -> Iterator[ItemScore]:
    """Yield a score for each test item of the split, so that a surface can show progress.

    Items with audio go through ``predict_file``; rows of a table through ``predict_features``,
    their columns matched by name. The leak detector runs first, with ``pairs`` of near duplicates.
    A multi-label bundle can be tested on single-label data too, and on data with further genres.

    Parameters
    ----------
    contents : bool
        Compare what the items hold with what the bundle learnt, and not their names alone; audio
        is decoded once more for it.

    Raises
    ------
    DatasetError
        As `evaluate_bundle` does, before the first item; or naming an item that cannot be read.
    """
    tested = dataset.select(dataset.indices(test_ids(split)))
    seen = seen_contents(classifier, tested) if contents else ()
    manifest = classifier.bundle.manifest
    refuse_leaks(find_leaks(dataset, split, pairs=pairs, manifest=manifest, seen=seen), split)
    _check_labels(classifier, tested)
    rows = item_probabilities(classifier, tested)
    score_one = _single_label_score if manifest.task == "single-label" else _multi_label_score
    for item, probabilities in zip(tested.items, rows, strict=True):
        yield score_one(item, probabilities, manifest)


def seen_contents(classifier: Classifier, tested: Dataset) -> tuple[str, ...]:
    """Ids of items whose content the model was fitted on; says where names alone can tell."""
    known = known_contents(classifier.bundle, tested)
    if known.unseen:
        logger.warning("only names were compared with what was trained on: %s", known.unseen)
    return known.items


def item_probabilities(classifier: Classifier, tested: Dataset) -> Iterator[NDArray[np.float64]]:
    """Yield probabilities (n_labels,) of each item, whatever its label is.

    Raises
    ------
    DatasetError
        If columns are missing, or an item cannot be read.
    """
    if tested.features is None:
        return _audio_scores(classifier, tested)
    return _table_scores(classifier, tested, tested.features)


def summarise(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    scores: Sequence[ItemScore],
    *,
    unit: Literal["track", "segment"] = "track",
) -> EvaluationResult:
    """Turn the scores of all test items into numbers.

    Parameters
    ----------
    unit : {"track", "segment"}
        ``track`` first merges the items of a recording, as the bundle merges windows.
    """
    manifest, labels = classifier.bundle.manifest, classifier.labels
    several = manifest.task == "multi-label"
    scored = Scored(
        targets=_targets_of_several(scores, labels) if several else _targets(scores, labels),
        probabilities=np.array([item.probabilities for item in scores]),
        groups=tuple(item.group for item in scores),
    )
    if unit == "track":
        scored = aggregate(scored, manifest.aggregation)
    choice = None
    if several:
        tree = edges(labels, manifest.parents)
        choice = chosen(scored.probabilities, manifest.thresholds, tree)
    return score(
        scored,
        labels=labels,
        dataset=dataset,
        split=split,
        model=classifier.identity.name,
        unit=unit,
        choice=choice,
        thresholds=manifest.thresholds if several else None,
        bundle_sha256=classifier.bundle.sha256,
    )


def _targets(scores: Sequence[ItemScore], labels: Sequence[str]) -> NDArray[np.int64]:
    number = {label: position for position, label in enumerate(labels)}
    return np.array([number[item.true] for item in scores], dtype=np.int64)


def _targets_of_several(scores: Sequence[ItemScore], labels: Sequence[str]) -> NDArray[np.int64]:
    rows = [[label in item.true_genres for label in labels] for item in scores]
    return np.array(rows, dtype=np.int64)


def _single_label_score(
    item: Item, probabilities: NDArray[np.float64], manifest: Manifest
) -> ItemScore:
    best = manifest.labels[int(probabilities.argmax())]
    return ItemScore(item.item_id, item.group, item.labels[0], best, probabilities)


def _multi_label_score(
    item: Item, probabilities: NDArray[np.float64], manifest: Manifest
) -> ItemScore:
    known = set(item.labels) & set(manifest.labels)
    implied = with_ancestors(known, manifest.parents)
    true = tuple(label for label in manifest.labels if label in implied)
    tree = edges(manifest.labels, manifest.parents)
    (choice,) = chosen(probabilities[np.newaxis], manifest.thresholds, tree)
    chosen_genres = tuple(label for label, yes in zip(manifest.labels, choice, strict=True) if yes)
    return ItemScore(
        item_id=item.item_id,
        group=item.group,
        true="; ".join(true),
        predicted="; ".join(chosen_genres) or UNKNOWN,
        probabilities=probabilities,
        true_genres=true,
        predicted_genres=chosen_genres,
    )


def _check_labels(classifier: Classifier, tested: Dataset) -> None:
    manifest = classifier.bundle.manifest
    if manifest.task == "single-label" != tested.task:
        raise DatasetError(
            f"{manifest.name} tells one genre a track, and {tested.name} is {tested.task}; "
            "evaluate it on single-label data, or train a multi-label model"
        )
    true = {label for item in tested.items for label in item.labels}
    strange = sorted(true - set(classifier.labels))
    if strange and manifest.task == "multi-label" and true & set(classifier.labels):
        logger.warning(
            "%d of the %d genres of %s are none of %s and are left out (%s, ...)",
            *(len(strange), len(true), tested.name, manifest.name, strange[0]),
        )
    elif strange:
        raise DatasetError(
            f"{tested.name} has labels that {manifest.name} does not know: {strange}; it knows "
            f"{list(classifier.labels)}"
        )


def _audio_scores(classifier: Classifier, tested: Dataset) -> Iterator[NDArray[np.float64]]:
    for item in tested.items:
        if item.path is None:
            raise DatasetError(f"{item.item_id} of {tested.name} has neither audio nor features")
        try:
            prediction = classifier.predict_file(item.path, excerpt=item.excerpt)
        except AudioError as problem:
            raise DatasetError(
                f"{item.item_id} of {tested.name} cannot be scored: {problem}; repair it or leave "
                "it out with leave_out"
            ) from problem
        yield np.array([prediction.scores[label] for label in classifier.labels])


def _table_scores(
    classifier: Classifier, tested: Dataset, features: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    inputs = _inputs(classifier, tested, features)
    for start in range(0, len(tested), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        chunk = {name: features[rows] for name, features in inputs.items()}
        yield from classifier.predict_features(chunk).astype(np.float64)


def _inputs(
    classifier: Classifier, tested: Dataset, features: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Columns of the table in the order of each front-end, matched by name."""
    position = {column: number for number, column in enumerate(tested.feature_names)}
    inputs = {}
    for name, frontend in classifier.bundle.frontends.items():
        names = table_columns(frontend)
        missing = [column for column in names if column not in position]
        if missing:
            config = frontend.config
            if isinstance(config, ColumnsConfig) and set(config.names) <= set(position):
                raise DatasetError(
                    f"{classifier.identity.name} reads {config.steps} rows of a recording as one "
                    f"sequence; read {tested.name} so: --option steps={config.steps}"
                )
            raise DatasetError(
                f"{tested.name} lacks {len(missing)} of the {len(names)} columns "
                f"of the front-end {name!r}: {', '.join(missing[:5])}"
                f"{', ...' if len(missing) > 5 else ''}; make the table with that front-end, or "
                "evaluate on audio"
            )
        cells = features[:, [position[column] for column in names]].astype(np.float32)
        inputs[name] = from_table(frontend, cells)
    return inputs
