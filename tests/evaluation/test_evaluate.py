from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.special import softmax

from genrekit.datasets import (
    CorpusInfo,
    Dataset,
    Item,
    Split,
    load_dataset,
    make_split,
    track_digest,
)
from genrekit.errors import DatasetError
from genrekit.evaluation import evaluate_bundle, find_leaks, refuse_leaks, score_items, summarise
from genrekit.inference import Classifier
from genrekit.schema import Gtzan57Config, Manifest, ModelIdentity, Provenance

INFO = CorpusInfo("title", "licence", "citation", "homepage")
LABELS = ("jazz", "pop", "rock")


def table(per_track: int = 1) -> Dataset:
    """Nine tracks, one-hot in their label's column, with columns that no model asked for."""
    items = tuple(
        Item(f"{track}.{part}", (LABELS[track % 3],), f"track {track}", split="test")
        for track in range(9)
        for part in range(per_track)
    )
    features = np.zeros((len(items), 5))
    for row, item in enumerate(items):
        features[row, 1 + LABELS.index(item.labels[0])] = 1
        features[row, 0] = row
    return Dataset("made", LABELS, items, INFO, features, ("x", "jazzy", "poppy", "rocky", "y"))


def provenance(**changes: Any) -> Provenance:
    fields = {
        "dataset": "made",
        "dataset_fingerprint": "0" * 64,
        "protocol": "holdout",
        "tracks": 1,
        "data_licence": "none",
        "recipe": "",
    }
    return Provenance.model_validate(fields | changes)


def manifest(source: Provenance, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "table-model",
        "version": "1.0.0",
        "architecture": "copy",
        "labels": ("rock", "jazz", "pop"),
        "frontends": {"columns": Gtzan57Config()},
        "frontend_fingerprints": {"columns": "2" * 64},
        "provenance": source,
    }
    return Manifest.model_validate(fields | changes)


@dataclass
class CopyClassifier:
    """Stands for a loaded bundle whose logits are its three input columns."""

    manifest: Manifest
    seen_rows: int = 0

    def __post_init__(self) -> None:
        frontend = SimpleNamespace(feature_names=("rocky", "jazzy", "poppy"), config=None)
        self.labels = self.manifest.labels
        self.identity = ModelIdentity(name=self.manifest.name, version="1.0.0", sha256="3" * 64)
        self.bundle = SimpleNamespace(
            manifest=self.manifest, sha256="3" * 64, frontends={"columns": frontend}
        )

    def predict_features(self, features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        self.seen_rows += len(features["columns"])
        return np.asarray(softmax(3 * features["columns"].astype(np.float64), axis=1))


def model(**changes: Any) -> Classifier:
    return cast(Classifier, CopyClassifier(manifest(provenance(**changes))))


def refuse(model: Manifest, data: Dataset, split: Split) -> None:
    refuse_leaks(find_leaks(data, split, manifest=model), split)


def everything(data: Dataset) -> Split:
    return make_split(data, "all-test")


def test_columns_are_matched_by_name_and_labels_by_name() -> None:
    data = table()
    result, scores = evaluate_bundle(model(), data, everything(data))
    assert result.accuracy.value == 1.0
    assert result.labels == ("rock", "jazz", "pop")
    assert result.bundle_sha256 == "3" * 64
    assert result.confusion == ((3, 0, 0), (0, 3, 0), (0, 0, 3))
    assert [score.item_id for score in scores] == [item.item_id for item in data.items]
    assert all(score.true == score.predicted for score in scores)
    sure = np.exp(3) / (np.exp(3) + 2)
    assert result.log_loss == pytest.approx(-np.log(sure), rel=1e-6)


def test_only_test_items_are_scored() -> None:
    data = table()
    split = make_split(data, "holdout")
    _, scores = evaluate_bundle(model(), data, split)
    assert sorted(score.item_id for score in scores) == sorted(split.folds[0].test)


def test_segments_are_merged_unless_asked_for() -> None:
    data = table(per_track=4)
    by_track, scores = evaluate_bundle(model(), data, everything(data))
    by_segment = summarise(model(), data, everything(data), scores, unit="segment")
    assert (by_track.unit, by_track.items) == ("track", 9)
    assert (by_segment.unit, by_segment.items) == ("segment", 36)
    assert by_segment.accuracy.method == "bootstrap-by-track"


def test_missing_columns_are_named() -> None:
    data = replace(table(), feature_names=("x", "jazzy", "popp", "rocky", "y"))
    with pytest.raises(DatasetError, match=r"lacks 1 of the 3 columns .*'columns': poppy"):
        evaluate_bundle(model(), data, everything(data))


def test_labels_that_the_bundle_does_not_know_are_named() -> None:
    data = table()
    items = (replace(data.items[0], labels=("polka",)), *data.items[1:])
    data = replace(data, items=items, labels=(*LABELS, "polka"))
    with pytest.raises(DatasetError, match=r"does not know: \['polka'\]"):
        evaluate_bundle(model(), data, everything(data))


def test_items_without_audio_or_features_are_refused() -> None:
    data = replace(table(), features=None, feature_names=())
    with pytest.raises(DatasetError, match="neither audio nor features"):
        evaluate_bundle(model(), data, everything(data))


def test_tracks_that_were_trained_on_are_refused_by_name_before_anything_is_scored() -> None:
    data = table()
    classifier = model(trained_on=sorted(map(track_digest, ["track 4", "track 7", "elsewhere"])))
    with pytest.raises(DatasetError, match=r"2 of the 9 test recordings \(track 4, track 7\)"):
        next(score_items(classifier, data, everything(data)))
    assert cast(CopyClassifier, classifier).seen_rows == 0


def test_tracks_that_were_not_trained_on_pass() -> None:
    data = table()
    split = make_split(data, "holdout")
    trained = {item.group for item in data.items if item.item_id in split.folds[0].train}
    source = provenance(
        trained_on=sorted(map(track_digest, trained)), dataset_fingerprint=data.fingerprint
    )
    assert find_leaks(data, split, manifest=manifest(source)) == ()
    with pytest.raises(DatasetError, match="was trained on"):
        refuse(manifest(source), data, make_split(data, "holdout", seed=5))


def test_a_protocol_named_leaky_passes_and_carries_the_word() -> None:
    data = table(per_track=2)
    classifier = model(trained_on=[track_digest("track 4")])
    split = make_split(data, "segments-leaky", n_folds=2)
    result, _ = evaluate_bundle(classifier, data, split)
    assert result.leaky


def test_a_bundle_that_does_not_list_its_tracks_needs_its_own_split() -> None:
    data = table()
    split, other = make_split(data, "holdout"), make_split(data, "holdout", seed=1)
    known = {"dataset_fingerprint": data.fingerprint, "split_fingerprint": split.fingerprint}
    refuse(manifest(provenance(**known)), data, split)
    with pytest.raises(DatasetError, match="with another split"):
        refuse(manifest(provenance(**known)), data, other)


def test_single_label_bundles_are_not_tested_on_several_genres_a_track() -> None:
    data = replace(table(), task="multi-label")
    with pytest.raises(DatasetError, match="tells one genre a track"):
        evaluate_bundle(model(), data, everything(data))


# --- audio, through a real bundle ---------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for label in ("rock", "jazz"):
        (folder / label).mkdir()
        for number in range(3):
            noise = rng.normal(0, 0.1, 2 * 22050).astype(np.float32)
            soundfile.write(folder / label / f"{number}.wav", noise, 22050)
    return folder


def test_audio_is_scored_by_the_one_prediction_path(clips: Path, tiny_bundle: Path) -> None:
    classifier = Classifier.load(tiny_bundle)
    data = load_dataset("folder", clips)
    result, scores = evaluate_bundle(classifier, data, everything(data))
    assert result.items == 6
    for item, found in zip(data.items, scores, strict=True):
        assert item.path is not None
        answer = classifier.predict_file(item.path)
        assert found.predicted == answer.genre
        expected = [answer.scores[label] for label in classifier.labels]
        np.testing.assert_allclose(found.probabilities, expected)


def test_parts_of_a_file_are_scored_as_parts(clips: Path, tiny_bundle: Path) -> None:
    classifier = Classifier.load(tiny_bundle)
    whole = load_dataset("folder", clips)
    part = replace(
        whole, items=tuple(replace(i, start_seconds=1.0, end_seconds=2.0) for i in whole.items)
    )
    _, scores = evaluate_bundle(classifier, part, everything(part))
    _, all_of_it = evaluate_bundle(classifier, whole, everything(whole))
    assert any(
        (a.probabilities != b.probabilities).any() for a, b in zip(scores, all_of_it, strict=True)
    )


def test_a_file_that_cannot_be_read_is_named(
    clips: Path, tmp_path: Path, bundle_factory: Callable[..., Path]
) -> None:
    for label in ("rock", "jazz"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "bad.wav").write_bytes(b"no audio")
    data = load_dataset("folder", tmp_path / "data")
    classifier = Classifier.load(bundle_factory(tmp_path / "bundle"))
    with pytest.raises(DatasetError, match=r"jazz/bad\.wav of data cannot be scored"):
        evaluate_bundle(classifier, data, everything(data))
