"""What audits measured of sound files is remembered until a file changes.

The facts of each file are entries of a run of the batch engine, so that an audit that was stopped
goes on, and one of the same music listens to what is new.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from pydantic import JsonValue

from genrekit.audit.recordings import (
    FACTS_VERSION,
    UNREADABLE,
    AudioFacts,
    measure_part,
)
from genrekit.batch import Entry, Run, open_run, work_fingerprint, work_through
from genrekit.datasets import Dataset, Item
from genrekit.errors import AudioError, BusyError
from genrekit.features import WHOLE_TRACK
from genrekit.files import cache_home
from genrekit.fingerprint import Edges, Fingerprint
from genrekit.schema import ExcerptConfig
from genrekit.workers import LONG_LIMITS, WorkerDied, ordered_map

_KIND = "audit"
_PLAIN = (
    *("state", "problem", "sample_rate_hz", "channels", "seconds"),
    *("loudness_db", "clipped_share", "bandwidth_hz", "content"),
)


def measure_audio(
    dataset: Dataset,
    *,
    needs_labels: bool,
    workers: int = 1,
    retry_failed: bool = False,
    done: Callable[[int], None] = lambda count: None,
) -> list[AudioFacts]:
    """Measure the audio of every item; items without audio give empty facts.

    Parameters
    ----------
    needs_labels : bool
        Measure what labels are judged by, too.
    workers : int
        Processes; 1 is this one.
    retry_failed : bool
        Whether files that could not be read are tried again, though they have not changed.
    done : callable
        Told how many files are done.

    Returns
    -------
    list of AudioFacts
        Of each item, in order.
    """
    parts = _parts(dataset.items)
    settings: dict[str, JsonValue] = {
        "version": FACTS_VERSION,
        "needs_labels": needs_labels,
        "parts": _digest(parts),
    }
    try:
        run = open_run(cache_home() / "audit" / work_fingerprint(_KIND, settings), _KIND, settings)
    except BusyError:  # another audit is at it: this one remembers nothing
        return _unremembered(dataset.items, needs_labels, workers, done)
    with run:
        measured = Measured(
            needs_labels, {path: some for path, some in parts.items() if some != [None]}
        )
        number = 0

        def count(*_: object) -> None:
            nonlocal number
            number += 1
            done(number)

        for _ in work_through(
            *(run, parts, measured),
            workers=workers,
            limits=LONG_LIMITS,
            retry_failed=retry_failed,
            supervised=False,
            skipped=count,
        ):
            count()
        known = _facts(run, parts)
    return [
        AudioFacts()
        if item.path is None
        else known[str(item.path.absolute())][_part(item) or _WHOLE]
        for item in dataset.items
    ]


_Part = tuple[float, float | None]
_WHOLE: _Part = (0.0, None)


def _part(item: Item) -> _Part | None:
    """Which part of its file an item is; None is all of it."""
    excerpt = item.excerpt or WHOLE_TRACK
    part = (excerpt.start_seconds or 0.0, excerpt.duration_seconds)
    return None if part == _WHOLE else part


def _parts(items: Sequence[Item]) -> dict[str, list[_Part | None]]:
    """Group items by file: the parts of each that are items."""
    found: dict[str, list[_Part | None]] = {}
    for item in items:
        if item.path is not None:
            some = found.setdefault(str(item.path.absolute()), [])
            if (part := _part(item)) not in some:
                some.append(part)
    return found


def _digest(parts: Mapping[str, list[_Part | None]]) -> str:
    """Of parts that are not whole files; what is remembered of a file is of these parts."""
    cut = sorted((path, some) for path, some in parts.items() if some != [None])
    return hashlib.sha256(repr(cut).encode("utf-8", "surrogateescape")).hexdigest() if cut else ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The facts of the parts of one file, as JSON."""

    needs_labels: bool
    parts: Mapping[str, list[_Part | None]]

    def __call__(self, path: str) -> list[dict[str, Any]]:
        """Measure one file.

        Raises
        ------
        AudioError
            If it cannot be read; what is wrong with its contents is among the facts.
        """
        found = []
        for part in self.parts.get(path, [None]):
            facts = measure_part(path, _excerpt(part), needs_labels=self.needs_labels)
            if facts.state == UNREADABLE:
                raise AudioError(facts.problem)
            found.append(_packed(facts))
        return found


def _excerpt(part: _Part | None) -> ExcerptConfig:
    start, duration = part or _WHOLE
    return ExcerptConfig(start_seconds=start, duration_seconds=duration)


def _facts(run: Run, parts: Mapping[str, list[_Part | None]]) -> dict[str, dict[_Part, AudioFacts]]:
    """Read what is known of each part of each file."""
    found = {}
    for entry in run.entries():
        if (some := parts.get(entry.file)) is not None:
            facts = _of_entry(entry, len(some))
            found[entry.file] = dict(zip([one or _WHOLE for one in some], facts, strict=True))
    return found


def _of_entry(entry: Entry, count: int) -> list[AudioFacts]:
    if entry.reason is not None or not isinstance(entry.value, list):
        message = "" if entry.reason is None else entry.reason.message
        return [AudioFacts(state=UNREADABLE, problem=message)] * count
    return [_unpacked(one) for one in entry.value if isinstance(one, dict)]


def _unremembered(
    items: Sequence[Item], needs_labels: bool, workers: int, done: Callable[[int], None]
) -> list[AudioFacts]:
    facts: list[AudioFacts] = []
    one = partial(_of_item, needs_labels=needs_labels)
    for outcome in ordered_map(one, items, workers=workers, limits=LONG_LIMITS):
        if isinstance(outcome, WorkerDied):
            outcome = AudioFacts(state=UNREADABLE, problem=outcome.message)
        facts.append(outcome)
        done(len(facts))
    return facts


def _of_item(item: Item, *, needs_labels: bool) -> AudioFacts:
    if item.path is None:
        return AudioFacts()
    return measure_part(str(item.path), item.excerpt or WHOLE_TRACK, needs_labels=needs_labels)


# --- facts as JSON ------------------------------------------------------------------------------


def _packed(facts: AudioFacts) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(facts, name) for name in _PLAIN}
    found["warnings"] = list(facts.warnings)
    if facts.fingerprint is not None:
        found["fingerprint"] = _text(facts.fingerprint.to_bytes())
    if facts.edges is not None:
        edges = np.stack([facts.edges.first, facts.edges.last]).astype(np.float32)
        found["edges"] = [facts.edges.rate_hz, _text(edges.tobytes())]
    if facts.vector is not None:
        found["vector"] = [float(f"{value:.9g}") for value in facts.vector]
    return found


def _unpacked(found: Mapping[str, Any]) -> AudioFacts:
    facts = AudioFacts(**{name: found[name] for name in _PLAIN}, warnings=tuple(found["warnings"]))
    changes: dict[str, Any] = {}
    if "fingerprint" in found:
        changes["fingerprint"] = Fingerprint.from_bytes(_bytes(found["fingerprint"]))
    if "edges" in found:
        rate, text = found["edges"]
        first, last = np.frombuffer(_bytes(text), np.float32).reshape(2, -1).astype(np.float64)
        changes["edges"] = Edges(rate, first, last)
    if "vector" in found:
        changes["vector"] = np.array(found["vector"], np.float32)
    return replace(facts, **changes)


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode()


def _bytes(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
