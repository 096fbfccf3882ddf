"""Make the model in the box, and the page about it.

    python benchmarks/box.py recipes/box.yaml -o src/genrekit/bundles/packaged/box \
        --numbers box.json --page docs/results/box.md

GENREKIT_DATA is a folder laid out as the recipe says. Everything is measured anew: the headline for
five seeds, clips in folds, ablations; then the model that ships is fitted and written.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from box_page import render

from genrekit.cli.console import cores, follow
from genrekit.features.cache import FeatureCache
from genrekit.training.box.make import CACHE_BYTES, BoxStep, make_box
from genrekit.training.box.recipe import load_box_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="the bundle")
    parser.add_argument("--numbers", type=Path, required=True, help="JSON of all numbers")
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--recorded", type=Path, help="folder of recorded sound that is no music")
    parser.add_argument("--overwrite", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_box_recipe(arguments.recipe)
    cache = FeatureCache(FeatureCache.default().directory, CACHE_BYTES)
    start = time.monotonic()
    last = follow(
        make_box(recipe, arguments.out, cache=cache, workers=cores(), overwrite=arguments.overwrite)
    )
    assert isinstance(last, BoxStep)
    assert last.measured is not None
    arguments.numbers.write_text(last.measured.model_dump_json(indent=1) + "\n", encoding="utf-8")
    page = render(
        recipe,
        last.measured,
        arguments.out,
        minutes=(time.monotonic() - start) / 60,
        recorded=arguments.recorded,
    )
    arguments.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
