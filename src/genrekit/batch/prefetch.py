"""Sources that keep nobody waiting, and that can be counted and stopped."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from genrekit.workers import IDLE, Idle

_AHEAD = 512
_WAIT_SECONDS = 0.05
_POLL_SECONDS = 2.0


def without_waiting(paths: Iterable[str]) -> Iterator[str | Idle]:
    """Pass paths on, and `IDLE` while the next one takes its time: another thread waits for it."""
    line = _Line(paths)
    try:
        while True:
            try:
                found = line.queue.get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                yield IDLE
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        line.closed.set()


class _Line:
    """Paths that a thread reads ahead; None behind the last, and what was raised before that."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.queue: queue.Queue[str | BaseException | None] = queue.Queue(_AHEAD)
        self.closed = threading.Event()
        self._paths = paths
        threading.Thread(target=self._read, daemon=True, name="genrekit-source").start()

    def _read(self) -> None:
        try:
            for path in self._paths:
                self._put(path)
                if self.closed.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 -- raised again where paths are wanted
            self._put(error)
        self._put(None)

    def _put(self, thing: str | BaseException | None) -> None:
        while not self.closed.is_set():
            try:
                self.queue.put(thing, timeout=0.2)
            except queue.Full:
                continue
            return


def until(stop: Callable[[], bool], paths: Iterable[str | Idle]) -> Iterator[str | Idle]:
    """Pass paths on until ``stop`` says so."""
    for path in paths:
        if stop():
            return
        yield path


def below_load(most: float, paths: Iterable[str | Idle]) -> Iterator[str | Idle]:
    """Pass paths on while fewer than ``most`` processes want a core; `IDLE` until then.

    Where the system does not say how many do, nothing is held back.
    """
    if not hasattr(os, "getloadavg"):
        yield from paths
        return
    polled, load = -_POLL_SECONDS, 0.0
    for path in paths:
        while True:
            now = time.monotonic()
            if now - polled >= _POLL_SECONDS:
                polled, load = now, os.getloadavg()[0]
            if load < most:
                break
            yield IDLE
        yield path


class PathCount:
    """How many paths there are, counted beside the work on them.

    Parameters
    ----------
    paths : iterable of str
        Read once more, in a thread of its own.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = paths
        #: None until all are counted.
        self.total: int | None = None
        threading.Thread(target=self._count, daemon=True, name="genrekit-count").start()

    def _count(self) -> None:
        count = 0
        try:
            for count, _ in enumerate(self._paths, start=1):
                if count % 1000 == 0:
                    time.sleep(0.001)  # the work goes first
        except Exception:  # noqa: BLE001 -- who works on them says what is wrong
            return
        self.total = count
