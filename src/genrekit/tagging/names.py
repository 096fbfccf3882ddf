"""What a model's labels are called in tags: one's own names, parents, casing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from genrekit.errors import ConfigError
from genrekit.tagging.taxonomy import Casing, Taxonomy, folded

Parents = Literal["none", "with", "only"]
#: Players cut a value in two at these.
SPLIT_AT = (",", ";", "/", "\\", "|")
_SMALL = {"and", "of", "the", "a", "in", "on", "n", "de", "la"}
_CAPITALS = {"r&b", "edm", "idm", "ebm", "uk", "us", "usbm", "mpb", "aor", "dj", "tv", "nwobhm"}


@dataclass(frozen=True, slots=True)
class Naming:
    """How labels become names.

    Attributes
    ----------
    taxonomy : Taxonomy
        Spells labels, and knows their parents.
    mapping : mapping of str to tuple of str
        Goes before it: folded labels to one's own names, as they are; none leaves a label out.
    parents : str
        ``with`` writes them behind the genre itself, ``only`` in its place.
    casing : str, optional
        None is what the taxonomy says.
    """

    taxonomy: Taxonomy
    mapping: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parents: Parents = "none"
    casing: Casing | None = None

    def names(self, label: str) -> list[str]:
        """Return the names to write for a label, the most precise first."""
        if (own := self.mapping.get(folded(label))) is not None:
            return list(own)
        name = self.taxonomy.canonical(label)
        above = self.taxonomy.ancestors(name)
        found = {"none": [name], "with": [name, *above], "only": above or [name]}[self.parents]
        allowed = self.taxonomy.whitelist
        kept = [one for one in found if not allowed or one in allowed]
        casing = self.casing or self.taxonomy.casing
        return [cased(one, casing) for one in kept]


def cased(name: str, casing: Casing) -> str:
    """Return a name in title case (``Hip Hop``, ``R&B``, ``Rock and Roll``), small, or as it is."""
    if casing == "as-is":
        return name
    if casing == "lower":
        return name.lower()
    words = re.split(r"([\s\-/]+)", name)
    return "".join(_titled(word, first=not i) for i, word in enumerate(words))


def _titled(word: str, *, first: bool) -> str:
    low = word.lower()
    if low in _CAPITALS:
        return low.upper()
    if low in _SMALL and not first:
        return low
    return word[:1].upper() + word[1:]


def own_spelling(model: str | Path) -> dict[str, tuple[str, ...]]:
    """Make a mapping that writes genres of one's own as their owner spells them.

    Parameters
    ----------
    model : str or Path
        Only one that ``genrekit learn`` made has such genres.
    """
    from genrekit.bundles import load_bundle
    from genrekit.learn import own_labels

    manifest = load_bundle(model, verify=False).manifest
    return {folded(label): (label,) for label in own_labels(manifest)}


def read_mapping(given: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``label=name`` and YAML files of such, as a mapping of folded labels.

    A label with several names has them in a list; in ``label=name`` there is a ``+`` between them.
    One without a name is never written.

    Raises
    ------
    ConfigError
        If something is neither.
    """
    found: dict[str, tuple[str, ...]] = {}
    for one in given:
        label, equals, name = one.partition("=")
        if equals:
            names = tuple(part.strip() for part in name.split("+") if part.strip())
            found[folded(label)] = names
        else:
            found |= _mapping_file(Path(one))
    return found


def _mapping_file(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ConfigError(
            f"the map {path} cannot be read: {reason}; --map is label=name or a YAML file"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(f"the map {path} is not a mapping of labels to names")
    found = {}
    for label, names in content.items():
        listed = names if isinstance(names, list) else [] if names is None else [names]
        found[folded(str(label))] = tuple(str(one).strip() for one in listed if str(one).strip())
    return found


def warnings_for(names: Iterable[str]) -> list[str]:
    """Return a sentence for each name that players will split."""
    return [
        f"{name!r}: players cut a genre in two at a comma, semicolon or slash"
        for name in dict.fromkeys(names)
        if any(one in name for one in SPLIT_AT)
    ]
