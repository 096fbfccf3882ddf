"""Getting a corpus: what is missing, is there room, fetch, check, unpack, put in place.

Nothing appears under its final name before it is complete: files are fetched as ``.part``, archives
are unpacked aside and renamed. Stopped at any point, the same call goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from genrekit.download.archives import OFFERS, Archive
from genrekit.download.checksums import feed, named_sum, new_hash, read_sums
from genrekit.download.part_file import disk_fault, part_of
from genrekit.download.places import corpus_folder
from genrekit.download.transfer import RetryPolicy, Size, fetch
from genrekit.download.unpacking import unpack
from genrekit.errors import ConfigError, DatasetError
from genrekit.progress import Progress, silent

# Sizes that are published rounded, or estimated, may be passed by so much.
_SLACK = 4
# A disk filled to its last byte stops more than a download.
_RESERVE_BYTES = 100 << 20
_LOCK = ".genrekit-download.lock"


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What a download is going to do.

    Parameters
    ----------
    archives : tuple of Archive
        All that belongs to the choice.
    missing : tuple of Archive
        Those that are not in place yet; empty if there is nothing to do.
    needed_bytes : int
        Room that is needed on the way, besides what is already here.
    """

    corpus: str
    size: str
    folder: Path
    archives: tuple[Archive, ...]
    missing: tuple[Archive, ...]
    needed_bytes: int


def plan_download(corpus: str, size: str | None = None, to: Path | None = None) -> DownloadPlan:
    """Look what of a corpus is missing in a folder.

    Parameters
    ----------
    size : str, optional
        One of the sizes of the corpus in `OFFERS`; None takes its default.
    to : Path, optional
        None takes `corpus_folder`.

    Raises
    ------
    ConfigError
        If nothing of the corpus may be fetched freely, or it has no such size.
    DatasetError
        If something of that name is in place that lacks files.
    """
    offer = OFFERS.get(corpus)
    if offer is None:
        raise ConfigError(f"{corpus} cannot be fetched freely; known: {', '.join(sorted(OFFERS))}")
    size = size or offer.default
    if size not in offer.sizes:
        raise ConfigError(f"{corpus} has no size {size!r}; known: {', '.join(offer.sizes)}")
    folder = to or corpus_folder(corpus)
    archives = offer.sizes[size]
    missing = tuple(archive for archive in archives if not in_place(archive, folder))
    return DownloadPlan(corpus, size, folder, archives, missing, needed_bytes(missing, folder))


def download(
    plan: DownloadPlan,
    *,
    retries: RetryPolicy = RetryPolicy(),  # noqa: B008
    keep_archives: bool = False,
    progress: Progress = silent,
) -> None:
    """Carry out a plan; stopped half-way, the same plan goes on.

    Parameters
    ----------
    keep_archives : bool
        Keep archives after they are unpacked.
    progress : callable
        Called with the stage, its bytes so far of all files, and how many there will be.

    Raises
    ------
    DatasetError
        If there is no room, the server fails, the bytes are not the published ones, or another
        download runs in the same folder.
    """
    if not plan.missing:
        return
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        require_room(plan.folder, plan.needed_bytes)
        with _alone(plan.folder):
            totals = _Totals(plan.missing, progress)
            for archive in plan.missing:
                _fetch_archive(archive, plan.folder, retries, totals)
                if archive.inner:
                    _put_in_place(archive, plan.folder, totals)
                    if not keep_archives:
                        (plan.folder / archive.file).unlink()
    except OSError as problem:
        raise disk_fault(plan.folder, problem) from problem


# --- what is here -------------------------------------------------------------------------------


def in_place(archive: Archive, folder: Path) -> bool:
    """Whether the archive's target is there, with every file that its list of checksums names.

    Raises
    ------
    DatasetError
        If it is there and lacks files: it is not ours to overwrite.
    """
    target = folder / archive.target
    if not target.exists():
        return False
    absent = [path for path in listed_files(archive, folder) if not path.is_file()]
    if absent:
        raise DatasetError(
            f"{target} is there but lacks {len(absent)} of its files, such as {absent[0]}; move "
            "it away and run the same command again"
        )
    return True


def listed_files(archive: Archive, folder: Path) -> dict[Path, str]:
    """Files of the archive's target to their published checksums, if its list is here."""
    if not archive.sums or not (folder / archive.sums).is_file():
        return {}
    root, target = folder / archive.sums_root, folder / archive.target
    sums = _sums(folder / archive.sums, (folder / archive.sums).stat().st_mtime_ns)
    found = {root / name: checksum for name, checksum in sums.items()}
    return {path: checksum for path, checksum in found.items() if path.is_relative_to(target)}


@lru_cache(maxsize=2)
def _sums(file: Path, _edition: int) -> dict[str, str]:
    # A hundred archives of MTG-Jamendo share one list of 55,000 lines.
    return read_sums(file)


def needed_bytes(archives: Sequence[Archive], folder: Path) -> int:
    """Return the most room that fetching and unpacking the archives one by one takes."""
    kept = most = 0
    for archive in archives:
        file = folder / archive.file
        here = next((p.stat().st_size for p in (file, part_of(file)) if p.is_file()), 0)
        to_come = max((archive.size_bytes or archive.about_bytes) - here, 0)
        most = max(most, kept + to_come + archive.unpacked_bytes)
        kept += archive.unpacked_bytes if archive.inner else to_come
    return most


def require_room(folder: Path, wanted_bytes: int) -> None:
    """Check the free space of the disk.

    Raises
    ------
    DatasetError
        If it is less than wanted, with a reserve.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes + _RESERVE_BYTES:
        raise DatasetError(
            f"{folder}: {wanted_bytes / 1e9:.2f} GB are needed for fetching and unpacking, and "
            f"{free / 1e9:.2f} GB are free; make room, or name another disk with --to"
        )


# --- one archive --------------------------------------------------------------------------------


class _Totals:
    """Bytes of the whole plan by stage, so that the bars do not start over with every file."""

    def __init__(self, archives: Sequence[Archive], progress: Progress) -> None:
        self._progress = progress
        self._totals = {
            "fetching": {a.file: a.size_bytes or a.about_bytes for a in archives},
            "unpacking": {a.file: a.unpacked_bytes for a in archives if a.inner},
        }
        self._totals["checking"] = {}
        self._done: dict[str, dict[str, int]] = {stage: {} for stage in self._totals}

    def report(self, stage: str, archive: Archive, done: int, total: int | None) -> None:
        if total is not None:
            self._totals[stage][archive.file] = total
        self._done[stage][archive.file] = done
        self._progress(stage, sum(self._done[stage].values()), sum(self._totals[stage].values()))


def _fetch_archive(archive: Archive, folder: Path, retries: RetryPolicy, totals: _Totals) -> None:
    """Have the file of an archive, complete and with the published checksum."""
    file, checksum = folder / archive.file, _published_sum(archive, folder)
    if file.is_file():
        _check_file(archive, file, checksum, totals)
        return
    most = archive.size_bytes or archive.about_bytes * _SLACK
    size = Size(most, archive.size_bytes)
    for done, total in fetch(archive.url, file, size, checksum=checksum, retries=retries):
        totals.report("fetching", archive, done, total)


def _published_sum(archive: Archive, folder: Path) -> str | None:
    if not archive.checksum_list:
        return archive.checksum
    sums = read_sums(folder / archive.checksum_list)
    if archive.name not in sums:
        raise DatasetError(f"{folder / archive.checksum_list} does not list {archive.name}")
    return sums[archive.name]


def _check_file(archive: Archive, file: Path, checksum: str | None, totals: _Totals) -> None:
    if checksum is None:
        return
    running, done, size = new_hash(checksum), 0, file.stat().st_size
    for count in feed(file, running):
        done += count
        totals.report("checking", archive, done, size)
    seen = named_sum(checksum, running)
    if seen != checksum:
        raise DatasetError(
            f"{file} is not the published file: {seen}, published is {checksum}; delete it and run "
            "the same command again"
        )


def _put_in_place(archive: Archive, folder: Path, totals: _Totals) -> None:
    """Unpack aside, then rename: the target is complete as soon as it is there."""

    def written(done: int, total: int) -> None:
        if not done:
            require_room(folder, total)
        totals.report("unpacking", archive, done, total)

    target = folder / archive.target
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        limit = archive.unpacked_bytes * _SLACK
        unpack(folder / archive.file, aside, most_bytes=limit, written=written)
        found = aside / archive.inner
        if not found.exists():
            raise DatasetError(f"{folder / archive.file} holds no {archive.inner}")
        found.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second download out of the same folder, on systems that can lock files."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / _LOCK).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise DatasetError(f"another download is running in {folder}") from problem
        yield
