"""What a leak is: a way in which a test item was known before the test."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Literal

from genrekit.datasets import Split
from genrekit.errors import LeakError
from genrekit.schema import Contract, EvaluationResult

logger = logging.getLogger(__name__)

LeakKind = Literal[
    "segments",
    "exact-duplicates",
    "near-duplicates",
    "artist",
    "album",
    "fitted-before-split",
    "augmented-before-split",
    "chosen-on-test",
    "trained-on-test",
    "segments-called-tracks",
]

#: Names that an evidence sentence lists.
SHOWN = 5


class Leak(Contract):
    """One way in which a number flatters.

    Parameters
    ----------
    kind : str
        ``segments``, ``exact-duplicates``, ``near-duplicates``, ``artist``, ``album``: what is
        tested shares this with what was trained on. ``fitted-before-split``: a scaler, projection,
        selection or oversampling has seen test items. ``augmented-before-split``: a test item and
        a made copy of it are on two sides. ``chosen-on-test``: training was stopped, or a model
        chosen, by test items. ``trained-on-test``: the weights, or the backbone below them, were
        trained on what is tested. ``segments-called-tracks``: parts of tracks are counted as
        tracks.
    evidence : str
        One sentence with what was seen.
    items : tuple of str
        Ids of the offending test items, or of recordings for ``trained-on-test``.
    """

    kind: LeakKind
    evidence: str
    items: tuple[str, ...] = ()


def refuse_leaks(leaks: Sequence[Leak], split: Split | EvaluationResult) -> None:
    """Raise if there are leaks, unless the split, or the result made with it, is named leaky.

    Raises
    ------
    LeakError
        With the evidence of every leak.
    """
    if not leaks:
        return
    found = "; ".join(f"{leak.kind}: {leak.evidence}" for leak in leaks)
    if split.leaky:
        logger.warning("%s is leaky, and so are its numbers: %s", split.protocol, found)
        return
    raise LeakError(
        f"{split.protocol} leaks. {found}. Test on other tracks, or make a split that keeps these "
        "together (genrekit split); a leaky number needs a protocol that is named leaky"
    )


def shown(names: Iterable[str]) -> str:
    """Return the first few of ``names``, in order."""
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")
