"""Whether a saved model knows the contents of what it is to be tested on, whatever their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from genrekit.bundles import Bundle
from genrekit.datasets import Dataset
from genrekit.evaluation.duplicates import fingerprint_items, fingerprinted_items
from genrekit.evaluation.learnt import (
    Learnt,
    is_learnt,
    read_learnt,
    seen_rows,
    seen_sounds,
)
from genrekit.features import FeatureCache


@dataclass(frozen=True, slots=True)
class KnownContents:
    """Tested items whose content a model was fitted on.

    Parameters
    ----------
    items : tuple of str
        Their ids.
    unseen : str
        Why contents could not be compared, so that names alone tell; empty if they were.
    """

    items: tuple[str, ...] = ()
    unseen: str = ""


def known_contents(
    bundle: Bundle,
    tested: Dataset,
    *,
    listening: bool = True,
    workers: int = 1,
    cache: FeatureCache | None = None,
) -> KnownContents:
    """Compare rows and sounds with the digests in a bundle.

    Parameters
    ----------
    listening : bool
        Decode the audio of ``tested``, which is what comparing sounds takes.
    """
    name = bundle.manifest.name
    kept = any(is_learnt(file.name) for file in bundle.manifest.files)
    parts = read_learnt(bundle.directory) if kept else ()
    if not parts:
        return KnownContents(unseen=f"{name} keeps no digests of what it learnt")
    if tested.features is not None:
        return _known_rows(name, parts, tested)
    if not any(len(part.sounds) for part in parts):
        return KnownContents(unseen=f"{name} learnt no audio, and {tested.name} is audio")
    if not listening:
        return KnownContents(unseen="the audio was not decoded; add --listen")
    content, prints = fingerprinted_items(
        tested, tuple(fingerprint_items(tested, workers=workers, cache=cache))
    )
    seen = [seen_sounds(part, content, prints) for part in parts]
    return KnownContents(tuple(dict.fromkeys(chain.from_iterable(seen))))


def _known_rows(name: str, parts: Sequence[Learnt], tested: Dataset) -> KnownContents:
    of_rows = [part for part in parts if len(part.rows)]
    if not of_rows:
        return KnownContents(unseen=f"{name} learnt audio, and {tested.name} is a table")
    fitting = [part for part in of_rows if set(part.columns) <= set(tested.feature_names)]
    if not fitting:
        return KnownContents(unseen=f"{tested.name} has not the columns that {name} learnt")
    seen = [seen_rows(part, tested) for part in fitting]
    return KnownContents(tuple(dict.fromkeys(chain.from_iterable(seen))))
