"""Take changes back, to the byte: everything is rehearsed before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrekit.errors import TagError
from genrekit.files import sync_folder
from genrekit.progress import Progress, silent
from genrekit.tagging.disk import (
    clean_leftovers,
    digest_of,
    named_failures,
    real_file,
    replace_content,
)
from genrekit.tagging.runs import Change, Run
from genrekit.tagging.splice import applied, changed_pieces, whole

Answer = Literal["restored", "restorable", "already as it was", "refused"]


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one change.

    Attributes
    ----------
    answer : str
        ``restorable`` in a rehearsal, ``restored`` when it was done.
    why : str
        Why it was refused.
    """

    run: str
    change: Change
    answer: Answer
    why: str = ""


def undo(
    runs: Sequence[Run],
    *,
    below: Path | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> list[Undone]:
    """Take back what runs changed, the latest first.

    Parameters
    ----------
    runs : sequence of Run
    below : Path, optional
        Only this file, or what lies in this folder.
    dry_run : bool
        Say what would be done, and write nothing.

    Returns
    -------
    list of Undone
        One for each change. A file that changed since is refused, by name, and the others are
        taken back.
    """
    steps = [
        (run, change)
        for run in sorted(runs, key=lambda one: one.info.name, reverse=True)
        for change in reversed(run.changes())
        if below is None or is_below(change.file, below)
    ]
    clean_leftovers({change.file.parent for _, change in steps})
    answers = _checked_changes(steps, progress)
    if dry_run:
        return answers
    done = []
    for number, (run, _) in enumerate(steps):
        progress("Restoring", number, len(steps))
        done.append(_carried_out(run, answers[number]))
    return done


def is_below(file: Path, place: Path) -> bool:
    """Whether a file is what a path leads to, by links too, or lies in that folder."""
    places = (place.absolute(), place.resolve())
    return any(file == one or file.is_relative_to(one) for one in places)


def _checked_changes(steps: Sequence[tuple[Run, Change]], progress: Progress) -> list[Undone]:
    """Return what can be taken back; of a file that several runs changed, one after the other."""
    digests: dict[Path, str | None] = {}
    found = []
    for number, (run, change) in enumerate(steps):
        progress("Rehearsing", number, len(steps))
        answer = _check_change(run, change, digests)
        if answer.answer == "restorable":
            digests[change.file] = change.before_sha256
        found.append(answer)
    return found


def _check_change(run: Run, change: Change, digests: dict[Path, str | None]) -> Undone:
    name = run.info.name
    try:
        if change.file in digests:  # a later change, which comes first, will have been taken back
            _compare(change, digests[change.file])
            return Undone(name, change, "restorable")
        with named_failures(change.file):
            if change.kind == "sidecar" and not change.file.exists():
                return Undone(name, change, "already as it was")
            real, _ = real_file(change.file, separate_hard_links=True)
            with real.open("rb") as file:
                digest = digest_of(file)
                if digest == change.before_sha256:
                    return Undone(name, change, "already as it was")
                _compare(change, digest)
                _check_back(change, applied(whole(file), change.splices))
    except TagError as error:
        return Undone(name, change, "refused", str(error))
    return Undone(name, change, "restorable")


def _compare(change: Change, digest: str | None) -> None:
    if digest != change.after_sha256:
        raise TagError("changed", f"{change.file} has changed since genrekit wrote its tags")


def _check_back(change: Change, pieces: Iterable[bytes]) -> None:
    if change.before_sha256 is None:
        return
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    if digest.hexdigest() != change.before_sha256:
        raise TagError("damaged", f"what is kept of {change.file} does not give the old file")


def _carried_out(run: Run, answer: Undone) -> Undone:
    change = answer.change
    if answer.answer == "refused":
        return answer
    if answer.answer == "restorable":
        try:
            _restore(change)
        except TagError as error:
            return Undone(answer.run, change, "refused", str(error))
        answer = Undone(answer.run, change, "restored")
    run.mark_undone(change)
    return answer


def _restore(change: Change) -> None:
    with named_failures(change.file):
        if change.before_sha256 is None:
            change.file.unlink()
            sync_folder(change.file.parent)
            return
        real, status = real_file(change.file, separate_hard_links=True)

        def check(part: Path, digest: str) -> None:
            if digest != change.before_sha256:
                raise TagError("changed", f"{change.file} has changed since it was rehearsed")

        replace_content(
            real,
            changed_pieces(real, change.splices),
            status=status,
            modified_ns=change.modified_ns,
            check=check,
        )
