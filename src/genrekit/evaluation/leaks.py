"""The leak detector: ten ways in which a number flatters, found before it is made.

What counts is whether something of a *test* item was known: a recording that both trains and
validates spoils choices, but not the test, and is not reported.

Sources
-------
B. L. Sturm, "The State of the Art Ten Years After a State of the Art: Future Research in Music
Information Retrieval", JNMR 43(2), 2014, on what duplicates and artists do to accuracies; A. Flexer
and D. Schnitzer, "Effects of Album and Artist Filters in Audio Similarity", CMJ 34(3), 2010;
S. Kapoor and A. Narayanan, "Leakage and the reproducibility crisis in machine-learning-based
science", Patterns 4(9), 2023, for the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from genrekit.datasets import (
    Dataset,
    Pair,
    Split,
    known_pairs,
    mark,
    named_recordings,
    related,
    track_digest,
)
from genrekit.errors import DatasetError
from genrekit.evaluation.leak import Leak, LeakKind, shown
from genrekit.evaluation.leaks_tables import row_digests, table_leaks
from genrekit.evaluation.run import RunResult
from genrekit.schema import DeclaredStep, EvaluationResult, Manifest

#: A name that says that the file was made from another one: ``blues.00012_pitch+2``.
_MADE = re.compile(
    r"(?:[._\s-]+(?:aug(?:mented)?|pitch(?:ed|shift(?:ed)?)?|shift(?:ed)?|stretch(?:ed)?|tempo|"
    r"speed|noisy?|noised|gain|reverb|eq|mixup|time-?stretch(?:ed)?|ps|ts)"
    r"[._+-]*(?:\d+(?:\.\d+)?)?)+$",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,4}$")

_DECLARED: dict[str, LeakKind] = {
    "scale": "fitted-before-split",
    "project": "fitted-before-split",
    "select": "fitted-before-split",
    "balance": "fitted-before-split",
    "augment": "augmented-before-split",
    "stop": "chosen-on-test",
    "choose": "chosen-on-test",
    "calibrate": "chosen-on-test",
    "pretrain": "trained-on-test",
}

Side = Literal["train", "valid"]


def find_leaks(
    dataset: Dataset,
    split: Split,
    *,
    pairs: Sequence[Pair] = (),
    consecutive: Sequence[Pair] = (),
    content: Mapping[str, str] | None = None,
    manifest: Manifest | None = None,
    seen: Sequence[str] = (),
    result: EvaluationResult | None = None,
) -> tuple[Leak, ...]:
    """Everything that is wrong with testing by ``split``; nothing is read but what is given.

    Parameters
    ----------
    dataset : Dataset
        What ``split`` was made from; tables are also searched for what was done to their rows.
    pairs : sequence of (str, str)
        Near duplicates by item id, as an acoustic fingerprint finds them.
    consecutive : sequence of (str, str)
        Parts of one recording by item id, as the sound goes on from one into the next.
    content : mapping of str to str, optional
        Digest of what each item holds, by item id: equal digests are exact duplicates. None takes
        the rows of a table.
    manifest : Manifest, optional
        Of a saved model: were its weights, or their backbone, trained on test items?
    seen : sequence of str
        Ids of tested items whose content that model was fitted on, as `known_contents` finds them:
        another name makes no other recording.
    result : EvaluationResult, optional
        A number made with this split: how was it counted, and what does it declare?

    Raises
    ------
    DatasetError
        If the split was made from another dataset.
    """
    if split.dataset_fingerprint != dataset.fingerprint:
        raise DatasetError(
            f"the split {split.protocol!r} was made from another dataset than {dataset.name}: make "
            "it anew, or load what it was made from"
        )
    digests = row_digests(dataset) if content is None else content
    found = [*_shared(dataset, split, pairs, digests), *_augmented(dataset, split)]
    found += _following(dataset, split, consecutive)
    found += _chosen(dataset, split, digests)
    found += table_leaks(dataset, split)
    if manifest is not None:
        found += _trained(manifest, dataset, split, seen)
    if result is not None:
        found += result_leaks(result, dataset, split)
    return tuple(found)


def result_leaks(
    result: EvaluationResult, dataset: Dataset | None = None, split: Split | None = None
) -> list[Leak]:
    """Return what a result says of itself, and whether its tracks are tracks.

    Parameters
    ----------
    dataset, split : optional
        What it was made with; without them only what it declares can be judged.
    """
    found = [_declared(step) for step in result.steps if step.on in ("test", "everything")]
    if dataset is None or result.unit != "track":
        return found
    tested = dataset if split is None else dataset.select(dataset.indices(test_ids(split)))
    tracks = len({(item.group, item.labels) for item in tested.items})
    if result.items > tracks:
        what = "in the dataset" if split is None else "tested"
        evidence = (
            f"{result.model} was scored on {result.items} things called tracks, and there are "
            f"{tracks} recordings {what}: segments are counted as tracks"
        )
        found.append(Leak(kind="segments-called-tracks", evidence=evidence))
    return found


def miscounted(run: RunResult) -> Iterator[Leak]:
    """Yield what is wrong where the answers for parts of recordings are called tracks."""
    if run.result.unit != "track":
        return
    items = len({answer.item for answer in run.answers})
    tracks = len({(answer.group, answer.true) for answer in run.answers})
    if items > tracks:
        evidence = f"{items} things are called tracks, and there are {tracks} recordings"
        yield Leak(kind="segments-called-tracks", evidence=evidence)


def test_ids(split: Split) -> tuple[str, ...]:
    """Items that any fold tests, each once."""
    return tuple(dict.fromkeys(item_id for fold in split.folds for item_id in fold.test))


# --- what is tested shares something with what was trained on -----------------------------------


def _shared(
    dataset: Dataset, split: Split, pairs: Sequence[Pair], content: Mapping[str, str]
) -> Iterator[Leak]:
    group_of = {item.item_id: item.group for item in dataset.items}
    for kind, what, marks in _relations(dataset, content):
        crossing = _crossing(marks, split, "train")
        if kind == "exact-duplicates":  # of one recording, they are its segments
            crossing = {a: b for a, b in crossing.items() if group_of[a] != group_of[b]}
        if crossing:
            yield _leak(kind, crossing, split, f"{what} with items that are trained on")
    near = {
        a: b
        for a, b in _crossing_pairs(known_pairs(dataset, pairs), split)
        if group_of[a] != group_of[b]
    }
    if near:
        yield _leak("near-duplicates", near, split, "their sound with items that are trained on")


def _following(dataset: Dataset, split: Split, pairs: Sequence[Pair]) -> Iterator[Leak]:
    """Parts of recordings that nothing else says to be parts."""
    if not pairs:
        return
    own = _marks(dataset, "track")
    together = related(dataset, ("fingerprint",), pairs)
    marks = {item.item_id: group for item, group in zip(dataset.items, together, strict=True)}
    crossing = {
        tested: known
        for tested, known in _crossing(marks, split, "train").items()
        if own.get(tested) != own.get(known)
    }
    if crossing:
        what = "a recording, whose sound goes on from one into the next, with training items"
        yield _leak("segments", crossing, split, what)


def _relations(
    dataset: Dataset, content: Mapping[str, str]
) -> Iterator[tuple[LeakKind, str, Mapping[str, str]]]:
    yield "segments", "a recording", _marks(dataset, "track")
    yield "exact-duplicates", "their exact content", content
    yield "artist", "an artist", _marks(dataset, "artist")
    yield "album", "an album", _marks(dataset, "album")


def _marks(dataset: Dataset, relation: Literal["track", "artist", "album"]) -> dict[str, str]:
    marks = ((item.item_id, mark(item, relation)) for item in dataset.items)
    known = {item_id: shared for item_id, shared in marks if shared is not None}
    return known | named_recordings(dataset.items) if relation == "track" else known


def _crossing(marks: Mapping[str, str], split: Split, side: Side) -> dict[str, str]:
    """Test item to an item of ``side`` of the same fold that has the same mark."""
    found: dict[str, str] = {}
    for fold in split.folds:
        known: dict[str, str] = {}
        for item_id in getattr(fold, side):
            if item_id in marks:
                known.setdefault(marks[item_id], item_id)
        for item_id in fold.test:
            partner = known.get(marks.get(item_id, ""))
            if partner is not None:
                found.setdefault(item_id, partner)
    return found


def _crossing_pairs(pairs: Sequence[Pair], split: Split) -> Iterator[Pair]:
    for fold in split.folds:
        train, test = set(fold.train), set(fold.test)
        for one, other in pairs:
            if one in test and other in train:
                yield one, other
            elif other in test and one in train:
                yield other, one


def _leak(kind: LeakKind, crossing: Mapping[str, str], split: Split, what: str) -> Leak:
    examples = shown(f"{tested} with {known}" for tested, known in crossing.items())
    return Leak(
        kind=kind,
        evidence=f"{len(crossing)} of the {len(test_ids(split))} test items share {what} "
        f"({examples})",
        items=tuple(crossing),
    )


# --- copies that were made, and choices ---------------------------------------------------------


def _augmented(dataset: Dataset, split: Split) -> Iterator[Leak]:
    """Find copies of one source on two sides: by the column that says so, or by names."""
    stems = {item.item_id: _SUFFIX.sub("", item.item_id) for item in dataset.items}
    marks = {}
    for item in dataset.items:
        source = item.augmented_from or _MADE.sub("", stems[item.item_id])
        marks[item.item_id] = _SUFFIX.sub("", source)
    copies = {item_id for item_id, source in marks.items() if source != stems[item_id]}
    crossing = {
        tested: partner
        for side in ("train", "valid")
        for tested, partner in _crossing(marks, split, side).items()
        if {tested, partner} & copies
    }
    if crossing:
        yield _leak("augmented-before-split", crossing, split, "a source, as made copies,")


def _chosen(dataset: Dataset, split: Split, content: Mapping[str, str]) -> Iterator[Leak]:
    crossing = _crossing(_marks(dataset, "track"), split, "valid")
    crossing |= _crossing(content, split, "valid")
    if crossing:
        what = "a recording or their exact content with items that models are chosen by"
        yield _leak("chosen-on-test", crossing, split, what)


# --- what a model or a result says of itself ----------------------------------------------------


def _trained(
    manifest: Manifest, dataset: Dataset, split: Split, contents: Sequence[str]
) -> Iterator[Leak]:
    """Find what a model was trained on by its digests, across forms of one corpus."""
    source = manifest.provenance
    groups = {item.group for item in dataset.select(dataset.indices(test_ids(split))).items}
    digests = set(source.trained_on)
    seen = sorted(group for group in groups if track_digest(group) in digests)
    if seen:
        yield Leak(
            kind="trained-on-test",
            evidence=f"{manifest.name} was trained on {len(seen)} of the {len(groups)} test "
            f"recordings ({shown(seen)})",
            items=tuple(seen),
        )
    tested = set(test_ids(split)).intersection(contents)
    group_of = {item.item_id: item.group for item in dataset.items}
    renamed = sorted(item_id for item_id in tested if group_of[item_id] not in set(seen))
    if renamed:
        yield Leak(
            kind="trained-on-test",
            evidence=f"{manifest.name} was trained on the content of {len(renamed)} test items "
            f"that have other names ({shown(renamed)})",
            items=tuple(renamed),
        )
    same_data = source.dataset_fingerprint == dataset.fingerprint
    if not digests and same_data and source.split_fingerprint != split.fingerprint:
        yield Leak(
            kind="trained-on-test",
            evidence=f"{manifest.name} was trained on {dataset.name} with another split, and does "
            "not say on which tracks",
        )
    for corpus in source.pretrained_on:
        if dataset.info.is_called(corpus):
            yield Leak(
                kind="trained-on-test",
                evidence=f"the backbone of {manifest.name} was trained on {corpus}, which is what "
                "is tested",
                items=tuple(sorted(groups)),
            )


def _declared(step: DeclaredStep) -> Leak:
    seen = "all items" if step.on == "everything" else "test items"
    note = f" ({step.note})" if step.note else ""
    return Leak(kind=_DECLARED[step.what], evidence=f"the step {step.what!r} has seen {seen}{note}")
