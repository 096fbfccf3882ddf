"""Ctrl-C while compiled code runs that cannot hand it on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_afterwards() -> Iterator[None]:
    """Answer Ctrl-C when the block has ended, and not inside of it.

    Python raises in whatever it runs next. In a callback of libsndfile that is printed and lost,
    and the audio seems to end there; pydantic takes it for a fault of what it writes. Only for
    what ends soon: until then nothing stops it.
    """
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if pressed:
            previous(*pressed[0])


#: What a shell reports after Ctrl-C.
INTERRUPTED = 130
_GRACE_SECONDS = 2.0
# A finaliser has ended by then, or the next is tried.
_MOMENT_SECONDS = 0.02


def end_on_interrupt() -> None:
    """Let the first Ctrl-C end the process, soon and in order, and the next ones do nothing.

    The first one is a KeyboardInterrupt as ever, and what is open is closed and saved. A second one
    in the middle of that would break it off and leave the process waiting for its workers. Whatever
    has not ended after two seconds is ended; workers go with their parent.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
        previous = sys.unraisablehook
        sys.unraisablehook = lambda lost: _ask_again(lost) or previous(lost)


def _ask_again(lost: sys.UnraisableHookArgs) -> bool:
    """Raise an interrupt once more that hit where Python drops what is raised, and say whether.

    Python raises it in whatever runs, and that may be a finaliser or a callback of a weak
    reference, which print it and go on.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not issubclass(lost.exc_type, KeyboardInterrupt):
        return False
    due = threading.Event()

    def raised_once(number: int, frame: FrameType | None) -> None:
        # Who goes on pressing must not raise where this is still being handled.
        if due.is_set():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.default_int_handler(number, frame)

    def again() -> None:
        due.set()
        interrupt_main()

    signal.signal(signal.SIGINT, raised_once)
    timer = threading.Timer(_MOMENT_SECONDS, again)
    timer.daemon = True
    timer.start()
    return True


def _interrupted(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = threading.Timer(_GRACE_SECONDS, os._exit, [INTERRUPTED])
    watch.daemon = True
    watch.start()
    signal.default_int_handler(number, frame)


@contextmanager
def stops_in_two_steps() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C, or the first SIGTERM, only be asked for, and the next one end.

    Yields
    ------
    callable
        Says whether it was asked for.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def first(number: int, frame: FrameType | None) -> None:
        for one, handler in previous.items():
            signal.signal(one, handler)
        asked.append(number)

    for number in previous:
        signal.signal(number, first)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
