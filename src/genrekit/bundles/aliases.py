"""Other names of stored models: two files of the store, each replaced whole or not at all.

``aliases.json`` maps a name's aliases to its versions. ``promoted.json`` holds, for each alias of
``default``, every step that it went, so that it can go back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import RootModel, ValidationError

from genrekit.errors import BundleError
from genrekit.files import replace_file
from genrekit.schema import Contract

ALIASES, PROMOTED = "aliases.json", "promoted.json"
#: What an alias is while nothing was promoted to it, and after everything was rolled back.
PACKAGED_DEFAULT = "default"
_LOCK = ".lock"

AliasStamp = tuple[tuple[int, int, int] | None, ...]


class PromotionStep(Contract):
    """One change of an alias.

    Parameters
    ----------
    model : str
        What it is from then on: ``name@version``, or ``"default"`` for the packaged model.
    at : str
        UTC, ISO 8601.
    """

    action: Literal["promote", "roll back"]
    model: str
    at: str


class _Promoted(RootModel[dict[str, tuple[PromotionStep, ...]]]):
    """``promoted.json``."""


def alias_stamp(folder: Path) -> AliasStamp:
    """Something that changes whenever one of the two files of a store does."""
    return tuple(_stamp_of(folder / name) for name in (ALIASES, PROMOTED))


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size


def read_aliases(folder: Path) -> dict[str, dict[str, str]]:
    """``aliases.json`` of a store: name to alias to version.

    Raises
    ------
    BundleError
        If the file is damaged.
    """
    path = folder / ALIASES
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({error}); repair or delete it") from error
    if not isinstance(data, dict) or not all(isinstance(value, dict) for value in data.values()):
        raise BundleError(f"{path} is damaged: it must map names to aliases; repair or delete it")
    return {
        str(name): {str(alias): str(version) for alias, version in chosen.items()}
        for name, chosen in data.items()
    }


def write_alias(folder: Path, name: str, alias: str, version: str) -> None:
    """Let an alias of a name mean a version."""
    with _locked(folder):
        aliases = read_aliases(folder)
        aliases.setdefault(name, {})[alias] = version
        replace_file(folder / ALIASES, json.dumps(aliases, indent=2, sort_keys=True) + "\n")


# --- champions ----------------------------------------------------------------------------------


def read_promotions(folder: Path) -> dict[str, tuple[PromotionStep, ...]]:
    """``promoted.json`` of a store: alias to all its steps, oldest first.

    Raises
    ------
    BundleError
        If the file is damaged.
    """
    path = folder / PROMOTED
    try:
        return _Promoted.model_validate_json(path.read_bytes()).root
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path} is damaged ({reason}); repair or delete it") from error


def promoted(folder: Path, alias: str) -> str | None:
    """Return what an alias of ``default`` is now; None if nothing was ever promoted to it."""
    steps = read_promotions(folder).get(alias)
    return steps[-1].model if steps else None


def write_promotion(folder: Path, alias: str, model: str) -> PromotionStep:
    """Let ``default@alias`` mean ``model``, and remember what it was.

    Said again it changes nothing, so that the way back leads to another model.
    """
    with _locked(folder):
        steps = read_promotions(folder).get(alias, ())
        if steps and steps[-1].model == model:
            return steps[-1]
        step = PromotionStep(action="promote", model=model, at=_now())
        _append(folder, alias, step)
    return step


def write_roll_back(folder: Path, alias: str, expected: str) -> PromotionStep:
    """Let ``default@alias`` mean what it meant before; as `before` gives it.

    Raises
    ------
    BundleError
        If somebody else changed the alias meanwhile.
    """
    with _locked(folder):
        if before(read_promotions(folder).get(alias, ())) != expected:
            raise BundleError(f"default@{alias} was changed meanwhile; look at it, and ask again")
        step = PromotionStep(action="roll back", model=expected, at=_now())
        _append(folder, alias, step)
    return step


def before(steps: tuple[PromotionStep, ...]) -> str | None:
    """Return what the last promotion that still holds took the place of; None if none holds."""
    standing = [PACKAGED_DEFAULT]
    for step in steps:
        if step.action == "promote":
            standing.append(step.model)
        elif len(standing) > 1:
            standing.pop()
    return standing[-2] if len(standing) > 1 else None


def _append(folder: Path, alias: str, step: PromotionStep) -> None:
    everything = read_promotions(folder)
    everything[alias] = (*everything.get(alias, ()), step)
    replace_file(folder / PROMOTED, _Promoted(everything).model_dump_json(indent=2) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let nobody else read, change and write a file of the store at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as file:
        try:
            import fcntl
        except ModuleNotFoundError:  # Windows: the last one to write wins
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
