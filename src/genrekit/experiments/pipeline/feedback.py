"""What people said of a server's answers joins what teaches, and is never tested with."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import dataclass
from pathlib import Path

from genrekit.datasets import Dataset, Split
from genrekit.errors import ConfigError
from genrekit.features import FeatureCache
from genrekit.files import replace_file
from genrekit.fingerprint import find_near_duplicates, fingerprint_files
from genrekit.learn import read_feedback
from genrekit.training import DataConfig, ProtocolConfig, Recipe

_log = logging.getLogger(__name__)
#: The column that says where a track of the list is from.
ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class FeedbackRows:
    """What teaches, with feedback: a list whose column ``origin`` tells it from the rest."""

    file: Path
    added: int


def add_feedback(
    log: Path | None,
    dataset: Dataset,
    split: Split,
    folder: Path,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> FeedbackRows | None:
    """Write a list of the dataset's tracks, in their parts, and of what people labelled.

    Audio that sounds like a track that is not trained on (people send those, too) is left out:
    the model would be tested on what it learnt.

    Parameters
    ----------
    log : Path, optional
        Of a server that kept audio; None has nothing to add.

    Returns
    -------
    FeedbackRows or None
        Their table in ``folder``, and how many were added.

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
    added = _to_add(log, dataset, {item for item in part if part[item] != "train"}, workers, cache)
    for path, genre in sorted(added.items()):
        name = f"feedback/{Path(path).stem}"
        rows.append((Path(path).absolute(), genre, name, name, "", "", "train", "feedback"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("path", "label", "id", "group", "artist", "album", "split", ORIGIN))
    writer.writerows(rows)
    file = folder / "lessons.csv"
    replace_file(file, text.getvalue())
    return FeedbackRows(file, len(added))


def _to_add(
    log: Path, dataset: Dataset, tested: set[str], workers: int, cache: FeatureCache | None
) -> dict[str, str]:
    """Genres that people named, by the path of audio that may be trained on."""
    labelled = read_feedback(log)
    known = {path: genre for path, genre in labelled.items() if genre in dataset.labels}
    if others := len(labelled) - len(known):
        _log.warning("%d answers were said to be of genres that are not in the data", others)
    duplicates = _copies(list(known), dataset, tested, workers, cache)
    if duplicates:
        _log.warning(
            "%d labelled answers are of tracks that are tested with: left out", len(duplicates)
        )
    return {path: genre for path, genre in known.items() if path not in duplicates}


def _copies(
    kept: list[str], dataset: Dataset, tested: set[str], workers: int, cache: FeatureCache | None
) -> set[str]:
    """Which of the kept audio shares audio with tracks that are tested."""
    own = [str(item.path) for item in dataset.items if item.item_id in tested and item.path]
    files = [Path(path) for path in (*kept, *own)]
    prints = {
        str(one.path): one.fingerprint
        for one in fingerprint_files(files, workers=workers, cache=cache)
        if one.fingerprint is not None
    }
    pairs = [{match.first, match.second} for match in find_near_duplicates(prints)]
    return {path for pair in pairs if pair & {*own} for path in pair & {*kept}}


def with_feedback(recipe: Recipe, feedback_rows: FeedbackRows) -> Recipe:
    """Return the recipe with the list that `add_feedback` wrote in place of its data."""
    data = DataConfig(corpus="manifest", path=feedback_rows.file, options={"ignore": [ORIGIN]})
    protocol = ProtocolConfig(name="official", fit_on=recipe.protocol.fit_on)
    labelled = (
        f"Trained on {feedback_rows.added} tracks, too, that people who used a server labelled."
    )
    return recipe.model_copy(
        update={
            "data": data,
            "protocol": protocol,
            "beside": (),
            "description": f"{recipe.description} {labelled}".strip(),
        }
    )
