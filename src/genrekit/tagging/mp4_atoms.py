"""Atoms of MP4 files, and whether a file is one that may be tagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from genrekit.tagging.splice import View, cannot, damaged

# Atoms that hold atoms, and how many bytes of their own come first.
_INSIDE = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"ilst", b"mvex"), 0),
    b"meta": 4,
}
_MOST_ATOMS = 100_000
_ENTRY_BYTES = {b"mp4a": 28, b"alac": 28, b"enca": 28, b"drms": 28}


@dataclass(frozen=True, slots=True)
class Atom:
    """An atom whose size field is at ``start``; ``head`` bytes of it are size and name."""

    name: bytes
    start: int
    size: int
    head: int
    #: Whether its size says "to the end of the file".
    open_ended: bool = False

    @property
    def begin(self) -> int:
        """Where its content begins."""
        return self.start + self.head

    @property
    def end(self) -> int:
        """Behind it."""
        return self.start + self.size

    def resized(self, growth: int) -> tuple[int, bytes]:
        """Where its size stands, and the size by ``growth`` larger, as bytes."""
        size = self.size + growth
        if self.head == 16:
            return self.start + 8, size.to_bytes(8, "big")
        if size > 0xFFFFFFFF:
            raise cannot(f"the {self.name.decode('latin-1')} atom would grow beyond 4 GiB")
        return self.start, (0 if self.open_ended else size).to_bytes(4, "big")


def atoms(view: View, start: int, end: int) -> list[Atom]:
    """Return the atoms that fill a stretch.

    Raises
    ------
    TagError
        If their sizes do not fit into each other.
    """
    found: list[Atom] = []
    while end - start >= 8:
        head = view.at(start, 8)
        size, length = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, length = int.from_bytes(view.at(start + 8, 8), "big"), 16
        open_ended = size == 0 and end == view.size
        if open_ended:
            size = end - start
        if size == 0 and not any(view.peek(start, min(end - start, 4096))):
            return found  # zeros at the end of udta, as QuickTime writes them
        if size < length or start + size > end or len(found) > _MOST_ATOMS:
            name = head[4:8].decode("latin-1", "replace")
            raise damaged(f"its atom {name!r} at {start} is said to have {size} bytes")
        found.append(Atom(head[4:8], start, size, length, open_ended))
        start += size
    return found


def inside(view: View, atom: Atom) -> list[Atom]:
    """Return the atoms in an atom that holds some."""
    own = _INSIDE.get(atom.name, 0)
    if atom.name == b"meta" and view.peek(atom.begin + 4, 4) in (b"hdlr", b"ilst", b"free"):
        own = 0  # as QuickTime writes it
    return atoms(view, atom.begin + own, atom.end) if atom.size >= atom.head + own else []


def child(view: View, atom: Atom | None, name: bytes) -> Atom | None:
    """Return the first atom of a name in another one."""
    if atom is None:
        return None
    return next((one for one in inside(view, atom) if one.name == name), None)


def walk(view: View, atom: Atom, wanted: frozenset[bytes]) -> Iterator[Atom]:
    """All atoms of some names below an atom of tracks."""
    for one in inside(view, atom):
        if one.name in wanted:
            yield one
        elif one.name in (b"trak", b"mdia", b"minf", b"stbl"):
            yield from walk(view, one, wanted)


def movie(view: View) -> Atom:
    """Return the ``moov`` atom of a file that may be tagged.

    Raises
    ------
    TagError
        If there is a picture track, fragments or copy protection in it, or it is damaged.
    """
    top = atoms(view, 0, view.size)
    names = [one.name for one in top]
    if b"moof" in names or b"styp" in names or b"sidx" in names:
        raise cannot("the file is in fragments, whose offsets would all change")
    found = [one for one in top if one.name == b"moov"]
    if len(found) != 1:
        raise damaged(f"there are {len(found)} moov atoms in it, where one is expected")
    moov = found[0]
    if child(view, moov, b"mvex") is not None:
        raise cannot("the file is in fragments, whose offsets would all change")
    if child(view, moov, b"cmov") is not None:
        raise cannot("its moov atom is compressed")
    for one in walk(view, moov, frozenset((b"hdlr", b"stsd"))):
        _check_track(view, one)
    return moov


def _check_track(view: View, atom: Atom) -> None:
    if atom.name == b"hdlr":
        if view.peek(atom.begin + 8, 4) == b"vide":
            raise cannot("there is a video track in the file; only audio files are tagged")
        return
    for entry in atoms(view, atom.begin + 8, atom.end):
        protected = entry.name in (b"drms", b"enca", b"drmi")
        if entry.name in _ENTRY_BYTES and not protected:
            content = view.peek(entry.begin, min(entry.size - entry.head, 4096))
            protected = b"sinf" in content[_ENTRY_BYTES[entry.name] :]
        if protected:
            raise cannot("the file is protected against copying (DRM)")
