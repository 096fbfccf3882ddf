"""Models side by side on live traffic, as a page or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from genrekit import __version__
from genrekit.monitoring import (
    FALSE_ALARMS,
    LARGE,
    SOME,
    ArmNumbers,
    ArmsReport,
    Drift,
    ShadowPair,
    SplitPair,
)
from genrekit.pages import (
    Bars,
    Details,
    Document,
    Dots,
    Fact,
    Facts,
    Part,
    Section,
    Table,
    interval,
    optional,
    p_value,
    percent,
    points,
)

_MOST_BARS = 12
_TESTS = {
    "two-shares": "z-test of two shares",
    "welch-by-sender": "Welch's t-test of senders",
    "sign-flip-by-sender": "signs flipped by sender",
    "mcnemar-mid-p": "McNemar, mid-p",
}


def arms_document(found: ArmsReport, title: str = "") -> Document:
    """Everything that the log allows to be said, in sections."""
    sections = [
        Section("", parts=[_facts(found)]),
        _arms(found),
        *_splits(found),
        *_shadows(found),
        *_drift(found.drift),
    ]
    if found.notes:
        sections.append(Section("What to beware of", "\n".join(found.notes)))
    return Document(
        title=title or "Models side by side",
        lead=lead_of(found),
        sections=tuple(sections),
        foot=f"Made by genrekit {__version__} from answers of {found.since} to {found.until}.",
        contents=True,
    )


def in_short(document: Document) -> Document:
    """Return a document without what is folded away, for a terminal."""
    sections = [
        replace(one, parts=[part for part in one.parts if not isinstance(part, Details)])
        for one in document.sections
    ]
    return replace(document, sections=sections, foot="")


def lead_of(found: ArmsReport) -> str:
    """Return the answer: which arm is better, if any can be told to be."""
    lines = [note for note in found.notes if note.startswith("SENDERS")]
    lines += [_verdict(pair) for pair in found.splits]
    lines += [_verdict(pair) for pair in found.shadows if pair.p is not None]
    if not lines:
        lines = [
            "Nothing can be said of which model is better: "
            + (
                "no two models were judged on the same traffic."
                if found.judged
                else "no answer was judged."
            )
        ]
    drifted = [name for name, drift in found.drift.items() if drift is not None and drift.moved]
    if drifted:
        lines.append(
            f"**Drift:** what {', '.join(drifted)} is given or answers is not as where it was "
            "measured."
        )
    return "\n".join(lines)


def _verdict(pair: SplitPair | ShadowPair) -> str:
    gap = "" if pair.difference is None else f" ({points(pair.difference)} points)"
    test = "" if pair.test is None else f" Decided by: {_TESTS[pair.test]}, Holm."
    if pair.different and pair.difference is not None:
        better, worse = pair.first, pair.second
        if pair.difference.value < 0:
            better, worse = worse, better
        return f"**{better}** is better than {worse}{gap}. {pair.sentence}{test}"
    if not pair.enough:
        return f"**Too few answers were judged** to compare {pair.first} and {pair.second}{gap}."
    return f"**{pair.first} and {pair.second} cannot be told apart**{gap}. {pair.sentence}{test}"


def _facts(found: ArmsReport) -> Facts:
    facts = [
        Fact("answers", f"{found.answers}", f"{found.judged} judged"),
        Fact("models", f"{len(found.arms)}", found.experiment and f"experiment {found.experiment}"),
    ]
    levels = [drift.level for drift in found.drift.values() if drift is not None]
    if levels:
        worst = next((one for one in ("large", "some", "none") if one in levels), "too few")
        mood = {"large": "bad", "none": "good"}.get(worst, "")
        facts.append(Fact("drift", worst, f"PSI {SOME:g} is some, {LARGE:g} large", mood))
    return Facts(facts)


# --- models -------------------------------------------------------------------------------------

_HEADINGS = ("name", "model", "answers", "senders", "unknown", "judged", "accuracy")
_TIMES = ("name", "half of all", "95 %", "with the wait, half", "with the wait, 95 %")


def _arms(found: ArmsReport) -> Section:
    rated = [one for one in found.arms if one.accuracy is not None]
    parts: list[Part] = []
    if len(rated) > 1:
        estimates = [one.accuracy for one in rated if one.accuracy is not None]
        parts.append(
            Dots("Accuracy of what was judged", [o.name for o in rated], estimates, "accuracy")
        )
    parts.append(Table(_HEADINGS, [_row(one) for one in found.arms]))
    by_sender = [one for one in rated if one.accuracy_by_sender is not None]
    if by_sender:
        rows = [[one.name, optional(one.accuracy_by_sender)] for one in by_sender]
        parts.append(Table(("name", "accuracy"), rows, "By a bootstrap over senders"))
    times = [
        [one.name, *(f"{value:.0f}" for value in (*one.analysis_ms, *one.wall_ms))]
        for one in found.arms
    ]
    parts.append(Table(_TIMES, times, "Time of an analysis, at most, in milliseconds"))
    text = (
        "Accuracy is of answers that somebody judged, where unknown is not right; in brackets 95 % "
        "intervals by Wilson."
    )
    return Section("The models", text, parts)


def _row(one: ArmNumbers) -> list[str]:
    return [
        f"{one.name} (shadow)" if one.shadow and "shadow" not in one.name else one.name,
        f"{one.model} {one.version}".strip() or one.sha256[:12],
        str(one.answers),
        str(one.senders),
        interval(one.unknown),
        str(one.judged),
        optional(one.accuracy),
    ]


# --- pairs --------------------------------------------------------------------------------------


def _splits(found: ArmsReport) -> Iterator[Section]:
    parts: list[Part] = []
    if found.splits:
        rows = [
            [
                pair.first,
                pair.second,
                f"{pair.judged[0]} / {pair.judged[1]}",
                points(pair.difference),
                _TESTS[pair.test],
                p_value(pair.p),
                p_value(pair.p_holm) + (" *" if pair.different else ""),
            ]
            for pair in found.splits
        ]
        parts.append(Table(("ahead", "behind", "judged", "points", "test", "p", "p, Holm"), rows))
    if found.ratios:
        rows = [
            [
                ratio.since,
                ", ".join(f"{arm} {percent(share)}" for arm, share in ratio.shares.items()),
                ", ".join(f"{arm} {count}" for arm, count in ratio.senders.items()),
                p_value(ratio.p) + (" MISMATCH" if ratio.mismatch else ""),
            ]
            for ratio in found.ratios
        ]
        title = "Whether senders were assigned as set"
        parts.append(Table(("since", "shares", "senders", "p"), rows, title))
    if parts:
        text = "Each sender got one model, whatever it sent; so the two were judged on other files."
        yield Section("Senders assigned", text, parts)


def _shadows(found: ArmsReport) -> Iterator[Section]:
    if not found.shadows:
        return
    rows = [
        [
            pair.first,
            pair.second,
            str(pair.pairs),
            interval(pair.agreement),
            str(pair.judged),
            "" if pair.difference is None else points(pair.difference),
            ""
            if pair.mcnemar is None
            else f"{pair.mcnemar.only_first} / {pair.mcnemar.only_second}",
            "" if pair.test is None else _TESTS[pair.test],
            "" if pair.p is None else p_value(pair.p),
            "" if pair.p_holm is None else p_value(pair.p_holm) + (" *" if pair.different else ""),
        ]
        for pair in found.shadows
    ]
    headings = ("answered", "shadow", "files", "agree", "judged", "points")
    table = Table((*headings, "only one right", "test", "p", "p, Holm"), rows)
    text = "Both analysed the same files, and only the first one's answer was given."
    yield Section("Shadows, on the same files", text, [table])


# --- drift --------------------------------------------------------------------------------------


def _drift(found: dict[str, Drift | None]) -> Iterator[Section]:
    parts: list[Part] = []
    lines = [
        "The population stability index (PSI) of each number against the reference in the model's "
        f"bundle; {SOME:g} is some and {LARGE:g} a large drift, if it is also above what chance "
        f"passes in {percent(FALSE_ALARMS)} of all looks. A reference is of the music that a model "
        "was measured on, so a library of one's own may well differ from the first day on: then "
        "see whether it goes on to move."
    ]
    for name, drift in found.items():
        if drift is None:
            lines.append(f"{name}: its bundle has no reference.")
        elif drift.level == "too few":
            lines.append(f"{name}: {drift.tracks} answers are too few to tell.")
        else:
            moved = ", ".join(shift.of for shift in drift.moved[:5])
            more = len(drift.moved) - 5
            changes = (
                f"{moved}{f' and {more} more' if more > 0 else ''}" if moved else "nothing moved"
            )
            lines.append(f"**{name}**, {drift.tracks} answers: {changes}.")
            parts += _shifts(name, drift)
    if found:
        yield Section("Drift", "\n".join(lines), parts)


def _shifts(name: str, drift: Drift) -> Sequence[Part]:
    rows = [[s.of, f"{s.psi:.3f}", f"{s.noise:.3f}", f"{s.js:.3f}", s.level] for s in drift.shifts]
    shown = drift.shifts[:_MOST_BARS]
    bars = Bars(
        f"Drift of {name}", [s.of for s in shown], [s.psi for s in shown], "PSI, furthest first"
    )
    table = Table(("number", "PSI", "by chance", "Jensen-Shannon, bits", "drift"), rows)
    return [bars, Details(f"All {len(rows)} numbers of {name}", parts=[table])]
