"""Results that can be compared stand together; the others stand apart, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import DatasetError
from genrekit.evaluation import RunResult
from genrekit.experiments import Comparison, compare, refuse_unlike
from genrekit.reports.inputs import Inputs
from genrekit.schema import Estimate

#: Protocols from the strictest on, as far as their names say; leaky ones come last.
_STRICT = (
    "fault-filtered",
    "official",
    "leave-one-artist-out",
    "cross-corpus",
    "all-test",
    "repeated-kfold",
    "grouped-kfold",
    "holdout",
)

PROTOCOL_NOTES = {
    "fault-filtered": "the published parts of GTZAN without its repetitions, artists kept apart",
    "official": "the parts that the corpus itself names",
    "leave-one-artist-out": "the tracks of one artist after another",
    "cross-corpus": "tracks of another corpus, over the genres that both have",
    "all-test": "all tracks tested, none fitted on",
    "repeated-kfold": "folds over recordings, drawn several times",
    "grouped-kfold": (
        "every recording tested once, repetitions of one kept together; where artists are not "
        "known they are on both sides, and the numbers flatter"
    ),
    "holdout": "70/15/15 of the recordings",
    "segments-leaky": (
        "folds over rows, so that rows of one recording are trained on and tested; here because "
        "others publish it"
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A result with the name that it has in the report."""

    name: str
    path: Path
    run: RunResult


@dataclass(frozen=True, slots=True)
class Group:
    """Results of the same tracks by the same split, best first.

    Attributes
    ----------
    comparison : Comparison, optional
        Of those with answers, if there are two.
    apart : str
        Why they are not compared with those of the first group.
    """

    entries: tuple[Entry, ...]
    comparison: Comparison | None
    apart: str = ""

    @property
    def best(self) -> Entry:
        """The one of the highest accuracy, or for several genres a track mean average precision."""
        return self.entries[0]

    @property
    def title(self) -> str:
        """What is tested how: ``fault-filtered, fitted on train``."""
        one = self.best.run.result
        fitted = f", fitted on {one.fitted_on}" if one.fitted_on else ""
        return f"{one.protocol}{' LEAKY' if one.leaky else ''}{fitted}"


def groups_of(inputs: Inputs) -> tuple[Group, ...]:
    """All results in groups that can be compared: the strictest protocol first, then the best."""
    sorted_out: list[list[tuple[Path, RunResult]]] = []
    for one in inputs.runs:
        for together in sorted_out:
            if _same(together[0][1], one[1]) is None:
                together.append(one)
                break
        else:
            sorted_out.append([one])
    sorted_out.sort(key=_rank)
    first = sorted_out[0][0][1] if sorted_out else None
    return tuple(_group(together, first) for together in sorted_out)


def _rank(together: Sequence[tuple[Path, RunResult]]) -> tuple[bool, int, str, str, float]:
    one = together[0][1].result
    place = _STRICT.index(one.protocol) if one.protocol in _STRICT else len(_STRICT)
    best = max(headline(run).value for _, run in together)
    return one.leaky, place, one.dataset, one.split_fingerprint, -best


def _same(first: RunResult, second: RunResult) -> str | None:
    """Why two results are not compared; None if they can be."""
    one, two = first.result, second.result
    try:
        refuse_unlike(_bare(first, second), _bare(second, first), "they", "the others")
    except DatasetError as problem:
        return (
            str(problem).removeprefix("they and the others cannot be compared: ").split("; test")[0]
        )
    if one.leaky != two.leaky:
        return "only one of the two is leaky"
    if one.fitted_on != two.fitted_on:
        return f"the same tests, but these models were fitted on {two.fitted_on or 'other tracks'}"
    return None


def _bare(run: RunResult, other: RunResult) -> RunResult:
    """Where one of two results has no answers, the split alone says which tracks were tested."""
    return run if run.answers and other.answers else run.model_copy(update={"answers": ()})


def _group(together: Sequence[tuple[Path, RunResult]], first: RunResult | None) -> Group:
    names = distinct_names([run for _, run in together], [path for path, _ in together])
    entries = tuple(
        Entry(name, path, run) for name, (path, run) in zip(names, together, strict=True)
    )
    ranked = tuple(sorted(entries, key=lambda one: -headline(one.run).value))
    full = [one for one in ranked if one.run.answers]
    comparison = (
        compare([one.run for one in full], [one.name for one in full]) if len(full) > 1 else None
    )
    why = None if first is None or first is together[0][1] else _same(first, together[0][1])
    return Group(ranked, comparison, why or "")


def headline(run: RunResult) -> Estimate:
    """Accuracy, or for several genres a track mean average precision."""
    several = run.result.multi_label
    return run.result.accuracy if several is None else several.mean_average_precision


def distinct_names(runs: Sequence[RunResult], places: Sequence[str | Path]) -> list[str]:
    """Names of the models where they differ, else what their files are called, else numbered."""
    count = Counter(run.result.model for run in runs)
    short = [Path(place).stem for place in places]
    longer = short if len(set(short)) == len(short) else [str(place) for place in places]
    names = [
        run.result.model if count[run.result.model] == 1 else name
        for run, name in zip(runs, longer, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{name} {names[: number + 1].count(name)}"
        for number, name in enumerate(names)
    ]
