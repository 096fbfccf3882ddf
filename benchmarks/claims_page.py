"""The claims page, from what was measured for it and from the results beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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
)
from claims_numbers import (
    BOOSTING,
    CALLED,
    FOREST,
    HEADINGS,
    MILLISECONDS,
    NETWORK_CLAIMS,
    P_CLAIMED,
    VOTE,
    Numbers,
    cell,
    heading,
    p,
    side,
)
from claims_summary import summary
from claims_text import (
    CROSS,
    HEAD,
    MEDIUM,
    MULTILABEL,
    OUTSIDE,
    SEGMENT_NETWORKS,
    SEGMENT_TABLE,
)

from genrekit.markdown import marked_table
from genrekit.pages import optional, points
from genrekit.reports.comparing import TESTS
from genrekit.schema import Contract

_ALONE = "leave-one-artist-out"


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
    page = Numbers(found.measured, folder)
    blocks = [
        HEAD,
        summary(page),
        *ensembles(page),
        *p_value(page),
        *engineering(page),
        *networks(page),
        *segments(page),
        *pictures(page),
        *artists(page),
        *speed(page),
        *unchecked(page),
    ]
    return "\n\n".join(block.strip() for block in blocks if block) + "\n"


def ensembles(numbers: Numbers) -> Iterator[str]:
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
    published = {"vote": VOTE, "forest": FOREST, "boosting": BOOSTING}
    rows = [
        [
            name,
            f"{published[name]:.3f}" if name in published else "",
            *(numbers.shown("ensembles", name, one) for one in (RANDOM, THIRDS, GROUPED, TESTED)),
        ]
        for name in ("vote", "forest", "boosting", "svm", "knn")
    ]
    header = [*("model", "published", HEADINGS[0], "3 random folds LEAKY"), *HEADINGS[1:]]
    yield marked_table(header, rows)
    found = [numbers.reading("ensembles", name, RANDOM) for name in published]
    over = [
        f"{name} {side(published[name], one.accuracy)}"
        for name, one in zip(published, found, strict=True)
        if one is not None
    ]
    if over:
        yield (
            "Where the published number lies by the interval under its own protocol: "
            f"{'; '.join(over)}. What else went into it is not said; a model chosen, or "
            "columns selected, on the tested rows would do it (`chosen-on-test`, "
            "`fitted-before-split`)."
        )


def p_value(numbers: Numbers) -> Iterator[str]:
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
            heading(one),
            *(points(found.difference), p(found.naive_p), p(found.corrected_p), p(found.p)),
            TESTS[found.test],
        ]
        for one in (RANDOM, GROUPED, TESTED)
        if (found := numbers.versus("vote", "forest", one)) is not None
    ]
    header = [
        *("protocol", "vote minus forest, points", "p, naive t-test", "p, corrected t-test"),
        *("p, over tracks", "by"),
    ]
    yield marked_table(header, rows)
    yield (
        "Tests over tracks allow for other tracks by the same artists and "
        "not for other training tracks; the corrected t-test allows for those. Neither knows that "
        "the artists were trained on."
    )


def engineering(numbers: Numbers) -> Iterator[str]:
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
                numbers.shown("engineering", f"{model}, {kind}", one)
                for one in (RANDOM, GROUPED, TESTED)
            ),
        ]
        for model in ("svm", "logistic")
        for kind in (FEW, ALL, INSIDE, BEFORE)
    ]
    yield marked_table(["model and columns", *HEADINGS], rows)
    rows = [
        [
            f"{model}, {kind} against {base}{' LEAKY' if kind == BEFORE else ''}",
            *(
                numbers.gain(f"{model}, {kind}", f"{model}, {base}", one)
                for one in (RANDOM, GROUPED, TESTED)
            ),
        ]
        for model in ("svm", "logistic")
        for kind, base in ((ALL, FEW), (INSIDE, ALL), (BEFORE, ALL))
    ]
    tests = sorted({TESTS[one.test] for one in numbers.pairs("engineering")})
    yield (
        "What that gains, in points, track by track (95 %, a bootstrap over recordings), with p of "
        f"{' and '.join(tests)}; an interval that holds zero is no evidence of a gain:"
    )
    yield marked_table(["gain", *HEADINGS], rows)
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
                numbers.shown("noise", f"logistic, noise, {how}", GROUPED)
                for how in ("chosen in each fold", "chosen before the split")
            ),
        ]
    ]
    yield marked_table(["noise", "chosen in each fold", "chosen before the split LEAKY"], rows)


def networks(numbers: Numbers) -> Iterator[str]:
    """Networks on segments, and on whole tracks."""
    yield "## Networks on three-second segments"
    reading = numbers.reading("networks", "cnn", GROUPED)
    what = f"{reading.items} segments of {reading.recordings} clips" if reading else "The segments"
    yield (
        f"{what} that were at hand, in five folds, small versions of the committed recipes, 15 "
        "epochs; accuracy over segments in both columns, intervals from resampled recordings. "
        "The clips are ids 0 to 7 of each genre, which are often by one artist, so the folds "
        "by recording flatter as well; the last column is of whole tracks with artists kept "
        "apart, on spectrogram pictures ([deep.md](deep.md)). LSTM and GRU run both ways here."
    )
    deep = numbers.deep()
    rows = [
        [
            CALLED[name],
            f"{NETWORK_CLAIMS[name]:.3f}",
            numbers.shown("networks", name, RANDOM),
            numbers.shown("networks", name, GROUPED),
            optional(deep[name].honest),
        ]
        for name in NETWORKS
    ]
    header = [
        *("network", "published", "folds over segments LEAKY", "folds over recordings"),
        "whole tracks, fault-filtered",
    ]
    yield marked_table(header, rows)
    yield "With GTZAN's audio in a folder `gtzan`, on all of it:"
    yield SEGMENT_NETWORKS


def segments(numbers: Numbers) -> Iterator[str]:
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
            numbers.shown("segments", f"{model}, 3-s segments", RANDOM),
            *(
                numbers.shown("segments", f"{model}, whole tracks", one)
                for one in (RANDOM, GROUPED, TESTED)
            ),
        ]
        for model in ("knn", "svm")
    ]
    yield marked_table(
        ["model", "3-s segments, 5 random folds LEAKY", *(f"tracks, {h}" for h in HEADINGS)],
        rows,
    )
    yield (
        "A course's table has names, so the same rows can be split both ways: three segments "
        "of ten seconds of each track, and its whole tracks ([course_10s.md](course_10s.md), "
        "[course_30s.md](course_30s.md); ten folds)."
    )
    ten, thirty = numbers.study("course_10s"), numbers.study("course_30s")
    rows = [
        [
            name,
            cell(ten, name, "segments-leaky"),
            cell(ten, name, "grouped-kfold", by_rows=True),
            cell(ten, name, "grouped-kfold"),
            cell(thirty, name, "grouped-kfold"),
            cell(ten, name, "fault-filtered"),
            cell(thirty, name, "fault-filtered"),
        ]
        for name in ("knn", "svm", "logistic", "forest")
    ]
    header = [
        *("model", "segments, by row LEAKY", "segments, by recording", "merged to recordings"),
        *("whole tracks, by recording", "merged, fault-filtered"),
        "whole tracks, fault-filtered",
    ]
    yield marked_table(header, rows)
    yield "With Kaggle's whole `features_3_sec.csv`, whose names tell the recordings:"
    yield SEGMENT_TABLE


def pictures(numbers: Numbers) -> Iterator[str]:
    """Tables against pictures."""
    yield "## Tables against pictures"
    deep = numbers.deep()
    seeds = deep["mlp"].honest_seeds
    yield (
        f"{seeds} seeds of each architecture on the same split ([deep.md](deep.md)); the last "
        "column is the network of the table minus this one, on the tracks that both were tested "
        "on (95 %, a paired bootstrap over recordings; an interval that holds zero is no evidence "
        "that either is better). `pictures` has pictures of four and a half times as many cells."
    )
    rows = [
        [
            one.recipe,
            one.inputs,
            optional(one.leaky),
            optional(one.honest),
            "" if one.behind_table is None else points(one.behind_table),
        ]
        for one in deep.values()
        if one.recipe in ("mlp", "cnn", "vgg", "resnet", "pictures")
    ]
    header = [
        *("network", "input", "random thirds LEAKY", "fault-filtered"),
        "table minus network, points",
    ]
    yield marked_table(header, rows)


def artists(numbers: Numbers) -> Iterator[str]:
    """What an artist on both sides is worth, where it can be measured."""
    yield "## What an artist on both sides is worth"
    study = numbers.study("ismir04")
    yield (
        "GTZAN's artists are unknown, so what they give away cannot be told from what "
        "repetitions do. The training part of the ISMIR 2004 contest names its artists "
        "([ismir04.md](ismir04.md)): the same tracks, columns and models, split with and "
        "without looking at them."
    )
    names = list(dict.fromkeys(cell["result"]["model"] for cell in study["cells"]))
    leaky = "grouped-kfold-by-track-leaky"
    rows = [
        [name, *(cell(study, name, one) for one in (leaky, "grouped-kfold", _ALONE))]
        for name in names
    ]
    header = [
        *("model", "folds that know no artists LEAKY", "folds by artist"),
        "leave one artist out",
    ]
    yield marked_table(header, rows)


def speed(numbers: Numbers) -> Iterator[str]:
    """What is timed."""
    yield f"## {MILLISECONDS} ms a track"
    measured = numbers.measured.get("speed")
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
    speed = json.loads((numbers.folder / "speed.json").read_text(encoding="utf-8"))
    rows = [
        [one["what"], f"{one['ratio']:.1f}"]
        for one in speed
        if "57 features of" in one["what"] or one["what"].startswith("predict")
    ]
    yield "How many times as long librosa takes, in turns ([speed.md](speed.md)):"
    yield marked_table(["what", "times"], rows)


def unchecked(numbers: Numbers) -> Iterator[str]:
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
