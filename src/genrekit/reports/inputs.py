"""What a report is made of: files that other commands wrote, told apart by what is in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from genrekit.audit import AuditReport
from genrekit.bundles import find_bundle
from genrekit.errors import BundleError, ConfigError, DatasetError
from genrekit.evaluation import FOUND, RobustnessResult, RunResult, checked_result, parse_run
from genrekit.experiments import Comparison
from genrekit.explain import DataExplanation
from genrekit.extras import naming_extra
from genrekit.schema import BundleMetrics, Contract, EvaluationResult, Manifest

#: Files of a folder that are looked into.
MOST_FILES = 5000
_SUFFIXES = (".json", ".jsonl", ".ndjson")
_EXPECTED = (
    "what genrekit evaluate -o, train --results, study, robustness, compare, audit --json or tune "
    "--json writes, a history.jsonl, a saved model, or a folder that holds some of it"
)


class FoundLeak(Contract):
    """A line of ``genrekit leaks --json``."""

    where: str
    kind: str
    evidence: str
    items: tuple[str, ...] = ()
    verdict: str = FOUND


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read, and what it is."""

    path: Path
    kind: str


@dataclass(slots=True)
class Inputs:
    """Everything that was read, by what it is, each with its file.

    Attributes
    ----------
    runs : list of (Path, RunResult)
        Results that are known without their answers have none.
    studies, curves, histories, searches
        `StudyResult`, `LearningCurve`, epochs and `TuneResult` of the training room.
    skipped : list of Path
        JSON files of folders that are something else.
    """

    runs: list[tuple[Path, RunResult]] = field(default_factory=list)
    studies: list[tuple[Path, Any]] = field(default_factory=list)
    robustness: list[tuple[Path, RobustnessResult]] = field(default_factory=list)
    curves: list[tuple[Path, Any]] = field(default_factory=list)
    histories: list[tuple[Path, Any]] = field(default_factory=list)
    searches: list[tuple[Path, Any]] = field(default_factory=list)
    audits: list[tuple[Path, AuditReport]] = field(default_factory=list)
    explanations: list[tuple[Path, DataExplanation]] = field(default_factory=list)
    bundles: list[tuple[Path, Manifest]] = field(default_factory=list)
    leaks: list[tuple[Path, FoundLeak]] = field(default_factory=list)
    sources: list[InputFile] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)


def read_inputs(places: Sequence[str | Path]) -> Inputs:
    """Read files, and everything in folders that is known.

    Raises
    ------
    DatasetError
        If a place is not there, a named file is nothing that is known, a file is damaged, or a
        folder holds nothing.
    """
    if not places:
        raise DatasetError(f"there is nothing to report on; expected {_EXPECTED}")
    found = Inputs()
    for place in dict.fromkeys(map(_place, places)):
        if place.is_dir():
            _read_folder(place, found)
        elif not _read_file(place, found):
            raise DatasetError(f"{place} is nothing to report on; expected {_EXPECTED}")
    found.runs = list(_different(found.runs))
    return found


def _place(one: str | Path) -> Path:
    """Return a file or folder, or where the saved model of this name is."""
    if Path(one).exists():
        return Path(one)
    try:
        return find_bundle(str(one))
    except (BundleError, ConfigError):
        return Path(one)


def _read_folder(folder: Path, found: Inputs) -> None:
    files = sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES)
    if len(files) > MOST_FILES:
        raise DatasetError(
            f"{folder} holds {len(files)} JSON files, more than {MOST_FILES}; name a smaller folder"
        )
    known = [_read_file(file, found, strict=False) for file in files]
    if not any(known):
        raise DatasetError(f"{folder} holds nothing to report on; expected {_EXPECTED}")


def _read_file(path: Path, found: Inputs, *, strict: bool = True) -> bool:
    """Whether the file is something; of folders, what cannot be read is skipped."""
    try:
        things = list(_things(path))
    except DatasetError:
        if strict:
            raise
        things = []
    kinds = {_kind(thing) for thing in things}
    if len(kinds) != 1 or kinds == {None}:
        found.skipped.append(path)
        return False
    (kind,) = kinds
    assert kind is not None, "checked above"
    _READERS[kind](path, things, found)
    found.sources.append(InputFile(path, kind))
    return True


def _things(path: Path) -> Iterator[Any]:
    """Yield the JSON of a file, or of its lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(f"{path} cannot be read: {problem}") from None
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            yield from [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise DatasetError(
                f"{path} is not JSON, or was cut off; expected {_EXPECTED}"
            ) from None


#: Fields that only this kind of file has all of; the first that fits is it.
_FIELDS = {
    "results": {"kind", "result", "answers"},
    "study": {"cells", "dataset_fingerprint"},
    "comparison": {"models", "pairs", "split_fingerprint"},
    "robustness": {"clean", "points"},
    "learning curve": {"points", "split_fingerprint"},
    "audit": {"findings", "checks"},
    "search": {"trials", "front"},
    "explanation": {"mistakes", "confusion", "trained_on"},
    "result": {"protocol", "confusion", "accuracy", "split_fingerprint"},
    "leak": {"where", "kind", "evidence"},
    "history": {"epoch", "train_loss", "learning_rate"},
    "saved model": {"frontends", "architecture", "provenance"},
    "metrics of a saved model": {"results"},
}


def _kind(thing: object) -> str | None:
    if not isinstance(thing, dict):
        return None
    return next((kind for kind, names in _FIELDS.items() if names <= thing.keys()), None)


# --- readers ------------------------------------------------------------------------------------


def _checked(path: Path, contract: type[Any], thing: Any) -> Any:
    try:
        return contract.model_validate_json(json.dumps(thing))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DatasetError(
            f"{path} is damaged, or of another version of genrekit: {place}: {first['msg']}"
        ) from None


def _run(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.runs += [(path, parse_run(json.dumps(thing), path)) for thing in things]


def _bare(result: EvaluationResult, path: Path) -> RunResult:
    """Return a headline without answers; it has to agree with its own confusion matrix."""
    return RunResult(result=checked_result(result, path), answers=())


def _result(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.runs += [(path, _bare(_checked(path, EvaluationResult, thing), path)) for thing in things]


def _metrics(path: Path, things: Sequence[Any], found: Inputs) -> None:
    for thing in things:
        results = _checked(path, BundleMetrics, thing).results
        found.runs += [(path.parent, _bare(result, path)) for result in results]


def _study(path: Path, things: Sequence[Any], found: Inputs) -> None:
    contract = _of_training("genrekit.experiments.study", "StudyResult")
    for thing in things:
        study = _checked(path, contract, thing)
        found.studies.append((path, study))
        found.runs += [(path, _bare(cell.result, path)) for cell in study.cells]
        if study.learning_curve is not None:
            found.curves.append((path, study.learning_curve))


def _curve(path: Path, things: Sequence[Any], found: Inputs) -> None:
    contract = _of_training("genrekit.experiments.learning_curve", "LearningCurve")
    found.curves += [(path, _checked(path, contract, thing)) for thing in things]


def _search(path: Path, things: Sequence[Any], found: Inputs) -> None:
    contract = _of_training("genrekit.experiments.tune_report", "TuneResult")
    found.searches += [(path, _checked(path, contract, thing)) for thing in things]


def _history(path: Path, things: Sequence[Any], found: Inputs) -> None:
    contract = _of_training("genrekit.training.curves", "Epoch")
    found.histories.append((path, tuple(_checked(path, contract, thing) for thing in things)))


def _of_training(module: str, name: str) -> type[Any]:
    from importlib import import_module

    with naming_extra():
        contract: type[Any] = getattr(import_module(module), name)
    return contract


def _robust(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.robustness += [(path, _checked(path, RobustnessResult, thing)) for thing in things]


def _audit(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.audits += [(path, _checked(path, AuditReport, thing)) for thing in things]


def _explanation(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.explanations += [(path, _checked(path, DataExplanation, thing)) for thing in things]


def _bundle(path: Path, things: Sequence[Any], found: Inputs) -> None:
    found.bundles += [(path.parent, _checked(path, Manifest, thing)) for thing in things]


def _leak(path: Path, things: Sequence[Any], found: Inputs) -> None:
    lines = [_checked(path, FoundLeak, thing) for thing in things]
    found.leaks += [(path, line) for line in lines if line.verdict == FOUND]


def _comparison(path: Path, things: Sequence[Any], found: Inputs) -> None:
    """Read to be checked only: a report compares the results themselves."""
    for thing in things:
        _checked(path, Comparison, thing)


_READERS: dict[str, Callable[[Path, Sequence[Any], Inputs], None]] = {
    "results": _run,
    "study": _study,
    "comparison": _comparison,
    "robustness": _robust,
    "learning curve": _curve,
    "audit": _audit,
    "search": _search,
    "explanation": _explanation,
    "result": _result,
    "leak": _leak,
    "history": _history,
    "saved model": _bundle,
    "metrics of a saved model": _metrics,
}


def _different(runs: Sequence[tuple[Path, RunResult]]) -> Iterator[tuple[Path, RunResult]]:
    """Each number once: the same one may be in a results file, a study and a saved model."""
    full = {_number(run) for _, run in runs if run.answers}
    seen: set[tuple[object, ...]] = set()
    for path, run in runs:
        number = _number(run)
        if run.answers:
            yield path, run
        elif number not in full and number not in seen:
            seen.add(number)
            yield path, run


def _number(run: RunResult) -> tuple[object, ...]:
    one = run.result
    test = (one.split_fingerprint, one.protocol, one.unit)
    return (one.model, *test, one.fitted_on, one.accuracy.value)
