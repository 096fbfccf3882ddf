"""Models of one corpus on another, over the genres that a map finds in both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.datasets import CorpusInfo, Dataset, Item, track_digest
from genrekit.datasets.label_maps import LABEL_MAPS, label_map, with_common_labels
from genrekit.errors import ConfigError, DatasetError, GenreError
from genrekit.evaluation.across_corpora import (
    cross_corpus,
    cross_corpus_run,
    cross_corpus_scores,
)
from genrekit.inference import Classifier
from genrekit.schema import Gtzan57Config, Manifest, ModelIdentity, Provenance

INFO = CorpusInfo("title", "licence", "citation", "homepage")
MAP = LABEL_MAPS["gtzan-fma"]
GTZAN = ("blues", "disco", "metal", "pop", "rock")


def fma() -> Dataset:
    """Two tracks a genre; each row holds the scores that the model below gives it."""
    labels = ("Blues", "Folk", "Pop", "Rock")
    items = tuple(
        Item(f"{label} {number}", (label,), f"{label} {number}")
        for label in labels
        for number in range(2)
    )
    scores = np.array(
        [
            # blues disco metal pop  rock
            [0.5, 0.1, 0.1, 0.2, 0.1],
            [0.1, 0.8, 0.0, 0.1, 0.0],  # without disco it is a tie of blues and pop
            *[[0.2] * 5] * 2,
            [0.1, 0.1, 0.1, 0.6, 0.1],
            [0.6, 0.1, 0.1, 0.1, 0.1],
            [0.0, 0.0, 0.3, 0.4, 0.3],  # metal and rock together are more than pop
            [0.0, 1.0, 0.0, 0.0, 0.0],  # nothing of what is asked
        ]
    )
    return Dataset("fma", labels, items, INFO, scores, GTZAN)


def model(labels: tuple[str, ...] = GTZAN, **source: Any) -> Classifier:
    """Stands for a bundle that answers with its input."""
    provenance = Provenance(
        dataset="gtzan",
        dataset_fingerprint="0" * 64,
        protocol="holdout",
        tracks=1,
        data_licence="none",
        recipe="",
        **source,
    )
    manifest = Manifest(
        name="copy",
        version="1.0.0",
        architecture="copy",
        labels=labels,
        frontends={"columns": Gtzan57Config()},
        frontend_fingerprints={"columns": "2" * 64},
        provenance=provenance,
    )

    def predict(features: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        return features["columns"].astype(np.float64)

    return cast(
        Classifier,
        SimpleNamespace(
            labels=labels,
            identity=ModelIdentity(name="copy", version="1.0.0", sha256="3" * 64),
            bundle=SimpleNamespace(
                manifest=manifest,
                sha256="3" * 64,
                frontends={"columns": SimpleNamespace(feature_names=labels)},
            ),
            predict_features=predict,
        ),
    )


def test_scores_of_genres_that_become_one_are_added() -> None:
    classifier = model()
    test = cross_corpus(classifier, fma(), MAP)
    assert (len(test.dataset), test.left_out, test.unused) == (6, 2, ("disco",))
    scores = list(cross_corpus_scores(classifier, test))
    np.testing.assert_allclose(np.sum(scores, axis=1), 1)
    rock = MAP.common.index("Rock")
    assert scores[4][rock] == pytest.approx(0.6, abs=1e-6)
    run = cross_corpus_run(classifier, test, scores)
    right = {answer.item: answer.right for answer in run.answers}
    assert right["Blues 0"]
    assert right["Pop 0"]
    assert not right["Pop 1"]
    assert right["Rock 0"]
    assert run.result.protocol == "cross-corpus"
    assert run.result.labels == MAP.common
    assert run.result.bundle_sha256 == "3" * 64
    assert not run.result.leaky


def test_and_back() -> None:
    labels = ("Blues", "Folk", "Pop", "Rock")
    gtzan = fma()
    items = tuple(
        replace(item, labels=(GTZAN[number % 5],)) for number, item in enumerate(gtzan.items)
    )
    assert gtzan.features is not None
    gtzan = Dataset("gtzan", GTZAN, items, INFO, gtzan.features[:, :4], labels)
    classifier = model(labels)
    test = cross_corpus(classifier, gtzan, MAP)
    assert test.unused == ("Folk",)
    assert {item.labels[0] for item in test.dataset.items} == {"Blues", "Pop", "Rock"}
    run = cross_corpus_run(classifier, test, list(cross_corpus_scores(classifier, test)))
    assert run.result.items == len(test.dataset) == 6


def test_a_model_that_was_trained_on_the_other_corpus_is_refused() -> None:
    classifier = model(trained_on=(track_digest("Blues 0"),))
    test = cross_corpus(classifier, fma(), MAP)
    with pytest.raises(DatasetError, match="trained on"):
        next(cross_corpus_scores(classifier, test))


def test_published_maps_are_whole() -> None:
    tree = LABEL_MAPS["gtzan-fma-tree"]
    assert len(tree.sides[0]) == 10
    assert set(tree.sides[0].values()) == set(tree.sides[1].values()) == set(tree.common)
    assert tree.sides[0]["metal"] == "Rock"
    assert all(one.note for one in LABEL_MAPS.values())


def test_a_map_of_the_users(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text("name: mine\nsides: [{jazz: swing}, {Swing: swing, Bebop: swing}]\n")
    mine = label_map(str(file))
    assert mine.common == ("swing",)
    assert mine.side(["Bebop", "Swing"]) == {"Swing": "swing", "Bebop": "swing"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: x\nsides: [{}, {}]", "sides"), ("sides: [", "YAML"), ("- 1", "the file")],
)
def test_a_file_that_is_no_map_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        label_map(str(file))


def test_what_has_nothing_in_common_is_refused() -> None:
    nothing = replace(
        fma(),
        labels=("Polka",),
        items=tuple(replace(item, labels=("Polka",)) for item in fma().items),
    )
    with pytest.raises(GenreError, match="none of"):
        with_common_labels(nothing, MAP)
    with pytest.raises(ConfigError, match="known: gtzan-fma"):
        label_map("gtzan-msd")
