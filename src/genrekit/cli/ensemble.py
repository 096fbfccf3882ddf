"""``genrekit ensemble``: several saved models as one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrekit.cli.options import Overwrite, Reading, SplitFile, reads_data
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.evaluation import RunResult


@reads_data
def ensemble(
    members: Annotated[
        list[str], typer.Argument(metavar="MODEL MODEL ...", help="Saved models, by name or path.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of the model to write.")],
    data: Annotated[Path, typer.Option("--data", help="What it is tested on.")],
    how: Annotated[
        Literal["vote", "weighted", "stack"],
        typer.Option(help="Mean of probabilities; weighed; or a logistic regression on them."),
    ] = "vote",
    weights: Annotated[
        str | None,
        typer.Option(metavar="NUMBER,NUMBER,...", help="Of the models; fitted if not given."),
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="Which tracks are tested, and which weights are fitted on.")
    ] = "all-test",
    split: SplitFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a random split, and a stack.")] = 0,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="An EvaluationResult as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Join saved models with the same genres to one, and test it like any other.

    Weights and a stack are fitted on the validation part of the split, which no model may have
    learnt from.
    """
    from genrekit.bundles import check_target, load_bundle
    from genrekit.datasets import make_split, read_split
    from genrekit.training import combiner_for, joined, write_ensemble

    check_target(out, overwrite)
    given = _numbers(weights)
    if given is not None and how != "weighted":
        raise ConfigError(f"--weights are for --how weighted, not for {how}")
    together = joined([load_bundle(member) for member in members])
    dataset = reading.open(data)
    made = read_split(split) if split else make_split(dataset, protocol, seed=seed)
    combiner = combiner_for(how, together, dataset, made, weights=given, seed=seed)
    name = re.sub(r"[^a-z0-9_-]+", "-", out.name.lower()).strip("-_")[:64] or "ensemble"
    run = write_ensemble(
        out,
        together,
        combiner,
        how=how,
        name=name,
        dataset=dataset,
        split=made,
        overwrite=overwrite,
    )
    _show(run, out, combiner.weights, as_json)


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise ConfigError(f"--weights {text!r}; expected numbers such as 2,1,1") from None


def _show(run: RunResult, out: Path, weights: tuple[float, ...], as_json: bool) -> None:
    from genrekit.terminal import print_json_line, results

    if as_json:
        print_json_line(run.result)
        return
    value = run.result.accuracy
    weighted = f"; weights {', '.join(f'{weight:.2f}' for weight in weights)}" if weights else ""
    leaky = ", LEAKY" if run.result.leaky else ""
    results().print(
        f"{out}: {run.result.protocol}{leaky}: accuracy {value.value:.3f} "
        f"[{value.low:.3f}, {value.high:.3f}] on {run.result.items} {run.result.unit}s{weighted}"
    )
