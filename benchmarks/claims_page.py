"""The claims page, from what was measured for it and from the results beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from claims_measure import (
    ALL,
    BEFORE,
    CHOSEN,
    FEW,
    GROUPED,
    INSIDE,
    NETWORKS,
    NOISE_CHOSEN,
    NOISE_COLUMNS,
    RANDOM,
    TESTED,
    THIRDS,
    Measured,
    Reading,
    Versus,
)
from claims_text import (
    CHECK,
    CROSS,
    HEAD,
    MEDIUM,
    MULTILABEL,
    OUTSIDE,
    SEGMENT_NETWORKS,
    SEGMENT_TABLE,
)
from deep_page import DeepNumbers

from genrekit.schema import Contract, Estimate, EvaluationResult
from genrekit.training import ProtocolConfig

#: What the projects report, by what it is measured with here.
VOTE, FOREST, BOOSTING = 0.847, 0.823, 0.816
NETWORK_CLAIMS = {"crnn": 0.854, "cnn": 0.645, "bilstm": 0.595, "bigru": 0.680}
_CALLED = {"crnn": "CNN-LSTM", "cnn": "CNN", "bilstm": "LSTM", "bigru": "GRU"}
P_CLAIMED = 0.012
MILLISECONDS = 50

_NOT_HERE = "not measured: the data was not at hand"
_PEOPLE = "artists and repetitions on both sides (`segments`, `artist`)"


class Claims(Contract):
    """The JSON beside the page."""

    measured: dict[str, Measured]


def render(found: Claims, folder: Path) -> str:
    """The page; equal numbers give equal text.

    Parameters
    ----------
    folder : Path
        Of the results that other commands wrote.
    """
    page = _Page(found.measured, folder)
    blocks = [
        HEAD,
        page.summary(),
        *page.ensembles(),
        *page.p_value(),
        *page.engineering(),
        *page.networks(),
        *page.segments(),
        *page.pictures(),
        *page.artists(),
        *page.speed(),
        *page.unchecked(),
    ]
    return "\n\n".join(block.strip() for block in blocks if block) + "\n"


class _Page:
    """Sections; each finds its numbers, or says that they are not there."""

    def __init__(self, measured: dict[str, Measured], folder: Path) -> None:
        self._measured = measured
        self._folder = folder

    # --- the table on top

    def summary(self) -> str:
        """Every claim in a line."""
        rows = [*self._classical_lines(), *self._network_lines(), *self._segment_lines()]
        rows += [
            *self._picture_lines(),
            ["FMA-medium", "0.783", "not said", "not checked", "not checked", CHECK["medium"]],
            ["GTZAN to FMA", "0.718", "not said", "not checked", "not checked", CHECK["cross"]],
            [
                *("several genres a track, of 50", "F1 0.65 to 0.75", "not said"),
                *("not checked", "not checked", CHECK["multilabel"]),
            ],
            self._speed_line(),
        ]
        header = [
            *("claim", "published", "protocol it implies", "genrekit under that protocol"),
            *("under the honest one", "what leaks"),
        ]
        return _table(header, rows)

    def _classical_lines(self) -> Iterator[list[str]]:
        five = "5 random folds over rows"
        for what, said, name in (
            ("soft vote", VOTE, "vote"),
            ("random forest", FOREST, "forest"),
            ("gradient boosting", BOOSTING, "boosting"),
        ):
            yield [
                *(f"{what} on `features_30_sec.csv`", f"{said:.3f}", five),
                self._shown("ensembles", name, RANDOM),
                self._shown("ensembles", name, TESTED),
                _PEOPLE,
            ]
        yield [
            *("feature engineering", "+12 %", "columns chosen on the whole table, random folds"),
            self._gains(BEFORE, RANDOM),
            self._gains(INSIDE, TESTED),
            "columns chosen with a look at tested tracks (`fitted-before-split`)",
        ]
        random, tested = (self._versus("vote", "forest", one) for one in (RANDOM, TESTED))
        yield [
            *("vote better than forest", f"p = {P_CLAIMED}", "paired t-test over 5 random folds"),
            _NOT_HERE if random is None else f"p = {_p(random.naive_p)}, {_gap(random)}",
            _NOT_HERE if tested is None else f"p = {_p(tested.p)}, {_gap(tested)}",
            "folds share training tracks, which that test takes for independent",
        ]

    def _network_lines(self) -> Iterator[list[str]]:
        for name, said in NETWORK_CLAIMS.items():
            yield [
                *(f"{_CALLED[name]} on 3-s segments", f"{said:.3f}", "random split of segments"),
                self._shown("networks", name, RANDOM),
                f"{self._shown('networks', name, GROUPED)} by recording; whole tracks, artists "
                f"apart: {_estimate(self._deep()[name].honest)}",
                "segments of a track on both sides (`segments`)",
            ]

    def _segment_lines(self) -> Iterator[list[str]]:
        short = "knn, 3-s segments"
        yield [
            "3-s segments beat whole tracks; nearest neighbours best on them",
            *("", "random split of rows", self._shown("segments", short, RANDOM)),
            f"{self._course('knn')} on segments of 10 s",
            "segments of a track on both sides (`segments`)",
        ]
        yield [
            *("SVM best on whole tracks", "", "random split of tracks"),
            *(self._best_beside("svm", one) for one in (RANDOM, TESTED)),
            _PEOPLE,
        ]
        yield [
            *("both fail on outside music", "", "another corpus", "not checked", "not checked"),
            CHECK["outside"],
        ]

    def _picture_lines(self) -> Iterator[list[str]]:
        deep = self._deep()
        table, cnn = deep["mlp"], deep["cnn"]
        yield [
            *("tabular networks far ahead of the picture CNN", "", "random split of tracks"),
            f"{_estimate(table.leaky)} against {_estimate(cnn.leaky)}",
            f"{_estimate(table.honest)} against {_estimate(cnn.honest)}",
            _PEOPLE,
        ]

    def _speed_line(self) -> list[str]:
        measured = self._measured.get("speed")
        if measured is None:
            under = _NOT_HERE
        else:
            under = f"{measured.ratios['model_ms']:.1f} ms for a row of features"
        times = "" if measured is None else f"{1 + measured.ratios['times']:.0f} times that"
        return [
            *("time of a track", f"{MILLISECONDS} ms", "features are there already"),
            *(under, f"{times} with the features", "what is timed is not what a user waits for"),
        ]

    # --- sections

    def ensembles(self) -> Iterator[str]:
        """The classical models."""
        yield "## Ensembles on the Kaggle table"
        yield (
            "`features_30_sec.csv`, 57 columns, a row for each of 1000 tracks; default settings, "
            "nothing tuned. Folds over rows part repetitions of a recording (14 exact and 23 near "
            "ones are known) and, far more often, tracks of one artist: GTZAN has many albums in "
            "it, and its names say nothing of them. Only the fault-filtered parts keep artists "
            "apart; they train on 640 tracks, so random thirds, which train on 667, stand between: "
            "what is lost from there is not for want of tracks. All models and protocols: "
            "[features_30_sec.md](features_30_sec.md)."
        )
        said = {"vote": VOTE, "forest": FOREST, "boosting": BOOSTING}
        rows = [
            [
                name,
                f"{said[name]:.3f}" if name in said else "",
                *(self._shown("ensembles", name, one) for one in (RANDOM, THIRDS, GROUPED, TESTED)),
            ]
            for name in ("vote", "forest", "boosting", "svm", "knn")
        ]
        header = [*("model", "published", _HEADINGS[0], "3 random folds LEAKY"), *_HEADINGS[1:]]
        yield _table(header, rows)
        found = [self._reading("ensembles", name, RANDOM) for name in said]
        over = [
            f"{name} {_side(said[name], one.accuracy)}"
            for name, one in zip(said, found, strict=True)
            if one is not None
        ]
        if over:
            yield (
                "Where the published number lies by the interval under its own protocol: "
                f"{'; '.join(over)}. What else went into it is not said; a model chosen, or "
                "columns selected, on the tested rows would do it (`chosen-on-test`, "
                "`fitted-before-split`)."
            )

    def p_value(self) -> Iterator[str]:
        """Vote against forest."""
        yield f"## Vote against forest, p = {P_CLAIMED}"
        yield (
            "The naive paired t-test takes the folds of a cross-validation for independent, though "
            "any two of them share most of their training tracks; it calls equal models different "
            "several times as often as it says (Dietterich 1998; Nadeau and Bengio 2003, whose "
            "correction stands beside it). On one test set McNemar's test is the right one."
        )
        rows = [
            [
                _heading(one),
                *(_points(found.difference), _p(found.naive_p), _p(found.corrected_p), _p(found.p)),
            ]
            for one in (RANDOM, GROUPED, TESTED)
            if (found := self._versus("vote", "forest", one)) is not None
        ]
        header = [
            *("protocol", "vote minus forest, points", "naive t-test", "corrected t-test"),
            "over tracks",
        ]
        yield _table(header, rows)
        yield (
            "The last column is McNemar's mid-p; where repetitions count several times, a "
            "bootstrap over recordings. Tests over tracks allow for other tracks by the same "
            "artists and not for other training tracks; the corrected t-test allows for those. "
            "Neither knows that the artists were trained on."
        )

    def engineering(self) -> Iterator[str]:
        """Columns made of columns."""
        yield "## Feature engineering, +12 %"
        yield (
            "Whether that is points or parts of a hundred, from which columns to which, is not "
            f"said. Here 40 MFCC columns are taken to all 57, and those to 57 and {57 * 58 // 2:,} "
            f"products of two columns, of which an F test keeps the {CHOSEN} best: once in each "
            "fold, from its training rows, and once on the whole table before it is split, which "
            "is the usual mistake (`fitted-before-split`)."
        )
        rows = [
            [
                f"{model}, {kind}{' LEAKY' if kind == BEFORE else ''}",
                *(
                    self._shown("engineering", f"{model}, {kind}", one)
                    for one in (RANDOM, GROUPED, TESTED)
                ),
            ]
            for model in ("svm", "logistic")
            for kind in (FEW, ALL, INSIDE, BEFORE)
        ]
        yield _table(["model and columns", *_HEADINGS], rows)
        rows = [
            [
                f"{model}, {kind} against {base}{' LEAKY' if kind == BEFORE else ''}",
                *(
                    self._gain(f"{model}, {kind}", f"{model}, {base}", one)
                    for one in (RANDOM, GROUPED, TESTED)
                ),
            ]
            for model in ("svm", "logistic")
            for kind, base in ((ALL, FEW), (INSIDE, ALL), (BEFORE, ALL))
        ]
        yield "What that gains, in points, track by track:"
        yield _table(["gain", *_HEADINGS], rows)
        yield (
            "How much a choice before the split can do by itself shows where there is nothing to "
            f"learn: {NOISE_COLUMNS} columns of noise for the same tracks and genres, of which the "
            f"{NOISE_CHOSEN} best are kept. Chance is 0.1; both columns are of the same honest "
            "folds."
        )
        rows = [
            [
                "logistic, grouped-kfold",
                *(
                    self._shown("noise", f"logistic, noise, {how}", GROUPED)
                    for how in ("chosen in each fold", "chosen before the split")
                ),
            ]
        ]
        yield _table(["noise", "chosen in each fold", "chosen before the split LEAKY"], rows)

    def networks(self) -> Iterator[str]:
        """Networks on segments, and on whole tracks."""
        yield "## Networks on three-second segments"
        reading = self._reading("networks", "cnn", GROUPED)
        what = (
            f"{reading.items} segments of {reading.recordings} clips" if reading else "The segments"
        )
        yield (
            f"{what} that were at hand, in five folds, small versions of the committed recipes, 15 "
            "epochs; accuracy over segments in both columns, intervals from resampled recordings. "
            "The clips are ids 0 to 7 of each genre, which are often by one artist, so the folds "
            "by recording flatter as well; the last column is of whole tracks with artists kept "
            "apart, on spectrogram pictures ([deep.md](deep.md)). LSTM and GRU run both ways here."
        )
        deep = self._deep()
        rows = [
            [
                _CALLED[name],
                f"{NETWORK_CLAIMS[name]:.3f}",
                self._shown("networks", name, RANDOM),
                self._shown("networks", name, GROUPED),
                _estimate(deep[name].honest),
            ]
            for name in NETWORKS
        ]
        header = [
            *("network", "published", "folds over segments LEAKY", "folds over recordings"),
            "whole tracks, fault-filtered",
        ]
        yield _table(header, rows)
        yield "With GTZAN's audio in a folder `gtzan`, on all of it:"
        yield SEGMENT_NETWORKS

    def segments(self) -> Iterator[str]:
        """Segments against whole tracks."""
        yield "## Segments against whole tracks"
        yield (
            "Three-second rows of five genres (a part of Kaggle's table that comes without file "
            "names, so nobody can split it by recording; the only number it allows is a leaky one) "
            "against whole tracks of the same genres and columns:"
        )
        rows = [
            [
                model,
                self._shown("segments", f"{model}, 3-s segments", RANDOM),
                *(
                    self._shown("segments", f"{model}, whole tracks", one)
                    for one in (RANDOM, GROUPED, TESTED)
                ),
            ]
            for model in ("knn", "svm")
        ]
        yield _table(
            ["model", "3-s segments, 5 random folds LEAKY", *(f"tracks, {h}" for h in _HEADINGS)],
            rows,
        )
        yield (
            "A course's table has names, so the same rows can be split both ways: three segments "
            "of ten seconds of each track, and its whole tracks ([course_10s.md](course_10s.md), "
            "[course_30s.md](course_30s.md); ten folds)."
        )
        ten, thirty = self._study("course_10s"), self._study("course_30s")
        rows = [
            [
                name,
                _cell(ten, name, "segments-leaky"),
                _cell(ten, name, "grouped-kfold", by_rows=True),
                _cell(ten, name, "grouped-kfold"),
                _cell(thirty, name, "grouped-kfold"),
                _cell(ten, name, "fault-filtered"),
                _cell(thirty, name, "fault-filtered"),
            ]
            for name in ("knn", "svm", "logistic", "forest")
        ]
        header = [
            *("model", "segments, by row LEAKY", "segments, by recording", "merged to recordings"),
            *("whole tracks, by recording", "merged, fault-filtered"),
            "whole tracks, fault-filtered",
        ]
        yield _table(header, rows)
        yield "With Kaggle's whole `features_3_sec.csv`, whose names tell the recordings:"
        yield SEGMENT_TABLE

    def pictures(self) -> Iterator[str]:
        """Tables against pictures."""
        yield "## Tables against pictures"
        deep = self._deep()
        seeds = deep["mlp"].honest_seeds
        yield (
            f"{seeds} seeds of each architecture on the same split ([deep.md](deep.md)); the last "
            "column is what the network of the table has more on the tracks that both were tested "
            "on. `pictures` has pictures of four and a half times as many cells."
        )
        rows = [
            [
                one.recipe,
                one.inputs,
                _estimate(one.leaky),
                _estimate(one.honest),
                "" if one.behind_table is None else _points(one.behind_table),
            ]
            for one in deep.values()
            if one.recipe in ("mlp", "cnn", "vgg", "resnet", "pictures")
        ]
        header = [
            *("network", "input", "random thirds LEAKY", "fault-filtered"),
            "table ahead by, points",
        ]
        yield _table(header, rows)

    def artists(self) -> Iterator[str]:
        """What an artist on both sides is worth, where it can be measured."""
        yield "## What an artist on both sides is worth"
        study = self._study("ismir04")
        yield (
            "GTZAN's artists are unknown, so what they give away cannot be told from what "
            "repetitions do. The training part of the ISMIR 2004 contest names its artists "
            "([ismir04.md](ismir04.md)): the same tracks, columns and models, split with and "
            "without looking at them."
        )
        names = list(dict.fromkeys(cell["result"]["model"] for cell in study["cells"]))
        leaky = "grouped-kfold-by-track-leaky"
        rows = [
            [name, *(_cell(study, name, one) for one in (leaky, "grouped-kfold", _ALONE))]
            for name in names
        ]
        header = [
            *("model", "folds that know no artists LEAKY", "folds by artist"),
            "leave one artist out",
        ]
        yield _table(header, rows)

    def speed(self) -> Iterator[str]:
        """What is timed."""
        yield f"## {MILLISECONDS} ms a track"
        measured = self._measured.get("speed")
        if measured is not None:
            model, features, times = (
                measured.ratios[name] for name in ("model_ms", "features_ms", "times")
            )
            yield (
                f"The vote answers a row of 57 features in {model:.1f} ms; computing the row from "
                f"30 s of audio takes genrekit {features:.0f} ms, {times:.0f} times as long (the "
                "fastest of 15 in turns, one thread, on a machine that was busy; the ratio is what "
                "counts). A number that leaves decoding and features out is not what a user waits "
                "for."
            )
        speed = json.loads((self._folder / "speed.json").read_text(encoding="utf-8"))
        rows = [
            [one["what"], f"{one['ratio']:.1f}"]
            for one in speed
            if "57 features of" in one["what"] or one["what"].startswith("predict")
        ]
        yield "How many times as long librosa takes, in turns ([speed.md](speed.md)):"
        yield _table(["what", "times"], rows)

    def unchecked(self) -> Iterator[str]:
        """Claims whose data was not at hand, and the commands that will check them."""
        yield "## Not checked yet"
        yield (
            "FMA's audio and that of MTG-Jamendo were not at hand, and no number is given in their "
            "place. These commands check the claims once the data is there; `genrekit download` "
            "fetches FMA and says how much it is."
        )
        for title, text in (
            ("### FMA-medium, 0.783", MEDIUM),
            ("### GTZAN to FMA, 0.718", CROSS),
            ("### Outside music", OUTSIDE),
            ("### Fifty genres, several a track, F1 0.65 to 0.75", MULTILABEL),
        ):
            yield title
            yield text

    # --- numbers

    def _reading(self, measure: str, what: str, protocol: ProtocolConfig) -> Reading | None:
        measured = self._measured.get(measure)
        found = () if measured is None else measured.readings
        return next((one for one in found if (one.what, one.protocol) == (what, protocol)), None)

    def _shown(self, measure: str, what: str, protocol: ProtocolConfig) -> str:
        found = self._reading(measure, what, protocol)
        if found is None:
            return _NOT_HERE
        if found.recordings == 1:  # all rows are of one that nobody knows
            return f"{found.accuracy.value:.3f}, of unknown recordings: no interval"
        return _estimate(found.accuracy)

    def _best_beside(self, name: str, protocol: ProtocolConfig) -> str:
        """A model on whole tracks, and the best of those that stand beside it."""
        measured = self._measured.get("ensembles")
        if measured is None:
            return _NOT_HERE
        found = [one for one in measured.readings if one.protocol == protocol]
        best = max(found, key=lambda one: one.accuracy.value)
        return f"{self._shown('ensembles', name, protocol)}; {best.what} {_estimate(best.accuracy)}"

    def _versus(self, first: str, second: str, protocol: ProtocolConfig) -> Versus | None:
        key = (first, second, protocol)
        return next(
            (
                one
                for measured in self._measured.values()
                for one in measured.pairs
                if (one.first, one.second, one.protocol) == key
            ),
            None,
        )

    def _gains(self, what: str, protocol: ProtocolConfig) -> str:
        return ", ".join(
            f"{model} {self._gain(f'{model}, {what}', f'{model}, {ALL}', protocol)}"
            for model in ("svm", "logistic")
        )

    def _gain(self, first: str, second: str, protocol: ProtocolConfig) -> str:
        found = self._versus(first, second, protocol)
        return _NOT_HERE if found is None else _points(found.difference)

    def _deep(self) -> dict[str, DeepNumbers]:
        text = (self._folder / "deep.json").read_text(encoding="utf-8")
        found = [DeepNumbers.model_validate(one) for one in json.loads(text)]
        return {one.recipe: one for one in found}

    def _study(self, name: str) -> dict[str, Any]:
        text = (self._folder / f"{name}.json").read_text(encoding="utf-8")
        study: dict[str, Any] = json.loads(text)
        return study

    def _course(self, model: str) -> str:
        return _cell(self._study("course_10s"), model, "fault-filtered")


_ALONE = "leave-one-artist-out"
_HEADINGS = ("5 random folds LEAKY", "5 folds by recording", "fault-filtered")


def _heading(protocol: ProtocolConfig) -> str:
    return _HEADINGS[(RANDOM, GROUPED, TESTED).index(protocol)]


def _cell(study: dict[str, Any], model: str, protocol: str, *, by_rows: bool = False) -> str:
    """Accuracy of a cell; of the fault-filtered ones that fitted on train and validation."""
    found = [
        EvaluationResult.model_validate(cell["by_rows"] if by_rows else cell["result"])
        for cell in study["cells"]
        if cell["result"]["model"] == model
        and cell["result"]["protocol"] == protocol
        and (protocol != TESTED.name or cell["protocol"]["fit_on"] == TESTED.fit_on)
    ]
    return _estimate(found[0].accuracy) if found else _NOT_HERE


def _side(said: float, measured: Estimate) -> str:
    if said > measured.high:
        return "above it"
    return "below it" if said < measured.low else "inside it"


def _estimate(one: Estimate | None) -> str:
    return "" if one is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _points(gap: Estimate) -> str:
    return f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def _gap(found: Versus) -> str:
    return f"{_points(found.difference)} points"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
