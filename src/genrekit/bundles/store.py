"""Models by name: those packaged with genrekit and those in the user's store.

The store is ``<home>/models/<name>/<version>/``; versions are never changed once stored. Their
other names are in files beside them, see `genrekit.bundles.aliases`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrekit.bundles.aliases import (
    PACKAGED_DEFAULT,
    promoted,
    read_aliases,
    read_promotions,
    write_alias,
)
from genrekit.bundles.verify import MANIFEST, read_manifest
from genrekit.catalog import near_matches
from genrekit.errors import BundleError, ConfigError
from genrekit.files import home, shipped
from genrekit.schema import Manifest

#: The packaged bundle that ``"default"`` stands for.
DEFAULT_BUNDLE = "box"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """One stored bundle, for listings.

    Attributes
    ----------
    name, version : str
    aliases : tuple of str
        Its aliases; ``"default"`` among them for the one used when none is named.
    directory : Path
    packaged : bool
        True if it came with genrekit.
    size_bytes : int
    manifest : Manifest or None
        None if it cannot be read; ``problem`` then says why.
    problem : str
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    directory: Path
    packaged: bool
    size_bytes: int
    manifest: Manifest | None
    problem: str = ""


def store_directory() -> Path:
    """Return the user's store; it need not exist."""
    return home() / "models"


def packaged_directory() -> Path:
    """Where the bundles lie that came with genrekit."""
    return shipped("genrekit.bundles", "packaged")


def find_bundle(name_or_path: str | Path) -> Path:
    """Directory of a bundle.

    Parameters
    ----------
    name_or_path : str or Path
        ``"default"``, ``"default@champion"`` (or whatever was promoted to another alias of it; the
        packaged one until then), ``"name"`` (the newest version in the store, else the packaged
        one), ``"name@version"``, ``"name@alias"``, or a directory. Names go before directories:
        write ``./name`` for a directory that is called like a model.

    Raises
    ------
    ConfigError
        If there is no such name or directory.
    """
    if isinstance(name_or_path, str) and (found := _by_name(name_or_path)):
        return found
    path = Path(name_or_path).expanduser()
    # Path("") is the current directory, which nobody means by an empty name.
    if name_or_path != "" and path.is_dir():
        return path
    if path.is_file():
        raise BundleError(f"{path} is a file; a bundle is a directory with a {MANIFEST}")
    if name_or_path == "default":
        raise BundleError(
            f"the model that comes with genrekit is missing: there is nothing in "
            f"{packaged_directory() / DEFAULT_BUNDLE}; install genrekit again, or name another "
            "model"
        )
    known = sorted({summary.name for summary in list_bundles()} | {"default"})
    near = near_matches(str(name_or_path), known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
    raise ConfigError(f"there is no model or directory {str(name_or_path)!r}; {hint}")


def list_bundles() -> tuple[BundleSummary, ...]:
    """All packaged and stored bundles by name and version, damaged ones with their problem."""
    return tuple(_summary(directory) for directory in (*_packaged(), *_stored()))


def set_alias(name: str, alias: str, version: str) -> None:
    """Let ``name@alias`` mean ``name@version`` from now on.

    Raises
    ------
    ConfigError
        If the version is not in the store or the alias is not a plain word.
    """
    check_alias(alias)
    if (
        not (_NAME.fullmatch(name) and _VERSION.fullmatch(version))
        or not (store_directory() / name / version).is_dir()
    ):
        raise ConfigError(f"there is no {name}@{version} in {store_directory()}")
    write_alias(store_directory(), name, alias, version)


def check_alias(alias: str) -> None:
    """Raise `ConfigError` unless an alias is a plain word."""
    if not _NAME.fullmatch(alias):
        raise ConfigError(f"alias {alias!r} must be lower-case letters, digits, - and _")


def _by_name(text: str) -> Path | None:
    name, _, tag = text.partition("@")
    if not _NAME.fullmatch(name):
        return None
    if name == "default":
        return _default(tag)
    if not tag:
        versions = _versions(store_directory() / name)
        found = versions[-1] if versions else packaged_directory() / name
        return found if found.is_dir() else None
    version = read_aliases(store_directory()).get(name, {}).get(tag, tag)
    if not _VERSION.fullmatch(version):
        return None
    if (stored := store_directory() / name / version).is_dir():
        return stored
    packaged = packaged_directory() / name
    return packaged if packaged.is_dir() and _version_of(packaged) == version else None


def _default(alias: str) -> Path | None:
    """Return the packaged model, or what was promoted to an alias of it."""
    model = promoted(store_directory(), alias) if alias else PACKAGED_DEFAULT
    if model is None and alias == "champion":
        model = PACKAGED_DEFAULT
    if model != PACKAGED_DEFAULT:
        # One that was written by hand must not lead round in a circle.
        return _by_name(model) if model and not model.startswith(PACKAGED_DEFAULT) else None
    packaged = packaged_directory() / DEFAULT_BUNDLE
    return packaged if packaged.is_dir() else None


def _versions(folder: Path) -> list[Path]:
    """Return the stored versions of one name, oldest number first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _VERSION.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: tuple(int(part) for part in path.name.split(".")))


def _packaged() -> Iterator[Path]:
    if packaged_directory().is_dir():
        yield from sorted(
            path for path in packaged_directory().iterdir() if (path / MANIFEST).is_file()
        )


def _stored() -> Iterator[Path]:
    store = store_directory()
    if store.is_dir():
        for folder in sorted(store.iterdir()):
            if _NAME.fullmatch(folder.name):
                yield from _versions(folder)


def _version_of(directory: Path) -> str:
    try:
        return read_manifest(directory).version
    except BundleError:
        return ""


def _summary(directory: Path) -> BundleSummary:
    packaged = directory.parent == packaged_directory()
    size = sum(path.lstat().st_size for path in directory.iterdir())
    name = directory.name if packaged else directory.parent.name
    try:
        manifest = read_manifest(directory)
    except BundleError as error:
        version = "" if packaged else directory.name
        return BundleSummary(name, version, (), directory, packaged, size, None, str(error))
    chosen = read_aliases(store_directory()).get(name, {}) if not packaged else {}
    aliases = [alias for alias, version in sorted(chosen.items()) if version == manifest.version]
    model = f"{name}@{manifest.version}"
    aliases += [
        f"default@{alias}"
        for alias, steps in sorted(read_promotions(store_directory()).items())
        if steps and steps[-1].model == model and not packaged
    ]
    if packaged and name == DEFAULT_BUNDLE:
        aliases.append("default")
    return BundleSummary(
        name, manifest.version, tuple(aliases), directory, packaged, size, manifest
    )
