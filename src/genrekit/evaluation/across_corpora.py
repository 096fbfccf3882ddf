"""A model of one corpus tested on another, over the genres that a published map finds in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, LabelMap, Pair, Split, make_split, with_common_labels
from genrekit.errors import DatasetError
from genrekit.evaluation.evaluate import item_probabilities, seen_contents
from genrekit.evaluation.leak import refuse_leaks
from genrekit.evaluation.leaks import find_leaks, test_ids
from genrekit.evaluation.results import ScoredFold, run_result
from genrekit.evaluation.run import RunResult
from genrekit.evaluation.scored import Scored

if TYPE_CHECKING:
    from genrekit.inference import Classifier

#: A track whose scores are all of genres without a counterpart has this much for each common one.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class CrossCorpus:
    """What is tested: all of a corpus that has a common genre, and which labels become which.

    Attributes
    ----------
    dataset : Dataset
        Under common labels.
    left_out : int
        Items whose genre has no counterpart.
    unused : tuple of str
        Labels of the model that have none; their scores are dropped before the rest is taken as
        the whole.
    """

    dataset: Dataset
    split: Split
    mapping: LabelMap
    left_out: int
    unused: tuple[str, ...]


def cross_corpus(classifier: Classifier, dataset: Dataset, mapping: LabelMap) -> CrossCorpus:
    """Prepare the test of a model on another corpus.

    Raises
    ------
    DatasetError
        If the model or the data has no genre of the map, or is multi-label.
    """
    if classifier.bundle.manifest.task != "single-label":
        raise DatasetError("label maps are for models that tell one genre a track")
    side = mapping.side(classifier.labels)
    chosen = with_common_labels(dataset, mapping)
    return CrossCorpus(
        dataset=chosen,
        split=make_split(chosen, "cross-corpus"),
        mapping=mapping,
        left_out=len(dataset) - len(chosen),
        unused=tuple(label for label in classifier.labels if label not in side),
    )


def cross_corpus_scores(
    classifier: Classifier, test: CrossCorpus, *, pairs: Sequence[Pair] = ()
) -> Iterator[NDArray[np.float64]]:
    """Yield probabilities (n_common,) of each item; those of labels that become one are added.

    Raises
    ------
    DatasetError
        If the model was trained on what is tested, or an item cannot be read.
    """
    tested = test.dataset.select(test.dataset.indices(test_ids(test.split)))
    leaks = find_leaks(
        test.dataset,
        test.split,
        pairs=pairs,
        manifest=classifier.bundle.manifest,
        seen=seen_contents(classifier, tested),
    )
    refuse_leaks(leaks, test.split)
    common = test.mapping.common
    merge = np.zeros((len(classifier.labels), len(common)))
    for label, to in test.mapping.side(classifier.labels).items():
        if label in classifier.labels:
            merge[classifier.labels.index(label), common.index(to)] = 1
    for probabilities in item_probabilities(classifier, tested):
        merged = probabilities @ merge + _NOTHING
        yield merged / merged.sum()


def cross_corpus_run(
    classifier: Classifier, test: CrossCorpus, scores: Sequence[NDArray[np.float64]]
) -> RunResult:
    """Return a results file's content from all scores; its protocol is ``cross-corpus``."""
    data = test.dataset
    rows = Scored(data.targets(), np.array(scores), data.groups())
    items = tuple(item.item_id for item in data.items)
    return run_result(
        [ScoredFold(items, rows)],
        labels=test.mapping.common,
        dataset=data,
        split=test.split,
        model=classifier.identity.name,
        how=classifier.bundle.manifest.aggregation,
        bundle_sha256=classifier.bundle.sha256,
    )
