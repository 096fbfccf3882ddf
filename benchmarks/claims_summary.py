"""The table on top of the claims page: every claim in a line."""

from __future__ import annotations

from collections.abc import Iterator

from claims_measure import BEFORE, GROUPED, INSIDE, RANDOM, TESTED
from claims_numbers import (
    BOOSTING,
    CALLED,
    FOREST,
    MILLISECONDS,
    NETWORK_CLAIMS,
    NOT_HERE,
    P_CLAIMED,
    VOTE,
    Numbers,
    gap,
    p,
)
from claims_numbers import tested as decided
from claims_text import CHECK

from genrekit.markdown import marked_table
from genrekit.pages import optional

_PEOPLE = "artists and repetitions on both sides (`segments`, `artist`)"


def summary(numbers: Numbers) -> str:
    """Every claim in a line."""
    rows = [*_classical_lines(numbers), *_network_lines(numbers), *_segment_lines(numbers)]
    rows += [
        *_picture_lines(numbers),
        ["FMA-medium", "0.783", "not said", "not checked", "not checked", CHECK["medium"]],
        ["GTZAN to FMA", "0.718", "not said", "not checked", "not checked", CHECK["cross"]],
        [
            *("several genres a track, of 50", "F1 0.65 to 0.75", "not said"),
            *("not checked", "not checked", CHECK["multilabel"]),
        ],
        _speed_line(numbers),
    ]
    header = [
        *("claim", "published", "protocol it implies", "genrekit under that protocol"),
        *("under the honest one", "what leaks"),
    ]
    return marked_table(header, rows)


def _classical_lines(numbers: Numbers) -> Iterator[list[str]]:
    five = "5 random folds over rows"
    for what, published, name in (
        ("soft vote", VOTE, "vote"),
        ("random forest", FOREST, "forest"),
        ("gradient boosting", BOOSTING, "boosting"),
    ):
        yield [
            *(f"{what} on `features_30_sec.csv`", f"{published:.3f}", five),
            numbers.shown("ensembles", name, RANDOM),
            numbers.shown("ensembles", name, TESTED),
            _PEOPLE,
        ]
    yield [
        *("feature engineering", "+12 %", "columns chosen on the whole table, random folds"),
        numbers.gains(BEFORE, RANDOM),
        numbers.gains(INSIDE, TESTED),
        "columns chosen with a look at tested tracks (`fitted-before-split`)",
    ]
    random, tested = (numbers.versus("vote", "forest", one) for one in (RANDOM, TESTED))
    yield [
        *("vote better than forest", f"p = {P_CLAIMED}", "paired t-test over 5 random folds"),
        NOT_HERE
        if random is None
        else f"{gap(random)}, p {p(random.naive_p)} by the paired t-test, {decided(random)}",
        NOT_HERE if tested is None else f"{gap(tested)}, {decided(tested)}",
        "folds share training tracks, which that test takes for independent",
    ]


def _network_lines(numbers: Numbers) -> Iterator[list[str]]:
    deep = numbers.deep()
    for name, published in NETWORK_CLAIMS.items():
        yield [
            *(f"{CALLED[name]} on 3-s segments", f"{published:.3f}", "random split of segments"),
            numbers.shown("networks", name, RANDOM),
            f"{numbers.shown('networks', name, GROUPED)} by recording; whole tracks, artists "
            f"apart: {optional(deep[name].honest)}",
            "segments of a track on both sides (`segments`)",
        ]


def _segment_lines(numbers: Numbers) -> Iterator[list[str]]:
    short = "knn, 3-s segments"
    yield [
        "3-s segments beat whole tracks; nearest neighbours best on them",
        *("", "random split of rows", numbers.shown("segments", short, RANDOM)),
        f"{numbers.course('knn')} on segments of 10 s",
        "segments of a track on both sides (`segments`)",
    ]
    yield [
        *("SVM best on whole tracks", "", "random split of tracks"),
        *(numbers.best_beside("svm", one) for one in (RANDOM, TESTED)),
        _PEOPLE,
    ]
    yield [
        *("both fail on outside music", "", "another corpus", "not checked", "not checked"),
        CHECK["outside"],
    ]


def _picture_lines(numbers: Numbers) -> Iterator[list[str]]:
    deep = numbers.deep()
    mlp, cnn = deep["mlp"], deep["cnn"]
    yield [
        *("tabular networks far ahead of the picture CNN", "", "random split of tracks"),
        f"{optional(mlp.leaky)} against {optional(cnn.leaky)}",
        f"{optional(mlp.honest)} against {optional(cnn.honest)}",
        _PEOPLE,
    ]


def _speed_line(numbers: Numbers) -> list[str]:
    measured = numbers.measured.get("speed")
    if measured is None:
        under = NOT_HERE
    else:
        under = f"{measured.ratios['model_ms']:.1f} ms for a row of features"
    times = "" if measured is None else f"{1 + measured.ratios['times']:.0f} times that"
    return [
        *("time of a track", f"{MILLISECONDS} ms", "features are there already"),
        *(under, f"{times} with the features", "what is timed is not what a user waits for"),
    ]
