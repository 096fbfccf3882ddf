"""The reference of all columns, as Markdown; run it to write ``docs/features.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from genrekit.features.columns import ColumnInfo
from genrekit.features.descriptors import DescriptorsFrontend
from genrekit.features.gtzan57 import Gtzan57Frontend
from genrekit.features.trajectories import TrajectoriesFrontend
from genrekit.markdown import marked_table
from genrekit.schema import DescriptorsConfig, Gtzan57Config, TrajectoriesConfig

_INTRODUCTION = """\
# Features

<!-- Written by: python -m genrekit.features.describe docs/features.md -->

The first two sets below turn a clip into one row of numbers; every column has a unit and a meaning.
`genrekit features FOLDER --set NAME` writes them for a folder of music. The third is a sequence of
such columns, for networks that read sequences. The command goes on where it was stopped, and
remembers files that could not be read until they change, or `--retry-failed`.

A unit of 1 is a number without one; dBFS is decibels below full scale, FS a share of full scale. In
`descriptors`, only columns in these last two units follow the gain of a recording.
"""

_DESCRIPTORS = """\
The set for modelling: {count} columns of timbre, rhythm, harmony and dynamics, from one spectrogram
(frames of 2048 samples, every 512, at 22050 Hz, all fully inside the clip) and its separation into
a harmonic and a percussive part.

- The clip is scaled to a peak of 1 first, so every threshold is relative to it.
- Fewer than 512 samples at the end of a clip may be in no frame; only descriptors of the whole clip
  see them. A clip shorter than a frame is filled up with zeros to one.
- Timbre and harmony are measured in the *audible* frames: those less than 60 dB below the loudest.
  Silence around or within the music does not count.
- What cannot be measured (no onset, no key, silence) is 0. Levels do not go below -120 dBFS.
- The key is given as numbers that a model can use: the tonic as a point on the circle of fifths
  (C at the top, one fifth up is 30 degrees on), scaled by how sure it is, and major against minor
  as a signed number. `name_key` gives it its name. `degree_7` and its kin describe the pitch
  classes above that tonic, so they do not depend on the key itself.
- A tempo has an ambiguity of octaves that listeners share; `pulse_at_half` and `pulse_at_two` tell
  how strong the neighbouring octaves are.
"""

_GTZAN57 = """\
The {count} columns of the table `features_30_sec.csv` that many tutorials start from, in its order
and with its conventions. For new models `descriptors` tells more.
"""

_TRAJECTORIES = """\
The {count} rows of a sequence for recurrent networks (`recipes/networks/bigru-descriptors.yaml`):
a column for every block of half a second, or of `block_seconds`. Everything is measured as in
`descriptors`, but summed up over the frames of a block instead of those of the clip, silent frames
included. The last block has the frames that are left.
"""


def column_table(columns: Iterable[ColumnInfo]) -> str:
    """Markdown table of columns: name, unit, meaning; one line each, in order."""
    rows = ((f"`{column.name}`", column.unit, column.meaning) for column in columns)
    return marked_table(("column", "unit", "meaning"), rows) + "\n"


def column_tables(columns: Iterable[ColumnInfo]) -> str:
    """One `column_table` for each family, below a heading with its name and size."""
    parts = []
    for family, members in groupby(columns, key=lambda column: column.family):
        table = tuple(members)
        parts.append(f"### {family} ({len(table)})\n\n{column_table(table)}")
    return "\n".join(parts)


def reference() -> str:
    """Return the whole page on described columns, as Markdown."""
    descriptors = DescriptorsFrontend(DescriptorsConfig()).columns
    gtzan57 = Gtzan57Frontend(Gtzan57Config()).columns
    trajectories = TrajectoriesFrontend(TrajectoriesConfig()).columns
    parts = [
        _INTRODUCTION,
        "## descriptors\n\n" + _DESCRIPTORS.format(count=len(descriptors)),
        column_tables(descriptors),
        "## gtzan57\n\n" + _GTZAN57.format(count=len(gtzan57)),
        column_table(gtzan57),
        "## trajectories\n\n" + _TRAJECTORIES.format(count=len(trajectories)),
        column_tables(trajectories),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
