"""Ctrl-C while a file is decoded."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from genrekit.audio import decode


@pytest.fixture(autouse=True)
def usual_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Presser:
    """Presses Ctrl-C when libsndfile asks the file for something for the nth time."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name.startswith("vio_"):
            self.left -= 1
            if self.left == 0:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)


def pressed(data: bytes, number: int) -> Presser:
    presser = Presser(number)
    sys.setprofile(presser)
    try:
        decode(data)
    finally:
        sys.setprofile(None)
    return presser


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg"])
def test_an_interrupt_ends_decoding_whatever_libsndfile_asked_for(
    clips: dict[str, Any], name: str
) -> None:
    questions = -pressed(clips[name].data, 0).left
    assert questions > 3
    for number in range(1, questions + 1, 1 + questions // 20):
        with pytest.raises(KeyboardInterrupt):
            pressed(clips[name].data, number)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
