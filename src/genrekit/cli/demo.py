"""``genrekit demo``: one synthetic track of each genre, predicted."""

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
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another set of tracks.")] = 0,
) -> None:
    """Synthesise a track of each genre and predict it, offline.

    The tracks are test signals of the jukebox: what the model says of them is no evidence of how
    accurate it is on music. `genrekit models show` tells that.
    """
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
        _demo(to, seconds, seed)
        return
    with TemporaryDirectory() as folder:
        _demo(Path(folder), seconds, seed)


def _demo(folder: Path, seconds: float, seed: int) -> None:
    from genrekit.cli.answers import show_answers, show_stages
    from genrekit.cli.console import track
    from genrekit.datasets import load_dataset
    from genrekit.inference import Classifier

    songs = load_dataset("jukebox", folder, clips_per_genre=1, seconds=seconds, seed=seed)
    classifier = Classifier.load("default")
    answers = [
        classifier.predict_file(item.path, name=item.item_id)
        for item in track(songs.items, len(songs.items), "Listening")
        if item.path is not None
    ]
    show_answers(answers, top=3, as_json=False)
    show_stages(answers)
