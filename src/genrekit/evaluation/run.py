"""A results file: the numbers of one model under one protocol, and the answers they are made of."""

from __future__ import annotations

from typing import Literal

from genrekit.evaluation.full_metrics import Metrics
from genrekit.schema import Contract, EvaluationResult, Probability


class Answer(Contract):
    """What a model said of one tested track or segment.

    Parameters
    ----------
    item, group : str
        Its id, and the recording; of a track with several items the recording is the id.
    true, predicted : tuple of str
        One for single-label.
    probabilities : tuple of float
        In the order of the labels of the result.
    fold : int
        Which fold tested it.
    """

    item: str
    group: str
    true: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: tuple[Probability, ...]
    fold: int = 0

    @property
    def right(self) -> bool:
        """Whether all is predicted correctly, and nothing else."""
        return set(self.true) == set(self.predicted)


class FoldSize(Contract):
    """Recordings that a fold fitted on and tested."""

    train: int
    test: int


class RunResult(Contract):
    """A results file.

    Parameters
    ----------
    result : EvaluationResult
        The headline.
    metrics : Metrics, optional
        Everything else, of the same unit; None for multi-label.
    segment_result, segment_metrics : optional
        The same scores counted segment by segment, where recordings have several.
    folds : tuple of FoldSize
        Empty for a bundle, which was fitted once.
    answers, segments : tuple of Answer
        Of the unit of ``result``; and of the segments beneath, if there are any.
    """

    kind: Literal["genrekit-run"] = "genrekit-run"
    format_version: Literal[1] = 1
    result: EvaluationResult
    metrics: Metrics | None = None
    segment_result: EvaluationResult | None = None
    segment_metrics: Metrics | None = None
    folds: tuple[FoldSize, ...] = ()
    seed: int | None = None
    answers: tuple[Answer, ...]
    segments: tuple[Answer, ...] = ()
