"""Make the model in the box, and the page about it.

    python benchmarks/box.py recipes/box.yaml -o src/genrekit/bundles/packaged/box \
        --numbers box.json --page docs/results/box.md

GENREKIT_DATA is a folder laid out as the recipe says. Everything is measured anew: the headline for
five seeds, clips in folds, ablations; then the model that ships is fitted and written. With
``--beside`` the page has other routes too: models of recipes/heads, trained on the same folds of
the clips (``--set protocol={name: grouped-kfold, n_folds: 4} --set final_fit=everything``).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from box_page import Numbers, render

from genrekit.cli.console import cores, follow
from genrekit.features.cache import FeatureCache
from genrekit.training.box.make import CACHE_BYTES, BoxStep, make_box
from genrekit.training.box.recipe import BoxRecipe, load_box_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="the bundle")
    parser.add_argument("--numbers", type=Path, required=True, help="JSON of all numbers")
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--recorded", type=Path, help="folder of recorded sound that is no music")
    parser.add_argument(
        "--beside", type=Path, action="append", default=[], help="a model by another route"
    )
    parser.add_argument("--networks", type=Path, help="numbers of networks, by benchmarks/deep.py")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument(
        "--kept", action="store_true", help="write the page of bundle and numbers that are there"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_box_recipe(arguments.recipe)
    if not arguments.kept:
        numbers = _make(recipe, arguments.out, overwrite=arguments.overwrite)
        arguments.numbers.write_text(numbers.model_dump_json(indent=1) + "\n", encoding="utf-8")
    page = render(
        recipe,
        Numbers.model_validate_json(arguments.numbers.read_bytes()),
        arguments.out,
        recorded=arguments.recorded,
        beside=arguments.beside,
        networks=arguments.networks,
    )
    arguments.page.write_text(page, encoding="utf-8")


def _make(recipe: BoxRecipe, out: Path, *, overwrite: bool) -> Numbers:
    cache = FeatureCache(FeatureCache.default().directory, CACHE_BYTES)
    start = time.monotonic()
    last = follow(make_box(recipe, out, cache=cache, workers=cores(), overwrite=overwrite))
    assert isinstance(last, BoxStep)
    assert last.measured is not None
    minutes = (time.monotonic() - start) / 60
    return Numbers(**dict(last.measured), minutes=minutes)


if __name__ == "__main__":
    main()
