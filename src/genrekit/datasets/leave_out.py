"""Tracks that are kept away from a dataset, with everything that is the same recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrekit.datasets.dataset import Dataset
from genrekit.datasets.gtzan_facts import parse_name, recording_of
from genrekit.errors import DatasetError


def drop_tracks(dataset: Dataset, tracks: str | Path | Sequence[str]) -> Dataset:
    """Drop the groups of ``tracks``.

    Parameters
    ----------
    tracks : path or sequence of str
        Ids of items or groups, or a text file with one a line; blank lines and those that begin
        with ``#`` are skipped. A GTZAN name stands for its recording in any form:
        ``blues/blues.00008.wav`` drops its 3-second segments too.

    Raises
    ------
    DatasetError
        If the file cannot be read, or nothing would be left.
    """
    names = _read(Path(tracks)) if isinstance(tracks, str | Path) else list(tracks)
    gtzan = [parse_name(name) for name in names]
    recordings = [recording_of(found.track) for found in gtzan if found]
    return dataset.without([*names, *recordings])


def _read(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(f"cannot read the list of tracks to leave out: {problem}") from problem
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
