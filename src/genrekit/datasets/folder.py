"""A folder of audio files where the first folder below the path is the label."""

from __future__ import annotations

import logging
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.gtzan_facts import official_part, parse_name, recording_of
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

INFO = CorpusInfo(
    title="Folder of audio files",
    licence="That of the files; ask their owner",
    citation="None; name the source of the files",
    homepage="None: a folder of your own",
    layout="<label>/**/<file>, any audio format; the first folder below the path is the label",
    obtain="Put your own files there",
)


def load(path: Path | None) -> Dataset:
    """Index the audio files below ``path``; the files are not decoded.

    An item's id is its path below ``path``; its group is that path without the suffix, so two
    encodings of one file stay together. Files named like GTZAN's, segments included
    (``blues.00012.3.wav``), are grouped by their track and know the fault-filtered split.

    Raises
    ------
    DatasetError
        If there is no folder, or fewer than two labels with audio in it.
    """
    if path is None or not path.is_dir():
        raise DatasetError(f"{path} is no folder; expected {INFO.layout}")
    files = [file for file in sorted(path.rglob("*")) if _is_audio(file)]
    stray = [file for file in files if file.parent == path]
    if stray:
        logger.warning("%d files lie outside a label folder and are left out", len(stray))
    items = tuple(_item(file, path) for file in files if file.parent != path)
    labels = tuple(sorted({item.labels[0] for item in items}))
    if len(labels) < 2:
        raise DatasetError(
            f"{path} has audio files under {len(labels)} labels {list(labels)}; expected at least "
            f"two: {INFO.layout}"
        )
    return Dataset(path.resolve().name, labels, items, INFO)


def _is_audio(file: Path) -> bool:
    # macOS writes a "._name" beside every file on foreign disks.
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()


def _item(file: Path, root: Path) -> Item:
    inner = file.relative_to(root)
    gtzan = parse_name(file.name)
    return Item(
        item_id=inner.as_posix(),
        labels=(inner.parts[0],),
        group=recording_of(gtzan.track) if gtzan else inner.with_suffix("").as_posix(),
        path=file,
        split=official_part(gtzan.track) if gtzan else None,
    )
