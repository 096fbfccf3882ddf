"""List the free music that trained the encoder, with its licences.

    python benchmarks/box/music.py POOL.csv -o docs/results/music.md

POOL.csv has a row for each file: package, version, artist, title, licence, seconds.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.pool.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    arguments.out.write_text("\n".join((*_page(rows), "")), encoding="utf-8")


def _page(rows: list[dict[str, str]]) -> Iterator[str]:
    hours = sum(float(row["seconds"]) for row in rows) / 3600
    packages = defaultdict(list)
    for row in rows:
        packages[row["package"]].append(row)
    yield "# The free music that trained the encoder"
    yield ""
    yield (
        f"{len(rows)} files, {hours:.1f} hours, of {len(packages)} packages of Debian; the recipe "
        "says how much of it was used. It trained without labels, and none of it is in this "
        "repository. Made by `python benchmarks/box/music.py POOL.csv -o docs/results/music.md`."
    )
    yield ""
    yield "| package | version | files | minutes | licences | artists |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, files in sorted(packages.items()):
        minutes = sum(float(row["seconds"]) for row in files) / 60
        licences = "; ".join(sorted({row["licence"] for row in files}))
        artists = ", ".join(sorted({row["artist"] for row in files if row["artist"]}))
        yield (
            f"| {name} | {files[0]['version']} | {len(files)} | {minutes:.0f} | "
            f"{_cell(licences)} | {_cell(artists) or 'not named'} |"
        )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
