"""A folder of audio files where the first folder below the path is the label."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from genrekit.audio import AUDIO_SUFFIXES, describe_skipped
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.gtzan_facts import official_part, parse_name, recording_of
from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import Task

logger = logging.getLogger(__name__)

INFO = CorpusInfo(
    title="Folder of audio files",
    licence="That of the files; ask their owner",
    citation="None; name the source of the files",
    homepage="None: a folder of your own",
    layout="<label>/**/<file>, any audio format; the first folder below the path is the label, or "
    "with task: multi-label every folder on the way, each within its parent genre",
    obtain="Put your own files there",
)


def load(path: Path | None, *, task: Task = "single-label", levels: int | None = None) -> Dataset:
    """Index the audio files below ``path``; the files are not decoded.

    An item's id is its path below ``path``; its group is that path without the suffix, so two
    encodings of one file stay together. Files named like GTZAN's, segments included
    (``blues.00012.3.wav``), are grouped by their track and know the fault-filtered split.

    Parameters
    ----------
    task : {"single-label", "multi-label"}
        Multi-label gives a file the names of all folders that it is in, which is a tree:
        ``Rock/Punk/song.mp3`` is Punk, and so it is Rock.
    levels : int, optional
        For multi-label: only so many folders are genres, those further down (artist, album) are
        not.

    Raises
    ------
    DatasetError
        If there is no folder, fewer than two labels with audio in it, or a genre within two
        others.
    ConfigError
        If an option has no such value.
    """
    if task not in get_args(Task) or (levels is not None and levels < 1):
        raise ConfigError(f"there is no task {task!r} with {levels} levels of folders")
    if path is None or not path.is_dir():
        raise DatasetError(f"{path} is not a folder; expected {INFO.layout}")
    shown = [file for file in sorted(path.rglob("*")) if _is_shown(file, path)]
    files = [file for file in shown if file.suffix.lower() in AUDIO_SUFFIXES]
    others = Counter(file.suffix.lower() for file in shown)
    if skipped := describe_skipped(
        {name: others[name] for name in others if name not in AUDIO_SUFFIXES}
    ):
        logger.warning("%s", skipped)
    misplaced = [file for file in files if file.parent == path]
    if misplaced:
        logger.warning("%d files lie outside a label folder and are left out", len(misplaced))
    multi = task == "multi-label"
    depth = levels if multi else 1
    items = tuple(_item(file, path, depth) for file in files if file.parent != path)
    labels = tuple(sorted({label for item in items for label in item.labels}))
    if len(labels) < 2:
        raise DatasetError(
            f"{path} has audio files under {len(labels)} labels {list(labels)}; expected at least "
            f"two: {INFO.layout}"
        )
    taxonomy = _tree(path, items) if multi else None
    return Dataset(path.resolve().name, labels, items, INFO, task=task, taxonomy=taxonomy)


def _tree(path: Path, items: Sequence[Item]) -> Taxonomy:
    parents: dict[str, str | None] = {}
    for item in items:
        for genre, parent in zip(item.labels, (None, *item.labels), strict=False):
            if parents.setdefault(genre, parent) != parent:
                raise DatasetError(
                    f"{path}: {genre!r} lies in {parents[genre] or 'the top folder'} and in "
                    f"{parent or 'the top folder'}; give these folders different names, or set "
                    "levels if they are not genres"
                )
    return Taxonomy(parents)


def _is_shown(file: Path, root: Path) -> bool:
    # macOS writes a "._name" beside every file on foreign disks.
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.is_file()


def _item(file: Path, root: Path, depth: int | None) -> Item:
    inner = file.relative_to(root)
    gtzan = parse_name(file.name)
    return Item(
        item_id=inner.as_posix(),
        labels=inner.parts[:-1][:depth],
        group=recording_of(gtzan.track) if gtzan else inner.with_suffix("").as_posix(),
        path=file,
        split=official_part(gtzan.track) if gtzan else None,
    )
