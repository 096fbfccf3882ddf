"""``genrekit evaluate``: numbers of a saved model that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import LeaveOut, Reading, SavedModel, SplitFile, reads_data
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genrekit.datasets import Dataset, Pair
    from genrekit.evaluation import ItemScore, RunResult
    from genrekit.inference import Classifier
    from genrekit.schema import Estimate


@reads_data
def evaluate(
    bundle: SavedModel,
    data: Annotated[Path, typer.Option("--data", help="Folder of audio, or table of features.")],
    protocol: Annotated[
        str, typer.Option(help="Which tracks are tested; a leaky one says so in its name.")
    ] = "all-test",
    split: SplitFile = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Near duplicates, two ids a line, for the leak detector.")
    ] = None,
    label_map: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="NAME|FILE.yaml",
            help="Test across corpora, over the genres that both have: gtzan-fma.",
        ),
    ] = None,
    leave_out: LeaveOut = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a random split.")] = 0,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the answer for every item here, as JSON lines.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write a results file, for genrekit compare and report."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="An EvaluationResult as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Score a saved model on tracks that it was not trained on; a leak stops it.

    Accuracy comes with a Wilson interval, macro F1 with a bootstrap over tracks, both 95 %. Models
    that tell several genres a track also have mean average precision, ROC-AUC and coverage.
    """
    from genrekit.cli.options import open_pairs
    from genrekit.cli.paths import check_file
    from genrekit.datasets import make_split, read_split
    from genrekit.evaluation import bundle_run, score_items
    from genrekit.inference import Classifier
    from genrekit.terminal import track

    for file in (predictions, out):
        if file is not None:
            check_file(file)
    classifier = Classifier.load(bundle)
    classifier.check_predicts()
    dataset = reading.open(data, leave_out)
    if label_map is not None:
        if split is not None or predictions is not None or protocol != "all-test":
            raise ConfigError(
                "--map tests all of the data: leave out --split, --protocol and "
                "--predictions (-o keeps the answers)"
            )
        _finish(_across(classifier, dataset, label_map, open_pairs(pairs)), out, as_json)
        return
    made = read_split(split) if split else make_split(dataset, protocol, seed=seed)
    items = len({item_id for fold in made.folds for item_id in fold.test})
    tested = score_items(classifier, dataset, made, pairs=open_pairs(pairs))
    scores = tuple(track(tested, items, "Testing"))
    if predictions is not None:
        _write_predictions(predictions, scores, classifier.labels)
    _finish(bundle_run(classifier, dataset, made, scores), out, as_json)


def _finish(run: RunResult, out: Path | None, as_json: bool) -> None:
    from genrekit.evaluation import write_run
    from genrekit.terminal import print_json_line

    if out is not None:
        write_run(run, out)
    if as_json:
        print_json_line(run.result)
    else:
        _show(run)


def _across(
    classifier: Classifier, dataset: Dataset, name: str, pairs: tuple[Pair, ...]
) -> RunResult:
    from genrekit.datasets import label_map
    from genrekit.evaluation import (
        cross_corpus,
        cross_corpus_run,
        cross_corpus_scores,
    )
    from genrekit.terminal import errors, track

    test = cross_corpus(classifier, dataset, label_map(name))
    unused = f"; labels of the model without a counterpart: {', '.join(test.unused)}"
    errors().print(
        f"{test.mapping.name}: {len(test.dataset)} items of {', '.join(test.mapping.common)}; "
        f"{test.left_out} of other genres left out{unused if test.unused else ''}"
    )
    scores = cross_corpus_scores(classifier, test, pairs=pairs)
    tested = tuple(track(scores, len(test.dataset), "Testing"))
    return cross_corpus_run(classifier, test, tested)


def _write_predictions(path: Path, scores: Iterable[ItemScore], labels: tuple[str, ...]) -> None:
    import json

    lines = (
        {
            "item": score.item_id,
            "group": score.group,
            "true": score.true,
            "predicted": score.predicted,
            **_several(score),
            "scores": dict(zip(labels, score.probabilities.tolist(), strict=True)),
        }
        for score in scores
    )
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _several(score: ItemScore) -> dict[str, tuple[str, ...]]:
    """Return the genres one by one, where a track can have several."""
    if not (score.true_genres or score.predicted_genres):
        return {}
    return {"true_genres": score.true_genres, "predicted_genres": score.predicted_genres}


def _show(run: RunResult) -> None:
    from rich.table import Table
    from rich.text import Text

    from genrekit.pages import calibration, calibration_note, over_folds
    from genrekit.terminal import plain, results

    result = run.result
    results().print(
        Text.assemble(
            (result.model, "bold"),
            f" on {result.items} {result.unit}s of {plain(result.dataset)}, "
            f"protocol {result.protocol}",
            (" LEAKY" if result.leaky else "", "bold red"),
        )
    )
    for name, estimate in _estimates(run).items():
        results().print(
            f"  {name:<20}{estimate.value:.3f}  "
            f"[{estimate.low:.3f}, {estimate.high:.3f}]  {estimate.method}"
        )
    if run.metrics is None:
        results().print(f"  {'log loss':<20}{result.log_loss:.3f}")
    shown = f"{calibration(result)}  {calibration_note(result)}"
    results().print(f"  {'calibration error':<20}{shown}", markup=False)
    if result.over_folds is not None:
        results().print(f"  {'over folds':<20}{over_folds(result)}", markup=False)
    table = Table(box=None, header_style="dim")
    headings = ["precision", "recall", "F1", "tracks"]
    ranked = result.multi_label.per_genre if result.multi_label else ()
    table.add_column("genre")
    for heading in (*headings, *(("AP", "ROC-AUC", "threshold") if ranked else ())):
        table.add_column(heading, justify="right")
    for number, genre in enumerate(result.per_genre):
        cells = [genre.precision, genre.recall, genre.f1]
        if ranked:
            more = ranked[number]
            cells += [more.average_precision, more.roc_auc, more.threshold]
        numbers = ["" if value is None else f"{value:.2f}" for value in cells]
        table.add_row(plain(genre.genre), *numbers[:3], str(genre.tracks), *numbers[3:])
    results().print(table)


def _estimates(run: RunResult) -> dict[str, Estimate]:
    """Return what has an interval, as people call it."""
    result = run.result
    several = result.multi_label
    if several is None:
        plain = {"accuracy": result.accuracy, "macro F1": result.macro_f1}
        if run.metrics is not None:
            plain["balanced accuracy"] = run.metrics.balanced_accuracy
            plain["weighted F1"] = run.metrics.f1_weighted
            plain["top 3"] = run.metrics.top3
            plain["Brier score"] = run.metrics.brier
            plain["log loss"] = run.metrics.log_loss
        if run.segment_result is not None:
            plain["segments: accuracy"] = run.segment_result.accuracy
            plain["segments: macro F1"] = run.segment_result.macro_f1
        return plain
    found = {
        "subset accuracy": result.accuracy,
        "macro F1": result.macro_f1,
        "micro F1": several.micro_f1,
        "mAP": several.mean_average_precision,
        "ROC-AUC": several.roc_auc,
        "coverage": several.coverage,
        "ranking loss": several.ranking_loss,
        "ranking precision": several.ranking_precision,
    }
    return {name: estimate for name, estimate in found.items() if estimate is not None}
