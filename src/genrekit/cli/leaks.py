"""``genrekit leaks``: what makes a number flatter, before or after it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from genrekit.cli.options import LeaveOut, Reading, reads_data
from genrekit.errors import ConfigError, DatasetError, LeakError, outcome

if TYPE_CHECKING:
    from genrekit.bundles import Bundle
    from genrekit.datasets import Dataset, Pair, Split
    from genrekit.evaluation import Evidence, Look
    from genrekit.schema import EvaluationResult

_RECIPES = (".yaml", ".yml")


class _Data(NamedTuple):
    """What is known besides the subject."""

    dataset: Dataset | None = None
    split: Split | None = None
    pairs: tuple[Pair, ...] = ()
    content: dict[str, str] | None = None
    listening: bool = False
    consecutive: tuple[Pair, ...] = ()

    def of(self, dataset: Dataset) -> _Data:
        """Return the same with data, which is fingerprinted if that was asked for."""
        from genrekit.cli.options import fingerprints_of

        known = self._replace(dataset=dataset)
        if not self.listening or dataset.features is not None:
            return known
        fingerprinted = fingerprints_of(dataset)
        return known._replace(
            pairs=(*self.pairs, *fingerprinted.pairs),
            content=fingerprinted.content,
            consecutive=fingerprinted.consecutive,
        )

    def find(
        self, split: Split, *, bundle: Bundle | None = None, result: EvaluationResult | None = None
    ) -> tuple[Look, ...]:
        """Return what became of looking for each kind of leak, in testing by ``split``."""
        from genrekit.evaluation import KnownContents, find_leaks, known_contents, looks, test_ids

        if self.dataset is None:
            raise ConfigError("name the data that the split was made from, with --data")
        tested = self.dataset.select(self.dataset.indices(test_ids(split)))
        known = KnownContents()
        if bundle is not None:
            known = known_contents(bundle, tested, listening=self.listening)
        found = find_leaks(
            self.dataset,
            split,
            pairs=self.pairs,
            consecutive=self.consecutive,
            content=self.content,
            manifest=None if bundle is None else bundle.manifest,
            seen=known.items,
            result=result,
        )
        return looks(found, self.given(split, bundle, result, known.unseen))

    def given(
        self,
        split: Split | None,
        bundle: Bundle | None = None,
        result: EvaluationResult | None = None,
        unseen: str = "",
    ) -> Evidence:
        """Return what there was to look into."""
        from genrekit.evaluation import Evidence

        return Evidence(
            self.dataset,
            split,
            self.pairs,
            listened=self.content is not None,
            manifest=None if bundle is None else bundle.manifest,
            result=result,
            contents=unseen,
        )


@reads_data
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
    leave_out: LeaveOut = None,
    split: Annotated[
        Path | None, typer.Option(help="How results were made, or a model is tested.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="How a model is tested, if there is no --split.")
    ] = "all-test",
    pairs: Annotated[Path | None, typer.Option(help="Near duplicates, two ids a line.")] = None,
    listening: Annotated[
        bool, typer.Option("--listen", help="Decode all audio and find duplicates by fingerprint.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each leak, and each kind without.")
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Find and name leaks between training and test; exit code 9 if there are any.

    Each kind of leak is answered: found, looked and found none, or not looked, and why.
    """
    dataset = None
    if data is not None:
        dataset = reading.open(data, leave_out)
    known = _known(dataset, split, pairs, listening)
    found = [(where, look) for where, seen in _found(subject, known, protocol) for look in seen]
    (_print_json if as_json else _print)(found)
    if any(look.leaks for _, look in found):
        raise typer.Exit(outcome(LeakError()).exit_code)


def _known(
    dataset: Dataset | None, split: Path | None, pairs: Path | None, listening: bool
) -> _Data:
    from genrekit.cli.options import open_pairs
    from genrekit.datasets import read_split

    made = None if split is None else read_split(split)
    known = _Data(split=made, pairs=open_pairs(pairs), listening=listening)
    return known if dataset is None else known.of(dataset)


def _found(subject: str, known: _Data, protocol: str) -> Iterator[tuple[str, tuple[Look, ...]]]:
    path = Path(subject)
    if path.suffix in _RECIPES:
        return _of_recipe(path, known)
    if path.suffix == ".json" and path.is_file():
        return _of_json(path, known)
    return _of_bundle(subject, known, protocol)


def _of_recipe(path: Path, known: _Data) -> Iterator[tuple[str, tuple[Look, ...]]]:
    """Of every protocol of the recipe, on its own data or on --data."""
    from genrekit.training import load_data, load_recipe, planned

    recipe = load_recipe(path)
    replaced = known.dataset is not None
    dataset = known.dataset or load_data(recipe.data)
    known = known if replaced else known.of(dataset)
    recipe = planned(recipe, dataset, replaced=replaced)
    for one in (recipe.protocol, *recipe.beside):
        yield one.name, known.find(one.split(dataset, allow_leaking=True))


def _of_json(path: Path, known: _Data) -> Iterator[tuple[str, tuple[Look, ...]]]:
    """Of a split; or of results: of one run, those of a model, or those of a study."""
    from genrekit.datasets import read_split

    content = _read(path)
    if "folds" in content and "answers" not in content:
        split = read_split(path)
        yield split.protocol, known.find(split)
        return
    for result in _results(path, content):
        yield _of_result(result, known)


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


def _of_result(result: EvaluationResult, known: _Data) -> tuple[str, tuple[Look, ...]]:
    from genrekit.evaluation import looks, result_leaks

    where = f"{result.model}, {result.protocol}"
    dataset, split = known.dataset, known.split
    if dataset is not None and dataset.fingerprint != result.dataset_fingerprint:
        raise DatasetError(f"{where} was made with other data than {dataset.name}; name its own")
    if split is not None and split.fingerprint != result.split_fingerprint:
        raise DatasetError(f"{where} was made with another split than --split; name its own")
    if dataset is not None and split is not None:
        return where, known.find(split, result=result)
    found = result_leaks(result, dataset, split)
    return where, looks(found, known.given(split, result=result))


def _of_bundle(name: str, known: _Data, protocol: str) -> Iterator[tuple[str, tuple[Look, ...]]]:
    """Of the numbers it carries, and of testing it on --data."""
    from genrekit.bundles import load_bundle
    from genrekit.datasets import make_split
    from genrekit.evaluation import Evidence, looks, result_leaks

    bundle = load_bundle(name)
    for result in bundle.metrics.results:
        given = Evidence(result=result, manifest=bundle.manifest)
        yield f"{result.model}, {result.protocol}", looks(result_leaks(result), given)
    if known.dataset is None:
        return
    split = known.split or make_split(known.dataset, protocol, allow_leaking=True)
    where = f"{bundle.manifest.name} on {known.dataset.name}"
    yield where, known.find(split, bundle=bundle)


def _print_json(found: list[tuple[str, Look]]) -> None:
    from genrekit.terminal import print_json

    for where, look in found:
        for leak in look.leaks:
            print_json({"where": where, "verdict": look.verdict, **leak.model_dump()})
        if not look.leaks:
            record = {"kind": look.kind, "verdict": look.verdict, "evidence": look.why}
            print_json({"where": where, **record, "items": []})


def _print(found: list[tuple[str, Look]]) -> None:
    """Leaks first; then what was looked for in vain, and what was not looked for."""
    from rich.text import Text

    from genrekit.terminal import results

    leaks = [(where, leak) for where, look in found for leak in look.leaks]
    for where, leak in leaks:
        results().print(Text.assemble((leak.kind, "bold red"), f" ({where}): {leak.evidence}"))
    if not leaks:
        results().print("no leak found")
    for where in dict.fromkeys(where for where, _ in found):
        mine = [look for one, look in found if one == where]
        results().print(Text(f"{where}:", style="dim"))
        for look in mine:
            style = {"found": "bold red", "not looked": "yellow"}.get(look.verdict, "green")
            why = f" ({look.why})" if look.why else ""
            results().print(Text.assemble(f"  {look.kind}: ", (look.verdict, style), why))
