"""Which models are better, and which cannot be told apart: table, tests and diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genrekit.evaluation import Friedman
from genrekit.experiments import Comparison, PairTest
from genrekit.experiments import ranks_chart as ranks_chart
from genrekit.pages import (
    Details,
    Document,
    Dots,
    Part,
    Section,
    Table,
    interval,
    marked_leaky,
    p_value,
    points,
    render_markdown,
    render_page,
)

TESTS = {
    "mcnemar-mid-p": "McNemar's test (mid-p)",
    "sign-flip": "signs flipped by recording",
    "paired-bootstrap": "a bootstrap over recordings",
}
_RANKED = ("model", "group", "accuracy", "macro F1", "log loss")
_PAIRED = ("ahead", "behind", "points", "p", "p, Holm", "only one right", "Cohen's g", "odds")
_FOLDED = ("ahead", "behind", "corrected t: points", "p", "naive t: points", "p (too small)")


def render_comparison_markdown(found: Comparison) -> str:
    """Table, groups, tests and notes; equal comparisons give equal text."""
    return render_markdown(_document(found))


def render_comparison_html(found: Comparison) -> str:
    """Return the same as one page that needs nothing but itself; names stay text.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    return render_page(_document(found))


def _document(found: Comparison) -> Document:
    return Document(comparison_title(found), comparison_lead(found), _sections(found))


def comparison_title(found: Comparison) -> str:
    """One line that says what is compared."""
    leaky = " LEAKY" if found.leaky else ""
    return f"{len(found.models)} models on {found.dataset}, {found.protocol}{leaky}"


def comparison_lead(found: Comparison) -> str:
    """Who is ahead, and what a gap must be to mean something."""
    best = found.models[0]
    others = indistinguishable_from_best(found)
    if others:
        verdict = f"It cannot be told from {', '.join(others)} ({TESTS[found.test]}, 5 %, Holm)."
    else:
        verdict = f"It is better than every other one ({TESTS[found.test]}, 5 %, Holm)."
    ahead = (
        f"**{best.name}** is ahead with {interval(best.accuracy)} on {found.items} "
        f"{found.unit}s. {verdict}"
    )
    return "\n".join(line for line in (ahead, found.sentence, found.pairing) if line)


def indistinguishable_from_best(found: Comparison) -> list[str]:
    """Names of the models that share a letter with the best one."""
    best = found.models[0]
    return [one.name for one in found.models[1:] if set(one.letters) & set(best.letters)]


def _sections(found: Comparison) -> list[Section]:
    ranked = Table(_RANKED, list(_ranked(found)))
    sections = [
        Section("Models", _letters_text(found), [_dots(found), ranked]),
        Section("Pairs", parts=[pairs_table(found)]),
    ]
    if folds := folds_table(found):
        sections.append(Section("Over folds", parts=[folds]))
    if found.friedman is not None:
        text = friedman_text(found.friedman)
        sections.append(Section("All together", text, [ranks_chart(found, found.friedman)]))
    if found.notes:
        sections.append(Section("Notes", "\n".join(found.notes)))
    return marked_leaky(sections) if found.leaky else sections


def pair_folds(found: Comparison) -> list[Part]:
    """Return tests of pairs and of all models, folded away under a table of the models."""
    pairs = f"All {len(found.pairs)} pairs" if len(found.pairs) > 1 else "The pair of them"
    parts: list[Part] = [Details(pairs, parts=[pairs_table(found)])]
    if folds := folds_table(found):
        text = "\n".join(note for note in found.notes if "t-test" in note)
        parts.append(Details("The same over folds, corrected and naive", text, [folds]))
    if found.friedman is not None:
        parts.append(ranks_chart(found, found.friedman))
    return parts


def evidence_text(found: Comparison) -> str:
    """Return what the letters of a comparison mean, and what ranks over folds say."""
    ranks = "" if found.friedman is None else f"\n{friedman_text(found.friedman)}"
    return _letters_text(found) + ranks


def _letters_text(found: Comparison) -> str:
    many = len(found.pairs)
    return (
        f"Models that share a letter cannot be told apart: pairs are decided by "
        f"{TESTS[found.test]} at 5 %, adjusted by Holm for {many} pair{'' if many == 1 else 's'}. "
        "Brackets hold 95 % intervals. These letters are what to quote; tests and ranks over folds "
        "are there to be compared with what others publish."
    )


def _dots(found: Comparison) -> Dots:
    names = [f"{model.name} ({model.letters})" for model in found.models]
    title = f"Accuracy, {found.protocol}{' LEAKY' if found.leaky else ''}"
    return Dots(title, names, [model.accuracy for model in found.models], "accuracy")


def friedman_text(found: Friedman) -> str:
    """Friedman's test as a sentence, and what the diagram shows."""
    models = len(found.mean_ranks)
    return (
        f"Friedman's test over {found.blocks} folds: F({models - 1}, "
        f"{(models - 1) * (found.blocks - 1)}) = {found.f:.2f}, p {p_value(found.f_p)} (Iman and "
        f"Davenport; chi2 = {found.chi2:.2f}, p {p_value(found.chi2_p)}). Mean ranks that differ "
        f"by less than {found.critical_difference:.2f} cannot be told apart (Nemenyi)."
    )


def pairs_table(found: Comparison) -> Table:
    """Every pair with its difference and the test that decides."""
    rows = [
        [
            pair.first,
            pair.second,
            points(pair.difference),
            p_value(pair.p),
            p_value(pair.p_holm) + (" *" if pair.different else ""),
            *_effects(pair),
        ]
        for pair in found.pairs
    ]
    return full_columns(_PAIRED, rows)


def folds_table(found: Comparison) -> Table | None:
    """Return the corrected and the naive t-test of every pair, where there are folds."""
    rows = [
        [
            pair.first,
            pair.second,
            points(pair.corrected_t.difference),
            p_value(pair.corrected_t.p),
            points(pair.naive_t.difference),
            p_value(pair.naive_t.p),
        ]
        for pair in found.pairs
        if pair.corrected_t is not None and pair.naive_t is not None
    ]
    return Table(_FOLDED, rows) if rows else None


def full_columns(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
    """Return a sheet without the columns that say nothing in any row."""
    kept = [place for place in range(len(headings)) if any(row[place] for row in rows)]
    return Table(
        [headings[place] for place in kept], [[row[place] for place in kept] for row in rows], title
    )


def _ranked(found: Comparison) -> Iterator[list[str]]:
    for model in found.models:
        numbers = [interval(model.accuracy), interval(model.macro_f1), f"{model.log_loss:.3f}"]
        yield [model.name, model.letters, *numbers]


def _effects(pair: PairTest) -> tuple[str, str, str]:
    one = pair.mcnemar
    if one is None:
        return "", "", ""
    odds = "" if one.odds_ratio is None else f"{one.odds_ratio:.2f}"
    return f"{one.only_first} / {one.only_second}", f"{one.cohens_g:+.2f}", odds
