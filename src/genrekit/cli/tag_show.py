"""How plans, writing and undoing look."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from genrekit.terminal import (
    named,
    plain,
    print_json,
    print_problem,
    progress_bars,
    results,
)

if TYPE_CHECKING:
    from genrekit.cli.tag_plan import Wishes
    from genrekit.tagging import Outcome, Plan, Run, Undone

_LINKS_NAMED = 10  # in the question whether to write them


def show_plan(plan: Plan, *, as_csv: bool, as_json: bool, saved: Path | None) -> None:
    """Print a plan as CSV, JSON, or tables for people."""
    from genrekit.tagging import plan_csv, plan_json

    if as_csv:
        results().file.write(plan_csv(plan))
    elif as_json:
        results().file.write(plan_json(plan) + "\n")
    else:
        _tables(plan)
        writes = sum(one.writes for one in plan.files)
        how = f"genrekit tag --plan {saved} --write" if saved else "the same command with --write"
        if writes:
            results().print(f"\nNothing is written yet; {how} writes {_files(writes)}.")


def _tables(plan: Plan) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("file", "genres now", "then", "score", "why"):
        table.add_column(
            heading, overflow="fold", justify="right" if heading == "score" else "left"
        )
    folder = _common([one.file for one in plan.files])
    for one in plan.files:
        score = "" if one.score is None else f"{one.score:.2f}"
        why = f"{one.why}: {one.detail}" if one.detail else one.why
        then = one.then if one.writes else ()
        cells = (one.file[len(folder) :], "; ".join(one.now), "; ".join(then), score, why)
        table.add_row(*map(plain, cells))
    results().print(table)
    _summary(plan)


def _summary(plan: Plan) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("genre", "files now", "then"):
        table.add_column(heading, justify="left" if heading == "genre" else "right")
    for genre, before, after in plan.before_and_after():
        table.add_row(plain(genre), str(before), str(after))
    results().print()
    results().print(table)
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(plan.reasons().items()))
    results().print(f"\n{_files(len(plan.files))}: {reasons}")


def _common(files: Sequence[str]) -> str:
    """Return the folder that all files lie in, with its slash."""
    if not files:
        return ""
    folder = os.path.commonpath([os.path.dirname(one) for one in files])  # noqa: PTH120
    return folder if folder.endswith(os.sep) else folder + os.sep


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def write_and_show(plan: Plan, sources: Sequence[Path], wishes: Wishes, *, as_json: bool) -> bool:
    """Write a plan, say what became of it, and whether something was left out."""
    from genrekit.tagging import WriteOptions, begin_run, carry_out

    if not any(one.writes or (wishes.sidecars and one.then) for one in plan.files):
        _show_outcome(as_json, None, Counter(), "There is nothing to write.")
        return False
    separate = _may_separate(plan, wishes)
    run = begin_run(model=plan.model, sources=sources)
    counts: Counter[str] = Counter()
    with progress_bars() as progress:
        outcomes = carry_out(
            plan,
            run,
            options=WriteOptions(
                keep_mtime=wishes.keep_time,
                separate_hard_links=separate,
            ),
            own_fields=not wishes.no_own_fields,
            v23_separator=wishes.v23_separator,
            sidecars=wishes.sidecars,
            progress=progress,
        )
        for one in outcomes:
            counts[one.answer] += 1
            _name_skipped(one)
    changed = counts["written"] + counts["sidecar"] > 0
    text = ", ".join(f"{count} {answer}" for answer, count in counts.items())
    back = f" To take it back: genrekit undo {run.info.name}" if changed else ""
    _show_outcome(as_json, run, counts, f"{text}.{back}")
    if wishes.run_after and changed:
        _run_after(wishes.run_after)
    return counts["skipped"] > 0


def _may_separate(plan: Plan, wishes: Wishes) -> bool:
    """Whether files with several names are written, too; asks where somebody can answer."""
    if wishes.hard_links != "ask":
        return wishes.hard_links == "separate"
    linked = [one for one in plan.files if one.writes and _names(one.path) > 1]
    if not linked or not sys.stdin.isatty():
        return False
    for one in linked[:_LINKS_NAMED]:
        typer.echo(f"  {plain(one.file)} has {_names(one.path)} names", err=True)
    if len(linked) > _LINKS_NAMED:
        typer.echo(f"  and {len(linked) - _LINKS_NAMED} more", err=True)
    question = (
        f"{_files(len(linked))} with several names (hard links): write them? Each name then has a "
        "file of its own, and other names keep the old one"
    )
    return typer.confirm(question, default=False, err=True)


def _names(path: Path) -> int:
    try:
        return path.stat().st_nlink
    except OSError:
        return 0


def _name_skipped(one: Outcome) -> None:
    if one.answer == "skipped":
        print_problem("warning", named(one.row.file, one.why))


def _show_outcome(as_json: bool, run: Run | None, counts: Counter[str], text: str) -> None:
    if as_json:
        print_json({"run": run.info.name if run else None, **counts})
    else:
        results().print(text)


def _run_after(command: str) -> None:
    """Run what the user wants once files have changed, by the shell."""
    done = subprocess.run(command, shell=True, check=False)
    if done.returncode:
        print_problem(
            "warning", f"the files are written, but {command!r} ended with {done.returncode}"
        )


def show_undone(answers: Sequence[Undone], *, as_json: bool) -> bool:
    """Return what became of changes; and whether one was refused."""
    counts = Counter(one.answer for one in answers)
    for one in answers:
        if one.answer == "refused":
            print_problem("warning", named(one.change.path, one.why))
    if as_json:
        print_json({**counts, "files": [_undone(one) for one in answers]})
    else:
        text = ", ".join(f"{count} {answer}" for answer, count in counts.items())
        results().print(text or "There is nothing to take back.")
    return counts["refused"] > 0


def _undone(one: Undone) -> dict[str, str]:
    return {"file": one.change.path, "run": one.run, "answer": one.answer, "why": one.why}


def show_runs(runs: Sequence[Run], *, as_json: bool) -> None:
    """Print the runs that wrote tags, the latest first."""
    from rich.table import Table

    rows = [(run.info, *run.counts()) for run in runs]
    if as_json:
        print_json(
            [{**info.model_dump(), "files": made, "undone": undone} for info, made, undone in rows]
        )
        return
    if not rows:
        results().print("No tags were written yet; genrekit tag FOLDER plans some.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("run", "begun (UTC)", "files", "taken back", "model", "into"):
        table.add_column(heading, justify="right" if heading in ("files", "taken back") else "left")
    for info, made, undone in rows:
        into = ", ".join(info.sources) or "a saved plan"
        cells = (info.name, info.begun[:19], str(made), str(undone), info.model, into)
        table.add_row(*map(plain, cells))
    results().print(table)
