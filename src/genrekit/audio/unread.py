"""What a file is that no decoder here reads, by its first bytes, and what to do with it."""

from __future__ import annotations

from typing import NamedTuple

#: How many of the first bytes tell.
HEAD_BYTES = 1024

_CONVERT = "convert it: ffmpeg -i FILE music.flac"
_AGAIN = "check that it was downloaded completely, or export it again"


class _Mark(NamedTuple):
    """Bytes at a place, and what they are a mark of."""

    place: int
    data: bytes
    name: str


# Audio and film whose containers are not let in: see `genrekit.audio.formats.CONTAINERS`.
_NOT_SUPPORTED = (
    _Mark(8, b"AVI ", "AVI"),
    _Mark(0, b"FLV\x01", "Flash video"),
    _Mark(0, b"\x0b\x77", "raw AC-3"),
    _Mark(0, b"\x7f\xfe\x80\x01", "raw DTS"),
    _Mark(4, b"\xf8\x72\x6f\xba", "raw TrueHD"),
    _Mark(0, b"\x56\xe0", "AAC in LATM"),
    _Mark(0, b"\x56\xe1", "AAC in LATM"),
    _Mark(0, b"\x00\x00\x01\xba", "an MPEG programme stream (VOB)"),
    _Mark(0, b".RMF", "RealMedia"),
    _Mark(0, b".ra\xfd", "RealAudio"),
    _Mark(0, b"MMMD", "SMAF"),
    _Mark(0, b"nut/multimedia container", "NUT"),
    _Mark(0, b".SoX", "SoX's own format"),
    _Mark(0, b"XoS.", "SoX's own format"),
    _Mark(0, b"Creative Voice File", "Creative Voice"),
    _Mark(0, b"\x64\xa3", "an IRCAM sound file"),
    _Mark(8, b"8SVX", "8SVX"),
    _Mark(0, b"OFR ", "OptimFROG"),
    _Mark(0, b"DSD ", "DSD"),
    _Mark(0, b"FRM8", "DSDIFF"),
    _Mark(0, b"#!SILK", "SILK"),
    _Mark(0, b"TWIN97", "VQF"),
    _Mark(0, b"ajkg", "Shorten"),
    _Mark(0, b"LA0", "Lossless Audio"),
    _Mark(0, b"VAGp", "PlayStation audio"),
)
_NOT_AUDIO = (
    _Mark(0, b"MThd", "MIDI, which holds notes and not sound"),
    _Mark(8, b"RMID", "MIDI, which holds notes and not sound"),
    _Mark(0, b"#EXTM3U", "a playlist; name the files that it lists"),
    _Mark(0, b"[playlist]", "a playlist; name the files that it lists"),
    _Mark(0, b"PK", "a ZIP archive; unpack it first"),
    _Mark(0, b"\x1f\x8b", "a gzip archive; unpack it first"),
    _Mark(0, b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    _Mark(0, b"Rar!", "a RAR archive; unpack it first"),
    _Mark(0, b"BZh", "a bzip2 archive; unpack it first"),
    _Mark(0, b"\xfd7zXZ", "an xz archive; unpack it first"),
    _Mark(257, b"ustar", "a tar archive; unpack it first"),
    _Mark(0, b"%PDF", "a PDF document"),
    _Mark(0, b"\x89PNG", "a PNG picture"),
    _Mark(0, b"\xff\xd8\xff", "a JPEG picture"),
    _Mark(0, b"GIF8", "a GIF picture"),
    _Mark(8, b"WEBP", "a WebP picture"),
    _Mark(0, b"\x7fELF", "a program"),
    _Mark(0, b"MZ", "a program"),
    _Mark(0, b"\x93NUMPY", "an array of numbers"),
    _Mark(0, b"SQLite format 3", "a database"),
)
# What is read where it is whole.
_DAMAGED = (
    _Mark(0, b"RIFF", "WAV"),
    _Mark(0, b"RIFX", "WAV"),
    _Mark(0, b"RF64", "WAV"),
    _Mark(0, b"fLaC", "FLAC"),
    _Mark(0, b"OggS", "Ogg"),
    _Mark(0, b"ID3", "MP3"),
    _Mark(0, b"FORM", "AIFF"),
    _Mark(0, b".snd", "AU"),
    _Mark(0, b"caff", "CAF"),
    _Mark(4, b"ftyp", "MP4 or M4A"),
    _Mark(0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    _Mark(0, b"\x30\x26\xb2\x75", "WMA"),
    _Mark(0, b"MAC ", "Monkey's Audio"),
    _Mark(0, b"wvpk", "WavPack"),
    _Mark(0, b"TTA1", "True Audio"),
    _Mark(0, b"MPCK", "Musepack"),
    _Mark(0, b"MP+", "Musepack"),
    _Mark(0, b"#!AMR", "AMR"),
)
_TS_PACKET = 188
_TS_SYNC = 0x47


def unread(head: bytes) -> str:
    """Return what to say of a file that nothing here opens.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES`, or all of it.

    Returns
    -------
    str
        What it looks like and what to do; a question whether all of it is there only where it
        begins like a format that is read.
    """
    if name := _marked(head, _NOT_SUPPORTED) or _stream(head):
        return f"this is {name}, which is not read here; {_CONVERT}"
    for known in (_not_audio, _damaged, _text):
        if reason := known(head):
            return reason
    return (
        "this is not audio that can be read: its first bytes are of no format that is known here; "
        f"if it is audio, {_CONVERT}"
    )


def _marked(head: bytes, marks: tuple[_Mark, ...]) -> str:
    found = (one.name for one in marks if head[one.place :].startswith(one.data))
    return next(found, "")


def _stream(head: bytes) -> str:
    places = range(0, min(len(head), 5 * _TS_PACKET), _TS_PACKET)
    whole = len(head) > 3 * _TS_PACKET and all(head[place] == _TS_SYNC for place in places)
    return "an MPEG transport stream" if whole else ""


def _not_audio(head: bytes) -> str:
    name = _marked(head, _NOT_AUDIO)
    if not name and head.lstrip()[:1] == b"<":
        return "this is not audio, it looks like a web page; get the file that the page offers"
    return f"this is not audio, it looks like {name}" if name else ""


def _damaged(head: bytes) -> str:
    name = _marked(head, _DAMAGED)
    return f"this begins like {name}, and the rest cannot be read; {_AGAIN}" if name else ""


def _text(head: bytes) -> str:
    start = head[:16]
    if not start or not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return ""
    begins = " ".join(start.decode("ascii").split())
    return f"this is not audio, it looks like text, which begins “{begins}”"
