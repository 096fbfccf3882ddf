"""Plans as files: JSON holds all of one, CSV is what people edit."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from genrekit.errors import ConfigError
from genrekit.files import replace_file
from genrekit.tagging.plan import WRITTEN, Plan, PlannedFile, Why

COLUMNS = ("file", "now", "then", "score", "why", "detail", "model", "scores", "checked")
_BETWEEN = "; "
_LARGEST_BYTES = 1 << 30
# A spreadsheet takes these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_plan(plan: Plan, path: Path) -> None:
    """Save a plan: as CSV if it is called ``.csv``, else as JSON."""
    if path.suffix.lower() == ".csv":
        replace_file(path, plan_csv(plan))
    else:
        replace_file(path, plan.model_dump_json(indent=1) + "\n")


def plan_csv(plan: Plan) -> str:
    """Return a plan as CSV. Edit ``then``, or delete rows; ``checked`` says how each file was."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in plan.files:
        writer.writerow(
            (
                one.file,
                _safe(_BETWEEN.join(one.now)),
                _safe(_BETWEEN.join(one.then)),
                "" if one.score is None else f"{one.score:.4f}",
                one.why,
                one.detail,
                one.model,
                scores_text(one.scores),
                _checked(one),
            )
        )
    return text.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def scores_text(scores: dict[str, float]) -> str:
    """Scores as they are written into tags too: ``Rock 0.61; Blues 0.32``."""
    return _BETWEEN.join(f"{name} {score:.2f}" for name, score in scores.items())


def _checked(one: PlannedFile) -> str:
    """Size and time of a file in letters that a spreadsheet does not take for a number."""
    stamp = f"s{one.size_bytes:x}-t{one.modified_ns:x}"
    return f"{stamp}-p{one.file_hex}" if one.file_hex else stamp


_CHECKED = re.compile(r"s([0-9a-f]+)-t([0-9a-f]+)(?:-p([0-9a-f]+))?")


def read_plan(path: Path) -> Plan:
    """Return a plan that was saved, and may have been edited as CSV.

    Raises
    ------
    ConfigError
        If it is not one.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ConfigError(f"{path} is larger than any plan")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the plan {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8; save it as CSV UTF-8") from error
    if text.lstrip().startswith("{"):
        return _from_json(text, path)
    return _from_csv(text, path)


def _from_json(text: str, path: Path) -> Plan:
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path} is not a plan: {where}: {first['msg']}") from error


def _from_csv(text: str, path: Path) -> Plan:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    missing = {"file", "then", "checked"} - set(rows.fieldnames or ())
    if missing:
        raise ConfigError(
            f"{path} is not a plan: it has no column {', '.join(sorted(missing))}; genrekit tag "
            "FOLDER --csv makes one"
        )
    try:
        files = tuple(_row(row, number, path) for number, row in enumerate(rows, start=2))
    except csv.Error as error:
        raise ConfigError(f"{path} is not CSV: {error}") from error
    return Plan(model=files[0].model if files else "", files=files)


def _row(row: dict[str, str | None], number: int, path: Path) -> PlannedFile:
    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    found = _CHECKED.fullmatch(values["checked"])
    if found is None:
        raise ConfigError(
            f"{path}, line {number}: {values['checked']!r} in the column checked does not say how "
            "the file was; leave that column as it is"
        )
    if not values["file"]:
        raise ConfigError(f"{path}, line {number} names no file; delete the line, or undo the edit")
    then, now = _listed(values["then"]), _listed(values.get("now", ""))
    why_text = values.get("why", "")
    why = _why(why_text, now, then)
    try:
        return PlannedFile(
            file=row["file"] or "",
            file_hex=found[3],
            now=now,
            then=then,
            score=float(score) if (score := values.get("score", "").replace(",", ".")) else None,
            why=why,
            detail=values.get("detail", ""),
            size_bytes=int(found[1], 16),
            modified_ns=int(found[2], 16),
            model=values.get("model", ""),
            scores=_scores(values.get("scores", "")),
        )
    except (ValidationError, ValueError) as error:
        what = str(error).splitlines()[0]
        raise ConfigError(f"{path}, line {number} makes no sense: {what}") from error


def _why(why_text: str, now: tuple[str, ...], then: tuple[str, ...]) -> Why:
    """Return the reason of a row that was edited: filled in is written, emptied is not."""
    if then and then != now:
        return next((one for one in WRITTEN if one == why_text), "replaced" if now else "missing")
    if then or why_text in WRITTEN:
        return "left alone: it has a genre"
    kept: tuple[Why, ...] = get_args(Why)
    return next((one for one in kept if one == why_text), "left alone: it has a genre")


def _listed(text: str) -> tuple[str, ...]:
    text = text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _scores(text: str) -> dict[str, float]:
    """Return what `scores_text` makes; a spreadsheet may have changed the decimal point."""
    found = {}
    for part in _parts(text):
        name, _, score = part.rpartition(" ")
        try:
            found[name] = float(score.replace(",", "."))
        except ValueError:
            continue
    return found


def _parts(text: str) -> Iterable[str]:
    return (part.strip() for part in text.split(";") if part.strip())


def plan_json(plan: Plan) -> str:
    """Return a plan as one line of JSON, with the counts of genres before and after."""
    counts = [
        {"genre": genre, "before": before, "after": after}
        for genre, before, after in plan.before_and_after()
    ]
    content = plan.model_dump(mode="json") | {"genres": counts, "reasons": plan.reasons()}
    return json.dumps(content, ensure_ascii=False)
