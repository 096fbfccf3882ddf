"""From the options of ``genrekit tag`` to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.tagging import Naming, Plan, Rules

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for: see the options of ``genrekit tag``."""

    replace: bool = False
    add: bool = False
    top: int = 5
    min_score: float = 0.0
    relative: float = 0.5
    keep: str = ""
    missing: str | None = None
    album: bool = False
    labels: str = "genres"
    taxonomy: str | None = None
    aliases: Path | None = None
    mapping: Sequence[str] | None = None
    parents: str = "none"
    casing: str | None = None
    v23_separator: str | None = None
    no_own_fields: bool = False
    keep_time: bool = False
    hard_links: str = "ask"
    sidecars: bool = False
    limit: int | None = None
    model: str = "default"
    jobs: int | None = None
    retry_failed: bool = False
    run_after: str | None = None


def word(value: str, allowed: Sequence[str], option: str) -> str:
    """``value``, if it is one of some words."""
    if value not in allowed:
        raise ConfigError(f"{option} is {', '.join(allowed)}, not {value!r}")
    return value


def rules_of(wishes: Wishes) -> Rules:
    """Which genres are written over which."""
    from genrekit.tagging import MISSING, Labels, Rules

    if wishes.replace and wishes.add:
        raise ConfigError("--replace and --add exclude each other; choose one")
    word(wishes.labels, get_args(Labels), "--labels")
    missing = MISSING if wishes.missing is None else ("", *_listed(wishes.missing))
    return Rules.model_validate(
        {
            "mode": "replace" if wishes.replace else "add" if wishes.add else "missing",
            "labels": wishes.labels,
            "top": wishes.top,
            "minimum": wishes.min_score,
            "relative": wishes.relative,
            "keep": _listed(wishes.keep),
            "missing": missing,
            "album": wishes.album,
        }
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def naming_of(wishes: Wishes) -> Naming:
    """Return what labels are called in tags."""
    from genrekit.tagging import Naming, load_taxonomy, own_spelling, read_mapping

    word(wishes.parents, ("none", "with", "only"), "--parents")
    if wishes.casing is not None:
        word(wishes.casing, ("title", "lower", "as-is"), "--casing")
    as_it_is = wishes.taxonomy is None and wishes.casing is None and wishes.parents == "none"
    return Naming(
        load_taxonomy(wishes.taxonomy or "box", wishes.aliases),
        {**(own_spelling(wishes.model) if as_it_is else {}), **read_mapping(wishes.mapping or ())},
        parents=wishes.parents,  # type: ignore[arg-type]
        casing=wishes.casing,  # type: ignore[arg-type]
    )


def chosen_plan(sources: Sequence[Path], saved: Path | None, wishes: Wishes) -> Plan:
    """Return the plan that was saved, or a new one for some music."""
    from genrekit.tagging import read_plan

    word(wishes.hard_links, ("ask", "leave", "separate"), "--hard-links")
    if saved is not None:
        if sources:
            raise ConfigError("--plan names its files itself; leave out the folders")
        return read_plan(saved)
    if not sources:
        raise ConfigError("name the music to tag, such as genrekit tag ~/Music, or a --plan")
    return _new_plan(sources, wishes)


def _new_plan(sources: Sequence[Path], wishes: Wishes) -> Plan:
    from genrekit.cli.paths import find_tracks
    from genrekit.inference import Classifier
    from genrekit.tagging import answering, make_plan, warnings_for
    from genrekit.terminal import print_problem, progress_bars, workers

    rules, naming = rules_of(wishes), naming_of(wishes)
    identity = Classifier.load(wishes.model).identity
    files = find_tracks([str(one) for one in sources])
    with progress_bars() as progress:
        plan = make_plan(
            files,
            answering(
                wishes.model,
                labels=rules.labels,
                workers=workers(wishes.jobs, len(files)),
                retry_failed=wishes.retry_failed,
                progress=progress,
            ),
            rules=rules,
            naming=naming,
            model=f"{identity.name}@{identity.version}",
            limit=wishes.limit,
            sidecars=wishes.sidecars,
            progress=progress,
        )
    for warning in warnings_for(genre for one in plan.files if one.writes for genre in one.then):
        print_problem("warning", warning)
    return plan
