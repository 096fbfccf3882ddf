"""What the claims page measures: each claim under its own protocol and under the honest one."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from deep_runs import DeepRun, Job, Loaded, keep
from numpy.typing import NDArray
from pydantic import Field

from genrekit.bundles.session import open_session, run_session
from genrekit.datasets import Dataset, load_dataset
from genrekit.evaluation.intervals import share_by_group
from genrekit.evaluation.significance import paired_difference
from genrekit.experiments import Study, run_study
from genrekit.experiments.comparison import Test
from genrekit.features import build_frontend
from genrekit.jukebox import synthesise
from genrekit.models import ClassicalConfig, classical_config
from genrekit.progress import Progress
from genrekit.schema import Contract, Estimate, Gtzan57Config
from genrekit.training import ProtocolConfig, load_recipe
from genrekit.training.fitting import Task, fit
from genrekit.training.rows import table_rows

ROOT = Path(__file__).resolve().parents[1]

RANDOM = ProtocolConfig(name="segments-leaky", n_folds=5)
#: Trains on 667 tracks of 1000, about as many as the fault-filtered parts: 640.
THIRDS = ProtocolConfig(name="segments-leaky", n_folds=3)
GROUPED = ProtocolConfig(name="grouped-kfold", n_folds=5)
TESTED = ProtocolConfig(name="fault-filtered", fit_on="train+valid")

#: Columns that are kept of all that were made; and of noise.
CHOSEN = 200
NOISE_COLUMNS, NOISE_CHOSEN = 2000, 100
SEGMENT_SECONDS, SEGMENTS = 3.0, 10
_TIMED = 15


class Reading(Contract):
    """One accuracy.

    Parameters
    ----------
    protocol : ProtocolConfig
        As it was asked for.
    leaks : tuple of str
        By the names of the leak detector; empty for an honest number.
    """

    what: str
    protocol: ProtocolConfig
    leaks: tuple[str, ...] = ()
    unit: str
    items: int
    recordings: int
    accuracy: Estimate


class Versus(Contract):
    """Two models on the same tracks; the difference is first minus second.

    Parameters
    ----------
    p : float
        Of ``test``.
    test : str
        McNemar's mid-p; where recordings count several times, and for gains, signs flipped by
        recording. A bootstrap in what earlier versions measured.
    p_holm : float, optional
        Adjusted for all pairs of models that were tested together.
    corrected : Estimate, optional
        The difference with the interval of the corrected t-test.
    """

    first: str
    second: str
    protocol: ProtocolConfig
    items: int
    difference: Estimate
    p: float
    test: Test = "sign-flip"
    p_holm: float | None = None
    naive_p: float | None = None
    corrected_p: float | None = None
    corrected: Estimate | None = None


class Measured(Contract):
    """What was measured of one claim."""

    readings: tuple[Reading, ...] = ()
    pairs: tuple[Versus, ...] = ()
    ratios: dict[str, float] = Field({})


@dataclass(frozen=True, slots=True)
class Places:
    """Where data is, and what is kept."""

    data: Path
    kept: Path

    @property
    def table(self) -> Path:
        """The Kaggle table."""
        return self.data / "gtzan_tables" / "features_30_sec.csv"

    @property
    def segments(self) -> Path:
        """Three-second rows of five genres, without names."""
        return self.data / "gtzan_tables" / "features_3_sec_five_genres.csv"

    @property
    def clips(self) -> Path:
        """Whole GTZAN clips in genre folders."""
        return self.data / "gtzan_audio" / "clips"


# --- studies ------------------------------------------------------------------------------------


def models(*names: str | dict[str, object]) -> tuple[ClassicalConfig, ...]:
    """Classical models by name, or with settings."""
    return tuple(
        classical_config({"architecture": one} if isinstance(one, str) else one) for one in names
    )


def _study(
    places: Places,
    stage: str,
    dataset: Dataset,
    fitted: Sequence[ClassicalConfig],
    protocols: Sequence[ProtocolConfig],
    progress: Progress,
) -> Study:
    progress(stage, 0, 1)
    study = run_study(dataset, models=fitted, protocols=protocols, keep=places.kept / "fits")
    progress(stage, 1, 1)
    return study


def readings(study: Study, what: str = "", *, leaks: tuple[str, ...] = ()) -> Iterator[Reading]:
    """Every cell of a study.

    Parameters
    ----------
    what : str
        Of what the models were fitted.
    leaks : tuple of str
        Besides that of the split.
    """
    for cell in study.result.cells:
        found = cell.result
        yield Reading(
            what=f"{found.model}, {what}" if what else found.model,
            protocol=cell.protocol,
            leaks=(("segments",) if found.leaky else ()) + leaks,
            unit=found.unit,
            items=found.items,
            recordings=study.result.tracks,
            accuracy=found.accuracy,
        )


def versus(
    study: Study, one: str, other: str, only: ProtocolConfig | None = None
) -> Iterator[Versus]:
    """One model against another under every protocol, or one of them; ``one`` first."""
    for found in study.result.comparisons:
        if only not in (None, found.protocol):
            continue
        names = {one, other}
        pair = next(pair for pair in found.comparison.pairs if {pair.first, pair.second} == names)
        sign, corrected = 1 if pair.first == one else -1, pair.corrected_t
        yield Versus(
            first=one,
            second=other,
            protocol=found.protocol,
            items=found.comparison.items,
            difference=_turned(pair.difference, sign),
            p=pair.p,
            test=found.comparison.test,
            p_holm=pair.p_holm,
            naive_p=None if pair.naive_t is None else pair.naive_t.p,
            corrected_p=None if corrected is None else corrected.p,
            corrected=None if corrected is None else _turned(corrected.difference, sign),
        )


def gains(study: Study, what: str, base: Study, base_what: str) -> Iterator[Versus]:
    """The same models on other columns of the same tracks, track by track."""
    for cell, run, before in zip(study.result.cells, study.runs, base.runs, strict=True):
        hits = [{one.item: one.right for one in each.answers} for each in (run, before)]
        assert hits[0].keys() == hits[1].keys(), "the same tracks were tested"
        items = sorted(hits[0])
        first, second = (np.array([of[item] for item in items], np.float64) for of in hits)
        group = {one.item: one.group for one in run.answers}
        difference, p = paired_difference(first, second, [group[item] for item in items])
        yield Versus(
            first=f"{run.result.model}, {what}",
            second=f"{run.result.model}, {base_what}",
            protocol=cell.protocol,
            items=len(items),
            difference=difference,
            p=p,
        )


def _turned(gap: Estimate, sign: int) -> Estimate:
    if sign > 0:
        return gap
    return gap.model_copy(update={"value": -gap.value, "low": -gap.high, "high": -gap.low})


# --- whole tracks -------------------------------------------------------------------------------


def ensembles(places: Places, progress: Progress) -> Measured:
    """The classical models of the claims on the Kaggle table."""
    dataset = load_dataset("table", places.table)
    fitted = models("vote", "forest", "boosting", "svm", "knn")
    study = _study(
        places, "ensembles", dataset, fitted, (RANDOM, THIRDS, GROUPED, TESTED), progress
    )
    pairs = (*versus(study, "vote", "forest"), *_from_best(study, "svm"))
    return Measured(readings=tuple(readings(study)), pairs=pairs)


def _from_best(study: Study, model: str) -> Iterator[Versus]:
    """The best model of each protocol against one."""
    for found in study.result.comparisons:
        best = found.comparison.models[0].name
        if best != model:
            yield from versus(study, best, model, found.protocol)


FEW, ALL = "40 MFCC columns", "57 columns"
INSIDE = f"57 and products, {CHOSEN} chosen in each fold"
BEFORE = f"57 and products, {CHOSEN} chosen before the split"


def engineering(places: Places, progress: Progress) -> Measured:
    """Columns made of columns, and chosen inside the folds or before they were made."""
    whole = load_dataset("table", places.table)
    few = _with_columns(whole, [n for n in whole.feature_names if n.startswith("mfcc")])
    made = _with_products(whole)
    plain = models("svm", "logistic")
    choosing = tuple(
        one.model_copy(update={"prepare": one.prepare.model_copy(update={"select": CHOSEN})})
        for one in plain
    )
    studies: dict[str, Study] = {}
    found: list[Reading] = []
    for what, dataset, fitted, leaks in (
        (FEW, few, plain, ()),
        (ALL, whole, plain, ()),
        (INSIDE, made, choosing, ()),
        (BEFORE, _chosen_before(made, CHOSEN), plain, ("fitted-before-split",)),
    ):
        studies[what] = _study(
            places, f"engineering: {what}", dataset, fitted, (RANDOM, GROUPED, TESTED), progress
        )
        found += readings(studies[what], what, leaks=leaks)
    pairs = [
        gain
        for what, base in ((ALL, FEW), (INSIDE, ALL), (BEFORE, ALL))
        for gain in gains(studies[what], what, studies[base], base)
    ]
    return Measured(readings=tuple(found), pairs=tuple(pairs))


def noise(places: Places, progress: Progress) -> Measured:
    """What choosing columns before the split is worth where there is nothing to be learnt."""
    whole = load_dataset("table", places.table)
    values = np.random.default_rng(0).normal(size=(len(whole), NOISE_COLUMNS))
    names = tuple(f"noise{number:04}" for number in range(NOISE_COLUMNS))
    random = replace(whole, features=values, feature_names=names)
    (plain,) = models("logistic")
    prepare = plain.prepare.model_copy(update={"select": NOISE_CHOSEN})
    inside = plain.model_copy(update={"prepare": prepare})
    found: list[Reading] = []
    for what, dataset, model, leaks in (
        ("chosen in each fold", random, inside, ()),
        (
            "chosen before the split",
            _chosen_before(random, NOISE_CHOSEN),
            plain,
            ("fitted-before-split",),
        ),
    ):
        study = _study(places, f"noise, {what}", dataset, [model], [GROUPED], progress)
        found += readings(study, f"noise, {what}", leaks=leaks)
    return Measured(readings=tuple(found))


def _with_columns(dataset: Dataset, names: Sequence[str]) -> Dataset:
    assert dataset.features is not None
    places = [dataset.feature_names.index(name) for name in names]
    return replace(dataset, features=dataset.features[:, places], feature_names=tuple(names))


def _with_products(dataset: Dataset) -> Dataset:
    """All columns, and the product of every two of them on a scale of logarithms.

    Nothing is fitted: each row is made of itself alone.
    """
    assert dataset.features is not None
    logs = np.sign(dataset.features) * np.log1p(np.abs(dataset.features))
    first, second = np.triu_indices(logs.shape[1])
    made = logs[:, first] * logs[:, second]
    names = [
        f"{dataset.feature_names[a]} x {dataset.feature_names[b]}"
        for a, b in zip(first, second, strict=True)
    ]
    return replace(
        dataset,
        features=np.hstack([dataset.features, made]),
        feature_names=(*dataset.feature_names, *names),
    )


def _chosen_before(dataset: Dataset, count: int) -> Dataset:
    """The columns that an F test over ALL rows likes best: what must not be done."""
    from sklearn.feature_selection import f_classif

    assert dataset.features is not None
    scores, _ = f_classif(dataset.features, dataset.targets())
    best = np.sort(np.argsort(-scores, kind="stable")[:count])
    return _with_columns(dataset, [dataset.feature_names[place] for place in best])


# --- segments -----------------------------------------------------------------------------------


def segments(places: Places, progress: Progress) -> Measured:
    """Three-second rows against whole tracks of the same five genres and columns."""
    short = load_dataset("table", places.segments)
    whole = load_dataset("table", places.table)
    shared = [name for name in whole.feature_names if name in short.feature_names]
    rows = [n for n, item in enumerate(whole.items) if item.labels[0] in short.labels]
    whole = replace(_with_columns(whole, shared).select(rows), labels=short.labels)
    fitted = models({"architecture": "knn", "neighbours": 1}, "svm")
    leaky = _study(
        places, "segments of 3 s", _with_columns(short, shared), fitted, [RANDOM], progress
    )
    kept = _study(
        places, "whole tracks of five genres", whole, fitted, (RANDOM, GROUPED, TESTED), progress
    )
    return Measured(
        readings=(*readings(leaky, "3-s segments"), *readings(kept, "whole tracks")),
    )


#: Recipes of the networks that are claimed, made small enough for ten fits each on one core.
NETWORKS = {
    "crnn": ("model.channels=[16,32,64,96]", "model.units=48"),
    "cnn": ("model.channels=[16,32,64,128]",),
    "bilstm": ("model.units=64", "model.layers=1"),
    "bigru": ("model.units=64", "model.layers=1"),
}
_SMALLER = (
    *("data.corpus=manifest", "frontend.n_mels=64"),
    *("windows.window_seconds=3", "windows.hop_seconds=3"),
    *("training.epochs=15", "training.learning_rate=0.003", "training.hold_out=0"),
)


def networks(places: Places, progress: Progress) -> Measured:
    """Networks on three-second segments of whole clips, split by segment and by recording."""
    loaded = Loaded({"manifest": _segments_of_clips(places)})
    folder = places.kept / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    recipes = [
        load_recipe(ROOT / f"recipes/networks/{name}.yaml", (*_SMALLER, *own))
        for name, own in NETWORKS.items()
    ]
    wanted = [
        Job(recipe, protocol, fold)
        for recipe in recipes
        for protocol in (RANDOM, GROUPED)
        for fold in range(protocol.n_folds)
    ]
    runs: dict[tuple[str, ProtocolConfig], list[DeepRun]] = {}
    for done, job in enumerate(wanted, start=1):
        of_both = runs.setdefault((job.recipe.name, job.protocol), [])
        of_both.append(keep(job, folder, loaded))
        progress("networks on segments", done, len(wanted))
    return Measured(readings=tuple(_pooled(runs)))


def _pooled(runs: Mapping[tuple[str, ProtocolConfig], Sequence[DeepRun]]) -> Iterator[Reading]:
    """All folds of a network and protocol together; recordings are drawn anew for the interval."""
    for (name, protocol), folds in runs.items():
        hits = np.concatenate([run.right for run in folds]).astype(np.float64)
        groups = [track for run in folds for track in run.tracks]
        yield Reading(
            what=name,
            protocol=protocol,
            leaks=("segments",) if folds[0].leaky else (),
            unit="segment",
            items=len(hits),
            recordings=len(set(groups)),
            accuracy=share_by_group(hits, groups),
        )


def _segments_of_clips(places: Places) -> Path:
    """A manifest of ten segments of each clip."""
    places.kept.mkdir(parents=True, exist_ok=True)
    file = places.kept / "segments.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "start", "end"])
        for clip in sorted(places.clips.resolve().glob("*/*")):
            for number in range(SEGMENTS):
                start = number * SEGMENT_SECONDS
                writer.writerow([clip, clip.parent.name, start, start + SEGMENT_SECONDS])
    return file


# --- time ---------------------------------------------------------------------------------------


def speed(places: Places, progress: Progress) -> Measured:
    """How long a vote takes for a row of features, and how long the features take."""
    dataset = load_dataset("table", places.table)
    (vote,) = models("vote")
    rows = table_rows(dataset, dataset.feature_names)
    task = Task(vote, "features", dataset.feature_names, dataset.labels)
    progress("speed", 0, _TIMED)
    names = dataset.labels
    session = open_session(fit(task, rows).model, inputs=("features",), n_labels=len(names))
    frontend = build_frontend(Gtzan57Config())
    samples = synthesise("jazz", seconds=30, sample_rate_hz=frontend.config.sample_rate_hz).samples
    row = {"features": np.asarray(rows.x[:1])}
    times: list[tuple[float, float]] = []
    for done in range(_TIMED):
        vote_seconds = _seconds(lambda: run_session(session, row, n_labels=len(names)))
        times.append((vote_seconds, _seconds(lambda: frontend(samples))))
        progress("speed", done + 1, _TIMED)
    model, features = np.array(times).min(axis=0).tolist()
    return Measured(
        ratios={"model_ms": 1000 * model, "features_ms": 1000 * features, "times": features / model}
    )


def _seconds(work: Callable[[], NDArray[np.float32]]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement, and what it needs."""

    measure: Callable[[Places, Progress], Measured]
    needs: Callable[[Places], tuple[Path, ...]]


MEASURES = {
    "ensembles": Measure(ensembles, lambda places: (places.table,)),
    "engineering": Measure(engineering, lambda places: (places.table,)),
    "noise": Measure(noise, lambda places: (places.table,)),
    "segments": Measure(segments, lambda places: (places.table, places.segments)),
    "networks": Measure(networks, lambda places: (places.clips,)),
    "speed": Measure(speed, lambda places: (places.table,)),
}
