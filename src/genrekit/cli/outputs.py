"""Whether a result can be written is said before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.features import FeatureCache


def check_file(path: Path) -> None:
    """Raise `ConfigError` unless a file can be written at ``path``."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder; make it first, or name another place")
    _check_access(path if path.exists() else path.parent)


def check_folder(path: Path) -> None:
    """Raise `ConfigError` unless a folder is, or can be made, at ``path``."""
    there = next(
        folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists()
    )
    if not there.is_dir():
        raise ConfigError(f"{there} is a file, so {path} can be no folder; name another place")
    _check_access(there)


def open_cache(wanted: bool = True, limit_gb: float | None = None) -> FeatureCache | None:
    """The user's cache of features, if it is wanted."""
    from genrekit.features import FeatureCache

    if not wanted:
        return None
    cache = FeatureCache.default()
    if limit_gb is not None:
        cache.limit_bytes = int(min(limit_gb, 1e9) * 1e9)
    try:
        check_folder(cache.directory)
    except ConfigError as error:
        raise ConfigError(
            f"features cannot be cached: {error}; pass --no-cache, or set GENREKIT_HOME to a "
            "folder of yours"
        ) from None
    return cache


def _check_access(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise ConfigError(f"{path} cannot be written to: no permission; name another place")
