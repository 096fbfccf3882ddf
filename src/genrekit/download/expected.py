"""What a copy of each corpus should hold, from its own index and from what is published.

Every function takes the folder (or file) of a copy and yields the files that belong there, and the
faults of the index itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genrekit.datasets import (
    GTZAN_GENRES,
    TRACKS_PER_GENRE,
    UNREADABLE_IN_KAGGLE,
    Dataset,
    fma,
    gtzan,
    ismir04,
    jamendo,
    manifest,
    read_fma_genres,
    read_fma_tracks,
    read_msd_labels,
)
from genrekit.download.checksums import read_sums
from genrekit.errors import DatasetError

Check = Callable[[Path], "Iterator[Expected | Fault]"]

#: Rows of each list of ISMIR04, and tracks with a genre in MTG-Jamendo, as published.
ISMIR04_TRACKS = 729
JAMENDO_TRACKS = 55215
MSD_TRACKS = {"the subset": 10_000, "the full set": 1_000_000}

_GTZAN_SECONDS = (29.0, 31.0)
_CLIP_SECONDS = (28.0, 32.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """A file that belongs to a copy.

    Parameters
    ----------
    checksum : str, optional
        As published.
    seconds : (float, float), optional
        The shortest and the longest that its header may say.
    known_fault : str
        What is published to be wrong with it; then a fault is not a surprise.
    """

    file: Path
    checksum: str | None = None
    seconds: tuple[float, float] | None = None
    known_fault: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a copy.

    Parameters
    ----------
    kind : str
        ``"index"``, ``"count"``, ``"missing"``, ``"empty"``, ``"unreadable"``, ``"length"``,
        ``"checksum"`` or ``"unexpected"``.
    file : Path
        The file; for ``"count"`` the folder or list that was counted.
    known : bool
        True for what the makers of the corpus report themselves.
    """

    kind: str
    file: Path
    message: str
    known: bool = False


def items_of(dataset: Dataset) -> Iterator[Expected | Fault]:
    """Yield the files of the items; items whose file is absent are faults."""
    for item in dataset.items:
        if item.path is not None:
            yield Expected(item.path)
        elif dataset.features is None:
            yield Fault("missing", Path(item.item_id), "listed, but not there")


# --- corpora ------------------------------------------------------------------------------------


def _gtzan(path: Path) -> Iterator[Expected | Fault]:
    files = {item.item_id: item.path for item in gtzan.load(path).items}
    for genre in GTZAN_GENRES:
        for number in range(TRACKS_PER_GENRE):
            track = f"{genre}.{number:05d}"
            file, known = files.get(track), track == UNREADABLE_IN_KAGGLE
            if file is not None:
                yield Expected(file, seconds=_GTZAN_SECONDS)
            else:
                message = "unreadable in Kaggle's copy" if known else "no clip of this track"
                yield Fault("missing", path / track, message, known)


def _fma(path: Path) -> Iterator[Expected | Fault]:
    root = path.resolve().parent if path.name == "fma_metadata" else path
    metadata = root / "fma_metadata"
    yield from _tables_of_fma(metadata)
    for subset in fma.PUBLISHED_TRACKS:
        folder = root / f"fma_{subset}"
        if folder.is_dir():
            yield from _audio_of_fma(folder, subset)


def _tables_of_fma(metadata: Path) -> Iterator[Expected | Fault]:
    read_fma_genres(metadata / "genres.csv")
    found = sum(1 for _ in read_fma_tracks(metadata / "tracks.csv"))
    yield from _counted(metadata / "tracks.csv", found, fma.PUBLISHED_TRACKS["full"], "tracks")
    yield from _summed(metadata)


def _audio_of_fma(folder: Path, subset: str) -> Iterator[Expected | Fault]:
    known = {} if subset == "full" else fma.SHORT_CLIPS
    listed = {expected.file: expected for expected in _list_of(folder)}
    clips = {file for file in listed if file.suffix == ".mp3" and file.stem.isdigit()}
    yield from _counted(folder, len(clips), fma.PUBLISHED_TRACKS[subset], "listed clips")
    for file, expected in listed.items():
        short = known.get(int(file.stem)) if file in clips else None
        yield Expected(
            file,
            expected.checksum,
            seconds=_CLIP_SECONDS if known and file in clips else None,
            known_fault="" if short is None else f"published to hold {short:g} s",
        )
    yield from _unexpected(folder, set(listed))


def _jamendo(path: Path) -> Iterator[Expected | Fault]:
    data = path / "data" if (path / "data").is_dir() else path
    table = data / "autotagging_genre.tsv"
    if table.is_file():
        found = len(jamendo.read_jamendo_tracks(table))
        yield from _counted(table, found, JAMENDO_TRACKS, "tracks with a genre")
        yield Expected(table)
    dataset = jamendo.load(path, split=None if table.is_file() else 0, audio="optional")
    for kind in ("audio", "audio-low"):
        for folder in (path / kind, path / "raw_30s" / kind):
            if folder.is_dir():
                yield from _audio_of_jamendo(folder, kind, dataset, data)


def _audio_of_jamendo(
    folder: Path, kind: str, dataset: Dataset, data: Path
) -> Iterator[Expected | Fault]:
    list_file = data / "download" / f"raw_30s_{kind}_sha256_tracks.txt"
    sums = read_sums(list_file) if list_file.is_file() else {}
    suffix = ".low.mp3" if kind == "audio-low" else ".mp3"
    digits = (item.item_id.rpartition("_")[2] for item in dataset.items)
    names = sums or dict.fromkeys(f"{n[-2:]}/{n.lstrip('0')}{suffix}" for n in digits)
    # The set comes in a hundred archives; who has some of them is not told of the others.
    here = {child.name for child in folder.iterdir() if child.is_dir()}
    for name, checksum in names.items():
        if name.partition("/")[0] in here:
            yield Expected(folder / name, checksum)


def _ismir04(path: Path) -> Iterator[Expected | Fault]:
    for part in ismir04.PARTS:
        file = path / "metadata" / part / "tracklist.csv"
        yield from _counted(file, len(ismir04.read_list(path, part)), ISMIR04_TRACKS, "tracks")
        yield Expected(file)
    dataset = ismir04.load(path, audio="optional")
    if (path / "audio").is_dir():
        yield from items_of(dataset)
    if (path / ismir04.FEATURE_TABLE).is_file():
        ismir04.load(path, features=True)
        yield Expected(path / ismir04.FEATURE_TABLE)


def _msd(path: Path) -> Iterator[Expected | Fault]:
    for labels in sorted(path.glob("*.cls")):
        try:
            read_msd_labels(labels)
            yield Expected(labels)
        except DatasetError as error:
            yield Fault("index", labels, str(error))
    files = sorted(path.rglob("TR*.h5"))
    if files and len(files) not in MSD_TRACKS.values():
        published = " and ".join(f"{name} has {count:,}" for name, count in MSD_TRACKS.items())
        yield Fault("count", path, f"{len(files):,} files of tracks; {published}")
    for file in files:
        track = file.stem
        if file.parts[-4:-1] != tuple(track[2:5]):
            yield Fault("unexpected", file, f"expected in {'/'.join(track[2:5])}")
        yield Expected(file)


def _manifest(path: Path) -> Iterator[Expected | Fault]:
    return items_of(manifest.load(path, audio="optional"))


def _jukebox(path: Path) -> Iterator[Expected | Fault]:
    note = path / "jukebox.json"
    try:
        seconds = float(json.loads(note.read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DatasetError(f"{note} is not readable: {problem!r}") from problem
    for file in sorted(path.rglob("*.wav")):
        yield Expected(file, seconds=(seconds - 0.01, seconds + 0.01))


#: Corpora whose copies can be compared with more than what the loader reads.
EXPECTATIONS: Mapping[str, Check] = {
    "fma": _fma,
    "gtzan": _gtzan,
    "ismir04": _ismir04,
    "jamendo": _jamendo,
    "jukebox": _jukebox,
    "manifest": _manifest,
    "msd": _msd,
}


# --- lists --------------------------------------------------------------------------------------


def _counted(file: Path, found: int, published: int, what: str) -> Iterator[Fault]:
    if found != published:
        yield Fault("count", file, f"{found:,} {what}; {published:,} are published")


def _list_of(folder: Path) -> Iterator[Expected]:
    for name, checksum in read_sums(folder / "checksums").items():
        yield Expected(folder / name, checksum)


def _summed(folder: Path) -> Iterator[Expected | Fault]:
    """Yield the files of a folder's list of checksums; its absence is a fault."""
    if (folder / "checksums").is_file():
        yield from _list_of(folder)
    else:
        yield Fault("missing", folder / "checksums", "the list of checksums that comes with FMA")


def _unexpected(folder: Path, expected: set[Path]) -> Iterator[Fault]:
    for file in sorted(folder.rglob("*.mp3")):
        if file not in expected:
            yield Fault("unexpected", file, "not in the list of checksums")
