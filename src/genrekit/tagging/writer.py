"""Write genres into one file, in a way that cannot damage it and can be taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from genrekit.audio import Waveform, decode
from genrekit.errors import AudioError, TagError
from genrekit.schema import ExcerptConfig
from genrekit.tagging.containers import plan_changes, read_fields
from genrekit.tagging.disk import Stamp, named_failures, real_file, replace_content, stamp_of
from genrekit.tagging.runs import Change
from genrekit.tagging.second_reader import read_otherwise
from genrekit.tagging.splice import Splice, applied, changed_pieces, inverse, whole
from genrekit.tagging.values import Fields, Wanted

_DECODED_EXCERPT = ExcerptConfig(start_seconds=0.0, duration_seconds=1.0)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a file is written.

    Attributes
    ----------
    keep_mtime : bool
        Whether the time of its last change stays; players then may not look at it again.
    separate_hard_links : bool
        Whether a file with several names may be written, of which only this one gets the genre.
    """

    keep_mtime: bool = False
    separate_hard_links: bool = False


def write_tags(
    path: Path,
    wanted: Wanted,
    *,
    record: Callable[[Change], None],
    expected: Stamp | None = None,
    options: WriteOptions | None = None,
) -> Change | None:
    """Let the tags of a file say what is wanted.

    Parameters
    ----------
    path : Path
        A symbolic link leads to the file that is written, and stays.
    wanted : Wanted
    record : callable
        Called with what takes the change back, before it is made; when it returns, that must be
        safe on the disk.
    expected : Stamp, optional
        How the file must be.

    Returns
    -------
    Change or None
        None if the tags say all of it already; the file is not touched then.

    Raises
    ------
    TagError
        With the reason, if the file is left as it is.
    """
    options = options or WriteOptions()
    real, status = real_file(path, separate_hard_links=options.separate_hard_links)
    if expected is not None and stamp_of(status) != expected:
        raise TagError("changed", f"{path} has changed since the plan was made; plan it again")
    with named_failures(path), real.open("rb") as file:
        before = read_fields(file, real)
        splices = plan_changes(file, real, wanted)
        if not splices:
            return None
        change = _change(real, file, splices, status.st_mtime_ns)

    def check(part: Path, digest: str) -> None:
        if digest != change.after_sha256:
            raise TagError("changed", f"{path} was changed by another program meanwhile")
        _check_written(path, real, part, before, wanted)
        record(change)

    replace_content(
        real,
        changed_pieces(real, splices),
        status=status,
        modified_ns=status.st_mtime_ns if options.keep_mtime else None,
        check=check,
    )
    return change


def _change(real: Path, file: IO[bytes], splices: list[Splice], modified_ns: int) -> Change:
    """Return what takes the change back, with digests of the file before and after it."""
    view = whole(file)
    digests = []
    for chosen in ([], splices):
        digest = hashlib.sha256()
        for piece in applied(view, chosen):
            digest.update(piece)
        digests.append(digest.hexdigest())
    return Change.of(
        real,
        before_sha256=digests[0],
        after_sha256=digests[1],
        modified_ns=modified_ns,
        back=inverse(view, splices),
    )


def _check_written(path: Path, real: Path, part: Path, before: Fields, wanted: Wanted) -> None:
    """Read the new file back, by ourselves and by mutagen, and listen to a second of it.

    Raises
    ------
    TagError
        If it is not the old file with other genres.
    """
    with part.open("rb") as file:
        after = read_fields(file, real)
    readings = _expected(wanted)
    if after.get("genre", ()) not in readings:
        raise _unverified(path, f"its genres would read {after.get('genre', ())}")
    for key in set(before) | set(after):
        value = (wanted.own[key],) if key in wanted.own else before.get(key)
        if key != "genre" and after.get(key) != value:
            raise _unverified(path, f"its {key} would read {after.get(key)}, not {value}")
    other = read_otherwise(part)
    if other is not None and {frozenset(one) for one in readings}.isdisjoint({frozenset(other)}):
        raise _unverified(path, f"another reader would find the genres {other}")
    _check_sound(path, real, part)


def _expected(wanted: Wanted) -> list[tuple[str, ...]]:
    readings = [wanted.genres]
    if wanted.v23_separator is not None and wanted.genres:
        readings.append((wanted.v23_separator.join(wanted.genres),))
    return readings


def _check_sound(path: Path, real: Path, part: Path) -> None:
    try:
        old, new = _decoded(real), _decoded(part)
    except AudioError as error:
        raise TagError("damaged", f"{path} cannot be decoded: {error}") from error
    if old.sample_rate_hz != new.sample_rate_hz or not np.array_equal(old.samples, new.samples):
        raise _unverified(path, "its audio would sound different")


def _decoded(path: Path) -> Waveform:
    return decode(path, excerpt=_DECODED_EXCERPT)


def _unverified(path: Path, what: str) -> TagError:
    return TagError("unverified", f"{path} is left as it is, because {what}; please report this")
