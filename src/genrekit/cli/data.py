"""Data named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Pair
    from genrekit.evaluation.alike import Alike

# What has a place of its own on the command line.
_NO_SETTINGS = ("", "corpus", "path", "leave_out")
_MANIFESTS = (".jsonl", ".ndjson")


def open_dataset(
    data: Path,
    corpus: str | None = None,
    leave_out: Path | None = None,
    settings: Sequence[str] = (),
) -> Dataset:
    """Load ``data``; a folder is audio, JSON lines are a manifest, other files tables."""
    from genrekit.datasets import load_dataset

    if corpus is None:
        file = "manifest" if data.suffix in _MANIFESTS else "table"
        corpus = "folder" if data.is_dir() else file
    return load_dataset(corpus, data, leave_out=leave_out, **read_settings(settings))


def read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts, their values in YAML: numbers, lists and the like are what they look.

    Raises
    ------
    ConfigError
        If one has another form.
    """
    import yaml

    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or key.strip() in _NO_SETTINGS:
            raise ConfigError(f"the setting {setting!r} is none; expected KEY=VALUE")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"the setting {setting!r} has a value that is no YAML") from None
    return values


def open_pairs(file: Path | None) -> tuple[Pair, ...]:
    """Near duplicates from ``file``, if there is one."""
    from genrekit.datasets import read_pairs

    return () if file is None else read_pairs(file)


def hear(dataset: Dataset) -> Alike:
    """Decode all audio of the dataset, under a progress bar, and find what sounds alike."""
    from genrekit.cli.console import cores, track
    from genrekit.evaluation.alike import alike, listen
    from genrekit.features import FeatureCache

    heard = listen(dataset, workers=cores(), cache=FeatureCache.default())
    return alike(dataset, tuple(track(heard, len(dataset), "Listening")))
