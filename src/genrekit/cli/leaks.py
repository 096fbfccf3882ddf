"""``genrekit leaks``: what makes a number flatter, before or after it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from genrekit.cli.data import Corpus, Group, Id, Ignore, Label, Named, Settings, open_dataset
from genrekit.errors import ConfigError, DatasetError, outcome

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Pair, Split
    from genrekit.evaluation import Leak
    from genrekit.schema import EvaluationResult

_RECIPES = (".yaml", ".yml")


class _Data(NamedTuple):
    """What is known besides the subject."""

    dataset: Dataset | None
    split: Split | None
    pairs: tuple[Pair, ...]
    content: dict[str, str] | None

    def find(self, split: Split, **subject: Any) -> tuple[Leak, ...]:
        """Leaks of ``split``, and of the subject if it is tested by it."""
        from genrekit.evaluation import find_leaks

        if self.dataset is None:
            raise ConfigError("name the data that the split was made from, with --data")
        return find_leaks(self.dataset, split, pairs=self.pairs, content=self.content, **subject)


def leaks(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SPLIT|RESULTS|RECIPE|BUNDLE",
            help="A split or results (JSON), a recipe (YAML), or a saved model.",
        ),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder, table or manifest it is about.")
    ] = None,
    corpus: Corpus = None,
    label: Label = None,
    id_column: Id = None,
    group: Group = None,
    ignore: Ignore = None,
    settings: Settings = None,
    leave_out: Annotated[
        Path | None, typer.Option(help="File of track ids to leave out, one a line.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="How results were made, or a model is tested.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="How a model is tested, if there is no --split.")
    ] = "all-test",
    pairs: Annotated[Path | None, typer.Option(help="Near duplicates, two ids a line.")] = None,
    listening: Annotated[
        bool, typer.Option("--listen", help="Decode all audio and find duplicates by ear.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One leak a line, as JSON.")] = False,
) -> None:
    """Find and name leaks between training and test; exit code 4 if there are any."""
    dataset = None
    if data is not None:
        dataset = open_dataset(
            data, corpus, leave_out, settings, Named(label, id_column, group, ignore)
        )
    known = _known(dataset, split, pairs, listening)
    found = list(_found(subject, known, protocol, corpus))
    (_print_json if as_json else _print)(found)
    if found:
        raise typer.Exit(outcome(DatasetError()).exit_code)


def _known(
    dataset: Dataset | None, split: Path | None, pairs: Path | None, listening: bool
) -> _Data:
    from genrekit.cli.data import hear, open_pairs
    from genrekit.datasets import read_split

    made = None if split is None else read_split(split)
    if dataset is None or not listening:
        return _Data(dataset, made, open_pairs(pairs), None)
    heard = hear(dataset)
    return _Data(dataset, made, (*open_pairs(pairs), *heard.pairs), heard.content)


def _found(
    subject: str, known: _Data, protocol: str, corpus: str | None
) -> Iterator[tuple[str, Leak]]:
    path = Path(subject)
    if path.suffix in _RECIPES:
        return _of_recipe(path, known)
    if path.suffix == ".json" and path.is_file():
        return _of_json(path, known)
    return _of_bundle(subject, known, protocol)


def _of_recipe(path: Path, known: _Data) -> Iterator[tuple[str, Leak]]:
    """Of every protocol of the recipe, on its own data or on --data."""
    from genrekit.training import load_recipe
    from genrekit.training.own import load_data
    from genrekit.training.plan import planned

    recipe = load_recipe(path)
    replaced = known.dataset is not None
    dataset = known.dataset or load_data(recipe.data)
    known = known._replace(dataset=dataset)
    recipe = planned(recipe, dataset, replaced=replaced)
    for one in (recipe.protocol, *recipe.beside):
        split = one.split(dataset, allow_torn=True)
        for leak in known.find(split):
            yield one.name, leak


def _of_json(path: Path, known: _Data) -> Iterator[tuple[str, Leak]]:
    """Of a split; or of results: of one run, those of a model, or those of a study."""
    from genrekit.datasets import read_split

    content = _read(path)
    if "folds" in content and "answers" not in content:
        split = read_split(path)
        for leak in known.find(split):
            yield split.protocol, leak
        return
    for result in _results(path, content):
        yield from _of_result(result, known)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DatasetError(f"{path} cannot be read as JSON: {problem}") from problem
    if not isinstance(content, dict):
        raise DatasetError(f"{path} is neither a split nor results")
    return content


def _results(path: Path, content: dict[str, Any]) -> list[EvaluationResult]:
    from pydantic import ValidationError

    from genrekit.schema import EvaluationResult

    records = content.get("results") or [cell["result"] for cell in content.get("cells", ())]
    if "result" in content:  # of one run
        records = [content["result"]]
    try:
        return [EvaluationResult.model_validate(record) for record in records or [content]]
    except ValidationError as problem:
        first = problem.errors()[0]
        raise DatasetError(
            f"{path} is neither a split nor results: {first['loc']}: {first['msg']}"
        ) from None


def _of_result(result: EvaluationResult, known: _Data) -> Iterator[tuple[str, Leak]]:
    from genrekit.evaluation import result_leaks

    where = f"{result.model}, {result.protocol}"
    dataset, split = known.dataset, known.split
    if dataset is not None and dataset.fingerprint != result.dataset_fingerprint:
        raise DatasetError(f"{where} was made with other data than {dataset.name}; name its own")
    if split is not None and split.fingerprint != result.split_fingerprint:
        raise DatasetError(f"{where} was made with another split than --split; name its own")
    if dataset is not None and split is not None:
        found = list(known.find(split, result=result))
    else:
        found = result_leaks(result, dataset, split)
    for leak in found:
        yield where, leak


def _of_bundle(name: str, known: _Data, protocol: str) -> Iterator[tuple[str, Leak]]:
    """Of the numbers it carries, and of testing it on --data."""
    from genrekit.bundles import load_bundle
    from genrekit.datasets import make_split
    from genrekit.evaluation import result_leaks

    bundle = load_bundle(name)
    for result in bundle.metrics.results:
        for leak in result_leaks(result):
            yield f"{result.model}, {result.protocol}", leak
    if known.dataset is None:
        return
    split = known.split or make_split(known.dataset, protocol, allow_torn=True)
    for leak in known.find(split, manifest=bundle.manifest):
        yield f"{bundle.manifest.name} on {known.dataset.name}", leak


def _print_json(found: list[tuple[str, Leak]]) -> None:
    from genrekit.cli.console import print_json

    for where, leak in found:
        print_json({"where": where, **leak.model_dump()})


def _print(found: list[tuple[str, Leak]]) -> None:
    from rich.text import Text

    from genrekit.cli.console import results

    for where, leak in found:
        results().print(Text.assemble((leak.kind, "bold red"), f" ({where}): {leak.evidence}"))
    if not found:
        results().print("no leak found")
