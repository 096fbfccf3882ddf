"""Whether a saved model knows the contents of what it is to be tested on, whatever their names."""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.bundles import Bundle
from genrekit.datasets import Dataset
from genrekit.evaluation.alike import heard_items, listen
from genrekit.evaluation.learnt import LEARNT, read_learnt, seen_rows, seen_sounds
from genrekit.features.cache import FeatureCache


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
    kept = any(file.name == LEARNT for file in bundle.manifest.files)
    learnt = read_learnt(bundle.directory) if kept else None
    if learnt is None:
        return KnownContents(unseen=f"{name} keeps no digests of what it learnt")
    if tested.features is not None:
        if not len(learnt.rows):
            return KnownContents(unseen=f"{name} learnt audio, and {tested.name} is a table")
        if not set(learnt.columns) <= set(tested.feature_names):
            return KnownContents(unseen=f"{tested.name} has not the columns that {name} learnt")
        return KnownContents(seen_rows(learnt, tested))
    if not len(learnt.sounds):
        return KnownContents(unseen=f"{name} learnt no audio, and {tested.name} is audio")
    if not listening:
        return KnownContents(unseen="the audio was not heard; add --listen")
    content, prints = heard_items(tested, tuple(listen(tested, workers=workers, cache=cache)))
    return KnownContents(seen_sounds(learnt, content, prints))
