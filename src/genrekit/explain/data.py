"""Why a model says what it says of a whole set: columns, confusions, mistakes and neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrekit.audit import find_label_issues, out_of_fold
from genrekit.catalog import near_matches
from genrekit.datasets import Dataset, track_digest
from genrekit.errors import ConfigError, DatasetError, MissingExtraError
from genrekit.evaluation import item_probabilities
from genrekit.explain.columns import component_number
from genrekit.explain.importance import Importance, families, permutation_importance
from genrekit.explain.maps import fit_scaling, neighbours
from genrekit.explain.occlusion import replace_columns
from genrekit.explain.records import ColumnLoss
from genrekit.explain.shapley import ShapleyValues, explain_rows
from genrekit.features import table_columns
from genrekit.inference import Classifier, printable
from genrekit.progress import Progress, silent
from genrekit.schema import Contract, ModelIdentity, Probability

NEIGHBOURS = 5
IMPORTANCE_ROWS = 300


class Cell(Contract):
    """Tracks of one genre that were told to be another, or rightly the same."""

    true: str
    predicted: str
    items: tuple[str, ...]


class Mistake(Contract):
    """A track that the model is sure of and wrong about, if its label is right."""

    item: str
    true: str
    predicted: str
    probability: Probability
    audit: str = Field(
        description="what the audit of labels says: doubted, not doubted, or no more"
    )
    neighbours: tuple[str, ...] = Field(description="nearest other items, with their genres")


class DataExplanation(Contract):
    """What a model makes of a set."""

    model: ModelIdentity
    dataset: str
    items: int
    right: int
    trained_on: int = Field(description="items whose recordings the model was trained on")
    confusion: tuple[Cell, ...]
    mistakes: tuple[Mistake, ...]
    importance: tuple[Importance, ...] = ()
    family_importance: tuple[Importance, ...] = ()
    item: str = Field("", description="the one that is explained by itself")
    columns: tuple[ColumnLoss, ...] = Field((), description="of that item, what it rests on")
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedData:
    """A set with what a model says of it.

    Attributes
    ----------
    vectors : (n_items, n_columns) float64
        Columns of the table, or embeddings of the audio.
    probabilities : (n_items, n_labels) float64
    x : (n_items, n_columns) float32, optional
        What the model takes, if that is one vector.
    shap : ShapleyValues, optional
        The first row is `row`, if there is one.
    row : int, optional
        The item that is explained by itself.
    plane : (str, str), optional
        Columns in whose plane decisions are drawn; None takes the two most important ones.
    """

    found: DataExplanation
    classifier: Classifier
    dataset: Dataset
    vectors: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    x: NDArray[np.float32] | None = None
    shap: ShapleyValues | None = None
    row: int | None = None
    plane: tuple[str, str] | None = None

    @property
    def frontend(self) -> str:
        """Name of the only input."""
        return next(iter(self.classifier.bundle.frontends))

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of rows like ``x``."""
        return self.classifier.predict_features({self.frontend: rows})


def explain_data(
    classifier: Classifier,
    dataset: Dataset,
    *,
    item: str | None = None,
    plane: tuple[str, str] | None = None,
    most_mistakes: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> EvaluatedData:
    """Explain a model by a labelled set, which it need not have been trained on.

    Parameters
    ----------
    item : str, optional
        The id of one that is explained by itself, for models of one vector.
    plane : (str, str), optional
        Two columns, or two components (``component-1``), in whose plane decisions are drawn, for
        models of one vector.
    progress : callable, optional
        Called with how far the explanation is.

    Raises
    ------
    DatasetError
        If the data does not fit the model, or is multi-label.
    ConfigError
        If there is no such item or column, or the model does not take one vector.
    """
    _check(classifier, dataset)
    x = _vector(classifier, dataset)
    row = _row(dataset, x, item)
    _check_plane(classifier, x, plane)
    rows = []
    for scores in item_probabilities(classifier, dataset):
        rows.append(scores)
        progress("Scoring", len(rows), len(dataset))
    probabilities = np.array(rows)
    vectors = []
    for vector in _vectors(classifier, dataset, probabilities):
        vectors.append(vector)
        progress("Placing on the map", len(vectors), len(dataset))
    described = np.array(vectors)
    progress("Asking the audit of labels", 0, 1)
    opinions, notes = _opinions(dataset, described, seed)
    progress("Asking the audit of labels", 1, 1)
    found = DataExplanation(
        model=classifier.identity,
        dataset=printable(dataset.name),
        items=len(dataset),
        right=int((_targets(classifier, dataset) == probabilities.argmax(axis=1)).sum()),
        trained_on=_known(classifier, dataset),
        confusion=confusion_cells(classifier, dataset, probabilities),
        mistakes=confident_mistakes(
            classifier, dataset, probabilities, described, opinions, most_mistakes
        ),
        notes=notes,
    )
    evaluated = EvaluatedData(
        found, classifier, dataset, described, probabilities, x, row=row, plane=plane
    )
    if x is not None:
        progress("Shuffling columns", 0, 2)
        importance = column_importance(evaluated, seed=seed)
        progress("Shuffling columns", 1, 2)
        by_family = column_importance(evaluated, by_family=True, seed=seed)
        progress("Shuffling columns", 2, 2)
        update = {
            "importance": importance,
            "family_importance": by_family,
            **({} if row is None else _about_row(evaluated, row)),
        }
        evaluated = replace(evaluated, found=found.model_copy(update=update))
        progress("SHAP values", 0, 1)
        evaluated = _with_shap(evaluated, seed)
    return evaluated


def confusion_cells(
    classifier: Classifier, dataset: Dataset, probabilities: NDArray[np.float64]
) -> tuple[Cell, ...]:
    """Return the tracks behind every cell of the confusion matrix that has some."""
    cells: dict[tuple[str, str], list[str]] = {}
    for item, number in zip(dataset.items, probabilities.argmax(axis=1).tolist(), strict=True):
        key = item.labels[0], classifier.labels[number]
        cells.setdefault(key, []).append(printable(item.item_id))
    return tuple(
        Cell(true=true, predicted=predicted, items=tuple(items))
        for (true, predicted), items in sorted(cells.items())
    )


def confident_mistakes(
    classifier: Classifier,
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    vectors: NDArray[np.float64],
    opinions: Sequence[str],
    most: int,
) -> tuple[Mistake, ...]:
    """Wrong answers, the surest first."""
    targets, predicted = _targets(classifier, dataset), probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(targets != predicted)
    nearest = neighbours(fit_scaling(vectors)(vectors), NEIGHBOURS)

    def describe(row: int) -> str:
        item = dataset.items[row]
        return f"{printable(item.item_id)} ({item.labels[0]})"

    return tuple(
        Mistake(
            item=printable(dataset.items[row].item_id),
            true=dataset.items[row].labels[0],
            predicted=classifier.labels[int(predicted[row])],
            probability=float(min(1, sure[row])),
            audit=opinions[row],
            neighbours=tuple(describe(other) for other in nearest[row].tolist()),
        )
        for row in wrong[np.argsort(-sure[wrong], kind="stable")][:most].tolist()
    )


def column_importance(
    evaluated: EvaluatedData, *, by_family: bool = False, seed: int = 0
) -> tuple[Importance, ...]:
    """Permutation importance of columns, or of families that are shuffled together."""
    assert evaluated.x is not None, "the model takes one vector"
    frontend = evaluated.classifier.bundle.frontends[evaluated.frontend]
    names = frontend.feature_names
    blocks: dict[str, list[int]] = {name: [place] for place, name in enumerate(names)}
    if by_family:
        known = getattr(frontend, "columns", ())
        blocks = _by_family([one.family for one in known]) if known else families(names)
    rows = np.random.default_rng(seed).permutation(len(evaluated.x))[:IMPORTANCE_ROWS]
    groups = evaluated.dataset.groups()
    return permutation_importance(
        evaluated.predict,
        evaluated.x[rows],
        _targets(evaluated.classifier, evaluated.dataset)[rows],
        [groups[row] for row in rows],
        blocks,
        columns=names,
        seed=seed,
    )


def _by_family(found: Sequence[str]) -> dict[str, list[int]]:
    blocks: dict[str, list[int]] = {}
    for place, family in enumerate(found):
        blocks.setdefault(family, []).append(place)
    return blocks


def _with_shap(evaluated: EvaluatedData, seed: int) -> EvaluatedData:
    assert evaluated.x is not None, "the model takes one vector"
    bundle = evaluated.classifier.bundle
    try:
        found = explain_rows(
            evaluated.predict,
            evaluated.x,
            model=bundle.directory / "model.onnx",
            n_labels=len(bundle.manifest.labels),
            row=evaluated.row,
            seed=seed,
        )
    except MissingExtraError as error:
        notes = (*evaluated.found.notes, f"no SHAP values: {error}")
        return replace(evaluated, found=evaluated.found.model_copy(update={"notes": notes}))
    return replace(evaluated, shap=found)


def _about_row(evaluated: EvaluatedData, row: int) -> dict[str, object]:
    """Return what one item's genre loses when a column has its median in place of its own value."""
    assert evaluated.x is not None, "the model takes one vector"
    predicted = evaluated.classifier.labels[int(evaluated.probabilities[row].argmax())]
    own, baseline = evaluated.x[row], np.median(evaluated.x, axis=0).astype(np.float32)
    name = evaluated.frontend
    losses = replace_columns(evaluated.classifier, {name: own}, {name: baseline}, predicted)
    return {"item": printable(evaluated.dataset.items[row].item_id), "columns": losses}


def _row(dataset: Dataset, x: NDArray[np.float32] | None, item: str | None) -> int | None:
    if item is None:
        return None
    _needed(x, "item")
    for row, one in enumerate(dataset.items):
        if item in (one.item_id, printable(one.item_id)):
            return row
    near = near_matches(item, [one.item_id for one in dataset.items])
    raise ConfigError(
        f"{dataset.name} has no item {item!r}; its items are called like "
        f"{', '.join(near) or dataset.items[0].item_id}"
    )


def _check_plane(
    classifier: Classifier, x: NDArray[np.float32] | None, plane: tuple[str, str] | None
) -> None:
    if plane is None:
        return
    most = min(_needed(x, "plane").shape)
    if plane[0] == plane[1]:
        raise ConfigError(f"a plane needs two of them, and {plane[0]!r} is named twice")
    (frontend,) = classifier.bundle.frontends.values()
    known = set(frontend.feature_names)
    numbers = [None if name in known else component_number(name) for name in plane]
    if None not in numbers and max(one for one in numbers if one is not None) < most:
        return
    for name in plane:
        if name not in known:
            near = near_matches(name, frontend.feature_names)
            raise ConfigError(
                f"{classifier.identity.name} has no column {name!r}; it has "
                f"{', '.join(near or frontend.feature_names[:5])}, ..., and {most} "
                "components, component-1 and so on; a plane is of two columns, or of two components"
            )


def _needed(x: NDArray[np.float32] | None, option: str) -> NDArray[np.float32]:
    if x is None:
        raise ConfigError(
            f"{option} is for models that take one row of a table; this one takes something else, "
            "or the data is audio"
        )
    return x


def _check(classifier: Classifier, dataset: Dataset) -> None:
    if dataset.task != "single-label":
        raise DatasetError(f"{dataset.name} is {dataset.task}; confusions need one genre a track")
    strange = sorted({item.labels[0] for item in dataset.items} - set(classifier.labels))
    if strange:
        raise DatasetError(
            f"{dataset.name} has labels that {classifier.identity.name} does not know: {strange}; "
            f"it knows {list(classifier.labels)}"
        )
    if len(dataset) < 2:
        raise DatasetError(f"{dataset.name} has one item; name its file to have that explained")


def _vector(classifier: Classifier, dataset: Dataset) -> NDArray[np.float32] | None:
    """Return what the model takes, if that is one vector of the table."""
    if dataset.features is None or len(classifier.bundle.frontends) != 1:
        return None
    (frontend,) = classifier.bundle.frontends.values()
    names = table_columns(frontend)
    if len(names) != len(frontend.feature_names):
        return None
    return dataset.columns(names).astype(np.float32)


def _vectors(
    classifier: Classifier, dataset: Dataset, probabilities: NDArray[np.float64]
) -> Iterator[NDArray[np.floating]]:
    """Yield the columns of the table; of audio embeddings; without any, log-probabilities."""
    if dataset.features is not None:
        yield from dataset.features
    elif classifier.bundle.embedding_size is None:
        yield from np.log(np.maximum(probabilities, 1e-6))
    else:
        for item in dataset.items:
            assert item.path is not None, "items without audio were refused when scored"
            yield classifier.embed_file(item.path)


def _opinions(
    dataset: Dataset, vectors: NDArray[np.float64], seed: int
) -> tuple[list[str], tuple[str, ...]]:
    names = tuple(f"v{place}" for place in range(vectors.shape[1]))
    evaluated = replace(dataset, features=vectors.astype(np.float64), feature_names=names)
    try:
        found = find_label_issues(dataset.targets(), out_of_fold(evaluated, seed=seed))
    except (DatasetError, MissingExtraError) as error:
        return ["no opinion"] * len(dataset), (f"labels were not audited: {error}",)
    opinions = ["not doubted"] * len(dataset)
    for one in found:
        opinions[one.row] = f"doubted: {dataset.labels[one.proposed]}?"
    return opinions, ()


def _targets(classifier: Classifier, dataset: Dataset) -> NDArray[np.int64]:
    """Positions in the labels of the model."""
    number = {label: place for place, label in enumerate(classifier.labels)}
    return np.array([number[item.labels[0]] for item in dataset.items], dtype=np.int64)


def _known(classifier: Classifier, dataset: Dataset) -> int:
    trained = set(classifier.bundle.manifest.provenance.trained_on)
    return sum(track_digest(item.group) in trained for item in dataset.items)
