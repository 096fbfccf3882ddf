"""The explanation of a set as a page and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import MissingExtraError
from genrekit.explain.columns import (
    PARTIAL_ROWS,
    column_plane,
    component_number,
    component_plane,
    partial_dependence,
)
from genrekit.explain.data import NEIGHBOURS, DataExplanation, EvaluatedData
from genrekit.explain.importance import Importance
from genrekit.explain.maps import (
    TSNE_COMPONENTS,
    agreement,
    fit_scaling,
    neighbours,
    principal_components,
    tsne,
)
from genrekit.explain.shapley import ShapleyValues
from genrekit.inference import printable
from genrekit.pages import (
    Bars,
    Chart,
    Details,
    Document,
    Lines,
    Part,
    Points,
    Regions,
    Section,
    Swarm,
    Table,
    confusion_chart,
    marked_leaky,
    write_page,
)

_MOST_COLUMNS = 20
#: Columns of a swarm.
_MOST_SWARMS = 12
_PARTIAL_COLUMNS = 3
_MOST_LISTED = 300
#: Points, both axes, and scores on the grid.
Plane = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def write_data_page(evaluated: EvaluatedData, folder: Path, *, seed: int = 0) -> tuple[Path, ...]:
    """Write ``index.html`` and a PNG for each chart into ``folder``; return what was written.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    found = evaluated.found
    sections = [_confusion(evaluated), _mistakes(evaluated), _map(evaluated, seed)]
    if evaluated.x is not None:
        sections += [
            _importance(evaluated),
            *_shap(evaluated),
            _partial(evaluated),
            _regions(evaluated),
        ]
    if found.columns:
        sections.append(_one(found))
    if found.notes:
        sections.append(Section("Left out", "\n".join(found.notes)))
    lead = (
        f"{found.model.name} {found.model.version} on {found.items} items of {found.dataset}: "
        f"{found.right} are told as they are labelled."
    )
    if found.trained_on:
        lead += (
            f" {found.trained_on} of them are of recordings that it was trained on, so this is no "
            "measure of how good it is."
        )
        sections = marked_leaky(sections)
    title = f"What {found.model.name} makes of {found.dataset}"
    return write_page(Document(title, lead, sections), folder / "index.html", folder)


def _confusion(evaluated: EvaluatedData) -> Section:
    cells = {(cell.true, cell.predicted): cell.items for cell in evaluated.found.confusion}
    chart = confusion_chart("Confusion", evaluated.classifier.labels, cells)
    wrong = [cell for cell in evaluated.found.confusion if cell.true != cell.predicted]
    wrong.sort(key=lambda cell: -len(cell.items))
    rows = [(c.true, c.predicted, str(len(c.items)), ", ".join(c.items)) for c in wrong]
    table = Table(("labelled", "told", "items", "which"), rows[:_MOST_LISTED])
    return Section("Confusions and the tracks behind them", parts=[chart, table])


def _mistakes(evaluated: EvaluatedData) -> Section:
    rows = [
        (
            one.item,
            one.true,
            one.predicted,
            f"{one.probability:.2f}",
            one.audit,
            ", ".join(one.neighbours),
        )
        for one in evaluated.found.mistakes
    ]
    headings = ("item", "labelled", "told", "probability", "audit of labels", "nearest items")
    text = (
        "Answers that differ from the label, the surest first. A label that the audit doubts too "
        "is worth a listen: a second model, which never saw the track, does not believe it either."
    )
    return Section("Most confident mistakes", text, [Table(headings, rows)] if rows else [])


def _map(evaluated: EvaluatedData, seed: int) -> Section:
    scaled = fit_scaling(evaluated.vectors)(evaluated.vectors)
    parts = principal_components(scaled)
    kept = parts.project(scaled, TSNE_COMPONENTS)
    two = np.pad(kept, ((0, 0), (0, 1)))[:, :2]
    charts: list[Chart] = [_points("Principal components", evaluated, two)]
    if len(kept) >= 4:
        with suppress(MissingExtraError):  # the map of components needs nothing
            charts.append(_points("t-SNE", evaluated, tsne(kept, seed=seed)))
    genres = np.unique([item.labels[0] for item in evaluated.dataset.items], return_inverse=True)[1]
    share = agreement(neighbours(scaled, NEIGHBOURS), genres)
    text = f"Of the {NEIGHBOURS} nearest neighbours of an item {share:.0%} have its label."
    return Section("Map", text, charts)


def _points(title: str, evaluated: EvaluatedData, places: NDArray[np.float64]) -> Points:
    items = evaluated.dataset.items
    genres, names = [item.labels[0] for item in items], [printable(item.item_id) for item in items]
    return Points(title, places[:, 0], places[:, 1], genres, names, "", "")


def _importance(evaluated: EvaluatedData) -> Section:
    found = evaluated.found
    text = (
        "How much accuracy is lost when a column, or a family of them, is shuffled between tracks, "
        "with 95 % intervals. Columns that say the same stand in for each other; families do not."
    )
    charts = [
        _importance_bars("Importance of columns", found.importance[:_MOST_COLUMNS]),
        _importance_bars("Importance of families", found.family_importance[:_MOST_COLUMNS]),
    ]
    return Section("What columns are worth", text, charts)


def _importance_bars(title: str, found: Sequence[Importance]) -> Bars:
    drops = [one.drop for one in found]
    errors = [(one.value - one.low, one.high - one.value) for one in drops]
    names = [printable(one.name) for one in found]
    return Bars(title, names, [one.value for one in drops], "loss of accuracy", errors)


def _shap(evaluated: EvaluatedData) -> list[Section]:
    found = evaluated.shap
    if found is None or evaluated.x is None:
        return []
    rows, names = (
        found.rows,
        evaluated.classifier.bundle.frontends[evaluated.frontend].feature_names,
    )
    predicted = evaluated.probabilities[rows].argmax(axis=1)
    own = found.values[np.arange(len(rows)), :, predicted]
    strength = np.abs(own).mean(axis=0)
    ranked = np.argsort(-strength, kind="stable")[:_MOST_COLUMNS].tolist()
    best = ranked[0]
    genres = [evaluated.classifier.labels[one] for one in predicted]
    items = [printable(evaluated.dataset.items[row].item_id) for row in rows]
    one = np.argsort(-np.abs(own[0]), kind="stable")[:_MOST_COLUMNS].tolist()
    charts: list[Chart] = [
        Bars(
            "SHAP summary",
            [names[place] for place in ranked],
            strength[ranked],
            f"mean size, in {found.unit} of the genre that is told",
        ),
        Points(
            f"SHAP dependence on {names[best]}",
            evaluated.x[rows, best].astype(np.float64),
            own[:, best],
            genres,
            items,
            names[best],
            f"SHAP value, {found.unit}",
        ),
        Bars(
            f"SHAP values of {items[0]}, told {genres[0]}",
            [names[place] for place in one],
            own[0, one],
            f"{found.unit} above the usual {found.baseline[predicted[0]]:.2f}",
        ),
    ]
    text = f"Of {len(rows)} items, for the genre that each is told to be. {found.how}"
    return [Section("SHAP values", text, [*charts, *_swarms(evaluated, found, items)])]


def _swarms(evaluated: EvaluatedData, found: ShapleyValues, items: Sequence[str]) -> list[Part]:
    """For each genre, what every item's value of the strongest columns adds: one is open."""
    assert evaluated.x is not None, "there are SHAP values"
    names = evaluated.classifier.bundle.frontends[evaluated.frontend].feature_names
    sizes = np.abs(found.values).mean(axis=0)
    parts: list[Part] = []
    for place, genre in enumerate(evaluated.classifier.labels):
        ranked = np.argsort(-sizes[:, place], kind="stable")[:_MOST_SWARMS].tolist()
        parts.append(
            Swarm(
                f"SHAP values of {printable(genre)}",
                [names[column] for column in ranked],
                found.values[:, ranked, place].T,
                evaluated.x[found.rows][:, ranked].T.astype(np.float64),
                items,
                f"{found.unit} of {printable(genre)} above the usual {found.baseline[place]:.2f}",
            )
        )
    return [parts[0], *([Details("The other genres", parts=parts[1:])] if parts[1:] else [])]


def _one(found: DataExplanation) -> Section:
    ranked = sorted(found.columns, key=lambda one: -abs(one.loss))[:_MOST_COLUMNS]
    text = (
        "Each column of this item is given its usual value, the median of the table, one at a "
        "time; what the log-odds of its genre lose is what it rests on."
    )
    losses = [one.loss for one in ranked]
    names = [printable(one.name) for one in ranked]
    chart = Bars(f"What {found.item} rests on", names, losses, "loss of log-odds")
    rows = [
        (printable(one.name), f"{one.value:.5g}", f"{one.usual:.5g}", f"{one.loss:+.4f}")
        for one in ranked
    ]
    return Section(
        f"{found.item}", text, [chart, Table(("column", "value", "usual", "loss"), rows)]
    )


def _partial(evaluated: EvaluatedData) -> Section:
    assert evaluated.x is not None
    names = evaluated.classifier.bundle.frontends[evaluated.frontend].feature_names
    rows = np.random.default_rng(0).permutation(len(evaluated.x))[:PARTIAL_ROWS]
    charts = []
    for one in evaluated.found.importance[:_PARTIAL_COLUMNS]:
        places, means = partial_dependence(
            evaluated.predict, evaluated.x[rows], names.index(one.name)
        )
        series = dict(zip(evaluated.classifier.labels, means.T, strict=True))
        charts.append(
            Lines(f"Dependence on {one.name}", places, series, one.name, "mean probability")
        )
    text = "Mean probabilities when a column is the same in every track and the rest as it is."
    return Section("Partial dependence", text, charts)


def _components(evaluated: EvaluatedData, first: int, second: int) -> tuple[str, str, str, Plane]:
    assert evaluated.x is not None
    names = [f"component {one + 1}" for one in (first, second)]
    plane = component_plane(evaluated.predict, evaluated.x, first, second)
    return " and ".join(names), names[0], names[1], plane


def _regions(evaluated: EvaluatedData) -> Section:
    assert evaluated.x is not None
    names = evaluated.classifier.bundle.frontends[evaluated.frontend].feature_names
    planes = [_components(evaluated, 0, 1)]
    chosen = evaluated.plane or tuple(one.name for one in evaluated.found.importance[:2])
    numbers = [None if name in names else component_number(name) for name in chosen]
    if None not in numbers:
        planes.append(_components(evaluated, *(one for one in numbers if one is not None)))
    elif len(names) > 1:
        a, b = (names.index(name) for name in chosen)
        plane = column_plane(evaluated.predict, evaluated.x, a, b)
        planes.append((f"{names[a]} and {names[b]}", names[a], names[b], plane))
    charts = []
    for title, x_title, y_title, (points, across, up, scores) in planes:
        drawn = _points("", evaluated, points)
        charts.append(
            Regions(
                f"Decisions by {title}",
                across,
                up,
                scores.argmax(axis=2),
                scores.max(axis=2),
                evaluated.classifier.labels,
                Points("", drawn.x, drawn.y, drawn.groups, drawn.names, x_title, y_title),
            )
        )
    text = (
        "What the model says in a plane; everything else is at its mean or median there, so items "
        "off the plane may be told otherwise."
    )
    return Section("Decision boundaries", text, charts)
