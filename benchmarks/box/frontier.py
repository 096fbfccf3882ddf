"""Encoders of other sizes, from less music, with other seeds and without a disturbance.

    python benchmarks/box/frontier.py --numbers docs/results/frontier.json \
        --page docs/results/frontier.md

GENREKIT_DATA and GENREKIT_MUSIC are the folders that recipes/distil/musicnn.yaml names. What is in
``--numbers`` already is not trained again, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from boxnumbers import FrontierRow
from heads import examples_of
from make import SETTINGS
from measure import beside
from protocol import BY_ARTIST, BY_COLLECTION, GTZAN_ALONE
from pydantic import TypeAdapter
from sounds import NOISE, WHOLE, Sound, audio_of, embed, read_sounds

from genrekit.bundles import load_bundle
from genrekit.distil import DistilRecipe, distil, load_distil_recipe
from genrekit.files import cache_home
from genrekit.pages import interval
from genrekit.progress import Progress
from genrekit.terminal import progress_bars
from genrekit.workers import cores

RECIPE = Path(__file__).parents[2] / "recipes/distil/musicnn.yaml"
PROTOCOLS = (BY_COLLECTION, BY_ARTIST, GTZAN_ALONE)
#: Of gradient descent on the front; the shipped encoder takes four times as many.
STEPS = 1000
_HOURS = 5.0
_TIMED = 15
_ROWS = TypeAdapter(tuple[FrontierRow, ...])
#: By name: what differs from five hours of free music with GTZAN's clips and snippets.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "music": {
        "10 minutes of free music": {"hours": 1 / 6, "voices": False},
        "1 hour of free music": {"hours": 1.0, "voices": False},
        "5 hours of free music": {"voices": False},
        "all free music": {"hours": None, "voices": False},
    },
    "seeds": {
        "5 hours of free music, clips and snippets": {},
        **{f"the same, seed {seed}": {"seed": seed} for seed in (1, 2, 3, 4)},
    },
    "sizes": {
        "48 filters": {"filters": ((17, 10), (3, 5, 13))},
        "32 filters": {"filters": ((11, 7), (2, 4, 8))},
        "16 filters": {"filters": ((6, 4), (1, 2, 3))},
    },
    "disturbances": {
        f"without {name.replace('_', ' ')}": {"without": name}
        for name in ("level", "band_limit", "mixing", "codec", "noise")
    },
}
_TITLES = {
    "music": "What music buys",
    "seeds": "Other seeds",
    "sizes": "Smaller students",
    "disturbances": "Without a disturbance",
}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    rows = list(_read(arguments.numbers))
    if not arguments.page_only:
        with progress_bars() as progress:
            _measure(rows, arguments, progress)
    arguments.page.write_text(render(rows), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=VARIANTS, help="a part of the table")
    parser.add_argument("--page-only", action="store_true", help="write the page of the numbers")
    return parser.parse_args()


def _read(path: Path) -> tuple[FrontierRow, ...]:
    return _ROWS.validate_json(path.read_bytes()) if path.exists() else ()


def _measure(rows: list[FrontierRow], arguments: argparse.Namespace, progress: Progress) -> None:
    sounds = read_sounds(Path(os.environ["GENREKIT_DATA"]))
    for part in arguments.only or VARIANTS:
        for name, changes in VARIANTS[part].items():
            if any(one.name == name for one in rows):
                continue
            rows.append(_row(part, name, changes, sounds, progress))
            arguments.numbers.write_bytes(_ROWS.dump_json(tuple(rows), indent=1) + b"\n")


def _row(
    part: str,
    name: str,
    changes: dict[str, Any],
    sounds: Sequence[Sound],
    progress: Progress,
) -> FrontierRow:
    work = cache_home() / "frontier"
    encoder = work / name.replace(" ", "-").replace(",", "")
    recipe = recipe_of(**changes)
    if not encoder.exists():
        work.mkdir(parents=True, exist_ok=True)
        distil(recipe, encoder, workers=cores(), progress=progress)
    bundle = load_bundle(encoder)
    embedded = partial(embed, encoder, sounds, range(len(sounds)), folder=work / "embeddings")
    whole, noisy = (
        embedded(condition=one, workers=cores(), progress=progress) for one in (WHOLE, NOISE)
    )
    examples = examples_of(sounds, whole, noisy)
    return FrontierRow(
        part=part,
        name=name,
        taught=bundle.manifest.provenance.dataset,
        parameters=_parameters(encoder),
        milliseconds=_milliseconds(encoder, sounds),
        agreement=bundle.metrics.agreement,
        heads=beside(name, sounds, examples, SETTINGS, PROTOCOLS),
    )


def recipe_of(
    hours: float | None = _HOURS,
    *,
    voices: bool = True,
    seed: int = 0,
    filters: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
    without: str | None = None,
) -> DistilRecipe:
    """The recipe of the shipped encoder with other music, size, seed or disturbances.

    Parameters
    ----------
    hours : float, optional
        Of free music; all of it by default.
    voices : bool
        Whether GTZAN's clips and snippets train as well.
    filters : ((int, int), (int, int, int)), optional
        Filters of timbre and of tempo.
    without : str, optional
        The disturbance that is left out.
    """
    recipe = load_distil_recipe(RECIPE, [f"block_steps={STEPS}", f"seed={seed}"])
    free, *gtzan = recipe.music
    music = (free.model_copy(update={"hours": hours}), *(gtzan if voices else ()))
    student = recipe.student
    if filters is not None:
        student = student.model_copy(update=dict(zip(("timbre", "tempo"), filters, strict=True)))
    disturb = recipe.disturb.model_copy(update={without: 0.0} if without else {})
    return recipe.model_copy(update={"music": music, "student": student, "disturb": disturb})


def _parameters(encoder: Path) -> int:
    from safetensors.numpy import load_file

    return sum(one.size for one in load_file(encoder / "weights.safetensors").values())


def _milliseconds(encoder: Path, sounds: Sequence[Sound]) -> float:
    """Processor time of the network for 30 s of music."""
    bundle = load_bundle(encoder)
    length = round(bundle.manifest.windows.window_seconds * bundle.manifest.sample_rate_hz)
    samples = audio_of(next(one.path for one in sounds if one.kind == "clips"), WHOLE)
    starts = range(0, len(samples) - length + 1, length)
    windows = [bundle.features(samples[start : start + length]) for start in starts]
    stacked = {name: np.stack([one[name] for one in windows]) for name in windows[0]}
    times = []
    for _ in range(_TIMED):
        start = time.process_time()
        bundle.embed(stacked)
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


def render(rows: Sequence[FrontierRow]) -> str:
    """The page as Markdown."""
    return "\n".join(line for line in _lines(rows)) + "\n"


def _lines(rows: Sequence[FrontierRow]) -> Iterator[str]:
    yield "# How much music, how large a student"
    yield ""
    yield (
        "Encoders like that of [the model in the box](box.md), by `python "
        "benchmarks/box/frontier.py --numbers docs/results/frontier.json --page "
        f"docs/results/frontier.md`: {STEPS} steps of gradient descent on the front instead of "
        "4000. Heads have the settings of the box, without the detector of what is not music. R² "
        "is the share of the variance of the teacher's embedding that is explained, per clip, on "
        "music outside training. The processor's milliseconds are of the network alone, for "
        "30 s of music, on a machine that other work kept busy: compare them with each other."
    )
    for part in VARIANTS:
        chosen = [one for one in rows if one.part == part]
        if chosen:
            yield from ("", f"## {_TITLES[part]}", "", *_table(chosen))
        if part == "seeds":
            yield from _spread(chosen)


def _table(rows: Sequence[FrontierRow]) -> Iterator[str]:
    music = [one.music for one in rows[0].agreement]
    heads = [*(f"R², {name}" for name in music), *PROTOCOLS]
    yield f"| encoder | parameters | ms | {' | '.join(heads)} |"
    yield f"| --- | --- | --- |{' --- |' * len(heads)}"
    for one in rows:
        cells = [f"{each.r2_files:.3f}" for each in one.agreement]
        cells += [f"{interval(each.accuracy)}, macro {each.macro:.3f}" for each in one.heads]
        yield (
            f"| {one.name} | {one.parameters:,} | {one.milliseconds:.0f} | {' | '.join(cells)} |"
        )


def _spread(rows: Sequence[FrontierRow]) -> Iterator[str]:
    if len(rows) < 2:
        return
    yield ""
    for place, protocol in enumerate(PROTOCOLS):
        values = [one.heads[place].accuracy.value for one in rows]
        yield (
            f"- {protocol}: mean {statistics.mean(values):.3f}, standard deviation over "
            f"{len(values)} seeds {statistics.stdev(values):.3f}, from {min(values):.3f} to "
            f"{max(values):.3f}."
        )


if __name__ == "__main__":
    main()
