"""``genrekit calibrate``: when a saved model says unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import LeaveOut, Reading, SavedModel, reads_data

if TYPE_CHECKING:
    from genrekit.evaluation import Calibration, CurvePoint


@reads_data
def calibrate(
    bundle: SavedModel,
    data: Annotated[
        Path, typer.Option("--data", help="Labelled audio that the model did not learn from.")
    ],
    leave_out: LeaveOut = None,
    error: Annotated[
        float,
        typer.Option(min=0.001, max=0.999, help="Of what is answered, at most this is wrong."),
    ] = 0.1,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="How sure that is to hold.")
    ] = 0.95,
    sets: Annotated[
        bool,
        typer.Option("--sets", help="Sets of genres, too, that miss the true one as seldom."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw risk against coverage: .png, .svg or .pdf.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the next version of the model to this folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A Calibration as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Choose the probability below which a model says unknown, for a stated error.

    Nothing is written unless --out names a new folder. Tracks that the model learnt from are
    refused; tracks of one group (recording, artist) count as one.
    """
    from genrekit.bundles import check_target, rewrite_bundle
    from genrekit.cli.paths import check_file
    from genrekit.datasets import make_split
    from genrekit.evaluation import calibrate as choose
    from genrekit.evaluation import check_calibratable, score_items
    from genrekit.inference import Classifier
    from genrekit.pages import plot_risk_coverage
    from genrekit.terminal import print_json_line, track

    if out is not None:
        check_target(out, overwrite=False)
    if plot is not None:
        check_file(plot)
    dataset = reading.open(data, leave_out)
    classifier = Classifier.load(bundle)
    check_calibratable(classifier)
    tested = score_items(classifier, dataset, make_split(dataset, "all-test"))
    scores = tuple(track(tested, len(dataset), "Listening"))
    found = choose(classifier, dataset.name, scores, error=error, confidence=confidence, sets=sets)
    if plot is not None:
        plot_risk_coverage(found.abstention, classifier.identity.name, plot)
    if out is not None:
        changes = {"version": found.version, "unknown_below": found.abstention.unknown_below}
        rewrite_bundle(classifier.bundle, out, **changes, prediction_sets=found.prediction_sets)
    if as_json:
        print_json_line(found)
    else:
        _show(found, out)


def _show(found: Calibration, out: Path | None) -> None:
    from genrekit.terminal import plain, results

    chosen, sets = found.abstention, found.prediction_sets
    results().print(
        f"{plain(found.model.name)} on {chosen.tracks} tracks of {chosen.groups} groups "
        f"of {plain(found.dataset)}"
    )
    results().print(_line(f"now, unknown below {chosen.before.threshold:.3f}", chosen.before))
    results().print(_line(f"unknown below {chosen.unknown_below:.3f}", chosen.chosen))
    results().print(
        f"  At a confidence of {chosen.confidence:g}, at most {chosen.error:g} of the answers are "
        "wrong, for tracks like these."
    )
    if sets is not None:
        results().print(
            f"  Sets of all genres from {sets.least:.3f} on miss the true one in at most "
            f"{sets.error:g} of groups, on average."
        )
    written = (
        f"Written: {plain(str(out))}, version {found.version}."
        if out
        else ("Nothing is written; --out FOLDER writes the next version of the model.")
    )
    results().print(f"  {written}")


def _line(name: str, point: CurvePoint) -> str:
    wrong, answered = point.error, point.coverage
    return (
        f"  {name:<28}answers {answered.value:.3f} [{answered.low:.3f}, {answered.high:.3f}]"
        f"  wrong {wrong.value:.3f} [{wrong.low:.3f}, {wrong.high:.3f}]"
    )
