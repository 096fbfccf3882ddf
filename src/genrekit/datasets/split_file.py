"""A split on disk: one small JSON, with a letter for each item and fold."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from genrekit.datasets.fold import Fold
from genrekit.datasets.splits import Split
from genrekit.errors import DatasetError
from genrekit.schema import Contract, Sha256

_LETTERS = {"train": "t", "valid": "v", "test": "X"}


class SplitFile(Contract):
    """What the file holds.

    Parameters
    ----------
    fingerprint : str
        Of the `Split`; checked on reading, so a file that was edited is found out.
    items : tuple of str
        All item ids that any fold uses.
    folds : tuple of str
        A letter for each item: ``t`` trains, ``v`` chooses, ``X`` tests, ``-`` is unused.
    """

    format: Literal["genrekit-split-1"] = "genrekit-split-1"
    protocol: str
    leaky: bool
    seed: int
    fingerprint: Sha256
    dataset_fingerprint: Sha256
    items: tuple[str, ...] = Field(min_length=1)
    folds: tuple[str, ...] = Field(min_length=1)


def write_split(split: Split, file: Path) -> None:
    """Write ``split``; `read_split` gives an equal one back, up to the order of items."""
    items = tuple(
        dict.fromkeys(chain.from_iterable(f.train + f.valid + f.test for f in split.folds))
    )
    content = SplitFile(
        protocol=split.protocol,
        leaky=split.leaky,
        seed=split.seed,
        fingerprint=split.fingerprint,
        dataset_fingerprint=split.dataset_fingerprint,
        items=items,
        folds=tuple(_letters(fold, items) for fold in split.folds),
    )
    file.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_split(file: Path) -> Split:
    """Read what `write_split` wrote.

    Raises
    ------
    DatasetError
        If it cannot be read, is not such a file, or does not have its own fingerprint.
    """
    try:
        content = SplitFile.model_validate(json.loads(file.read_text(encoding="utf-8")))
        split = Split(
            protocol=content.protocol,
            seed=content.seed,
            dataset_fingerprint=content.dataset_fingerprint,
            folds=tuple(_fold(letters, content.items) for letters in content.folds),
            leaky=content.leaky,
        )
    except (OSError, ValueError) as problem:
        raise DatasetError(f"{file} is not a split: {_first_line(problem)}") from problem
    if split.fingerprint != content.fingerprint:
        raise DatasetError(
            f"{file} was changed after it was made: it holds split {split.fingerprint[:12]} and "
            f"says {content.fingerprint[:12]}; make it again with: genrekit split"
        )
    return split


def _letters(fold: Fold, items: tuple[str, ...]) -> str:
    letter = {
        item_id: letter for part, letter in _LETTERS.items() for item_id in getattr(fold, part)
    }
    return "".join(letter.get(item_id, "-") for item_id in items)


def _fold(letters: str, items: tuple[str, ...]) -> Fold:
    if len(letters) != len(items) or set(letters) - {*_LETTERS.values(), "-"}:
        raise ValueError(f"a fold needs {len(items)} of the letters t, v, X and -")
    return Fold(
        **{
            part: tuple(
                item_id for item_id, found in zip(items, letters, strict=True) if found == letter
            )
            for part, letter in _LETTERS.items()
        }
    )


def _first_line(problem: Exception) -> str:
    if isinstance(problem, ValidationError):
        first = problem.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(problem)
