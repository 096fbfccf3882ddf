"""``genrekit taxonomy``: names of genres, their parents, and what is odd about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import AsJson
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.tagging import Taxonomy

app = typer.Typer(help="Names of genres, their parents and spellings.", no_args_is_help=True)
_Place = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A shipped one, or a YAML file.")]
_Aliases = Annotated[
    Path | None, typer.Option("--aliases", metavar="FILE", help="Patterns, as beets has them.")
]


@app.command()
def check(place: _Place, aliases: _Aliases = None, as_json: AsJson = False) -> None:
    """Say what is odd about a taxonomy; exits with 2 if something is."""
    from genrekit.tagging import check_taxonomy, load_taxonomy
    from genrekit.terminal import print_json, results

    taxonomy = load_taxonomy(place, aliases)
    found = check_taxonomy(taxonomy)
    if as_json:
        print_json({"genres": len(taxonomy.parents), "odd": found})
    else:
        for line in found:
            results().print(line)
        results().print(f"{len(taxonomy.parents)} genres, {len(found)} of them odd")
    if found:
        raise typer.Exit(2)


@app.command()
def show(
    place: _Place = "",
    genre: Annotated[
        str | None, typer.Option("--genre", metavar="LABEL", help="Only what this label means.")
    ] = None,
    aliases: _Aliases = None,
    as_json: AsJson = False,
) -> None:
    """Draw a taxonomy as a tree; without a name, list those that are shipped."""
    from genrekit.tagging import load_taxonomy, shipped
    from genrekit.terminal import print_json, results

    if not place:
        _list(shipped(), as_json=as_json)
        return
    taxonomy = load_taxonomy(place, aliases)
    if genre is not None:
        _one(taxonomy, genre, as_json=as_json)
    elif as_json:
        print_json({name: list(parents) for name, parents in taxonomy.parents.items()})
    else:
        for line in _tree(taxonomy):
            results().print(line)


def _list(names: list[str], *, as_json: bool) -> None:
    from genrekit.terminal import print_json, results

    if as_json:
        print_json(names)
    else:
        results().print("\n".join(names))


def _one(taxonomy: Taxonomy, label: str, *, as_json: bool) -> None:
    from genrekit.terminal import plain, print_json, results

    name = taxonomy.canonical(label)
    if name not in taxonomy.parents:
        raise ConfigError(f"{taxonomy.name} has no genre {label!r}")
    above, below = taxonomy.ancestors(name), taxonomy.children(name)
    if as_json:
        print_json({"name": name, "ancestors": above, "children": below})
    else:
        results().print(plain(" < ".join([name, *above])))
        for child in below:
            results().print(plain(f"  {child}"))


def _tree(taxonomy: Taxonomy) -> list[str]:
    """Yield a line a genre, below each of its parents; circles are not followed."""
    from genrekit.terminal import plain

    below: dict[str, list[str]] = {}
    for name, parents in taxonomy.parents.items():
        for parent in parents:
            below.setdefault(taxonomy.canonical(parent), []).append(name)
    lines = []
    waiting = [(name, 0, frozenset[str]()) for name in reversed(taxonomy.roots())]
    while waiting:
        name, depth, above = waiting.pop()
        others = taxonomy.aliases.get(name, ())
        lines.append(plain("  " * depth + name + (f"  ({', '.join(others)})" if others else "")))
        waiting += [
            (child, depth + 1, above | {name})
            for child in reversed(below.get(name, []))
            if child not in above | {name}
        ]
    return lines
