"""Which tracks of a server's log to label next: the most uncertain, and the most unlike."""

from __future__ import annotations

import csv
import io
import math
from bisect import bisect_right
from pathlib import Path

from pydantic import Field

from genrekit.errors import DatasetError
from genrekit.monitoring import Drift, kept_audio, key_of, logged_inputs, read_log
from genrekit.schema import Contract, Reference


class Proposal(Contract):
    """A track to label."""

    id: str = Field(description="of the answer")
    path: str = Field(description="of the audio, where the server kept it")
    answered: str
    confidence: float
    surprise: float = Field(
        description="mean of -log of the share of reference tracks in the bins of its inputs"
    )
    why: str


class Proposals(Contract):
    """What to label, and how far what was answered has moved from the reference."""

    answers: int
    labelled: int
    drift: dict[str, Drift] = Field(description="by model")
    proposals: tuple[Proposal, ...]


def propose_labels(log: Path, top: int = 20) -> Proposals:
    """Choose tracks to label: half by doubt, half by being unlike the training data.

    Parameters
    ----------
    log : Path
        Written by ``genrekit serve --log``.

    Raises
    ------
    DatasetError
        If it is not a log, or holds no answers.
    """
    found = read_log(log)
    answers = [one for one in found.answers if one.shadow_of is None]
    if not answers:
        raise DatasetError(f"{log} holds no answers yet")
    audio, inputs = kept_audio(log), logged_inputs(log)
    known = {sha256: model.reference for sha256, model in found.models.items()}
    every = [
        Proposal(
            id=one.id,
            path=str(audio.get(one.id, "")),
            answered=one.genre,
            confidence=one.confidence,
            surprise=_surprise(known.get(one.sha256), inputs.get(one.id, {})),
            why="",
        )
        for one in answers
        if one.true_genre is None and one.is_right is not True
    ]
    models = {
        key_of(one): found.models[one.sha256] for one in answers if one.sha256 in found.models
    }
    return Proposals(
        answers=len(answers),
        labelled=len(answers) - len(every),
        drift={
            f"{model.name} {model.version}": found.tallies[key].drift()
            for key, model in models.items()
            if key in found.tallies
        },
        proposals=tuple(_chosen(every, top)),
    )


def _chosen(every: list[Proposal], top: int) -> list[Proposal]:
    doubted = sorted(every, key=lambda one: one.confidence)
    unlike = sorted(every, key=lambda one: -one.surprise)
    chosen: dict[str, Proposal] = {}
    for doubt, odd in zip(doubted, unlike, strict=True):
        for one, why in ((doubt, "uncertain"), (odd, "unlike what was trained on")):
            if len(chosen) < top and (why == "uncertain" or one.surprise > 0):
                chosen.setdefault(one.id, one.model_copy(update={"why": why}))
    return list(chosen.values())


def _surprise(reference: Reference | None, inputs: dict[str, float]) -> float:
    """How rare the numbers of a track's input are where the model was measured."""
    if reference is None:
        return 0.0
    rare = [
        -math.log(max(spread.shares[bisect_right(spread.edges, inputs[name])], 0.5 / spread.tracks))
        for name, spread in reference.inputs.items()
        if name in inputs
    ]
    return sum(rare) / len(rare) if rare else 0.0


def proposals_csv(found: Proposals) -> str:
    """Proposals as a table whose column ``genre`` is to be filled in."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("path", "genre", "answered", "confidence", "why", "id"))
    for one in found.proposals:
        confidence = f"{one.confidence:.3f}"
        writer.writerow((one.path, "", one.answered, confidence, one.why, one.id))
    return text.getvalue()
