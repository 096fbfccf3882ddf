"""Facts about GTZAN's thousand tracks: names, faults, repetitions and the fault-filtered split.

Sources
-------
B. L. Sturm, "The GTZAN dataset: Its contents, its faults, their effects on evaluation, and its
future use", arXiv:1306.1461, 2013: the catalogue of repetitions, mislabels and distortions.

C. Kereliuk, B. L. Sturm and J. Larsen, "Deep Learning and Music Adversaries", IEEE Transactions on
Multimedia 17(11), 2015: the fault-filtered partition, 443 training, 197 validation and 290 test
tracks, with repetitions left out and artists kept apart.

`EXACT_REPETITIONS` and `NEAR_REPETITIONS` are measured here, not copied from a catalogue:

* exact: the two rows of the published ``features_30_sec.csv`` are equal in all 57 features;
* near: each track is the other's nearest neighbour in three independent published feature tables
  (that one, 147 librosa statistics, and the features of Choi's pretrained network, all
  standardised), and the fault-filtered split uses at most one of the two.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

GTZAN_GENRES = (
    "blues",
    "classical",
    "country",
    "disco",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)
TRACKS_PER_GENRE = 100

#: The wav of this track in the Kaggle copy has no readable header. It belongs to the training part
#: of the fault-filtered split, which therefore has 442 readable tracks in that copy.
UNREADABLE_IN_KAGGLE = "jazz.00054"

EXACT_REPETITIONS = (
    ("disco.00098", "disco.00099"),
    ("hiphop.00039", "hiphop.00045"),
    ("hiphop.00076", "hiphop.00078"),
    ("metal.00034", "metal.00094"),
    ("metal.00040", "metal.00061"),
    ("metal.00041", "metal.00062"),
    ("metal.00042", "metal.00063"),
    ("metal.00043", "metal.00064"),
    ("metal.00044", "metal.00065"),
    ("metal.00045", "metal.00066"),
    # One recording under two genres: at least one of the labels is wrong.
    ("metal.00058", "rock.00016"),
    ("pop.00054", "pop.00060"),
    ("pop.00067", "pop.00071"),
    ("reggae.00081", "reggae.00082"),
)
NEAR_REPETITIONS = (
    ("disco.00060", "disco.00089"),
    ("jazz.00033", "jazz.00051"),
    ("jazz.00034", "jazz.00053"),
    ("jazz.00035", "jazz.00055"),
    ("jazz.00036", "jazz.00058"),
    ("jazz.00037", "jazz.00060"),
    ("jazz.00038", "jazz.00062"),
    ("jazz.00039", "jazz.00065"),
    ("jazz.00040", "jazz.00067"),
    ("jazz.00042", "jazz.00068"),
    ("jazz.00043", "jazz.00069"),
    ("jazz.00044", "jazz.00070"),
    ("jazz.00046", "jazz.00072"),
    ("pop.00015", "pop.00022"),
    ("pop.00030", "pop.00031"),
    ("pop.00045", "pop.00046"),
    ("pop.00047", "pop.00080"),
    ("pop.00052", "pop.00057"),
    ("pop.00056", "pop.00059"),
    ("pop.00087", "pop.00090"),
    ("reggae.00010", "reggae.00060"),
    ("reggae.00073", "reggae.00074"),
    ("reggae.00091", "reggae.00092"),
)

#: Part, genre, track numbers; "a-b" includes both ends.
FAULT_FILTERED = {
    "train": {
        "blues": "29-49 73-97",
        "classical": "30-33 43-48 50-67 80-99",
        "country": "19-26 28-29 65-99",
        "disco": "5 15-20 22-37 39-45 47 49 53-54 56-57 59 61 70 73-74 89",
        "hiphop": "2-25 28-29 31-38 41-42 55-61 77-80",
        "jazz": "0-1 11-24 41 47-72",
        "metal": "2-3 5 21 24 35 46-57 59-66 69 71-72 79-80 84 86 89-99",
        "pop": "2-9 11-12 16-20 23-29 31-36 38-42 44 46 49-50 80 97-99",
        "reggae": "0-2 4 6 9 11-12 14-32 42-45 49-51 54-60 63 69",
        "rock": "0-9 16-26 57-70 91-99",
    },
    "valid": {
        "blues": "0-11 50-60",
        "classical": "0-10 68-76",
        "country": "0-7 9-18 27 41-42 45 49",
        "disco": "0 2-4 6-14 46 48 52 67-68 72 75 90 95",
        "hiphop": "81-98",
        "jazz": "2-10 25-32",
        "metal": "0-1 6-11 16-20 36-37 68 76-77 81-82",
        "pop": "10 53 55 58-62 81 83-86",
        "reggae": "61-62 70 72 74 76-78 85 92-99",
        "rock": "38 49-56 71-85",
    },
    "test": {
        "blues": "12-28 61-72 98-99",
        "classical": "11-29 34-41 49 77-79",
        "country": "30-40 43-44 46-48 50-51 53-64",
        "disco": "1 21 58 62-66 69 76-88 91-94 96-97 99",
        "hiphop": "0 26-27 30 40 43-45 51-54 62-75 99",
        "jazz": "73-99",
        "metal": "12-15 22-23 25-33 38-39 67 70 73-75 78 83 85 87-88",
        "pop": "0-1 13-14 43 63-66 69-79 82 88-96",
        "reggae": "34-40 46-48 52-53 64-68 71 79 82-84 87-90",
        "rock": "10-15 27-37 39-48 86-90",
    },
}

# "blues.00000.wav", its segments "blues.00000.3.wav", and "blues_00000.wav" as some tables write.
_NAME = re.compile(
    rf"(?P<genre>{'|'.join(GTZAN_GENRES)})[._](?P<number>000\d\d)(?:[._](?P<segment>\d+))?"
    r"(?:\.[A-Za-z]\w*)?"
)


class GtzanName(NamedTuple):
    """What a GTZAN file name says."""

    track: str
    genre: str
    segment: int | None


def parse_name(name: str) -> GtzanName | None:
    """Read a GTZAN file name, with or without folders and suffix; None if it is none.

    >>> parse_name("genres_original/blues/blues.00012.3.wav")
    GtzanName(track='blues.00012', genre='blues', segment=3)
    """
    found = _NAME.fullmatch(re.split(r"[/\\]", name)[-1])
    if found is None:
        return None
    segment = found["segment"]
    return GtzanName(
        f"{found['genre']}.{found['number']}",
        found["genre"],
        None if segment is None else int(segment),
    )


def recording_of(track: str) -> str:
    """Return the group of ``track``: itself, or the first track of the same recording."""
    return _repetitions().get(track, track)


def official_part(track: str) -> str | None:
    """``"train"``, ``"valid"``, ``"test"``, or None for the tracks that the split leaves out."""
    return _parts().get(track)


def part_tracks(part: str) -> tuple[str, ...]:
    """Tracks of one part of the fault-filtered split, by genre and number."""
    return tuple(
        f"{genre}.{number:05d}"
        for genre, ranges in FAULT_FILTERED[part].items()
        for number in _numbers(ranges)
    )


@cache
def _repetitions() -> dict[str, str]:
    return {second: first for first, second in EXACT_REPETITIONS + NEAR_REPETITIONS}


@cache
def _parts() -> dict[str, str]:
    return {track: part for part in FAULT_FILTERED for track in part_tracks(part)}


def _numbers(ranges: str) -> list[int]:
    numbers: list[int] = []
    for piece in ranges.split():
        first, _, last = piece.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
