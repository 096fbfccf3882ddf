"""Options that several commands have: each is the same everywhere, above all how data is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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


@dataclass(frozen=True, slots=True)
class Reading:
    """How data is to be read, as it was said on the command line.

    Attributes
    ----------
    corpus : str or None
        None takes what the data looks like.
    label, item_id, group : str or None
        Columns.
    ignore : sequence of str
        Columns that are passed over.
    settings : sequence of str
        ``KEY=VALUE`` for the loader.
    """

    corpus: str | None = None
    label: str | None = None
    item_id: str | None = None
    group: str | None = None
    ignore: Sequence[str] | None = None
    settings: Sequence[str] | None = None

    @property
    def names_columns(self) -> bool:
        """Whether any column was named."""
        return any((self.label, self.item_id, self.group, self.ignore))

    def columns(self) -> Columns:
        """Return the columns that were named, for the loaders."""
        from genrekit.datasets import Columns

        return Columns(self.label, self.item_id, self.group, tuple(self.ignore or ()))

    def open(self, data: Path, leave_out: Path | None = None) -> Dataset:
        """Load ``data``, without the tracks that the file ``leave_out`` names."""
        from genrekit.datasets import open_data

        return open_data(
            data,
            self.corpus,
            columns=self.columns(),
            leave_out=leave_out,
            **read_settings(self.settings or ()),
        )

    def options(self, data: Path, corpus: str | None) -> dict[str, Any]:
        """All that is said of how to read ``data``, as options of its loader."""
        from genrekit.datasets import corpus_of

        options = read_settings(self.settings or ())
        if not self.names_columns:
            return options
        return self.columns().options(corpus or corpus_of(data)) | options


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
    return _with_options(command, _READING)


def reads_data_of_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """As `reads_data`, for commands whose ``--set`` changes a recipe."""
    return _with_options(command, _READING | {"settings": Options})


def reads_table(command: Callable[..., None]) -> Callable[..., None]:
    """As `reads_data`, for commands that take no other corpus."""
    return _with_options(command, {k: v for k, v in _READING.items() if k != "corpus"})


def _with_options(command: Callable[..., None], kinds: dict[str, Any]) -> Callable[..., None]:
    own = signature(command, eval_str=True)
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in kinds.items()
    ]
    shown = [one for one in own.parameters.values() if one.name != "reading"]

    @wraps(command)
    def run(*arguments: Any, **given: Any) -> None:
        reading = Reading(*(given.pop(name, None) or None for name in _READING))
        command(*arguments, reading=reading, **given)

    cast(Any, run).__signature__ = own.replace(parameters=[*shown, *options])
    run.__annotations__ = {one.name: one.annotation for one in (*shown, *options)}
    return run


def pointed_at(recipe: Recipe, data: Path | None, reading: Reading) -> Recipe:
    """Return the recipe with the data that was named; its own data if none was."""
    from genrekit.training import known_path, pointed

    if data is None and reading == Reading():
        return recipe
    path = data or (recipe.data.path and known_path(recipe.data.path))
    if path is None:
        raise ConfigError("how to read the data was said, and no data was named; name it by --data")
    stated = reading.corpus if data is not None else reading.corpus or recipe.data.corpus
    return pointed(recipe, path, corpus=stated, options=reading.options(path, stated))


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
