"""The claims of the projects that genrekit grew out of, measured again: one command, one page.

What was measured is kept in ``--keep``, fit by fit, so that the command can be stopped and
continued; ``--page`` measures nothing and writes the page anew from the numbers beside it.

    python benchmarks/claims.py DATA -o docs/results/claims.md
    python benchmarks/claims.py --page -o docs/results/claims.md

DATA is a folder of gtzan_tables (features_30_sec.csv, features_3_sec_five_genres.csv) and
gtzan_audio/clips. The page also reads what benchmarks/studies.py, deep.py, box.py and features.py
have written beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from claims_measure import MEASURES, Measured, Places
from claims_page import Claims, render
from paged import paged, paged_arguments

from genrekit.terminal import progress_bars


def main() -> None:
    """Measure what is not kept yet, then write numbers and page."""
    options = _options()
    numbers = options.output.with_suffix(".json")
    if options.page:
        found = Claims.model_validate_json(numbers.read_text(encoding="utf-8"))
    else:
        found = Claims(measured=_measured(Places(options.data, options.keep), options.only))
        numbers.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    options.output.write_text(render(found, options.output.parent), encoding="utf-8")


def _measured(places: Places, only: Sequence[str]) -> dict[str, Measured]:
    found = {}
    for name, measure in MEASURES.items():
        file = places.kept / f"{name}.json"
        missing = [path for path in measure.needs(places) if not path.exists()]
        if file.exists():
            found[name] = Measured.model_validate_json(file.read_text(encoding="utf-8"))
        elif missing:
            print(f"{missing[0]} is not there: {name} is not measured", file=sys.stderr)
        elif not only or name in only:
            _keep(name, places, file)
            found[name] = Measured.model_validate_json(file.read_text(encoding="utf-8"))
    return found


def _keep(name: str, places: Places, file: Path) -> None:
    with progress_bars() as progress:
        measured = MEASURES[name].measure(places, progress)
    part = file.with_suffix(".part")
    part.write_text(measured.model_dump_json(indent=1), encoding="utf-8")
    part.replace(file)


def _options() -> argparse.Namespace:
    parser = paged_arguments(__doc__, output="the Markdown file", keep="claims")
    parser.add_argument("--only", nargs="*", default=[], choices=list(MEASURES), help="of these")
    return paged(parser)


if __name__ == "__main__":
    main()
