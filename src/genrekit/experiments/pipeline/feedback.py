"""What people said of a server's answers joins what teaches, and is never tested with."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

from genrekit.datasets import Dataset, Split
from genrekit.errors import ConfigError
from genrekit.files import replace_file
from genrekit.learn import read_feedback
from genrekit.training.recipe import DataConfig, ProtocolConfig, Recipe

_log = logging.getLogger(__name__)
#: The column that says where a track of the list is from.
ORIGIN = "origin"


def add_feedback(log: Path | None, dataset: Dataset, split: Split, folder: Path) -> Path | None:
    """Write a list of the dataset's tracks, in their parts, and of what people labelled.

    Parameters
    ----------
    log : Path, optional
        Of a server that kept audio; None has nothing to add.

    Returns
    -------
    Path or None
        ``lessons.csv`` in ``folder``, whose column ``origin`` tells feedback from the rest.

    Raises
    ------
    ConfigError
        If the data is a table, or tells several genres a track.
    """
    if log is None:
        return None
    if dataset.features is not None or dataset.task != "single-label":
        raise ConfigError("feedback is of audio with one genre, and joins data of that kind alone")
    part = dict.fromkeys(split.folds[0].test, "test")
    part |= dict.fromkeys(split.folds[0].valid, "valid")
    part |= dict.fromkeys(split.folds[0].train, "train")
    rows = [
        (
            *(item.path, item.labels[0], item.item_id, item.group),
            *(item.artist or "", item.album or "", part[item.item_id], "data"),
        )
        for item in dataset.items
        if item.item_id in part and item.start_seconds is None
    ]
    said = read_feedback(log)
    known = {path: genre for path, genre in said.items() if genre in dataset.labels}
    if others := len(said) - len(known):
        _log.warning("%d answers were said to be of genres that are not in the data", others)
    for path, genre in sorted(known.items()):
        name = f"feedback/{Path(path).stem}"
        rows.append((Path(path).absolute(), genre, name, name, "", "", "train", "feedback"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("path", "label", "id", "group", "artist", "album", "split", ORIGIN))
    writer.writerows(rows)
    file = folder / "lessons.csv"
    replace_file(file, text.getvalue())
    return file


def lessons_recipe(recipe: Recipe, lessons: Path) -> Recipe:
    """The recipe with the list that `add_feedback` wrote in place of its data."""
    data = DataConfig(corpus="manifest", path=lessons, options={"ignore": [ORIGIN]})
    protocol = ProtocolConfig(name="official", fit_on=recipe.protocol.fit_on)
    return recipe.model_copy(update={"data": data, "protocol": protocol, "beside": ()})
