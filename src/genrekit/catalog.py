"""Name to object, without importing anything until it is asked for.

The one registry mechanism: listing imports nothing, getting imports one module, an unknown name
raises with near matches, and third parties add names by entry point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from genrekit.errors import ConfigError


class Catalog:
    """A named set of ``"module:object"`` targets.

    Parameters
    ----------
    kind : str
        What an entry is, in the plural, for messages: ``"models"``.
    targets : Mapping[str, str]
        Name to ``"package.module:attribute"``.
    group : str
        Entry-point group that may add names; built-in names win.
    """

    def __init__(self, kind: str, targets: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self.group = group
        self._built_in = dict(targets)

    def _targets(self) -> dict[str, str]:
        return {
            point.name: point.value for point in entry_points(group=self.group)
        } | self._built_in

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._targets()))

    def target(self, name: str) -> str:
        """Return where a name leads, as ``"package.module:attribute"``; nothing is imported."""
        return self._targets()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._targets()

    def get(self, name: str) -> Any:
        """Import and return the object called ``name``.

        Raises
        ------
        ConfigError
            If there is none; the message lists near matches and all names.
        """
        target = self._built_in.get(name) or self._targets().get(name)
        if target is None:
            near = near_matches(name, self.names())
            hint = f"did you mean {' or '.join(near)}?" if near else "no name is near it."
            raise ConfigError(
                f"there is no {name!r} among the {self.kind}; {hint} "
                f"Known: {', '.join(self.names())}."
            )
        return resolve(target)


def near_matches(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the names that somebody may have meant, the nearest first; none if none is near."""
    return get_close_matches(name, list(known), n=most, cutoff=0.5)


def resolve(target: str) -> Any:
    """Import what ``"package.module:attribute"`` names.

    Raises
    ------
    ConfigError
        If there is no such module, or it has no such attribute. Other modules that it fails to
        import are left as they are: an extra may be missing.
    """
    module, _, attribute = target.partition(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or f"{module}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"{target!r} is registered, and there is no module {error.name}; install the "
                "package that has it, or mend its entry point"
            ) from None
        raise
    try:
        return getattr(found, attribute)
    except AttributeError:
        raise ConfigError(
            f"{target!r} is registered, and {module} has no {attribute!r}; mend the entry point"
        ) from None
