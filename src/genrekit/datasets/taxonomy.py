"""Trees of genres: a child implies its parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genrekit.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A forest of genres.

    Parameters
    ----------
    parents : Mapping[str, str | None]
        Genre to its parent; None for a root.

    Raises
    ------
    DatasetError
        If a parent is unknown, or a genre is its own ancestor.

    Examples
    --------
    >>> tree = Taxonomy({"Rock": None, "Punk": "Rock", "Oi": "Punk", "Jazz": None})
    >>> tree.ancestors("Oi")
    ('Punk', 'Rock')
    >>> tree.expand(["Oi"])
    ('Oi', 'Punk', 'Rock')
    """

    parents: Mapping[str, str | None]

    def __post_init__(self) -> None:
        for genre, parent in self.parents.items():
            if parent is not None and parent not in self.parents:
                raise DatasetError(f"genre {genre!r} has the unknown parent {parent!r}")
        for genre in self.parents:
            self.ancestors(genre)

    @property
    def roots(self) -> tuple[str, ...]:
        """Genres without a parent, sorted."""
        return tuple(sorted(genre for genre, parent in self.parents.items() if parent is None))

    def ancestors(self, genre: str) -> tuple[str, ...]:
        """Parent, its parent, and so on to the root.

        Raises
        ------
        DatasetError
            If the genre is not in the tree, or is its own ancestor.
        """
        chain: list[str] = []
        current = self._parent(genre)
        while current is not None:
            if current == genre or current in chain:
                raise DatasetError(f"genre {genre!r} is among its own ancestors: {chain}")
            chain.append(current)
            current = self._parent(current)
        return tuple(chain)

    def root(self, genre: str) -> str:
        """Return the root above ``genre``; itself if it is one."""
        return (genre, *self.ancestors(genre))[-1]

    def children(self, genre: str) -> tuple[str, ...]:
        """Genres right below ``genre``, sorted."""
        return tuple(sorted(child for child, parent in self.parents.items() if parent == genre))

    def expand(self, genres: Iterable[str]) -> tuple[str, ...]:
        """``genres`` and all their ancestors, sorted, each once."""
        chosen = set(genres)
        return tuple(
            sorted(chosen | {above for genre in chosen for above in self.ancestors(genre)})
        )

    def within(self, genres: Iterable[str]) -> Taxonomy:
        """Return the tree over ``genres`` alone; parents are nearest ancestors among them.

        Genres that this tree does not know become roots.
        """
        kept = dict.fromkeys(genres)
        above = {genre: self.ancestors(genre) if genre in self.parents else () for genre in kept}
        return Taxonomy(
            {genre: next((g for g in above[genre] if g in kept), None) for genre in kept}
        )

    def _parent(self, genre: str) -> str | None:
        try:
            return self.parents[genre]
        except KeyError:
            raise DatasetError(f"genre {genre!r} is not in the taxonomy") from None
