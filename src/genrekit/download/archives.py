"""What may be fetched freely: addresses, sizes and checksums as their makers publish them.

Sources
-------
FMA: README of github.com/mdeff/fma for addresses, rounded sizes and SHA-1 sums. The exact sizes of
all archives but the full one are not published; they are what the server announced to others, and
agree with the rounded ones. A file with the published sum has only one size, so a server that
announces another has another file.

MTG-Jamendo: README and scripts/download/download.py of github.com/MTG/mtg-jamendo-dataset. The
SHA-256 sums of its archives and tracks are lists in that repository; they were corrected once
(issues 11 and 39), so they are fetched with the tables and not copied here. No checksum of the
tables themselves is published.

tagtraum: www.tagtraum.com/msd_genre_datasets.html publishes neither sizes nor checksums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Archive:
    """One file to fetch, and what becomes of it.

    Parameters
    ----------
    url : str
        Where it is.
    target : str
        File or folder below the corpus's folder that is there once all is done.
    about_bytes : int
        Published, rounded or estimated size.
    size_bytes : int, optional
        Exact size, where it is known.
    checksum : str, optional
        As published: ``"sha1:..."``; None where nobody publishes one.
    checksum_list : str
        Or the list below the corpus's folder that has it, fetched before.
    inner : str
        The entry of the archive that becomes ``target``; empty for a file kept as it is.
    unpacked_bytes : int
        Room that the unpacked files take, at most about; 0 for a file kept as it is.
    sums : str
        List of checksums of the unpacked files, below the corpus's folder.
    sums_root : str
        What the paths in ``sums`` are relative to.
    """

    url: str
    target: str
    about_bytes: int
    size_bytes: int | None = None
    checksum: str | None = None
    checksum_list: str = ""
    inner: str = ""
    unpacked_bytes: int = 0
    sums: str = ""
    sums_root: str = ""

    @property
    def name(self) -> str:
        """Last part of the address."""
        return self.url.rsplit("/", maxsplit=1)[-1]

    @property
    def file(self) -> str:
        """Where the fetched file lies, below the corpus's folder."""
        return self.name if self.inner else self.target


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a corpus can be fetched.

    Parameters
    ----------
    sizes : Mapping[str, tuple of Archive]
        Name of a choice to its files, in the order in which they are fetched.
    default : str
        The choice of somebody who names none.
    rest : str
        What the corpus has beyond that, and where it is; empty if nothing.
    """

    sizes: Mapping[str, tuple[Archive, ...]]
    default: str
    rest: str = ""


# --- FMA ----------------------------------------------------------------------------------------

_FMA = "https://os.unil.cloud.switch.ch/fma"


def _fma(name: str, sha1: str, about: int, size_bytes: int | None, unpacked: float) -> Archive:
    return Archive(
        url=f"{_FMA}/fma_{name}.zip",
        target=f"fma_{name}",
        about_bytes=about,
        size_bytes=size_bytes,
        checksum=f"sha1:{sha1}",
        inner=f"fma_{name}",
        unpacked_bytes=int((size_bytes or about) * unpacked),
        sums=f"fma_{name}/checksums",
        sums_root=f"fma_{name}",
    )


# The archives are compressed by bzip2 (mdeff/fma issue 5): it saves nearly nothing of an mp3, and
# three quarters of a table. The archive itself says exactly, once it is here.
_CLIPS, _TABLES = 1.05, 5.0
_METADATA = _fma(
    "metadata", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733", 342 << 20, 358_412_441, _TABLES
)
_FMA_AUDIO = {
    "small": ("ade154f733639d52e35e32f5593efe5be76c6d70", int(7.2 * GIB), 7_679_594_875),
    "medium": ("c67b69ea232021025fca9231fc1c7c1a063ab50b", 22 * GIB, 23_825_005_356),
    "large": ("497109f4dd721066b5ce5e5f250ec604dc78939e", 93 * GIB, 100_306_112_191),
    "full": ("0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab", 879 * GIB, None),
}

# --- MTG-Jamendo --------------------------------------------------------------------------------

_JAMENDO_TABLES = "https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/master"
_JAMENDO_AUDIO = "https://cdn.freesound.org/mtg-jamendo/raw_30s"
_JAMENDO_ARCHIVES = 100
_JAMENDO_BYTES = {"audio": 508 * 10**9, "audio-low": 156 * 10**9}
_MIB = 1 << 20


def _jamendo_table(path: str, about_bytes: int) -> Archive:
    return Archive(f"{_JAMENDO_TABLES}/{path}", target=path, about_bytes=about_bytes)


def _jamendo_tables() -> tuple[Archive, ...]:
    splits = (
        _jamendo_table(f"data/splits/split-{split}/autotagging_genre-{part}.tsv", 4 * _MIB)
        for split in range(5)
        for part in ("train", "validation", "test")
    )
    lists = (
        _jamendo_table(f"data/download/raw_30s_{kind}_sha256_{what}.txt", 8 * _MIB)
        for kind in _JAMENDO_BYTES
        for what in ("tars", "tracks")
    )
    return (
        _jamendo_table("data/autotagging_genre.tsv", 8 * _MIB),
        *splits,
        *lists,
        _jamendo_table("audio_licenses.txt", 16 * _MIB),
    )


def _jamendo_audio(kind: str) -> tuple[Archive, ...]:
    about = _JAMENDO_BYTES[kind] // _JAMENDO_ARCHIVES
    return tuple(
        Archive(
            url=f"{_JAMENDO_AUDIO}/{kind}/raw_30s_{kind}-{number:02d}.tar",
            target=f"{kind}/{number:02d}",
            about_bytes=about,
            checksum_list=f"data/download/raw_30s_{kind}_sha256_tars.txt",
            inner=f"{number:02d}",
            unpacked_bytes=about,
            sums=f"data/download/raw_30s_{kind}_sha256_tracks.txt",
            sums_root=kind,
        )
        for number in range(_JAMENDO_ARCHIVES)
    )


# --- tagtraum labels of the Million Song Dataset ------------------------------------------------


def _tagtraum(name: str) -> tuple[Archive, ...]:
    file = f"msd_tagtraum_{name}.cls"
    return (
        Archive(
            url=f"https://www.tagtraum.com/genres/{file}.zip",
            target=file,
            about_bytes=8 * _MIB,
            inner=file,
            unpacked_bytes=16 * _MIB,
        ),
    )


#: Corpus to what of it can be fetched; corpora that are not here are not to be fetched freely.
OFFERS: Mapping[str, Offer] = MappingProxyType(
    {
        "fma": Offer(
            {
                "metadata": (_METADATA,),
                **{
                    name: (_METADATA, _fma(name, *facts, _CLIPS))
                    for name, facts in _FMA_AUDIO.items()
                },
            },
            default="small",
        ),
        "jamendo": Offer(
            {
                "tables": _jamendo_tables(),
                **{
                    kind: (*_jamendo_tables(), *_jamendo_audio(kind))
                    for kind in reversed(_JAMENDO_BYTES)
                },
            },
            default="tables",
        ),
        "msd": Offer(
            {name: _tagtraum(name) for name in ("cd2c", "cd2", "cd1")},
            default="cd2c",
            rest=(
                "These are genre labels alone. The analyses of the songs are not to be fetched "
                "freely: http://millionsongdataset.com/pages/getting-dataset says how to get them."
            ),
        ),
    }
)
