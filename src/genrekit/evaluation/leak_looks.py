"""For each kind of leak: found, looked and found none, or not looked, and why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from genrekit.datasets import Dataset, Pair, Split, mark
from genrekit.evaluation.leak import Leak, LeakKind
from genrekit.schema import Contract, EvaluationResult, Manifest

Verdict = Literal["found", "looked and found none", "not looked"]
FOUND, NONE, NOT_LOOKED = get_args(Verdict)


class Look(Contract):
    """What became of looking for one kind of leak.

    Parameters
    ----------
    why : str
        Why nobody looked, or how far the look went; empty where there is nothing to say.
    """

    kind: LeakKind
    verdict: Verdict
    why: str = ""
    leaks: tuple[Leak, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the leak detector was given.

    Parameters
    ----------
    dataset, split : optional
        None where only a model or a result is there to be judged by what it says.
    pairs : sequence of (str, str)
        Near duplicates by item id.
    listened : bool
        Whether the audio was fingerprinted: exact and near duplicates, consecutive parts.
    contents : str
        Why the contents of what a model learnt could not be compared; empty if they were.
    """

    dataset: Dataset | None = None
    split: Split | None = None
    pairs: Sequence[Pair] = ()
    listened: bool = False
    manifest: Manifest | None = None
    result: EvaluationResult | None = None
    contents: str = ""


def looks(leaks: Sequence[Leak], given: Evidence) -> tuple[Look, ...]:
    """One answer for each kind, in the order of `LeakKind`."""
    answers = []
    for kind in get_args(LeakKind):
        found = tuple(leak for leak in leaks if leak.kind == kind)
        why = _UNSEEN[kind](given)
        if found:
            answers.append(Look(kind=kind, verdict="found", leaks=found))
        elif why is not None:
            answers.append(Look(kind=kind, verdict="not looked", why=why))
        else:
            answers.append(Look(kind=kind, verdict="looked and found none", why=_far(kind, given)))
    return tuple(answers)


def _far(kind: LeakKind, given: Evidence) -> str:
    """How far a look went that found nothing."""
    if kind == "trained-on-test" and given.contents:
        return f"only names were compared: {given.contents}"
    if kind == "near-duplicates" and given.pairs and not given.listened and _is_audio(given):
        return "in the pairs that were given; --listen finds others"
    if kind == "segments" and not given.listened and _is_audio(given):
        return "by recordings and names; --listen finds parts that follow each other too"
    return ""


# --- why nobody looked; None if somebody did ----------------------------------------------------


def _split(given: Evidence) -> str | None:
    if given.dataset is None or given.split is None:
        return "no data and split to look into"
    if not any(fold.train for fold in given.split.folds):
        return "nothing is trained on in this split"
    return None


def _is_audio(given: Evidence) -> bool:
    return given.dataset is not None and given.dataset.features is None


def _needs_audio(given: Evidence) -> str | None:
    if why := _split(given):
        return why
    if _is_audio(given) and not given.listened:
        return "the audio was not decoded; add --listen"
    return None


def _near(given: Evidence) -> str | None:
    return _split(given) if given.pairs else _needs_audio(given)


def _signed(relation: Literal["artist", "album"]) -> Callable[[Evidence], str | None]:
    def unseen(given: Evidence) -> str | None:
        if why := _split(given):
            return why
        assert given.dataset is not None, "asked before"
        if all(mark(item, relation) is None for item in given.dataset.items):
            return f"no item names its {relation}"
        return None

    return unseen


def _fitted(given: Evidence) -> str | None:
    if given.result is not None and given.result.steps:
        return None
    if why := _split(given):
        return why
    if _is_audio(given):
        return "rows of a table show it, and this is audio"
    return None


def _chosen(given: Evidence) -> str | None:
    if given.result is not None and given.result.steps:
        return None
    if given.split is None or given.dataset is None:
        return "no data and split to look into"
    if not any(fold.valid for fold in given.split.folds):
        return "no part of the split validates"
    return None


def _trained(given: Evidence) -> str | None:
    if given.manifest is None:
        return "no saved model was named"
    if given.dataset is None:
        return "no data was named; add --data"
    if not given.manifest.provenance.trained_on and given.contents:
        return f"{given.manifest.name} does not say which recordings it learnt"
    return None


def _counted(given: Evidence) -> str | None:
    if given.result is None:
        return "no result was named"
    return "no data was named; add --data" if given.dataset is None else None


_UNSEEN: dict[LeakKind, Callable[[Evidence], str | None]] = {
    "segments": _split,
    "exact-duplicates": _needs_audio,
    "near-duplicates": _near,
    "artist": _signed("artist"),
    "album": _signed("album"),
    "fitted-before-split": _fitted,
    "augmented-before-split": _split,
    "chosen-on-test": _chosen,
    "trained-on-test": _trained,
    "segments-called-tracks": _counted,
}
