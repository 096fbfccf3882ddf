"""MP4 and M4A: the genres in ``moov.udta.meta.ilst``; everything else stays, and its order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from genrekit.tagging.id3_genres import ID3V1_GENRES
from genrekit.tagging.mp4_atoms import Atom, atoms, child, inside, movie, walk
from genrekit.tagging.splice import Splice, View, cannot, damaged
from genrekit.tagging.values import OWN, Fields, Key, Wanted

_TEXT: dict[bytes, Key] = {
    **{b"\xa9gen": "genre", b"gnre": "genre", b"\xa9nam": "title", b"\xa9ART": "artist"},
    **{b"aART": "albumartist", b"\xa9alb": "album"},
}
_MEAN = b"com.apple.iTunes"
_HANDLER = bytes(4) + b"hdlr"
_PADDING_BYTES = 1024
_SMALLEST = 8


def _atom(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


def _data(text: str) -> bytes:
    return _atom(b"data", b"\0\0\0\1" + bytes(4) + text.encode("utf-8", "replace"))


def read_mp4(view: View) -> Fields:
    """Return what the list of iTunes says."""
    ilst = _list_of(view, movie(view))
    found: Fields = {}
    for atom in inside(view, ilst) if ilst is not None else ():
        key, values = _meaning(view, atom)
        if key is not None:
            found[key] = (*found.get(key, ()), *values)
    return found


def _list_of(view: View, moov: Atom) -> Atom | None:
    meta = child(view, child(view, moov, b"udta"), b"meta")
    if meta is None:
        return None
    handler = child(view, meta, b"hdlr")
    if handler is not None and view.peek(handler.begin + 8, 4) not in (b"mdir", bytes(4)):
        raise cannot("its metadata are QuickTime's, not those of iTunes")
    return child(view, meta, b"ilst")


def _meaning(view: View, atom: Atom) -> tuple[Key | None, tuple[str, ...]]:
    parts = atoms(view, atom.begin, atom.end) if atom.name in (*_TEXT, b"----") else []
    values = [view.at(one.begin, one.size - one.head) for one in parts if one.name == b"data"]
    if any(len(one) < 8 for one in values):
        raise damaged("one of its metadata is shorter than it can be")
    if atom.name == b"gnre":
        numbers = [int.from_bytes(one[8:10], "big") - 1 for one in values]
        return "genre", tuple(ID3V1_GENRES[n] for n in numbers if 0 <= n < len(ID3V1_GENRES))
    texts = tuple(text for one in values if (text := one[8:].decode("utf-8", "replace")))
    if atom.name == b"----":
        words = {one.name: view.at(one.begin, one.size - one.head)[4:] for one in parts}
        name = words.get(b"name", b"").decode("utf-8", "replace").casefold()
        own = {OWN[key]: key for key in OWN} if words.get(b"mean") == _MEAN else {}
        return own.get(name), texts
    return _TEXT.get(atom.name), texts


def change_mp4(view: View, wanted: Wanted) -> list[Splice]:
    """Change the list, what holds it, and the offsets of audio that moves by that.

    Raises
    ------
    TagError
        For video, fragments, protection and damage.
    """
    moov = movie(view)
    ilst = _list_of(view, moov)
    if ilst is None:
        changes, holders = _new_list(view, moov, wanted)
    else:
        changes, holders = _changed_list(view, moov, ilst, wanted)
    growth = sum(one.growth for one in changes)
    if growth:
        changes += [Splice(*_field(one.resized(growth))) for one in holders if not one.open_ended]
        changes += _moved_audio(view, moov, changes)
    return changes


def _field(found: tuple[int, bytes]) -> tuple[int, int, bytes]:
    position, data = found
    return position, len(data), data


def _fresh(wanted: Wanted) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    if wanted.genres:
        found["genre"] = _atom(b"\xa9gen", b"".join(map(_data, wanted.genres)))
    for key, value in wanted.own.items():
        mean = _atom(b"mean", bytes(4) + _MEAN)
        name = _atom(b"name", bytes(4) + OWN[key].encode())
        found[key] = _atom(b"----", mean + name + _data(value))
    return found


def _new_list(view: View, moov: Atom, wanted: Wanted) -> tuple[list[Splice], list[Atom]]:
    """Return a list with what must hold it, at the end of the innermost that is there."""
    content = _atom(b"ilst", b"".join(_fresh(wanted).values()))
    content += _atom(b"free", bytes(_PADDING_BYTES - _SMALLEST))
    udta = child(view, moov, b"udta")
    meta = child(view, udta, b"meta")
    if meta is None:
        handler = _atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
        content = _atom(b"meta", bytes(4) + handler + content)
    if udta is None:
        content = _atom(b"udta", content)
    holders = [one for one in (moov, udta, meta) if one is not None]
    within = inside(view, holders[-1])
    # QuickTime ends udta with zeros, behind which nothing is found.
    end = holders[-1].end if not within or holders[-1].name != b"udta" else within[-1].end
    return [Splice(end, 0, content)], holders


def _changed_list(
    view: View, moov: Atom, ilst: Atom, wanted: Wanted
) -> tuple[list[Splice], list[Atom]]:
    fresh = _fresh(wanted)
    ours: set[Key] = {"genre", *wanted.own}
    changes = []
    for atom in inside(view, ilst):
        key, _ = _meaning(view, atom)
        if key in ours and key is not None:
            changes.append(Splice(atom.start, atom.size, fresh.pop(key, b"")))
    changes.append(Splice(ilst.end, 0, b"".join(fresh.values())))
    growth = sum(one.growth for one in changes)
    if growth:
        changes.append(Splice(*_field(ilst.resized(growth))))
    udta = child(view, moov, b"udta")
    meta = child(view, udta, b"meta")
    assert udta is not None
    assert meta is not None
    changes += _free(inside(view, meta), ilst, growth)
    return changes, [moov, udta, meta]


def _free(beside: list[Atom], ilst: Atom, growth: int) -> list[Splice]:
    """Resize the free atom behind the list; if that is too small, make some room."""
    position = next(i for i, one in enumerate(beside) if one.start == ilst.start)
    behind = beside[position + 1] if position + 1 < len(beside) else None
    if growth == 0:
        return []
    if behind is not None and behind.name == b"free" and behind.head == 8:
        if growth == behind.size:
            return [Splice(behind.start, behind.size, b"")]
        if behind.size - growth >= _SMALLEST:
            size = Splice(*_field(behind.resized(-growth)))
            if growth > 0:
                return [size, Splice(behind.end - growth, growth, b"")]
            return [size, Splice(behind.end, 0, bytes(-growth))]
    if growth <= -_SMALLEST:
        return [Splice(ilst.end, 0, _atom(b"free", bytes(-growth - _SMALLEST)))]
    return [Splice(ilst.end, 0, _atom(b"free", bytes(_PADDING_BYTES - _SMALLEST)))]


def _moved_audio(view: View, moov: Atom, changes: Iterable[Splice]) -> list[Splice]:
    """Tables of chunks, in which every offset behind a change is larger by what it adds."""
    steps = [
        (position, sum(one.growth for one in group))
        for position, group in groupby(
            sorted((one for one in changes if one.growth), key=lambda one: one.start),
            key=lambda one: one.start,
        )
    ]
    found = []
    for table in walk(view, moov, frozenset((b"stco", b"co64"))):
        width = 4 if table.name == b"stco" else 8
        old = view.at(table.begin, table.size - table.head)
        count = int.from_bytes(old[4:8], "big")
        if len(old) < 8 + count * width:
            raise damaged("its table of chunks is shorter than it says")
        new = _moved_table(old, width, count, steps)
        if new != old:
            found.append(Splice(table.begin, len(old), new))
    return found


def _moved_table(old: bytes, width: int, count: int, steps: list[tuple[int, int]]) -> bytes:
    import numpy as np

    kind = np.dtype(">u4" if width == 4 else ">u8")
    offsets = np.frombuffer(old, kind, count, 8).astype(np.int64)
    moved = offsets.copy()
    for position, growth in steps:
        moved[offsets >= position] += growth
    if moved.size and moved.max() >= 1 << (8 * width):
        raise cannot("its audio would move beyond 4 GiB, which its table of chunks cannot say")
    return old[:8] + moved.astype(kind).tobytes() + old[8 + count * width :]
