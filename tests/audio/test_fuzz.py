"""Whatever the bytes are, the answer is finite audio or an AudioError, soon."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.audio import decode
from genrekit.errors import AudioError
from genrekit.schema import ExcerptConfig

EXCERPTS = (
    ExcerptConfig(start_seconds=0.0, duration_seconds=None),
    ExcerptConfig(duration_seconds=0.3),
    ExcerptConfig(start_seconds=0.5, duration_seconds=0.2),
)
MAGIC = (
    *(b"RIFF\x24\x00\x00\x00WAVEfmt ", b"FORM\x00\x00\x10\x00AIFFCOMM", b".snd\x00\x00\x00\x18"),
    *(
        b"fLaC\x00\x00\x00\x22",
        b"OggS\x00\x02",
        b"ID3\x04\x00\x00\x00\x00\x00\x10",
        b"\xff\xfb\x90\x64",
    ),
    *(b"\x00\x00\x00\x1cftypM4A ", b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\xff\xf1\x50\x80"),
)
SETTINGS = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def short(encode: Callable[..., bytes], make_music: Callable[..., np.ndarray]) -> dict[str, bytes]:
    names = ("wav", "au", "aiff", "flac", "mp3", "ogg", "opus", "lame", "m4a", "aac", "wma", "webm")
    return {name: encode(name, make_music(0.8, 48000), 48000) for name in names}


def _holds(data: bytes, excerpt: ExcerptConfig) -> None:
    with suppress(AudioError):
        samples = decode(data, excerpt=excerpt).samples
        assert samples.dtype == np.float32
        assert len(samples) >= 16
        assert np.isfinite(samples).all()


@SETTINGS
@given(magic=st.sampled_from(MAGIC) | st.just(b""), tail=st.binary(max_size=3000))
def test_random_bytes(magic: bytes, tail: bytes) -> None:
    _holds(magic + tail, EXCERPTS[0])


@SETTINGS
@given(data=st.data(), excerpt=st.sampled_from(EXCERPTS))
def test_flipped_bytes(short: dict[str, bytes], data: Any, excerpt: ExcerptConfig) -> None:
    broken = bytearray(short[data.draw(st.sampled_from(sorted(short)))])
    # Headers are where a flip does most.
    places = st.integers(0, 299) | st.integers(0, len(broken) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=12)):
        broken[place % len(broken)] = data.draw(st.integers(0, 255))
    _holds(bytes(broken), excerpt)


@SETTINGS
@given(data=st.data(), excerpt=st.sampled_from(EXCERPTS))
def test_cut_and_joined_bytes(short: dict[str, bytes], data: Any, excerpt: ExcerptConfig) -> None:
    names = st.sampled_from(sorted(short))
    first, second = short[data.draw(names)], short[data.draw(names)]
    head = first[: data.draw(st.integers(0, len(first)))]
    tail = second[data.draw(st.integers(0, len(second))) :] if data.draw(st.booleans()) else b""
    _holds(head + tail, excerpt)
