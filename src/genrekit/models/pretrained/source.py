"""Where published weights come from, and where their file is found on this machine."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrekit.errors import ConfigError
from genrekit.files import home
from genrekit.schema import Contract, Sha256

logger = logging.getLogger(__name__)


class Source(Contract):
    """Published weights: one file, its licence, and whom to cite.

    Attributes
    ----------
    sha256 : str, optional
        What a fetched file must have. None where nobody publishes one and no copy was at hand.
    known : tuple of str
        Digests of further files that hold the same weights.
    pretrained_on : tuple of str
        Corpora, as `genrekit.schema.Provenance` names them.
    """

    name: str
    title: str
    url: str
    file: str
    about_bytes: int
    licence: str
    sha256: Sha256 | None = None
    known: tuple[Sha256, ...] = ()
    pretrained_on: tuple[str, ...]
    citation: str

    @property
    def variable(self) -> str:
        """Environment variable that may name the file."""
        return f"GENREKIT_WEIGHTS_{self.name.upper()}"

    @property
    def cached(self) -> Path:
        """Where a fetched file lies."""
        return home() / "weights" / self.name / self.file


def local_weights(source: Source, named: Path | None) -> Path | None:
    """The file with the weights, if it is on this machine.

    Parameters
    ----------
    named : Path, optional
        As a recipe or ``--weights`` names it; goes before the environment variable, and that
        before the cache.

    Raises
    ------
    ConfigError
        If a file is named that is not there.
    """
    chosen = os.environ.get(source.variable)
    path = named or (Path(chosen).expanduser() if chosen else None)
    if path is None:
        return source.cached if source.cached.is_file() else None
    if not path.is_file():
        by = "the recipe or --weights" if named else source.variable
        seen = f"{path} is a folder" if path.is_dir() else f"there is no file at {path}"
        raise ConfigError(
            f"no weights of {source.name}: {seen}, which {by} names; {_advice(source)}"
        )
    _warn_of_others(source, path)
    return path


def required_weights(source: Source, named: Path | None) -> Path:
    """As `local_weights`, for places that do not fetch.

    Raises
    ------
    ConfigError
        If the file is not on this machine.
    """
    path = local_weights(source, named)
    if path is None:
        raise absent(source, "they are not on this machine")
    return path


def absent(source: Source, why: str) -> ConfigError:
    """What to tell somebody whose weights cannot be had."""
    return ConfigError(f"no weights of {source.name}: {why}; {_advice(source)}")


def _advice(source: Source) -> str:
    return (
        f"get {source.url} ({source.about_bytes / 1e6:.0f} MB, {source.licence}) where there is a "
        f"network, then name the file with --weights FILE or the variable {source.variable}"
    )


def file_sha256(path: Path) -> str:
    """Digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _warn_of_others(source: Source, path: Path) -> None:
    known = {source.sha256, *source.known} - {None}
    if known and file_sha256(path) not in known:
        logger.warning("%s is not the published file of %s; it is used as it is", path, source.name)


@contextmanager
def readable_weights(source: Source, path: Path) -> Iterator[None]:
    """Say which file is wrong, and where to get the right one.

    Raises
    ------
    ConfigError
        For what is raised inside by a file that is damaged or holds something else.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, EOFError) as problem:
        raise ConfigError(
            f"{path} does not hold the weights of {source.name}: {problem!r}; {_advice(source)}"
        ) from problem
