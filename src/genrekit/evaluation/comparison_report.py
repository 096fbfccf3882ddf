"""A comparison as Markdown and as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from genrekit.evaluation.comparison import Comparison, PairTest
from genrekit.evaluation.critical_difference import critical_difference_svg
from genrekit.evaluation.multiple import Friedman
from genrekit.schema import Estimate

_TESTS = {
    "mcnemar-mid-p": "McNemar's test (mid-p)",
    "paired-bootstrap": "a bootstrap over recordings",
}
_STYLE = """\
:root { color-scheme: light dark; --ink: #1c1f24; --page: #fff; --soft: #5d6672; --line: #d8dde3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --page: #14171b; --soft: #9aa4b0;
  --line: #333a42; } figure { background: #fff; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 64rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
.leaky { color: #b3261e; font-weight: bold; } figure { margin: 1rem 0; } svg { max-width: 100%; }"""


def render_comparison_markdown(comparison: Comparison) -> str:
    """Table, groups, tests and notes; equal comparisons give equal text."""
    blocks = [f"# {title(comparison)}", *_opening(comparison)]
    blocks.append(_markdown(_RANKED, _ranked(comparison)))
    blocks += ["## Pairs", _markdown(_PAIRED, _paired(comparison))]
    if any(pair.corrected_t for pair in comparison.pairs):
        blocks += ["## Over folds", _markdown(_FOLDED, _folded(comparison))]
    if comparison.friedman is not None:
        blocks += ["## All together", _all_together(comparison.friedman)]
    blocks += [f"- {note}" for note in comparison.notes]
    return "\n\n".join(blocks) + "\n"


def render_comparison_html(comparison: Comparison) -> str:
    """The same as one page that needs nothing but itself; names stay text."""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title(comparison))}</title><style>\n{_STYLE}\n</style></head><body>",
        f"<h1>{escape(title(comparison))}</h1>",
        *(f"<p>{_bold(escape(text))}</p>" for text in _opening(comparison)),
        _html(_RANKED, _ranked(comparison)),
        "<h2>Pairs</h2>",
        _html(_PAIRED, _paired(comparison)),
    ]
    if any(pair.corrected_t for pair in comparison.pairs):
        parts += ["<h2>Over folds</h2>", _html(_FOLDED, _folded(comparison))]
    if comparison.friedman is not None:
        names = [model.name for model in comparison.models]
        parts += [
            "<h2>All together</h2>",
            f"<p>{escape(_all_together(comparison.friedman))}</p>",
            f"<figure>{critical_difference_svg(comparison.friedman, names)}</figure>",
        ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
    return "\n".join([*parts, f"<ul>{notes}</ul>" if notes else "", "</body></html>"]) + "\n"


def title(comparison: Comparison) -> str:
    """One line that says what is compared."""
    leaky = " LEAKY" if comparison.leaky else ""
    return f"{len(comparison.models)} models on {comparison.dataset}, {comparison.protocol}{leaky}"


# --- what is said -------------------------------------------------------------------------------

_RANKED = ("model", "group", "accuracy", "macro F1", "log loss")
_PAIRED = ("better", "worse", "points", "p", "p, Holm", "only one right", "Cohen's g", "odds")
_FOLDED = ("better", "worse", "corrected t: points", "p", "naive t: points", "p (too small)")


def _opening(comparison: Comparison) -> Iterator[str]:
    best = comparison.models[0]
    level = [one.name for one in comparison.models if set(one.letters) & set(best.letters)]
    others = [name for name in level if name != best.name]
    if others:
        verdict = f"It cannot be told from {', '.join(others)}."
    else:
        verdict = "It is better than every other one."
    yield (
        f"**{best.name}** is ahead with {_interval(best.accuracy)} on {comparison.items} "
        f"{comparison.unit}s. {verdict}"
    )
    yield comparison.sentence
    yield (
        "Models that share a letter cannot be told apart: pairs are decided by "
        f"{_TESTS[comparison.test]} at 5 %, adjusted by Holm for {len(comparison.pairs)} pairs. "
        "Brackets hold 95 % intervals."
    )


def _ranked(comparison: Comparison) -> list[list[str]]:
    return [
        [
            model.name,
            model.letters,
            _interval(model.accuracy),
            _interval(model.macro_f1),
            f"{model.log_loss:.3f}",
        ]
        for model in comparison.models
    ]


def _paired(comparison: Comparison) -> list[list[str]]:
    return [
        [
            pair.first,
            pair.second,
            _points(pair.difference),
            _p(pair.p),
            _p(pair.p_holm) + (" *" if pair.different else ""),
            *_effects(pair),
        ]
        for pair in comparison.pairs
    ]


def _effects(pair: PairTest) -> tuple[str, str, str]:
    one = pair.mcnemar
    if one is None:
        return "", "", ""
    odds = "" if one.odds_ratio is None else f"{one.odds_ratio:.2f}"
    return f"{one.only_first} / {one.only_second}", f"{one.cohens_g:+.2f}", odds


def _folded(comparison: Comparison) -> list[list[str]]:
    return [
        [
            pair.first,
            pair.second,
            _points(pair.corrected_t.difference),
            _p(pair.corrected_t.p),
            _points(pair.naive_t.difference),
            _p(pair.naive_t.p),
        ]
        for pair in comparison.pairs
        if pair.corrected_t is not None and pair.naive_t is not None
    ]


def _all_together(found: Friedman) -> str:
    models = len(found.mean_ranks)
    return (
        f"Friedman's test over {found.blocks} folds: F({models - 1}, "
        f"{(models - 1) * (found.blocks - 1)}) = {found.f:.2f}, p {_p(found.f_p)} (Iman and "
        f"Davenport; chi2 = {found.chi2:.2f}, p {_p(found.chi2_p)}). Mean ranks that differ by "
        f"less than {found.critical_difference:.2f} cannot be told apart (Nemenyi)."
    )


def _interval(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _points(one: Estimate) -> str:
    return f"{100 * one.value:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _bold(text: str) -> str:
    before, mark, rest = text.partition("**")
    inside, _, after = rest.partition("**")
    return f"{before}<b>{inside}</b>{after}" if mark else text
