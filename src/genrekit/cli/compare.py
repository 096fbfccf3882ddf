"""``genrekit compare``: which models are better, and which cannot be told apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Split
    from genrekit.evaluation import RunResult
    from genrekit.experiments import Comparison


def compare(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS|BUNDLE...", help="Results files (JSON), or saved models with --data."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="What saved models are tested on; searched for leaks."),
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="Its corpus; guessed if not given.")] = None,
    protocol: Annotated[
        str, typer.Option(help="Which of it is tested, if there is no --split.")
    ] = "all-test",
    split: Annotated[Path | None, typer.Option(help="A split made by genrekit split.")] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Near duplicates, two ids a line, for the leak detector.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="How to read the data (label_column=genre)."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a random split, and the bootstrap.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for comparison.json, .md, .html and .svg."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A Comparison as JSON.")] = False,
) -> None:
    """Rank models that were tested on the same tracks, and test every pair of them."""
    from genrekit.cli.options import Reading, open_pairs
    from genrekit.cli.paths import check_file, check_folder
    from genrekit.datasets import make_split, read_split
    from genrekit.experiments import compare as compare_runs
    from genrekit.reports import distinct_names, render_comparison_html, render_comparison_markdown
    from genrekit.terminal import print_json_line, print_markdown

    if html is not None:
        check_file(html)
    if out is not None:
        check_folder(out)
    dataset = None if data is None else Reading(corpus, settings=settings).open(data)
    made = None if split is None else read_split(split)
    if dataset is not None and made is None and not all(map(_is_file, subjects)):
        made = make_split(dataset, protocol, seed=seed)
    runs = [_run(one, dataset, made, open_pairs(pairs)) for one in subjects]
    found = compare_runs(runs, distinct_names(runs, subjects), seed=seed)
    if html is not None:
        html.write_text(render_comparison_html(found), encoding="utf-8")
    if out is not None:
        _write(found, out)
    if as_json:
        print_json_line(found)
    else:
        print_markdown(render_comparison_markdown(found))


def _is_file(subject: str) -> bool:
    return Path(subject).suffix == ".json"


def _run(
    subject: str,
    dataset: Dataset | None,
    split: Split | None,
    pairs: tuple[tuple[str, str], ...],
) -> RunResult:
    """Read a results file, or test a saved model; a leak stops both."""
    from genrekit.evaluation import find_leaks, miscounted, read_run, refuse_leaks, result_leaks

    if not _is_file(subject):
        return _tested(subject, dataset, split, pairs)
    run = read_run(Path(subject))
    ours = dataset is not None and dataset.fingerprint == run.result.dataset_fingerprint
    found = (*result_leaks(run.result, dataset if ours else None), *miscounted(run))
    refuse_leaks(found, run.result)
    if ours and split is not None and split.fingerprint == run.result.split_fingerprint:
        assert dataset is not None, "it is ours"
        refuse_leaks(find_leaks(dataset, split, pairs=pairs, result=run.result), split)
    return run


def _tested(
    subject: str,
    dataset: Dataset | None,
    split: Split | None,
    pairs: tuple[tuple[str, str], ...],
) -> RunResult:
    from genrekit.evaluation import bundle_run, score_items, test_ids
    from genrekit.inference import Classifier
    from genrekit.terminal import track

    if dataset is None or split is None:
        raise ConfigError(
            f"{subject} is not a results file (.json); to test it as a saved model, name what on "
            "with --data"
        )
    classifier = Classifier.load(subject)
    classifier.check_predicts()
    scores = score_items(classifier, dataset, split, pairs=pairs)
    total = len(test_ids(split))
    return bundle_run(classifier, dataset, split, tuple(track(scores, total, f"Testing {subject}")))


def _write(found: Comparison, out: Path) -> None:
    from genrekit.pages import save_chart
    from genrekit.reports import (
        ranks_chart,
        render_comparison_html,
        render_comparison_markdown,
    )

    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.json").write_text(found.model_dump_json(indent=1) + "\n")
    (out / "comparison.md").write_text(render_comparison_markdown(found), encoding="utf-8")
    (out / "comparison.html").write_text(render_comparison_html(found), encoding="utf-8")
    if found.friedman is not None:
        chart = ranks_chart(found, found.friedman)
        save_chart(chart, out / "comparison.svg")
