"""Which items belong together: by recording, artist, album, or because they sound the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from genrekit.datasets.dataset import Dataset, Item
from genrekit.datasets.part_names import named_recordings
from genrekit.datasets.rows import expect_width, read_rows
from genrekit.errors import DatasetError

Relation = Literal["track", "artist", "album", "fingerprint"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)

#: Two item ids that sound the same: a repetition, another excerpt, a re-encoding, a version.
Pair = tuple[str, str]

#: What taggers write where there is no one artist.
UNKNOWN_ARTISTS = frozenset(
    {"", "various artists", "various", "va", "v.a.", "unknown artist", "unknown"}
)
#: What stands before the name of a guest.
_GUEST = re.compile(r"\s*[,;(\[]?\s*\b(?:feat(?:uring)?|ft)\b\.?\s.*$")


def artist_key(name: str) -> str:
    """Return an artist as all spellings of the name have it: no case, no accents, no guests.

    ``BEYONCÉ feat. Jay-Z`` is ``beyonce``; ``Beatles, The`` is ``the beatles``.
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    plain = " ".join(_GUEST.sub("", plain.replace("_", " ")).split())
    return re.sub(r"^(.+), the$", r"the \1", plain)


def mark(item: Item, relation: Relation) -> str | None:
    """Return what ``item`` shares with those it is related to; None where that is not known.

    Artists are told by `artist_key`. An album is a title by an artist, as "Greatest Hits" is many
    albums; where no artist is known, or several are, the title alone. "Various Artists" is nobody.
    """
    if relation == "track":
        return item.group
    key = artist_key(item.artist or "")
    artist = None if key in UNKNOWN_ARTISTS else key
    if relation == "artist":
        return artist
    if relation == "album" and item.album:
        title = " ".join(item.album.casefold().split())
        return title if artist is None else f"{artist}: {title}"
    return None


def known_relations(dataset: Dataset, pairs: Sequence[Pair] = ()) -> tuple[Relation, ...]:
    """Return the relations that the dataset, or ``pairs``, say something about."""
    return tuple(
        relation
        for relation in RELATIONS
        if (relation == "fingerprint" and pairs)
        or any(mark(item, relation) is not None for item in dataset.items)
    )


def related(
    dataset: Dataset, by: Iterable[Relation] = RELATIONS, pairs: Sequence[Pair] = ()
) -> tuple[str, ...]:
    """Return a name for each item that it shares with all that it is related to, however far.

    Two items are together if a chain of relations leads from one to the other: the union of all
    relations, closed. The recording is always one of them.

    Parameters
    ----------
    by : iterable of {"track", "artist", "album", "fingerprint"}
    pairs : sequence of (str, str)
        Near duplicates by item id, for ``fingerprint``. Ids that were left out of the dataset are
        passed over.

    Returns
    -------
    tuple of str
        The group of the first item of each connected component.

    Raises
    ------
    DatasetError
        If pairs are given and not one of their ids is in the dataset.
    """
    wanted = {"track", *by}
    representative = list(range(len(dataset)))
    parts = named_recordings(dataset.items)
    for relation in (one for one in RELATIONS if one in wanted):
        first: dict[str, int] = {}
        for row, item in enumerate(dataset.items):
            shared = mark(item, relation)
            if relation == "track":
                shared = parts.get(item.item_id, shared)
            if shared is not None:
                _join(representative, first.setdefault(shared, row), row)
    if "fingerprint" in wanted:
        position = {item.item_id: row for row, item in enumerate(dataset.items)}
        for one, other in known_pairs(dataset, pairs):
            _join(representative, position[one], position[other])
    return tuple(dataset.items[_lead(representative, row)].group for row in range(len(dataset)))


def known_pairs(dataset: Dataset, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of which both items are in the dataset.

    Raises
    ------
    DatasetError
        If there are pairs and not one of their ids is in the dataset.
    """
    ids = {item.item_id for item in dataset.items}
    if pairs and not any({one, other} & ids for one, other in pairs):
        raise DatasetError(
            f"not one of {len(pairs)} pairs of duplicates names an item of {dataset.name} "
            f"({pairs[0][0]!r} is none); expected ids such as {dataset.items[0].item_id!r}"
        )
    return [(one, other) for one, other in pairs if one in ids and other in ids]


def read_pairs(file: Path) -> tuple[Pair, ...]:
    """Read near duplicates: two item ids a line, separated by a tab (``.tsv``) or a comma.

    Further cells are passed over, and so is a line that begins with ``#``.

    Raises
    ------
    DatasetError
        With file and line of what is wrong.
    """
    pairs = []
    for row in read_rows(file, "\t" if file.suffix == ".tsv" else ","):
        if row.cells[0].startswith("#"):
            continue
        if len(row.cells) < 2:
            expect_width(file, row, 2)
        pairs.append((row.cells[0].strip(), row.cells[1].strip()))
    return tuple(pairs)


# --- disjoint sets; the item that comes first leads ---------------------------------------------


def _lead(representative: list[int], row: int) -> int:
    while representative[row] != row:
        representative[row] = representative[representative[row]]
        row = representative[row]
    return row


def _join(representative: list[int], one: int, other: int) -> None:
    first, second = sorted((_lead(representative, one), _lead(representative, other)))
    representative[second] = first
