"""``genrekit split``: who trains, who tests, with nothing known on two sides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrekit.cli.options import LeaveOut, Reading, reads_data
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Pair, PartBalance, Relation, Split

#: Short names, besides those of `genrekit.datasets.PROTOCOLS`.
_SHORT = {"kfold": "grouped-kfold", "repeated": "repeated-kfold"}


@reads_data
def split(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder, table or manifest.")],
    protocol: Annotated[
        str,
        typer.Option(
            help="holdout, kfold, repeated, leave-one-artist-out, official, or another protocol."
        ),
    ] = "kfold",
    by: Annotated[
        str | None,
        typer.Option(
            metavar="track,artist,album,fingerprint",
            help="What is kept together; by default the union of all that is known.",
        ),
    ] = None,
    stratify: Annotated[
        Literal["genre", "none"], typer.Option(help="What is balanced between parts.")
    ] = "genre",
    folds: Annotated[int, typer.Option(min=2, help="For the k-fold protocols.")] = 10,
    repeats: Annotated[int, typer.Option(min=2, help="For repeated k-fold.")] = 5,
    shares: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN,VALID,TEST", help="For the holdout; 0.7,0.15,0.15 if not given."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same split.")] = 0,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Near duplicates, two ids a line; with --by fingerprint found by listening if "
            "not given."
        ),
    ] = None,
    leave_out: LeaveOut = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the split here, as JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The balance as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Assign tracks to parts that share no recording, artist, album or sound, and say how well."""
    from genrekit.datasets import balance, make_split, write_split

    dataset = reading.open(data, leave_out)
    relations = _relations(by)
    made = make_split(
        dataset,
        _SHORT.get(protocol, protocol),
        by=relations,
        pairs=_pairs(dataset, pairs, relations),
        n_folds=folds,
        n_repeats=repeats,
        shares=_shares(shares),
        seed=seed,
        stratify=stratify == "genre",
    )
    if out is not None:
        write_split(made, out)
    (_print_json if as_json else _print)(made, balance(dataset, made), out)


def _relations(by: str | None) -> tuple[Relation, ...] | None:
    """Return the names in ``by``; `make_split` checks them."""
    if by is None:
        return None
    return tuple(name.strip() for name in by.split(","))  # type: ignore[misc]


def _shares(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(share) for share in text.split(",")]
    except ValueError:
        raise ConfigError(f"--shares {text!r}; expected numbers such as 0.8,0.1,0.1") from None


def _pairs(
    dataset: Dataset, file: Path | None, relations: tuple[Relation, ...] | None
) -> tuple[Pair, ...]:
    from genrekit.cli.options import fingerprints_of, open_pairs

    if file is not None or "fingerprint" not in (relations or ()):
        return open_pairs(file)
    return fingerprints_of(dataset).related


def _print_json(made: Split, parts: tuple[PartBalance, ...], out: Path | None) -> None:
    from genrekit.datasets import largest_deviation
    from genrekit.terminal import print_json

    print_json(
        {
            "file": None if out is None else str(out),
            "protocol": made.protocol,
            "leaky": made.leaky,
            "seed": made.seed,
            "fingerprint": made.fingerprint,
            "dataset_fingerprint": made.dataset_fingerprint,
            "folds": len(made.folds),
            "largest_deviation": largest_deviation(parts),
            "parts": [part.model_dump() for part in parts],
        }
    )


def _print(made: Split, parts: tuple[PartBalance, ...], out: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from genrekit.datasets import largest_deviation
    from genrekit.terminal import errors, results

    table = Table(box=None, header_style="dim")
    names = list(dict.fromkeys(part.part for part in parts))
    for heading in ("", *names):
        table.add_column(heading, justify="right" if heading else "left")
    of = {name: [part for part in parts if part.part == name] for name in names}
    table.add_row("recordings", *(_span(p.recordings for p in of[name]) for name in names))
    table.add_row("items", *(_span(p.items for p in of[name]) for name in names))
    for label in parts[0].labels:
        table.add_row(
            Text(f"  {label}"), *(_span(p.labels[label] for p in of[name]) for name in names)
        )
    leaky = (" LEAKY", "bold red") if made.leaky else ""
    results().print(Text.assemble((made.protocol, "bold"), leaky, f", folds: {len(made.folds)}"))
    results().print(table)
    results().print(
        f"largest deviation of a genre's share: {100 * largest_deviation(parts):.1f} points; "
        f"fingerprint {made.fingerprint[:12]}"
    )
    if out is not None:
        errors().print(f"written to {out}")


def _span(counts: Iterable[int]) -> str:
    """One number, or the smallest and largest over the folds."""
    numbers = sorted(set(counts))
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
