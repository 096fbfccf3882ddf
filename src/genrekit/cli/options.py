"""Options that several commands have: each is the same everywhere, above all how data is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.datasets import Columns, Dataset, Pair
    from genrekit.evaluation import Duplicates
    from genrekit.training import Recipe

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default all cores.")
]
LeaveOut = Annotated[Path | None, typer.Option(help="File of track ids to leave out, one a line.")]
Model = Annotated[
    str, typer.Option("--model", "-m", metavar="NAME|PATH", help="Which model answers.")
]
SavedModel = Annotated[str, typer.Argument(metavar="NAME|PATH", help="A saved model.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try files again that could not be read.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compute features anew.")]
SplitFile = Annotated[
    Path | None, typer.Option(help="A split made by genrekit split, in place of --protocol.")
]
Mapping = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="LABEL=NAME|FILE", help="Your own name for a label."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a model at --out.")]
OtherData = Annotated[
    Path | None, typer.Option("--data", help="Data to use in place of the recipe's.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable."),
]

# What has a place of its own on the command line.
_NO_SETTINGS = ("", "corpus", "path", "leave_out")
_PANEL = "How to read the data"

Corpus = Annotated[
    str | None,
    typer.Option(
        "--corpus", help="What the data is; found by its look otherwise.", rich_help_panel=_PANEL
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label", metavar="COLUMN", help="Column with the genre.", rich_help_panel=_PANEL
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="COLUMN", help="Column with a name for each row.", rich_help_panel=_PANEL
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Column with the recording that a row is from.",
        rich_help_panel=_PANEL,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="COLUMN", help="Pass over a column; repeatable.", rich_help_panel=_PANEL
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="For the loader (rows_are_tracks=true); repeatable.",
        rich_help_panel=_PANEL,
    ),
]
#: The same, where ``--set`` has no other meaning.
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "--set",
        metavar="KEY=VALUE",
        help="For the loader (rows_are_tracks=true); repeatable.",
        rich_help_panel=_PANEL,
    ),
]


class Named(NamedTuple):
    """Columns as they were named on the command line: label, id, group, and those to ignore."""

    label: str | None = None
    item_id: str | None = None
    group: str | None = None
    ignore: Sequence[str] | None = None

    def columns(self) -> Columns:
        """Return the same for the loaders."""
        from genrekit.datasets import Columns

        return Columns(self.label, self.item_id, self.group, tuple(self.ignore or ()))


@dataclass(frozen=True, slots=True)
class Reading:
    """How data is to be read, as it was said on the command line.

    Attributes
    ----------
    corpus : str or None
        None takes what the data looks like.
    named : Named
        Columns.
    settings : sequence of str
        ``KEY=VALUE`` for the loader.
    """

    corpus: str | None
    named: Named
    settings: Sequence[str]

    def open(self, data: Path, leave_out: Path | None = None) -> Dataset:
        """Load ``data``, without the tracks that the file ``leave_out`` names."""
        return open_dataset(data, self.corpus, leave_out, self.settings, self.named)


_READING = {
    "corpus": Corpus,
    "label": Label,
    "id_column": Id,
    "group": Group,
    "ignore": Ignore,
    "settings": Settings,
}


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of how to read data, in place of its parameter ``reading``."""
    own = signature(command, eval_str=True)
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _READING.items()
    ]
    shown = [one for one in own.parameters.values() if one.name != "reading"]

    @wraps(command)
    def run(*arguments: Any, **given: Any) -> None:
        corpus, *columns, settings = (given.pop(name, None) for name in _READING)
        reading = Reading(corpus, Named(*columns), settings or ())
        command(*arguments, reading=reading, **given)

    cast(Any, run).__signature__ = own.replace(parameters=[*shown, *options])
    run.__annotations__ = {one.name: one.annotation for one in (*shown, *options)}
    return run


def open_dataset(
    data: Path,
    corpus: str | None = None,
    leave_out: Path | None = None,
    settings: Sequence[str] | None = (),
    named: Named = Named(),  # noqa: B008
) -> Dataset:
    """Load ``data``, as what it looks like if no corpus is named."""
    from genrekit.datasets import open_data

    return open_data(
        data,
        corpus,
        columns=named.columns(),
        leave_out=leave_out,
        **read_settings(settings or ()),
    )


def loader_options(
    data: Path, corpus: str | None, settings: Sequence[str] | None, named: Named
) -> dict[str, Any]:
    """All that is said of how to read ``data``, as options of its loader."""
    from genrekit.datasets import corpus_of

    columns = named.columns()
    options = read_settings(settings or ())
    if not any(named):
        return options
    return columns.options(corpus or corpus_of(data)) | options


def pointed_at(
    recipe: Recipe,
    data: Path | None,
    corpus: str | None,
    named: Named,
    options: Sequence[str] | None,
) -> Recipe:
    """Return the recipe with the data that was named; its own data if none was."""
    from genrekit.training import known_path, pointed

    if data is None and corpus is None and not any(named) and not options:
        return recipe
    path = data or (recipe.data.path and known_path(recipe.data.path))
    if path is None:
        raise ConfigError("how to read the data was said, and no data was named; name it by --data")
    stated = corpus if data is not None else corpus or recipe.data.corpus
    return pointed(
        recipe, path, corpus=stated, options=loader_options(path, stated, options, named)
    )


def read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts, their values in YAML: numbers, lists and the like are what they look.

    Raises
    ------
    ConfigError
        If one has another form.
    """
    import yaml

    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or key.strip() in _NO_SETTINGS:
            raise ConfigError(f"the setting {setting!r} is none; expected KEY=VALUE")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"the setting {setting!r} has a value that is not YAML") from None
    return values


def open_pairs(file: Path | None) -> tuple[Pair, ...]:
    """Near duplicates from ``file``, if there is one."""
    from genrekit.datasets import read_pairs

    return () if file is None else read_pairs(file)


def fingerprints_of(dataset: Dataset) -> Duplicates:
    """Decode all audio of the dataset, under a progress bar, and find what sounds alike."""
    from genrekit.evaluation import find_duplicates, fingerprint_items
    from genrekit.features import FeatureCache
    from genrekit.terminal import track
    from genrekit.workers import cores

    fingerprinted = fingerprint_items(dataset, workers=cores(), cache=FeatureCache.default())
    return find_duplicates(dataset, tuple(track(fingerprinted, len(dataset), "Listening")))
