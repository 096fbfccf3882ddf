"""Write what a plan says, file by file; whatever is left alone is named."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrekit.errors import TagError
from genrekit.files import replace_file
from genrekit.progress import Progress, silent
from genrekit.tagging.disk import clean_leftovers, named_failures, stamp_of
from genrekit.tagging.plan import Plan, PlannedFile
from genrekit.tagging.plan_file import scores_text
from genrekit.tagging.runs import Change, Run
from genrekit.tagging.values import Key, Wanted
from genrekit.tagging.writer import WriteOptions, write_tags

Answer = Literal["written", "already so", "sidecar", "skipped"]
SIDECAR_SUFFIX = ".genrekit.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row of a plan; ``state`` and ``why`` say why it was skipped."""

    row: PlannedFile
    answer: Answer
    state: str = ""
    why: str = ""


def carry_out(
    plan: Plan,
    run: Run,
    *,
    options: WriteOptions | None = None,
    own_fields: bool = True,
    v23_separator: str | None = None,
    sidecars: bool = False,
    progress: Progress = silent,
) -> Iterator[Outcome]:
    """Write a plan.

    Parameters
    ----------
    plan : Plan
    run : Run
        Gets what takes each change back before it is made.
    options : WriteOptions, optional
    own_fields : bool
        Whether model and scores are written too.
    v23_separator : str, optional
        As for `Wanted`.
    sidecars : bool
        Whether a file that cannot be tagged gets a JSON file beside it.

    Yields
    ------
    Outcome
        One for each row that is to be written, as soon as its file is done.
    """
    rows = [one for one in plan.files if one.writes]
    beside = [one for one in plan.files if sidecars and one.why == "cannot be tagged" and one.then]
    clean_leftovers({one.path.parent for one in (*rows, *beside)})
    done: set[Path] = set()
    for number, row in enumerate((*rows, *beside)):
        progress("Writing tags", number, len(rows) + len(beside))
        try:
            if not row.writes:
                _write_sidecar(row, run)
                yield Outcome(row, "sidecar")
                continue
            # Several names may lead to one file, which then has been written.
            with named_failures(row.path):
                real = row.path.resolve(strict=True)
            if real in done:
                yield Outcome(row, "already so")
                continue
            wanted = wanted_of(row, own_fields=own_fields, v23_separator=v23_separator)
            change = write_tags(
                row.path, wanted, record=run.record, expected=row.stamp, options=options
            )
        except TagError as error:
            yield Outcome(row, "skipped", error.state, str(error))
            continue
        if change is not None:
            done.add(real)
            _remember(row, run)
        yield Outcome(row, "already so" if change is None else "written")


def _remember(row: PlannedFile, run: Run) -> None:
    """Keep how the file is now, which only saves work later."""
    with suppress(OSError):
        run.remember(row.path, row.stamp, stamp_of(row.path.stat()))


def wanted_of(
    row: PlannedFile, *, own_fields: bool = True, v23_separator: str | None = None
) -> Wanted:
    """Return what a row wants its file to say."""
    own: dict[Key, str] = {}
    if own_fields and row.model and row.scores:
        own = {"model": row.model, "scores": scores_text(row.scores)}
    return Wanted(clean(row.then), own, v23_separator)


def clean(genres: tuple[str, ...]) -> tuple[str, ...]:
    """Genres without what no tag can hold: control characters, halves of letters, repeats."""
    found: dict[str, None] = {}
    for genre in genres:
        text = genre.encode("utf-8", "ignore").decode()
        text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        if text:
            found[text] = None
    return tuple(found)


def _write_sidecar(row: PlannedFile, run: Run) -> None:
    """Write a JSON file beside one that cannot be tagged; undo deletes it."""
    path = row.path.with_name(row.path.name + SIDECAR_SUFFIX)
    content = (
        json.dumps(
            {"genres": row.then, "scores": row.scores, "model": row.model},
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    ).encode()
    with named_failures(path):
        if os.path.lexists(path):
            raise TagError("exists", f"{path} is there already and is left as it is")
        run.record(
            Change.of(
                path,
                before_sha256=None,
                after_sha256=hashlib.sha256(content).hexdigest(),
                modified_ns=0,
                kind="sidecar",
            )
        )
        replace_file(path, content)
