"""Audio named on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from genrekit.errors import AudioNotFoundError, ConfigError


def find_tracks(sources: Sequence[str | Path]) -> list[Path]:
    """The files that are meant, at least one; a warning says how many others folders hold.

    Raises
    ------
    ConfigError
        For an empty name, which would be the current folder.
    AudioNotFoundError
        If there is not one file of audio.
    """
    from genrekit.audio.skipped import describe_skipped
    from genrekit.batch import look_for_audio
    from genrekit.cli.console import plain, print_problem

    if "" in sources:
        raise ConfigError("one of the names is empty; is a variable of the shell not set?")
    found = look_for_audio(sources)
    files = list(found.files)
    if files and (others := describe_skipped(found.skipped)):
        print_problem("warning", plain(f"{others}; name one itself to have it read"))
    if not files:
        folders = ", ".join(str(source) for source in sources)
        raise AudioNotFoundError(
            f"there is no audio in {folders}; in folders, only files named like audio are looked "
            "at (.mp3, .flac, .wav, ...): name any other file itself"
        )
    return files


def name_tracks(files: Iterable[Path]) -> dict[str, Path]:
    """Names for a table: paths relative to the folder that holds all files."""
    from genrekit.inference import printable

    whole = {path.absolute(): path for path in files}
    folder = os.path.commonpath([path.parent for path in whole])
    names = {path: Path(os.path.relpath(path, folder)).as_posix() for path in whole}
    return {printable(names[path]): original for path, original in whole.items()}


def plain_names(files: dict[str, Path]) -> dict[str, Path]:
    """The same files by their names without folders, if no two are called alike."""
    plain = {Path(name).name: path for name, path in files.items()}
    return plain if len(plain) == len(files) else files
