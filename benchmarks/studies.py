"""The classical complete study of every published table: one command, one page each.

Scores of each fit are kept in ``--keep``, so that the command can be stopped and continued, and
making the pages anew takes a minute or two. The results files of the runs, with an answer for every
track, and the reports are written below ``--keep`` as well: they are for looking at, not for the
repository.

    python benchmarks/studies.py DATA -o docs/results
    python benchmarks/studies.py --page -o docs/results    # the pages, of the numbers beside them
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from paged import paged, paged_arguments

from genrekit.datasets import Dataset, load_dataset
from genrekit.experiments import StudyResult, complete_study, render_study_markdown
from genrekit.models import ClassicalConfig, classical_config
from genrekit.reports import write_study_report
from genrekit.terminal import progress_bars
from genrekit.training import ProtocolConfig

COMMAND = "python benchmarks/studies.py DATA -o docs/results"
REPORTED = (
    "The command also writes `studies/{name}/{name}.html`, the report with confusions and the "
    "tracks behind them, calibration and abstention, and the results files that `genrekit compare` "
    "and `genrekit report` read."
)
#: The repetition that the embeddings show and genrekit's list of repetitions lacks; it is in no
#: part of the fault-filtered split.
REPEATED_IN_EMBEDDINGS = ("jazz.00045",)


def _models(*names: str | dict[str, object]) -> tuple[ClassicalConfig, ...]:
    return tuple(
        classical_config({"architecture": one} if isinstance(one, str) else one) for one in names
    )


EIGHT = _models(
    *("knn", "logistic", "svm", "forest", "extra-trees", "boosting", "xgboost", "vote"),
)
#: Of embeddings: a hundred and sixty columns that say much by themselves.
FOUR = _models("knn", {"architecture": "logistic", "c": 0.01}, "svm", "forest")
#: Of segments a single neighbour is the model that remembers most.
FEW = _models({"architecture": "knn", "neighbours": 1}, "logistic", "svm", "forest")

PARTS = (
    ProtocolConfig(name="fault-filtered", fit_on="train"),
    ProtocolConfig(name="fault-filtered", fit_on="train+valid"),
)
GROUPED = ProtocolConfig(name="grouped-kfold")
REPEATED = ProtocolConfig(name="repeated-kfold", n_folds=5, n_repeats=2)
LEAKY = ProtocolConfig(name="segments-leaky")
ARTISTS = (
    ProtocolConfig(name="leave-one-artist-out"),
    GROUPED,
    ProtocolConfig(name="grouped-kfold", by=("track",)),
)


@dataclass(frozen=True)
class Table:
    """One study."""

    name: str
    place: str
    models: tuple[ClassicalConfig, ...]
    protocols: tuple[ProtocolConfig, ...]
    note: str
    load: Callable[[Path], Dataset]


def _table(path: Path) -> Dataset:
    return load_dataset("table", path)


def _embeddings(path: Path) -> Dataset:
    """Choi's five layers, without the MFCC statistics that are published beside them."""
    whole = load_dataset("table", path)
    assert whole.features is not None
    columns = [n for n, name in enumerate(whole.feature_names) if fnmatch(name, "layer*")]
    chosen = replace(
        whole,
        features=whole.features[:, columns],
        feature_names=tuple(whole.feature_names[n] for n in columns),
    )
    left = [n for n, i in enumerate(whole.items) if i.item_id not in REPEATED_IN_EMBEDDINGS]
    return chosen.select(left)


def _artists(path: Path) -> Dataset:
    return load_dataset("ismir04", path, features=True)


TABLES = (
    Table(
        "features_30_sec",
        "gtzan_tables/features_30_sec.csv",
        EIGHT,
        (*PARTS, GROUPED, REPEATED, LEAKY),
        "The Kaggle table: 57 columns, a row for each of GTZAN's 1000 tracks. Its artists are "
        "not known, so nothing but the fault-filtered parts keeps them apart.",
        _table,
    ),
    Table(
        "choi2017_features",
        "gtzan_tables/choi2017_features.npz",
        FOUR,
        (*PARTS, GROUPED, REPEATED, LEAKY),
        "Embeddings as published: what five layers of Choi's compact CNN, trained on tags of the "
        "Million Song Dataset, say of each GTZAN track. jazz.00045 is left out: its row all but "
        "equals that of jazz.00071, and the leak detector refuses folds that part them.",
        _embeddings,
    ),
    Table(
        "course_10s",
        "gtzan_tables/course_10s.tsv",
        FEW,
        (*PARTS, GROUPED, LEAKY),
        "A university course's table: three segments of ten seconds of each of 990 GTZAN tracks.",
        _table,
    ),
    Table(
        "course_30s",
        "gtzan_tables/course_30s.tsv",
        FEW,
        (*PARTS, GROUPED, LEAKY),
        "The same course's table of whole tracks: the same columns, once for each track.",
        _table,
    ),
    Table(
        "ismir04",
        "other_tables/ismir04",
        _models({"architecture": "knn", "neighbours": 1}, "logistic", "svm"),
        ARTISTS,
        "The training part of the ISMIR 2004 genre contest, whose artists are known: here it "
        "can be measured what an artist on both sides is worth.",
        _artists,
    ),
)


def main() -> None:
    """Study what is there, and write the pages."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    for one in TABLES:
        if options.only and one.name not in options.only:
            continue
        if options.page:
            if (options.output / f"{one.name}.json").exists():
                write_page(one, options.output)
            continue
        path = options.data / one.place
        if not path.exists():
            print(f"{path} is not there: {one.name} is passed over", file=sys.stderr)
            continue
        began, processor = time.perf_counter(), time.process_time()
        study(one, path, options.output, options.keep, options.jobs)
        wall, processor = time.perf_counter() - began, time.process_time() - processor
        print(f"{one.name}: {wall:.0f} s, {processor:.0f} s of processor", file=sys.stderr)


def study(one: Table, path: Path, output: Path, keep: Path, jobs: int) -> None:
    """One table: the page and compact results in ``output``, all else below ``keep``."""
    dataset = one.load(path)
    with progress_bars() as progress:
        found = complete_study(
            dataset,
            models=one.models,
            protocols=one.protocols,
            workers=jobs,
            keep=keep / "fits",
            progress=progress,
        )
    write_study_report(found, keep / one.name, one.name, COMMAND)
    (output / f"{one.name}.json").write_text(compact(found.result), encoding="utf-8")
    write_page(one, output)


def write_page(one: Table, output: Path) -> None:
    """The page of the numbers that are there."""
    text = (output / f"{one.name}.json").read_text(encoding="utf-8")
    note = f"{one.note} {REPORTED.format(name=one.name)}"
    page = render_study_markdown(StudyResult.model_validate_json(text), COMMAND, note)
    (output / f"{one.name}.md").write_text(page, encoding="utf-8")


def compact(result: StudyResult) -> str:
    """Numbers, a line for each model and protocol; the page has the pairs in words."""
    comparisons = [
        one.model_copy(update={"comparison": one.comparison.model_copy(update={"pairs": ()})})
        for one in result.comparisons
    ]
    small = result.model_copy(update={"comparisons": tuple(comparisons)})
    fields = [f"{json.dumps(name)}: {_laid(value)}" for name, value in _rounded(small).items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _laid(value: object) -> str:
    """JSON; a list of objects has one on each line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(one) for one in value) + "\n]"
    return json.dumps(value)


def _rounded(result: StudyResult) -> dict[str, Any]:
    """What the result holds, in six digits."""
    found: dict[str, Any] = json.loads(
        result.model_dump_json(), parse_float=lambda text: float(f"{float(text):.6g}")
    )
    return found


def _options() -> argparse.Namespace:
    parser = paged_arguments(__doc__, output="folder of the pages", keep="studies")
    parser.add_argument("--jobs", type=int, default=1, help="processes that fit")
    parser.add_argument("--only", nargs="*", default=[], help="studies, by name")
    return paged(parser)


if __name__ == "__main__":
    main()
