"""Genres as data: names, parents, other spellings.

A taxonomy is a YAML file. Ours names genres with their parents (a genre may have several) and other
spellings::

    name: mine
    casing: title          # or lower, or as it is written
    genres:
      hip hop: {aliases: [hiphop, rap]}
      trap: {parents: [hip hop, electronic]}
    whitelist: [hip hop]   # all of them if it is left out

The tree of genres of beets (nested lists) and its aliases (patterns) are read as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from genrekit.errors import ConfigError, quoted
from genrekit.schema import Contract

Casing = Literal["title", "lower", "as-is"]
_LARGEST_BYTES = 5_000_000
_DEEPEST = 50
_SEPARATORS = (",", ";", "/", "\\", "|")


class GenreEntry(Contract):
    """What a file says of one genre."""

    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class TaxonomyFile(Contract):
    """A file of ours."""

    name: str = ""
    about: str = ""
    casing: Casing = "title"
    genres: dict[str, GenreEntry | None]
    whitelist: tuple[str, ...] = Field((), description="nothing allows all genres")


def folded(text: str) -> str:
    """Strip case, accents and separators from a name: ``Hip-Hop`` is hiphop."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return re.sub(r"[\s\-_./']+", "", re.sub(r"\band\b", "&", letters)).replace("\u2010", "")


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Genres, and which spelling means which.

    Attributes
    ----------
    parents : mapping of str to tuple of str
        Of every genre, by its name.
    aliases : mapping of str to tuple of str
        Other spellings of some.
    patterns : tuple of (pattern, str)
        Spellings by regular expression, with what they stand for.
    whitelist : frozenset of str
        Names that may be written; empty allows all.
    """

    name: str
    parents: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    casing: Casing = "title"
    whitelist: frozenset[str] = frozenset()
    spellings: Mapping[str, str] = field(default_factory=dict)

    def canonical(self, label: str) -> str:
        """Return the name of a label; itself if it is not known."""
        if (found := self.spellings.get(folded(label))) is not None:
            return found
        for pattern, replacement in self.patterns:
            if (match := pattern.fullmatch(label.casefold())) is not None:
                made = match.expand(replacement)
                return self.spellings.get(folded(made), made)
        return label

    def ancestors(self, name: str) -> list[str]:
        """Parents, their parents and so on, the nearest first, each once."""
        found: dict[str, None] = {}
        level = [name]
        while level:
            level = [
                parent
                for one in level
                for parent in map(self.canonical, self.parents.get(one, ()))
                if parent != name and parent not in found
            ]
            found.update(dict.fromkeys(level))
        return list(found)

    def roots(self) -> list[str]:
        """Genres without parents."""
        return [name for name, parents in self.parents.items() if not parents]

    def children(self, name: str) -> list[str]:
        """Genres directly below one."""
        return [one for one, parents in self.parents.items() if name in parents]


def made(
    name: str,
    parents: Mapping[str, tuple[str, ...]],
    aliases: Mapping[str, tuple[str, ...]] | None = None,
    **more: Any,
) -> Taxonomy:
    """Return a taxonomy with its table of spellings; names go before aliases."""
    spellings: dict[str, str] = {}
    for genre in parents:
        spellings.setdefault(folded(genre), genre)
    for genre, others in (aliases or {}).items():
        for other in others:
            spellings.setdefault(folded(other), genre)
    return Taxonomy(name, parents, aliases or {}, spellings=spellings, **more)


def shipped() -> list[str]:
    """Names of the taxonomies that come with the package."""
    folder = resources.files("genrekit.tagging") / "taxonomies"
    return sorted(one.name.removesuffix(".yaml") for one in folder.iterdir() if _is_yaml(one.name))


def _is_yaml(name: str) -> bool:
    return name.endswith(".yaml")


def load_taxonomy(place: str | Path, aliases: str | Path | None = None) -> Taxonomy:
    """Return a shipped taxonomy by name, or one from a file.

    Parameters
    ----------
    place : str or Path
        ``gtzan``, ``fma``, ``box``, or a YAML file: ours, or a tree of genres of beets.
    aliases : str or Path, optional
        A file of patterns as beets has it.

    Raises
    ------
    ConfigError
        If there is none, or it cannot be understood.
    """
    if str(place) in shipped():
        text = (resources.files("genrekit.tagging") / "taxonomies" / f"{place}.yaml").read_text(
            "utf-8"
        )
    else:
        text = _text_of(Path(place))
    content = _yaml(text, place)
    if isinstance(content, list):
        taxonomy = made(Path(place).stem, _from_tree(content, place), casing="as-is")
    else:
        taxonomy = _from_file(content, place)
    if aliases is None:
        return taxonomy
    patterns = _patterns(_yaml(_text_of(Path(aliases)), aliases), aliases)
    return made(
        taxonomy.name,
        taxonomy.parents,
        taxonomy.aliases,
        patterns=patterns,
        casing=taxonomy.casing,
        whitelist=taxonomy.whitelist,
    )


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ConfigError(f"{path} is larger than any taxonomy; it has more than 5 MB")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ConfigError(
            f"the taxonomy {quoted(str(path))} cannot be read: {reason}; shipped are "
            f"{', '.join(shipped())}, and anything else is a YAML file"
        ) from error


def _yaml(text: str, place: object) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        where = str(error).splitlines()[0]
        raise ConfigError(f"{place} is not YAML: {where}") from error


def _from_file(content: Any, place: object) -> Taxonomy:
    try:
        file = TaxonomyFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(
            f"{place} is not a taxonomy: {where}: {first['msg']}; it has a mapping of genres, each "
            "with parents and aliases, or is a tree of genres of beets"
        ) from error
    entries = {name: entry or GenreEntry() for name, entry in file.genres.items()}
    found = made(
        file.name or str(place),
        {name: entry.parents for name, entry in entries.items()},
        {name: entry.aliases for name, entry in entries.items() if entry.aliases},
        casing=file.casing,
    )
    if not file.whitelist:
        return found
    allowed = frozenset(map(found.canonical, file.whitelist))
    return made(found.name, found.parents, found.aliases, casing=found.casing, whitelist=allowed)


def _from_tree(content: list[Any], place: object) -> dict[str, tuple[str, ...]]:
    """Nested lists, in which a genre with others below it is a mapping of one entry."""
    found: dict[str, tuple[str, ...]] = {}
    for name, parent in _branches(content, None, place, 0):
        known = found.get(name, ())
        found[name] = known if parent is None or parent in known else (*known, parent)
    return found


def _branches(
    content: Any, parent: str | None, place: object, depth: int
) -> Iterator[tuple[str, str | None]]:
    if depth > _DEEPEST:
        raise ConfigError(f"{place} has genres below each other {_DEEPEST} times; is it a circle?")
    for one in content if isinstance(content, list) else [content]:
        if isinstance(one, dict):
            for name, below in one.items():
                yield str(name), parent
                yield from _branches(below or [], str(name), place, depth + 1)
        elif isinstance(one, str | int | float):
            yield str(one), parent  # "2 tone" is text; a bare 2000 would not be
        else:
            raise ConfigError(f"{place} holds {one!r} where the name of a genre is expected")


def _patterns(content: Any, place: object) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return a mapping of names to patterns that stand for them."""
    if not isinstance(content, dict):
        raise ConfigError(f"{place} is not a file of aliases: a mapping of names to lists")
    found = []
    for name, patterns in content.items():
        for one in patterns if isinstance(patterns, list) else [patterns]:
            try:
                found.append((re.compile(str(one), re.IGNORECASE), str(name)))
            except re.error as error:
                raise ConfigError(
                    f"{place}: the pattern {one!r} makes no sense: {error}"
                ) from error
    return tuple(found)


def check_taxonomy(taxonomy: Taxonomy) -> list[str]:
    """Return what is odd about a taxonomy, a sentence each."""
    unknown = sorted(taxonomy.whitelist - set(taxonomy.parents))
    return [
        *(fault for name in taxonomy.parents for fault in _faults(taxonomy, name)),
        *_ambiguous(taxonomy),
        *(f"{name}: it is allowed, but not among the genres" for name in unknown),
    ]


def _faults(taxonomy: Taxonomy, name: str) -> Iterator[str]:
    parents = taxonomy.parents[name]
    for parent in parents:
        if taxonomy.canonical(parent) not in taxonomy.parents:
            yield f"{name}: its parent {parent} is not among the genres"
    if name in {one for parent in parents for one in _above(taxonomy, parent)}:
        yield f"{name}: it is its own ancestor"
    if not name.strip() or name != name.strip():
        yield f"{name!r}: the name begins or ends with a space, or is empty"
    if any(one in name for one in _SEPARATORS):
        yield f"{name}: players cut a genre in two at a comma, semicolon or slash"


def _ambiguous(taxonomy: Taxonomy) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name in taxonomy.parents:
        if (other := seen.setdefault(folded(name), name)) != name:
            yield f"{name}: it differs from {other} in spelling only"
    for name, others in taxonomy.aliases.items():
        for other in others:
            if (meant := taxonomy.spellings.get(folded(other))) != name:
                yield f"{name}: its alias {other} means {meant} already"


def _above(taxonomy: Taxonomy, name: str) -> list[str]:
    name = taxonomy.canonical(name)
    return [name, *taxonomy.ancestors(name)]
