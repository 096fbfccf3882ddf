"""What is said of files that no decoder here reads."""

from __future__ import annotations

import pytest

from genrekit.audio import decode
from genrekit.errors import AudioFormatError

WHOLE = "downloaded completely"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"RIFF\x00\x10\x00\x00AVI LIST", "this is AVI"),
        (b"FLV\x01\x05\x00\x00\x00\x09", "this is Flash video"),
        (b"\x00\x00\x01\xba\x44\x00\x04", "this is an MPEG programme stream"),
        (b"G\x40\x11\x10".ljust(188, b"\xff") * 6, "this is an MPEG transport stream"),
        (b"\x0b\x77\x5c\x1f\x0c\x40", "this is raw AC-3"),
        (b"Creative Voice File\x1a", "this is Creative Voice"),
        (b"FORM\x00\x00\x10\x008SVXVHDR", "this is 8SVX"),
    ],
)
def test_what_is_whole_and_not_supported_is_named(head: bytes, said: str) -> None:
    with pytest.raises(AudioFormatError, match=said) as caught:
        decode(head + bytes(3000))
    assert WHOLE not in str(caught.value)
    assert "ffmpeg -i" in str(caught.value)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"MThd\x00\x00\x00\x06", "MIDI"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "a playlist"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"Lorem ipsum dolor sit amet", "text"),
    ],
)
def test_what_is_no_audio_is_not_asked_whether_it_is_complete(head: bytes, said: str) -> None:
    with pytest.raises(AudioFormatError, match=said) as caught:
        decode(head.ljust(400, b" "))
    assert WHOLE not in str(caught.value)


@pytest.mark.parametrize("head", [b"OggS\x00\x02", b"RIFF\x24\x00", b"\x00\x00\x00\x20ftypM4A "])
def test_what_begins_like_audio_may_be_incomplete(head: bytes) -> None:
    with pytest.raises(AudioFormatError, match=WHOLE):
        decode(head)


def test_other_bytes_are_no_incomplete_download() -> None:
    with pytest.raises(AudioFormatError, match="of no format that is known") as caught:
        decode(bytes(range(1, 200)) * 9)
    assert WHOLE not in str(caught.value)
