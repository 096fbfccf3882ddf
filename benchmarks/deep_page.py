"""The runs of benchmarks/deep.py as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from deep_runs import DeepRun, Int8Run

from genrekit.evaluation import wilson
from genrekit.evaluation.intervals import difference_of_shares
from genrekit.evaluation.significance import paired_difference
from genrekit.schema import Contract, Estimate

RESAMPLES = 2000
#: The network of the table of features, which those of pictures are measured against.
TABLE_RECIPE = "gtzan-mlp"

INTRODUCTION = """\
# Networks on GTZAN

Made by `{command}`.

Every architecture is trained from random weights by its committed recipe in `recipes/gtzan/`, on \
spectrogram pictures of whole tracks (985 of 1000 have one) or on the table of 57 features, \
and what is scored is the exported ONNX graph. `pictures` is `recipes/networks/pictures.yaml`: the \
same residual network as `resnet` on pictures of four and a half times as many cells.

- **fault-filtered**: the published parts of GTZAN without its repetitions, artists kept apart, \
trained on train and validation tracks, tested on the test tracks. The number to quote.
- **LEAKY**: `segments-leaky`, a random third of the tracks tested and the others trained on, \
whatever recording or artist they repeat; each seed tests another third. It trains on about as \
many tracks, so the gap is what artists and repetitions on both sides are worth.

Intervals are of 95 %. Those of several seeds together are a bootstrap over tracks and seeds: both \
are drawn anew {resamples} times, so they hold for other tracks and other starts. Those of one run \
are Wilson's over its tracks. Gaps have Newcombe's interval of two shares. Rows are in the order \
of their numbers, which is no test: no pair is tested here, and networks whose intervals overlap \
may be equal. Each against the network of the table, paired by track, is in \
[claims.md](claims.md#tables-against-pictures).
"""


def render(
    runs: Sequence[DeepRun], command: str, extras: Sequence[str] = (), *, wanted: int = 0
) -> str:
    """The page; equal runs give equal text.

    Parameters
    ----------
    wanted : int
        All runs of the command; where some are missing, the page says so.
    """
    recipes = sorted({run.recipe for run in runs}, key=lambda name: -_headline(runs, name))
    machines = sorted({f"{run.machine}, {run.threads} of them used" for run in runs})
    blocks = [
        INTRODUCTION.format(command=command, resamples=RESAMPLES).rstrip(),
        f"{len(runs)} of {wanted} runs are in." if len(runs) < wanted else "",
        "## Accuracy, all seeds together",
        _table(
            ["recipe", "network", "input", "parameters", "seeds", "fault-filtered", "LEAKY", "gap"],
            [_summary(runs, name) for name in recipes],
        ),
        f"Trained on {'; '.join(machines)}. Processor seconds of one fit and its export:",
        _table(
            ["recipe", "training rows", "epochs", "processor s a run", "graph, kB"],
            [_cost(runs, name) for name in recipes],
        ),
        *extras,
        "## Every run",
        _table(
            ["recipe", "protocol", "seed", "test tracks", "accuracy", "accuracy in training"],
            [_single(run) for name in recipes for run in _of(runs, name)],
        ),
        "## Genres",
        "Recall by the fault-filtered protocol, mean over seeds.",
        _genres(runs, recipes),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


class DeepNumbers(Contract):
    """What one recipe scored over all seeds; the JSON beside the page is a list of these.

    Parameters
    ----------
    behind_table : Estimate, optional
        What the network of the table of features scores more, by the honest protocol, on the
        tracks that both were tested on: the mean over seeds, an interval from resampled tracks.
    """

    recipe: str
    architecture: str
    inputs: str
    parameters: int
    honest_seeds: int
    leaky_seeds: int
    honest: Estimate | None
    leaky: Estimate | None
    behind_table: Estimate | None = None


def deep_numbers(runs: Sequence[DeepRun]) -> list[DeepNumbers]:
    """The summary of every recipe, best first."""
    found = []
    for name in sorted({run.recipe for run in runs}, key=lambda one: -_headline(runs, one)):
        honest, leaky = _of(runs, name, leaky=False), _of(runs, name, leaky=True)
        first = (honest or leaky)[0]
        found.append(
            DeepNumbers(
                recipe=name.removeprefix("gtzan-"),
                architecture=first.architecture,
                inputs=first.inputs,
                parameters=first.parameters,
                honest_seeds=len(honest),
                leaky_seeds=len(leaky),
                honest=pooled(honest) if honest else None,
                leaky=pooled(leaky) if leaky else None,
                behind_table=_behind(_of(runs, TABLE_RECIPE, leaky=False), honest),
            )
        )
    return found


def _behind(table: Sequence[DeepRun], other: Sequence[DeepRun]) -> Estimate | None:
    if not table or not other or table[0].recipe == other[0].recipe:
        return None
    first, second = _means(table), _means(other)
    shared = sorted(first.keys() & second.keys())
    gap, _ = paired_difference(
        np.array([first[track] for track in shared]),
        np.array([second[track] for track in shared]),
        shared,
    )
    return gap


def _means(runs: Sequence[DeepRun]) -> dict[str, float]:
    """Share of runs that have each track right."""
    hits: dict[str, list[bool]] = {}
    for run in runs:
        for track, right in zip(run.tracks, run.right.tolist(), strict=True):
            hits.setdefault(track, []).append(right)
    return {track: float(np.mean(found)) for track, found in hits.items()}


def pooled(runs: Sequence[DeepRun]) -> Estimate:
    """Mean accuracy of runs, with an interval from resampled tracks and runs."""
    tracks = sorted({track for run in runs for track in run.tracks})
    place = {track: number for number, track in enumerate(tracks)}
    right = np.zeros((len(runs), len(tracks)))
    tested = np.zeros_like(right)
    for row, run in enumerate(runs):
        at = [place[track] for track in run.tracks]
        np.add.at(right[row], at, run.right)
        np.add.at(tested[row], at, 1)
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        chosen = generator.integers(len(runs), size=len(runs))
        weight = np.bincount(generator.integers(len(tracks), size=len(tracks)), None, len(tracks))
        drawn.append((right[chosen] @ weight).sum() / (tested[chosen] @ weight).sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = float(right.sum() / tested.sum())
    return Estimate(value=value, low=min(value, low), high=max(value, high), method="bootstrap")


def _of(runs: Sequence[DeepRun], recipe: str, leaky: bool | None = None) -> list[DeepRun]:
    found = [run for run in runs if run.recipe == recipe and leaky in (None, run.leaky)]
    return sorted(found, key=lambda run: (run.leaky, run.seed))


def _headline(runs: Sequence[DeepRun], recipe: str) -> float:
    honest = _of(runs, recipe, leaky=False)
    return float(np.mean([run.right.mean() for run in honest])) if honest else 0.0


def _summary(runs: Sequence[DeepRun], recipe: str) -> list[str]:
    honest, leaky = _of(runs, recipe, leaky=False), _of(runs, recipe, leaky=True)
    first = (honest or leaky)[0]
    found = [pooled(some) if some else None for some in (honest, leaky)]
    own, leaky_one = found
    gap = "" if own is None or leaky_one is None else gap_of(leaky_one, own)
    return [
        recipe.removeprefix("gtzan-"),
        first.architecture,
        first.inputs,
        f"{first.parameters:,}",
        str(len(honest)),
        *(_interval(one) if one else "" for one in found),
        gap,
    ]


def gap_of(leaky: Estimate, honest: Estimate) -> str:
    """What a leaky number has more, with Newcombe's interval."""
    found = difference_of_shares(leaky, honest)
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _cost(runs: Sequence[DeepRun], recipe: str) -> list[str]:
    own = _of(runs, recipe)
    rows = sorted({run.train_rows for run in own})
    return [
        recipe.removeprefix("gtzan-"),
        " to ".join(map(str, sorted({rows[0], rows[-1]}))),
        str(own[0].epochs),
        f"{np.median([run.cpu_seconds for run in own]):.0f}",
        f"{own[0].onnx_bytes / 1000:.0f}",
    ]


def _single(run: DeepRun) -> list[str]:
    return [
        run.recipe.removeprefix("gtzan-"),
        f"{run.protocol}{' LEAKY' if run.leaky else ''}",
        str(run.seed),
        str(len(run.tracks)),
        _interval(wilson(int(run.right.sum()), len(run.right))),
        f"{run.train_accuracy:.3f}",
    ]


def _genres(runs: Sequence[DeepRun], recipes: Sequence[str]) -> str:
    labels = runs[0].labels
    rows = []
    for name in recipes:
        honest = _of(runs, name, leaky=False)
        if honest:
            truth = np.concatenate([np.array(run.truth) for run in honest])
            right = np.concatenate([run.right for run in honest])
            recall = [f"{right[truth == number].mean():.2f}" for number in range(len(labels))]
            rows.append([name.removeprefix("gtzan-"), *recall])
    return _table(["recipe", *labels], rows)


def _interval(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def eight_bits(runs: Sequence[Int8Run]) -> str:
    """What static quantisation gains, by recipe."""
    rows = []
    for run in runs:
        one = run.numbers
        rows.append(
            [
                run.recipe.removeprefix("gtzan-"),
                f"{one.float_bytes / 1000:.0f} to {one.int8_bytes / 1000:.0f}",
                f"{one.float_ms:.2f} to {one.int8_ms:.2f}",
                f"{one.float_ms / one.int8_ms:.1f}",
                f"{one.agreement:.3f}",
                "yes" if one.used else f"no: {one.why}",
                f"{run.accuracy_float:.3f} to {run.accuracy_int8:.3f}",
            ]
        )
    header = [
        "recipe",
        "kB",
        "ms a row",
        "times faster",
        "same answers",
        "shipped",
        "test accuracy",
    ]
    return (
        "## Eight bits\n\n"
        "`export: {int8: true}` on the graphs of seed 0: ranges measured on 128 training rows, "
        "answers compared and time taken on others, one row at once on one thread. What is not "
        "faster, or answers otherwise, is shipped in floats.\n\n" + _table(header, rows)
    )


def loop_cost(table: str) -> str:
    """The table of benchmarks/loop.py."""
    return (
        "## What the training loop costs\n\n"
        "Processor time of a step, of this loop and of one written by hand for the same network, "
        "the fastest of many rounds in turns on one thread (`benchmarks/loop.py`).\n\n" + table
    )
