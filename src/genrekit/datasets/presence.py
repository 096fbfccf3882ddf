"""Which files of a corpus are there: all of them, or an error that counts the missing ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from genrekit.errors import ConfigError, DatasetError

Need = Literal["required", "optional"]


def existing(files: Mapping[str, Path], need: Need, *, corpus: str, hint: str) -> dict[str, Path]:
    """Return the entries of ``files`` that exist.

    Parameters
    ----------
    files : Mapping[str, Path]
        Item id to where its file should be.
    need : {"required", "optional"}
        Whether a missing file is an error.
    hint : str
        What to do about missing files.

    Raises
    ------
    DatasetError
        If a required file is missing; the message has the count and examples.
    ConfigError
        If ``need`` is neither.
    """
    if need not in ("required", "optional"):
        raise ConfigError(f"{corpus}: files are 'required' or 'optional', not {need!r}")
    found = {key: file for key, file in files.items() if file.is_file()}
    missing = [file for key, file in files.items() if key not in found]
    if missing and need == "required":
        examples = ", ".join(str(file) for file in missing[:3])
        raise DatasetError(
            f"{corpus}: {len(missing)} of {len(files)} files are missing, such as {examples}; "
            f"{hint}, or pass 'optional' where only the tables are wanted"
        )
    return found
