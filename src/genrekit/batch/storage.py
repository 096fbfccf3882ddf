"""Files in object storage, through fsspec: listed, looked at, and read.

A path with ``://`` in it is a place that fsspec knows (``s3://``, ``gs://``, ``file://``, ...);
which libraries that needs, and how they find keys, is described there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genrekit.audio import AUDIO_SUFFIXES, DecodeLimits
from genrekit.errors import AudioLimitError, AudioNotFoundError, ConfigError
from genrekit.extras import naming_extra

if TYPE_CHECKING:
    from types import ModuleType

_SUFFIXES = tuple(AUDIO_SUFFIXES)
_MODIFIED = ("mtime", "LastModified", "last_modified", "updated", "created")


def list_url(url: str) -> Iterator[str]:
    """URLs of the audio below a place, or of the one file that it is.

    Raises
    ------
    ConfigError
        If nothing is known of such places.
    AudioNotFoundError
        If there is nothing.
    """
    system, path = _place(url)
    if not system.exists(path):
        raise AudioNotFoundError(f"{url} does not exist, or may not be seen; check its name")
    if system.isfile(path):
        yield url
        return
    for folder, _, names in system.walk(path):
        if "/." in folder.removeprefix(path):  # hidden
            continue
        for name in names:
            if name.lower().endswith(_SUFFIXES) and not name.startswith("."):
                yield system.unstrip_protocol(f"{folder.rstrip('/')}/{name}")


def stat_url(url: str) -> tuple[int | None, int | None]:
    """Size in bytes, and a number that changes when the file does; None where there is none."""
    system, path = _place(url)
    try:
        info: dict[str, Any] = system.info(path)
    except (OSError, ValueError):
        return None, None
    version = info.get("ETag") or next((info[name] for name in _MODIFIED if info.get(name)), None)
    if version is None:
        return info.get("size"), None
    digest = hashlib.sha256(str(version).encode()).digest()
    return info.get("size"), int.from_bytes(digest[:6])


def read_url(url: str) -> bytes:
    """All bytes of a file.

    Raises
    ------
    AudioNotFoundError
        If there is none.
    AudioLimitError
        If there are more than may be decoded.
    """
    system, path = _place(url)
    most = DecodeLimits().bytes
    try:
        size = system.size(path) or 0
        if size > most:
            raise AudioLimitError("bytes", most, size, "leave it out")
        return cast("bytes", system.cat_file(path))
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"{url} does not exist; check its name") from error


def publish(folder: Path, url: str) -> None:
    """Copy the files of a run to a place, each whole.

    Raises
    ------
    ConfigError
        If nothing is known of such places.
    """
    system, path = _place(url)
    system.makedirs(path, exist_ok=True)
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name != "lock" and not file.name.startswith("."):
            system.put_file(str(file), f"{path.rstrip('/')}/{file.name}")


def check_url(url: str) -> None:
    """Raise `ConfigError` if nothing is known of a place of this kind."""
    _place(url)


def _place(url: str) -> tuple[Any, str]:
    fsspec = _fsspec()
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"{url} cannot be reached: {error}") from error
    return system, str(path)


def _fsspec() -> ModuleType:
    with naming_extra():
        import fsspec
        import fsspec.core
    return cast("ModuleType", fsspec)
