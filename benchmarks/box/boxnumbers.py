"""``box.json``: everything that is measured of the model in the box."""

from __future__ import annotations

from genrekit.schema import Agreement, Contract, Estimate, EvaluationResult


class Condition(Contract):
    """One condition of the tracks of a protocol."""

    accuracy: Estimate
    lost: Estimate
    unknown: float


class Beside(Contract):
    """Another route with the same sounds in the same rounds."""

    name: str
    protocol: str
    tracks: int
    accuracy: Estimate
    macro: float


class FrontierRow(Contract):
    """An encoder of another size or other music, and heads on it.

    Attributes
    ----------
    milliseconds : float
        Processor time of the network for 30 s of music.
    """

    part: str
    name: str
    taught: str
    parameters: int
    milliseconds: float
    agreement: tuple[Agreement, ...]
    heads: tuple[Beside, ...]


class Coverage(Contract):
    """A threshold of the probability, and what is answered above it."""

    threshold: float
    coverage: float
    error: float


class Mistake(Contract):
    """A misclassified track."""

    track: str
    artist: str
    source: str
    genre: str
    answer: str


class Numbers(Contract):
    """Everything, by name."""

    settings: dict[str, float]
    agreement: tuple[Agreement, ...]
    results: dict[str, EvaluationResult]
    cut: dict[str, EvaluationResult]
    macro: dict[str, tuple[float, float]]
    conditions: dict[str, dict[str, Condition]]
    beside: tuple[Beside, ...]
    ablations: tuple[Beside, ...]
    coverage: tuple[Coverage, ...]
    temperature: float
    unknown_below: float
    sounds: dict[str, tuple[int, int]]
    tags: dict[str, float]
    demo: dict[str, str]
    mistakes: tuple[Mistake, ...]
    cost: dict[str, float]
    minutes: float
