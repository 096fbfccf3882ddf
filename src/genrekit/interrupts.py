"""Ctrl-C while compiled code runs that cannot hand it on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_afterwards() -> Iterator[None]:
    """Answer Ctrl-C when the block has ended, and not inside of it.

    Python raises in whatever it runs next. In a callback of libsndfile that is printed and lost,
    and the audio seems to end there; pydantic takes it for a fault of what it writes. Only for
    what ends soon: until then nothing stops it.
    """
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if pressed:
            usual(*pressed[0])
