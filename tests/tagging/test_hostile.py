"""Files that are damaged or made to do harm: a typed record each, and nothing is written."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tagging_files import DRESSED, frame, id3, id3v1, other_frames, text

from genrekit.errors import TagError
from genrekit.tagging import Change, Wanted, read_tags, write_tags
from genrekit.tagging.containers import plan_changes, read_fields
from genrekit.tagging.splice import applied, inverse, whole

WANTED = Wanted(("Jazz", "Ñandú"), {"model": "box@1"})
Make = Callable[[str, str], bytes]


def ignore(change: Change) -> None:
    """Keep nothing of a change."""


def planned(content: bytes, name: str) -> bytes | None:
    """The changed file, which the inverse turns back; None if it is refused."""
    file = io.BytesIO(content)
    try:
        splices = plan_changes(file, Path(name), WANTED)
    except TagError:
        return None
    view = whole(file)
    new = b"".join(applied(view, splices))
    back = applied(whole(io.BytesIO(new)), inverse(view, splices))
    assert b"".join(back) == content
    return new


@pytest.mark.parametrize(("suffix", "dress"), DRESSED, ids=str)
def test_damaged_bytes_are_refused_or_can_be_taken_back(
    suffix: str, dress: str, dressed: Make
) -> None:
    content = dressed(suffix, dress)
    generator = np.random.default_rng(len(content))
    head = min(len(content), 4000)
    for round_ in range(40):
        broken = bytearray(content)
        for place in generator.integers(0, head, 1 + round_ % 3):
            where = place if round_ % 2 else len(content) - 1 - place
            broken[where] = generator.choice([0, 1, 0x7F, 0x80, 0xFF, int(generator.integers(256))])
        if round_ % 5 == 0:
            del broken[int(generator.integers(1, len(broken))) :]
        planned(bytes(broken), f"song.{suffix}")


def test_a_tag_that_claims_more_than_there_is(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    content = b"ID3\3\0\0\x7f\x7f\x7f\x7f" + bare("mp3")
    path.write_bytes(content)
    with pytest.raises(TagError) as caught:
        write_tags(path, WANTED, record=ignore)
    assert caught.value.state == "damaged"
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [3, 4])
def test_a_frame_that_claims_more_than_its_tag(version: int, bare: Callable[[str], bytes]) -> None:
    tag = bytearray(id3(version, frame("TIT2", text("Title"), version)))
    tag[17] = 0x7F
    assert planned(bytes(tag) + bare("mp3"), "song.mp3") is None


def test_compressed_and_encrypted_genres_give_way_to_plain_ones(
    bare: Callable[[str], bytes],
) -> None:
    import zlib

    packed = len(text("Old")).to_bytes(4, "big") + zlib.compress(text("Old"))
    for flags, read in ((0x80, ("Old",)), (0x40, ())):
        content = id3(3, frame("TCON", packed, 3, flags) + other_frames(3)) + bare("mp3")
        assert read_fields(io.BytesIO(content), Path("song.mp3")).get("genre", ()) == read
        new = planned(content, "song.mp3")
        assert new is not None
        assert read_fields(io.BytesIO(new), Path("song.mp3"))["genre"] == WANTED.genres


def test_a_bomb_in_a_frame_is_not_unpacked(bare: Callable[[str], bytes]) -> None:
    import zlib

    bomb = zlib.compress(bytes(1 << 25))
    content = id3(3, frame("TCON", bytes(4) + bomb, 3, 0x80)) + bare("mp3")
    read_fields(io.BytesIO(content), Path("song.mp3"))


def box(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return (len(data) + 8).to_bytes(4, "big") + name + data


def handler(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8), kind, bytes(13))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (box(b"moov", box(b"trak", box(b"mdia", handler(b"vide")))), "video"),
        (box(b"moov", box(b"mvex")), "fragments"),
        (box(b"moov") + box(b"moof"), "fragments"),
        (
            box(
                b"moov",
                box(
                    b"trak",
                    box(
                        b"mdia",
                        handler(b"soun"),
                        box(b"minf", box(b"stbl", box(b"stsd", bytes(8), box(b"drms", bytes(40))))),
                    ),
                ),
            ),
            "DRM",
        ),
    ],
)
def test_films_fragments_and_protected_music(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_bytes(box(b"ftyp", b"M4A ", bytes(4)) + content)
    with pytest.raises(TagError, match=word) as caught:
        write_tags(path, WANTED, record=ignore)
    assert caught.value.state == "cannot_be_tagged"


@pytest.mark.parametrize("place", ["ahead of moov", "behind moov", "moov last"])
def test_free_atoms_and_offsets_of_mp4(place: str, dressed: Make, tmp_path: Path) -> None:
    """`write_tags` decodes the new file: an offset that is wrong by a byte would be audible."""
    content, free = dressed("fast.m4a", "bare"), box(b"free", bytes(3000))
    start = content.index(b"moov") - 4
    end = start + int.from_bytes(content[start : start + 4], "big")
    head, moov, rest = content[:start], content[start:end], content[end:]
    parts = {
        "ahead of moov": (head, free, moov, rest),
        "behind moov": (head, moov, free, rest),
        "moov last": (head, rest, free, moov),
    }[place]
    moved = bytearray(b"".join(parts))
    shift = moved.index(b"mdat") - content.index(b"mdat")
    table = moved.index(b"stco") + 8
    for entry in range(int.from_bytes(moved[table : table + 4], "big")):
        at = table + 4 + 4 * entry
        moved[at : at + 4] = (int.from_bytes(moved[at : at + 4], "big") + shift).to_bytes(4, "big")
    path = tmp_path / "song.m4a"
    path.write_bytes(moved)
    write_tags(path, WANTED, record=ignore)
    write_tags(path, Wanted(("x" * 5000,)), record=ignore)
    assert read_tags(path)["genre"] == ("x" * 5000,)


def test_ogg_pages_are_numbered_anew_where_they_become_more(dressed: Make, tmp_path: Path) -> None:
    many = Wanted(tuple(f"genre number {i} of very many" for i in range(3000)))
    for suffix in ("ogg", "opus"):
        path = tmp_path / f"song.{suffix}"
        path.write_bytes(dressed(suffix, "tagged"))
        write_tags(path, many, record=ignore)
        assert len(read_tags(path)["genre"]) == 3000
        write_tags(path, WANTED, record=ignore)
        assert read_tags(path)["genre"] == WANTED.genres


def test_of_chained_ogg_only_the_first_stream_is_touched(dressed: Make, tmp_path: Path) -> None:
    one = dressed("opus", "tagged")
    path = tmp_path / "song.opus"
    path.write_bytes(one + one)
    many = Wanted(tuple(f"genre number {i} of very many" for i in range(3000)))
    write_tags(path, many, record=ignore)
    assert path.read_bytes().endswith(one)


def test_an_id3v1_tag_alone_is_refreshed(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(bare("mp3") + id3v1(17))
    assert read_tags(path)["genre"] == ("Rock",)
    write_tags(path, Wanted(("Hip Hop",)), record=ignore)
    assert path.read_bytes()[-1] == 7
