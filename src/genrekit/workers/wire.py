"""Errors as JSON: what a process that worked on files of strangers may tell."""

from __future__ import annotations

from typing import Any

from genrekit.errors import GenreError


def error_to_json(error: GenreError) -> dict[str, Any]:
    """Return an error as JSON; `error_from_json` makes the same of it."""
    args = [one if isinstance(one, int | float) else str(one) for one in error.args]
    return {"type": type(error).__name__, "args": args}


def error_from_json(wire: dict[str, Any]) -> GenreError:
    """Return the error that a worker met."""
    kind = error_kind(str(wire.get("type"))) or GenreError
    return kind(*wire.get("args", ()))


def error_kind(name: str) -> type[GenreError] | None:
    """Genrekit's own type of error of that name, if there is one."""
    return _kinds(GenreError).get(name)


def _kinds(kind: type[GenreError]) -> dict[str, type[GenreError]]:
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= _kinds(child)
    return found
