"""``genrekit demo``: synthetic tracks of each genre, predicted."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer


def demo(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Keep the tracks here.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=3, max=600, help="Length of each track.")] = 30.0,
    tracks: Annotated[int, typer.Option(min=1, max=100, help="Tracks of each genre.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another set of tracks.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One TrackPrediction a line.")] = False,
) -> None:
    """Synthesise tracks of each genre and predict them, offline.

    The tracks are test signals: what the model says of them is no evidence of its accuracy.
    """
    from genrekit.cli.paths import check_folder

    if to is not None:
        check_folder(to)
        _demo(to, tracks, seconds, seed, as_json)
        return
    with TemporaryDirectory() as folder:
        _demo(Path(folder), tracks, seconds, seed, as_json)


def _demo(folder: Path, tracks: int, seconds: float, seed: int, as_json: bool) -> None:
    from genrekit.datasets import load_dataset
    from genrekit.inference import Classifier
    from genrekit.terminal import show_answers, show_stages, track

    songs = load_dataset("jukebox", folder, clips_per_genre=tracks, seconds=seconds, seed=seed)
    classifier = Classifier.load("default")
    answers = [
        classifier.predict_file(item.path, name=item.item_id)
        for item in track(songs.items, len(songs.items), "Listening")
        if item.path is not None
    ]
    show_answers(answers, top=3, as_json=as_json, total=len(answers))
    if not as_json:
        show_stages(answers)
