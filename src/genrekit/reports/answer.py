"""What a report opens with: which model, how good, how sure, by which protocol, and what leaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genrekit.audit import KINDS
from genrekit.evaluation import TOP, miscounted, result_leaks
from genrekit.pages import Fact, Facts, counted, interval, percent
from genrekit.reports.comparing import TESTS, indistinguishable_from_best
from genrekit.reports.groups import PROTOCOL_NOTES, Entry, Group
from genrekit.reports.inputs import Inputs
from genrekit.schema import Contract, Estimate, EvaluationResult

_MOST_NAMED = 6


class KnownLeak(Contract):
    """Something that makes a number flatter, and where it was seen.

    Parameters
    ----------
    first : bool
        Whether it concerns the numbers that the report opens with.
    """

    where: str
    kind: str
    evidence: str
    first: bool = True


def lead_of(groups: Sequence[Group], leaks: Sequence[KnownLeak], inputs: Inputs) -> str:
    """Return the answer in a few sentences."""
    group = groups[0]
    best = group.best
    one = best.run.result
    tested = "that were tested" if one.leaky else "that it was not trained on"
    several = one.multi_label
    if several is None:
        text = f"is right on **{percent(one.accuracy.value)}** of"
        sure = one.accuracy
    else:
        sure = several.mean_average_precision
        text = f"has a mean average precision of **{percent(sure.value)}** on"
    sentences = [
        f"**{best.name}** {text} {counted(one.items, one.unit)} {tested} (95 % interval "
        f"{percent(sure.low)} to {percent(sure.high)}), on {one.dataset} under the protocol "
        f"{one.protocol}{' **LEAKY**' if one.leaky else ''}."
    ]
    if several is not None:
        sentences.append(
            f"All genres, and no others, are predicted correctly on {percent(one.accuracy.value)}."
        )
    note = PROTOCOL_NOTES.get(one.protocol)
    sentences += [f"That is: {note}."] if note else []
    known = f"{_leak_sentence(groups, leaks)} {_flaw_sentence(inputs)}".rstrip()
    lines = [" ".join(sentences), " ".join(_how_sure(group)), known]
    return "\n".join(line for line in lines if line)


def _flaw_sentence(inputs: Inputs) -> str:
    """Return what audits say of the data, in short."""
    kinds = {
        (one.title, one.count)
        for _, study in inputs.studies
        for one in study.findings
        if one.severity == "error"
    } | {
        (KINDS[kind].title, count)
        for _, audit in inputs.audits
        for kind, count in audit.counts().items()
        if KINDS[kind].severity == "error"
    }
    if not kinds:
        return ""
    text = ", ".join(f"{title.lower()} ({count})" for title, count in sorted(kinds))
    return f"Data checks found errors: {text}."


def _how_sure(group: Group) -> Iterator[str]:
    found = group.comparison
    chance = _commonest(group.best)
    if chance is not None:
        yield f"Always naming the commonest genre would give {percent(chance)}."
    if found is None or found.models[0].name != group.best.name:
        return
    level = indistinguishable_from_best(found)
    others = len(found.models) - 1
    test = f"({TESTS[found.test]}, 5 %, Holm)"
    if not level:
        which = found.models[1].name if others == 1 else f"all {others} others"
        yield f"It is better than {which} {test}."
    elif len(level) <= _MOST_NAMED:
        yield f"It cannot be told from {', '.join(level)} {test}."
    else:
        yield f"It cannot be told from {len(level)} of the other {others} {test}."
    if others > 1:
        yield f"As the best of {others + 1} by these very tracks it flatters a little."
    yield found.sentence


def _commonest(entry: Entry) -> float | None:
    counts = [sum(row) for row in entry.run.result.confusion]
    return max(counts) / sum(counts) if sum(counts) else None


def facts_of(groups: Sequence[Group], leaks: Sequence[KnownLeak]) -> Facts:
    """Return the answer in numbers."""
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
        _calibration(one),
        _protocol(groups[0], leaks),
    ]
    return Facts(facts)


def _calibration(one: EvaluationResult) -> Fact:
    found = one.calibration_error
    if found is None:
        return Fact("Calibration error", f"{one.expected_calibration_error:.3f}", "binned")
    return _number("Calibration error", found)


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
    if any(leak.first for leak in leaks):
        return Fact("Protocol", one.protocol, f"{tested}; leaks are known, see below", "bad")
    return Fact("Protocol", one.protocol, f"{tested}; no leak is known", "good")


# --- leaks --------------------------------------------------------------------------------------


def leaks_of(groups: Sequence[Group], inputs: Inputs) -> tuple[KnownLeak, ...]:
    """Everything that is known to flatter the honest numbers of a report."""
    found = [
        KnownLeak(
            where=entry.name, kind=leak.kind, evidence=leak.evidence, first=group is groups[0]
        )
        for group in groups
        for entry in group.entries
        if not entry.run.result.leaky
        for leak in (*result_leaks(entry.run.result), *miscounted(entry.run))
    ]
    found += [
        KnownLeak(where=leak.where, kind=leak.kind, evidence=leak.evidence)
        for _, leak in inputs.leaks
    ]
    found += [
        KnownLeak(
            where=f"robustness of {one.model.name}",
            kind="trained-on-test",
            evidence=f"the weights were fitted on {one.trained_on} of these {one.tracks} tracks",
            first=False,
        )
        for _, one in inputs.robustness
        if one.trained_on
    ]
    return tuple(dict.fromkeys(found))


def _leak_sentence(groups: Sequence[Group], leaks: Sequence[KnownLeak]) -> str:
    """Return what is known of leaks, and what a leaky protocol makes of the same model."""
    text = []
    first = [leak for leak in leaks if leak.first]
    best = groups[0].best.run.result
    if first:
        one = first[0]
        more = f", and {len(first) - 1} more below" if len(first) > 1 else ""
        text.append(f"**A leak is known**: {one.where}: {one.evidence} ({one.kind}){more}.")
    elif not best.leaky:
        text.append("No leak is known in this number.")
    if rest := len(leaks) - len(first):
        text.append(f"In further numbers {counted(rest, 'leak')} {_are(rest)} known, see below.")
    for group in groups[1:]:
        leaky = next((e for e in group.entries if e.run.result.model == best.model), None)
        if leaky is None or not leaky.run.result.leaky or best.leaky:
            continue
        other = leaky.run.result.accuracy
        gap = 100 * (other.value - best.accuracy.value)
        text.append(
            f"Under {leaky.run.result.protocol} (LEAKY) the same model shows {interval(other)}: "
            f"{abs(gap):.1f} points {'more' if gap >= 0 else 'less'}."
        )
    return " ".join(text)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
