"""Every architecture on the real data it fits: one command, one page.

Runs are kept one file each in ``--runs``, so that the command can be stopped and continued, and
making the page anew from kept runs takes seconds. Single-threaded runs repeat to the bit.

    python benchmarks/deep.py --pictures images_original --table features_30_sec.csv \
        --runs runs --output docs/results/deep.md
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import loop
import torch
from deep_page import deep_numbers, eight_bits, loop_cost, render
from deep_runs import DeepRun, Job, Loaded, int8_run, jobs, keep

ROOT = Path(__file__).resolve().parents[1]
RECIPES = [
    *sorted((ROOT / "recipes/gtzan").glob("*.yaml")),
    ROOT / "recipes/networks/pictures.yaml",
]
LOOP = "loop.md"
COMMAND = (
    "python benchmarks/deep.py --pictures images_original --table features_30_sec.csv "
    "--runs runs --output docs/results/deep.md"
)


def main() -> None:
    """Fit what is not kept yet, then write the page."""
    options = _options()
    options.runs.mkdir(parents=True, exist_ok=True)
    loaded = Loaded({"pictures": options.pictures, "table": options.table})
    wanted = jobs([path for path in RECIPES if _named(path, options.only)], options.seeds)
    if options.kept:
        _write(_kept(wanted, options.runs, loaded), options, _extras(wanted, options.runs, loaded))
        return
    runs: list[DeepRun] = []
    for number, job in enumerate(wanted, 1):
        new = not job.file(options.runs).exists()
        runs.append(keep(job, options.runs, loaded))
        if new:
            _report(job, runs[-1], number, len(wanted))
            _write(runs + _kept(wanted[number:], options.runs, loaded), options)
    for job in _first_honest(wanted):
        int8_run(job, options.runs, loaded)
    if not (options.runs / LOOP).exists():
        torch.set_num_threads(1)
        (options.runs / LOOP).write_text(loop.table(), encoding="utf-8")
    _write(runs, options, _extras(wanted, options.runs, loaded))


def _first_honest(wanted: list[Job]) -> list[Job]:
    return [job for job in wanted if job.seed == 0 and not job.protocol.name.endswith("-leaky")]


def _extras(wanted: list[Job], folder: Path, loaded: Loaded) -> list[str]:
    """What was measured besides, if it was."""
    measured = [job for job in _first_honest(wanted) if job.int8_file(folder).exists()]
    extras = []
    if measured:
        extras.append(eight_bits([int8_run(job, folder, loaded) for job in measured]))
    if (folder / LOOP).exists():
        extras.append(loop_cost((folder / LOOP).read_text(encoding="utf-8")))
    return extras


def _kept(rest: list[Job], folder: Path, loaded: Loaded) -> list[DeepRun]:
    return [keep(job, folder, loaded) for job in rest if job.file(folder).exists()]


def _write(runs: list[DeepRun], options: argparse.Namespace, extras: Sequence[str] = ()) -> None:
    paths = [path for path in RECIPES if _named(path, options.only)]
    total = len(jobs(paths, options.seeds))
    if options.output is not None:
        options.output.write_text(render(runs, COMMAND, extras, wanted=total), encoding="utf-8")
        numbers = [one.model_dump(mode="json") for one in deep_numbers(runs)]
        beside = options.output.with_suffix(".json")
        beside.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _named(path: Path, only: list[str]) -> bool:
    return not only or path.stem in only


def _report(job: Job, run: DeepRun, number: int, total: int) -> None:
    print(
        f"{number}/{total} {job.recipe.name} {run.protocol} seed {run.seed}: "
        f"{run.right.mean():.3f}, {run.cpu_seconds:.0f} s of processor, {run.wall_seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of pictures by genre")
    parser.add_argument("--table", type=Path, required=True, help="features_30_sec.csv")
    parser.add_argument("--runs", type=Path, required=True, help="where runs are kept")
    parser.add_argument(
        "--output", type=Path, help="the Markdown file; its numbers go to a .json beside it"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kept", action="store_true", help="fit nothing: the page of kept runs")
    parser.add_argument("--only", nargs="*", default=[], help="recipes, by file name")
    return parser.parse_args()


if __name__ == "__main__":
    main()
