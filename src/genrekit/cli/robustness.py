"""``genrekit robustness``: how much of a model's accuracy is left under distortion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, LeaveOut, SavedModel, SplitFile
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genrekit.datasets import Dataset
    from genrekit.evaluation import Distortion
    from genrekit.inference import Classifier


def robustness(
    bundle: SavedModel,
    data: Annotated[Path, typer.Option("--data", help="Folder or manifest of labelled audio.")],
    corpus: Annotated[
        str | None, typer.Option(help="Its corpus; by default manifest for a file, else folder.")
    ] = None,
    leave_out: LeaveOut = None,
    protocol: Annotated[
        str, typer.Option(help="Which tracks are distorted: those that it tests.")
    ] = "all-test",
    split: SplitFile = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=LEVEL,...]", help="A distortion (mp3=64,128); repeatable."),
    ] = None,
    trained_too: Annotated[
        bool, typer.Option("--trained-too", help="Take tracks that the model was trained on, too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, and of a random split.")] = 0,
    jobs: Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for robustness.json, .md, .png."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A RobustnessResult as JSON.")] = False,
) -> None:
    """Distort audio by mp3, gain, noise, filters and cuts, and score a saved model on it."""
    from genrekit.cli.options import Reading
    from genrekit.cli.paths import check_folder
    from genrekit.evaluation import robustness as measure
    from genrekit.inference import Classifier
    from genrekit.reports import plot_robustness, render_robustness_markdown
    from genrekit.terminal import print_json_line, print_markdown, progress_bars
    from genrekit.workers import cores

    if out is not None:
        check_folder(out)
    kinds = _kinds(only or ())
    classifier = Classifier.load(bundle)
    classifier.check_predicts()
    dataset = Reading(corpus).open(data, leave_out)
    tested = _tested(classifier, dataset, protocol, split, seed, trained_too)
    workers = min(jobs or cores(), len(tested))
    with progress_bars() as bars:
        result = measure(
            classifier,
            tested.items,
            distortions=kinds,
            seed=seed,
            workers=workers,
            progress=bars,
        )
    page = render_robustness_markdown(result)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "robustness.json").write_text(result.model_dump_json(indent=1) + "\n")
        (out / "robustness.md").write_text(f"# Robustness\n\n{page}", encoding="utf-8")
        plot_robustness(result, out / "robustness.png")
    if as_json:
        print_json_line(result)
    else:
        print_markdown(page)


def _tested(
    classifier: Classifier,
    dataset: Dataset,
    protocol: str,
    split: Path | None,
    seed: int,
    trained_too: bool,
) -> Dataset:
    from genrekit.datasets import make_split, read_split
    from genrekit.evaluation import find_leaks, refuse_leaks, seen_contents, test_ids

    made = read_split(split) if split else make_split(dataset, protocol, seed=seed)
    tested = dataset.select(dataset.indices(test_ids(made)))
    if not trained_too:
        seen = seen_contents(classifier, tested)
        manifest = classifier.bundle.manifest
        refuse_leaks(find_leaks(dataset, made, manifest=manifest, seen=seen), made)
    return tested


def _kinds(only: Sequence[str]) -> dict[str, Distortion]:
    from dataclasses import replace

    from genrekit.evaluation import DISTORTIONS

    kinds = {}
    for text in only:
        name, _, levels = text.partition("=")
        if name not in DISTORTIONS:
            raise ConfigError(f"{name!r} is not a distortion; known: {', '.join(DISTORTIONS)}")
        try:
            chosen = tuple(float(level) for level in levels.split(",") if level)
        except ValueError:
            raise ConfigError(f"{text!r}: levels are numbers, such as mp3=64,128") from None
        kinds[name] = replace(DISTORTIONS[name], levels=chosen or DISTORTIONS[name].levels)
    return kinds or DISTORTIONS
