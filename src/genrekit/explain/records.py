"""What an explanation of a track says, as it is written and printed."""

from __future__ import annotations

from pydantic import Field

from genrekit.schema import Contract, ModelIdentity, Probability, SegmentScore


class Span(Contract):
    """Some seconds, and what the probability of the genre loses when they are hidden."""

    start_seconds: float
    end_seconds: float
    loss: float = Field(description="negative where hiding them helps the genre")


class Curve(Contract):
    """Probability of the genre while more and more is hidden, or heard."""

    shares: tuple[float, ...] = Field(description="of the track, from 0 to 1")
    probabilities: tuple[float, ...]
    area: float = Field(description="under the curve; the mean probability on the way")


class Faithfulness(Contract):
    """Whether what is said to matter does, compared with a random order of the same pieces.

    ``gain`` is how much sooner the genre is lost by hiding what matters first, and found by hearing
    it first, than in random order: the sum of both areas. Below zero the explanation is worse than
    chance.
    """

    deletion: Curve
    insertion: Curve
    random_deletion: Curve
    random_insertion: Curve
    gain: float


class Patch(Contract):
    """A patch of an array in time and frequency, and what is lost when it is hushed."""

    first_row: int
    last_row: int
    start_seconds: float
    end_seconds: float
    loss: float
    low_hz: float | None = Field(None, description="of mel bands; other rows have none")
    high_hz: float | None = None


class ColumnLoss(Contract):
    """A column, and what the probability loses when it has the usual value instead."""

    name: str
    value: float
    usual: float
    loss: float


class Snippet(Contract):
    """Seconds that speak for or against the genre, written as audio."""

    file: str
    start_seconds: float
    end_seconds: float
    loss: float


class RandomWeights(Contract):
    """Rank correlation of a picture with the one that a network of random weights gives.

    A method whose picture stays the same shows the input, not the model (Adebayo et al., *Sanity
    checks for saliency maps*, NeurIPS 2018).
    """

    method: str
    correlation: float = Field(description="Spearman's, of sizes without signs")


class Occlusion(Contract):
    """What a genre rests on in a track, by what is lost when parts are hidden.

    ``genre`` is what was explained. Times count from the beginning of the track, of which
    ``seconds`` were listened to from ``start_seconds`` on.
    """

    path: str
    model: ModelIdentity
    genre: str
    probability: Probability
    scores: dict[str, Probability]
    start_seconds: float = 0.0
    seconds: float
    time_line: tuple[SegmentScore, ...] = ()
    occlusion: tuple[Span, ...]
    patches: tuple[Patch, ...] = ()
    notes: tuple[str, ...] = ()


class TrackExplanation(Occlusion):
    """Why a model says what it says of one track, with the files that show it."""

    speaks_for: tuple[Snippet, ...] = ()
    speaks_against: tuple[Snippet, ...] = ()
    faithfulness: Faithfulness | None = None
    random_weights: tuple[RandomWeights, ...] = ()
    files: tuple[str, ...] = ()
