"""What a report opens with: which model, how good, how sure, by which protocol, and what leaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genrekit.evaluation.full_metrics import TOP
from genrekit.evaluation.leaks import result_leaks
from genrekit.evaluation.numbers import counted, interval, percent
from genrekit.explain.page import Fact, Facts
from genrekit.reports.comparing import cannot_be_told_from_best
from genrekit.reports.groups import PROTOCOL_NOTES, Entry, Group
from genrekit.reports.inputs import Inputs
from genrekit.schema import Contract, Estimate

_MOST_NAMED = 6


class KnownLeak(Contract):
    """Something that makes a number flatter, and where it was seen."""

    where: str
    kind: str
    evidence: str


def lead_of(groups: Sequence[Group], leaks: Sequence[KnownLeak]) -> str:
    """The answer in a few sentences."""
    group = groups[0]
    best = group.best
    one = best.run.result
    tested = "that were tested" if one.leaky else "that it was not trained on"
    several = one.multi_label
    if several is None:
        said = f"is right on **{percent(one.accuracy.value)}** of"
        sure = one.accuracy
    else:
        sure = several.mean_average_precision
        said = f"has a mean average precision of **{percent(sure.value)}** on"
    sentences = [
        f"**{best.name}** {said} {counted(one.items, one.unit)} {tested} (95 % interval "
        f"{percent(sure.low)} to {percent(sure.high)}), on {one.dataset} under the protocol "
        f"{one.protocol}{' **LEAKY**' if one.leaky else ''}."
    ]
    if several is not None:
        sentences.append(
            f"All genres, and no others, are told right on {percent(one.accuracy.value)}."
        )
    note = PROTOCOL_NOTES.get(one.protocol)
    sentences += [f"That is: {note}."] if note else []
    lines = [" ".join(sentences), " ".join(_how_sure(group)), leak_sentence(groups, leaks)]
    return "\n".join(line for line in lines if line)


def _how_sure(group: Group) -> Iterator[str]:
    found = group.comparison
    chance = _commonest(group.best)
    if chance is not None:
        yield f"Always naming the commonest genre would give {percent(chance)}."
    if found is None or found.models[0].name != group.best.name:
        return
    level = cannot_be_told_from_best(found)
    if not level:
        yield f"It is better than the other {len(found.models) - 1} by every test."
    elif len(level) <= _MOST_NAMED:
        yield f"It cannot be told from {', '.join(level)}."
    else:
        yield f"It cannot be told from {len(level)} of the other {len(found.models) - 1}."
    yield found.sentence


def _commonest(entry: Entry) -> float | None:
    counts = [sum(row) for row in entry.run.result.confusion]
    return max(counts) / sum(counts) if sum(counts) else None


def facts_of(groups: Sequence[Group], leaks: Sequence[KnownLeak]) -> Facts:
    """The answer in numbers."""
    best = groups[0].best
    one = best.run.result
    several = one.multi_label
    accuracy = "Accuracy" if several is None else "All genres right"
    facts = [
        _model(groups[0]),
        _number(accuracy, one.accuracy),
        _number("Macro F1", one.macro_f1),
    ]
    if several is not None:
        facts.append(_number("Mean average precision", several.mean_average_precision))
    elif best.run.metrics is not None and says_top(best):
        facts.append(_number(f"Right among the first {TOP}", best.run.metrics.top3))
    else:
        facts.append(Fact("Log loss", f"{one.log_loss:.3f}", "nats a track, smaller is better"))
    facts += [
        Fact("Calibration error", f"{one.expected_calibration_error:.3f}", "0 is perfect"),
        _protocol(groups[0], leaks),
    ]
    return Facts(facts)


def says_top(entry: Entry) -> bool:
    """Whether there are so many genres that being among the first few says something."""
    return len(entry.run.result.labels) > TOP


def _model(group: Group) -> Fact:
    count = len(group.entries)
    if count == 1:
        return Fact("Model", group.best.name)
    return Fact("Best model", group.best.name, f"of {count} by this protocol")


def _number(name: str, one: Estimate) -> Fact:
    return Fact(name, f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}")


def _protocol(group: Group, leaks: Sequence[KnownLeak]) -> Fact:
    one = group.best.run.result
    folds = len(one.fold_accuracies)
    tested = counted(one.items, one.unit) + (f" in {folds} folds" if folds > 1 else "")
    if one.leaky:
        return Fact("Protocol", one.protocol, f"LEAKY; {tested}", "bad")
    if leaks:
        return Fact("Protocol", one.protocol, f"{tested}; leaks are known, see below", "bad")
    return Fact("Protocol", one.protocol, f"{tested}; no leak is known", "good")


# --- leaks --------------------------------------------------------------------------------------


def leaks_of(groups: Sequence[Group], inputs: Inputs) -> tuple[KnownLeak, ...]:
    """Everything that is known to flatter the honest numbers of a report."""
    found = [
        KnownLeak(where=entry.name, kind=leak.kind, evidence=leak.evidence)
        for group in groups
        for entry in group.entries
        if not entry.run.result.leaky
        for leak in result_leaks(entry.run.result)
    ]
    found += [leak for group in groups for entry in group.entries for leak in _miscounted(entry)]
    found += [
        KnownLeak(where=leak.where, kind=leak.kind, evidence=leak.evidence)
        for _, leak in inputs.leaks
    ]
    found += [
        KnownLeak(
            where=f"robustness of {one.model.name}",
            kind="trained-on-test",
            evidence=f"the weights were fitted on {one.trained_on} of these {one.tracks} tracks",
        )
        for _, one in inputs.robustness
        if one.trained_on
    ]
    return tuple(dict.fromkeys(found))


def _miscounted(entry: Entry) -> Iterator[KnownLeak]:
    """Parts of recordings that are counted as tracks."""
    run = entry.run
    if run.result.unit != "track" or run.result.leaky:
        return
    items = len({answer.item for answer in run.answers})
    tracks = len({(answer.group, answer.true) for answer in run.answers})
    if items > tracks:
        yield KnownLeak(
            where=entry.name,
            kind="segments-called-tracks",
            evidence=f"{items} things are called tracks, and there are {tracks} recordings",
        )


def leak_sentence(groups: Sequence[Group], leaks: Sequence[KnownLeak]) -> str:
    """What is known of leaks, and what a leaky protocol makes of the same model."""
    said = []
    if leaks:
        one = leaks[0]
        more = f", and {len(leaks) - 1} more below" if len(leaks) > 1 else ""
        said.append(f"**A leak is known**: {one.where}: {one.evidence} ({one.kind}){more}.")
    elif not groups[0].best.run.result.leaky:
        said.append("No leak is known in this number.")
    best = groups[0].best.run.result
    for group in groups[1:]:
        leaky = next((e for e in group.entries if e.run.result.model == best.model), None)
        if leaky is None or not leaky.run.result.leaky or best.leaky:
            continue
        other = leaky.run.result.accuracy
        gap = 100 * (other.value - best.accuracy.value)
        said.append(
            f"Under {leaky.run.result.protocol} (LEAKY) the same model shows {interval(other)}: "
            f"{abs(gap):.1f} points {'more' if gap >= 0 else 'less'}."
        )
    return " ".join(said)
