"""What would be written into which file, and why: a plan is made before anything is touched."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from genrekit.errors import TagError
from genrekit.inference import printable
from genrekit.progress import Progress, silent
from genrekit.schema import UNKNOWN, Contract, TrackPrediction
from genrekit.tagging.choose import Rules, choose_genres, mean_scores, scores_of, then
from genrekit.tagging.containers import read_tags
from genrekit.tagging.disk import Stamp, named_failures, stamp_of
from genrekit.tagging.names import Naming
from genrekit.tagging.values import Fields

Why = Literal[
    "missing",
    "replaced",
    "added",
    "left alone: it has a genre",
    "left alone: it has these already",
    "left alone: unknown",
    "left alone: protected",
    "left alone: the limit is reached",
    "cannot be tagged",
    "error",
]
#: What is written; everything else is left alone.
WRITTEN: tuple[Why, ...] = ("missing", "replaced", "added")

#: Gives an answer for each of some files, in any order.
Answering = Callable[[Sequence[Path]], Iterable[tuple[Path, TrackPrediction]]]


class PlannedFile(Contract):
    """One row of a plan."""

    file: str = Field(description="absolute; bytes that are not UTF-8 are escapes")
    file_hex: str | None = Field(
        None, description="the bytes of the path, where they are not UTF-8"
    )
    now: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    score: float | None = Field(None, description="of the best genre")
    why: Why
    detail: str = ""
    size_bytes: int = 0
    modified_ns: int = 0
    model: str = ""
    scores: dict[str, float] = Field({}, description="of what is written, best first")
    artist: str = ""
    album: str = ""
    title: str = ""
    seconds: float = 0.0

    @property
    def path(self) -> Path:
        """The file."""
        return Path(
            self.file if self.file_hex is None else os.fsdecode(bytes.fromhex(self.file_hex))
        )

    @property
    def stamp(self) -> Stamp:
        """How the file was when the plan was made."""
        return Stamp(self.size_bytes, self.modified_ns)

    @property
    def writes(self) -> bool:
        """Whether the file is to be written."""
        return self.why in WRITTEN


class Plan(Contract):
    """A plan for some files."""

    format_version: Literal[1] = 1
    model: str = ""
    rules: Rules = Rules()
    files: tuple[PlannedFile, ...]

    def before_and_after(self) -> list[tuple[str, int, int]]:
        """Each genre with how many files have it now, and then; the most frequent first."""
        before = Counter(genre for one in self.files for genre in one.now)
        after = Counter(
            genre for one in self.files for genre in (one.then if one.writes else one.now)
        )
        names = sorted({*before, *after}, key=lambda name: (-after[name], -before[name], name))
        return [(name, before[name], after[name]) for name in names]

    def reasons(self) -> dict[str, int]:
        """How many files there are of each reason."""
        return dict(Counter(one.why for one in self.files))


@dataclass(frozen=True, slots=True)
class _Found:
    """A file as it is before anything is listened to."""

    path: Path
    stamp: Stamp
    fields: Fields
    refusal: TagError | None = None

    @property
    def genres(self) -> tuple[str, ...]:
        return self.fields.get("genre", ())

    @property
    def album(self) -> tuple[str, ...]:
        """What tells an album from others; a track without one is alone."""
        album = self.fields.get("album", ())
        if not album or not album[0].strip():
            return (str(self.path),)
        artist = self.fields.get("albumartist") or (str(self.path.parent),)
        return (artist[0].casefold(), album[0].casefold())


def make_plan(
    files: Iterable[Path],
    answer_files: Answering,
    *,
    rules: Rules | None = None,
    naming: Naming,
    model: str = "",
    limit: int | None = None,
    sidecars: bool = False,
    progress: Progress = silent,
) -> Plan:
    """Decide for each file what its tags shall say, and listen only where that is needed.

    Parameters
    ----------
    files : iterable of Path
    answer_files : callable
        Answers for the files that need it.
    rules : Rules, optional
    naming : Naming
        What labels are called in tags.
    model : str
        ``name@version`` of what answers.
    limit : int, optional
        At most so many files are listened to.
    sidecars : bool
        Whether files that cannot be tagged are listened to, for a file beside them.
    """
    rules = rules or Rules()
    named = list(dict.fromkeys(path.absolute() for path in files))
    found = []
    for number, path in enumerate(named):
        progress("Reading tags", number, len(named))
        found.append(_read_file(path))
    asked = _asked(found, rules, sidecars=sidecars)
    wanted, asked_of_model = set(asked), set(asked if limit is None else asked[:limit])
    answers = dict(answer_files([one.path for one in found if one.path in asked_of_model]))
    scores = {path: scores_of(answer, rules.labels) for path, answer in answers.items()}
    if rules.album:
        scores = _by_album(found, scores)
    rows = (
        _row(
            one, answers.get(one.path), scores.get(one.path, {}), rules, naming, one.path in wanted
        )
        for one in found
    )
    return Plan(
        model=model,
        rules=rules,
        files=tuple(row.model_copy(update={"model": model}) for row in rows),
    )


def _read_file(path: Path) -> _Found:
    try:
        with named_failures(path):
            stamp = stamp_of(path.stat())
        return _Found(path, stamp, read_tags(path))
    except TagError as error:
        return _Found(path, Stamp(0, 0), {}, error)


def _asked(found: Sequence[_Found], rules: Rules, *, sidecars: bool) -> list[Path]:
    """Files to listen to: with ``album``, all tracks of one that has a file that needs it."""
    wanted = [one for one in found if one.refusal is None and rules.needs_answer(one.genres)]
    beside = [
        one.path
        for one in found
        if sidecars and one.refusal is not None and one.refusal.state == "cannot_be_tagged"
    ]
    if not rules.album:
        return [*(one.path for one in wanted), *beside]
    albums = {one.album for one in wanted}
    tracks = [one.path for one in found if one.refusal is None and one.album in albums]
    return [*tracks, *beside]


def _by_album(
    found: Sequence[_Found], scores: Mapping[Path, dict[str, float]]
) -> dict[Path, dict[str, float]]:
    albums: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for one in found:
        if one.path in scores:
            albums[one.album].append(one.path)
    means = {
        album: mean_scores([scores[path] for path in paths]) for album, paths in albums.items()
    }
    return {path: means[album] for album, paths in albums.items() for path in paths}


def _row(
    one: _Found,
    answer: TrackPrediction | None,
    scores: Mapping[str, float],
    rules: Rules,
    naming: Naming,
    asked: bool,
) -> PlannedFile:
    row = _bare_row(one)
    if one.refusal is not None:
        cannot = one.refusal.state in ("cannot_be_tagged", "damaged")
        why: Why = "cannot be tagged" if cannot else "error"
        row = row.model_copy(update={"why": why, "detail": printable(one.refusal.message)})
        if answer is None or answer.error is not None:
            return row
        chosen = choose_genres(scores, rules, naming)
        return row.model_copy(update={"then": tuple(chosen), "scores": _rounded(chosen)})
    if rules.protects(one.genres):
        return row.model_copy(update={"why": "left alone: protected"})
    if not rules.needs_answer(one.genres):
        return row
    if answer is None:
        return row.model_copy(update={"why": "left alone: the limit is reached"} if asked else {})
    if answer.error is not None:
        return row.model_copy(update={"why": "error", "detail": answer.error.message})
    return _decided(row, answer, choose_genres(scores, rules, naming), rules)


def _bare_row(one: _Found) -> PlannedFile:
    text = printable(one.path)

    def first(key: Literal["artist", "album", "title"]) -> str:
        return printable((one.fields.get(key) or ("",))[0])

    return PlannedFile(
        file=text,
        file_hex=None if text == str(one.path) else os.fsencode(one.path).hex(),
        now=tuple(map(printable, one.genres)),
        why="left alone: it has a genre",
        size_bytes=one.stamp.size_bytes,
        modified_ns=one.stamp.modified_ns,
        artist=first("artist"),
        album=first("album"),
        title=first("title"),
    )


def _decided(
    row: PlannedFile, answer: TrackPrediction, chosen: Mapping[str, float], rules: Rules
) -> PlannedFile:
    best = next(iter(answer.scores.values()), None)
    more = {"score": next(iter(chosen.values()), best), "seconds": answer.seconds}
    if not chosen:
        detail = "" if answer.genre == UNKNOWN else "no score is high enough"
        return row.model_copy(update={"why": "left alone: unknown", "detail": detail, **more})
    genres = then(row.now, chosen, rules)
    if genres == row.now:
        return row.model_copy(update={"why": "left alone: it has these already", **more})
    why = (
        "missing"
        if not rules.meaningful(row.now)
        else "added"
        if rules.mode == "add"
        else "replaced"
    )
    return row.model_copy(update={"why": why, "then": genres, "scores": _rounded(chosen), **more})


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(score, 4) for name, score in scores.items()}
