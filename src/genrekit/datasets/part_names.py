"""Files that are parts of one recording, told by their names: ``song_part0.wav``, ``song_1of3``.

People cut recordings to have more to train on, and then forget it: parts of one song in training
and test are the commonest leak of all.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from genrekit.datasets.dataset import Dataset, Item

_NUMBER = r"[\s._#-]*(?P<number>\d{1,4})(?:[\s._-]*of[\s._-]*\d{1,4})?"
# Words that mean a part of something, and words that a whole track may be called as well.
_CERTAIN = r"part|seg|segment|chunk|slice|split|section|frag|fragment|piece|frame|win|window"
_VAGUE = r"clip|cut|excerpt|snippet|crop|sample"
_WORDED = re.compile(
    rf"(?P<stem>.*[^\W_].*?)[\s._-]*[\[(]?(?P<word>{_CERTAIN}|{_VAGUE}){_NUMBER}[\])]?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?P<stem>.*[^\W_].*?)[\s._-]+[\[(]?(?P<number>\d{1,4})[\s._-]*of[\s._-]*\d{1,4}[\])]?",
    re.IGNORECASE,
)
_TIMED = re.compile(
    r"(?P<stem>.*[^\W_].*?)[\s._-]+(?P<begin>\d+(?:\.\d+)?)(?:ms|sec|s)?[_-]+"
    r"(?P<end>\d+(?:\.\d+)?)(?:ms|sec|s)?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,4}$")
#: More siblings than this are the tracks of a genre, and not the parts of a recording.
MOST_PARTS = 400


class _Part(NamedTuple):
    """What a name says: whose part it is, which one, and where it begins and ends if it says so."""

    stem: str
    which: str
    times: tuple[float, float] | None = None
    vague: bool = False


def with_named_parts(dataset: Dataset) -> Dataset:
    """Return the dataset with parts of one recording, as named, in one group.

    Items that share their recording with another one already are left as they are.
    """
    found = named_recordings(dataset.items)
    if not found:
        return dataset
    items = (
        replace(item, group=found[item.item_id]) if item.item_id in found else item
        for item in dataset.items
    )
    return replace(dataset, items=tuple(items))


def named_recordings(items: Sequence[Item]) -> dict[str, str]:
    """Return the recording of each item that is a part by its name, by item id.

    Parts have one stem and the same labels, and differ in their number. Those in different folders
    are of one recording as long as no number is there twice. Names with times belong together
    where one begins where another ends.
    """
    alone = {group for group, count in Counter(item.group for item in items).items() if count == 1}
    together: dict[tuple[tuple[str, ...], str], list[tuple[Item, _Part]]] = defaultdict(list)
    for item in items:
        part = _part(item.item_id) if item.group in alone else None
        if part is not None:
            together[item.labels, part.stem.casefold()].append((item, part))
    found: dict[str, str] = {}
    for parts in together.values():
        for recording in _recordings(parts):
            first, part = recording[0]
            folder = PurePosixPath(first.item_id).parent
            name = (folder / part.stem).as_posix()
            found |= {item.item_id: name for item, _ in recording}
    return found


def _part(item_id: str) -> _Part | None:
    stem = _SUFFIX.sub("", PurePosixPath(item_id).name)
    if match := _WORDED.fullmatch(stem) or _COUNTED.fullmatch(stem):
        vague = re.fullmatch(_VAGUE, match.groupdict().get("word") or "", re.IGNORECASE)
        return _Part(match["stem"], str(int(match["number"])), vague=vague is not None)
    if match := _TIMED.fullmatch(stem):
        times = float(match["begin"]), float(match["end"])
        return _Part(match["stem"], f"{times}", times) if times[0] < times[1] else None
    return None


def _recordings(
    parts: Sequence[tuple[Item, _Part]],
) -> Iterator[Sequence[tuple[Item, _Part]]]:
    """Parts of one stem that are of one recording: all of them, or those of each folder."""
    if _different(part for _, part in parts):
        sets = [list(parts)]
    else:
        folders: dict[PurePosixPath, list[tuple[Item, _Part]]] = defaultdict(list)
        for item, part in parts:
            folders[PurePosixPath(item.item_id).parent].append((item, part))
        sets = [inside for inside in folders.values() if _different(part for _, part in inside)]
    for one in sets:
        if 1 < len(one) <= MOST_PARTS and _is_plausible(one):
            yield one


def _different(parts: Iterable[_Part]) -> bool:
    return max(Counter(part.which for part in parts).values()) == 1


def _is_plausible(parts: Sequence[tuple[Item, _Part]]) -> bool:
    """``rock_clip1`` to ``rock_clip99`` are clips of rock, and times have to follow each other."""
    if any(part.vague for _, part in parts):
        stem = parts[0][1].stem.casefold()
        labels = {label.casefold() for item, _ in parts for label in item.labels}
        return stem not in {*labels, "audio", "music", "file"}
    times = [part.times for _, part in parts if part.times is not None]
    begins = {begin for begin, _ in times}
    return len(times) < 2 or any(end in begins for _, end in times)
