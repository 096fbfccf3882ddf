"""What an explanation of a track says, as it is written and printed."""

from __future__ import annotations

from pydantic import Field

from genrekit.schema import Contract, ModelIdentity, Probability, SegmentScore


class Span(Contract):
    """Some seconds, and what the genre loses when they are hidden."""

    start_seconds: float
    end_seconds: float
    loss: float = Field(
        description="of log-odds, beyond what it loses by a usual part; negative where hiding helps"
    )
    evidence: bool = Field(True, description="whether all ways of hiding agree on the sign")


class Agreement(Contract):
    """Whether several ways of hiding the same parts say the same."""

    ways: tuple[str, ...] = Field(description="how parts were hidden")
    concordance: float | None = Field(None, description="Kendall's W; none for one way alone")
    p_value: float | None = Field(None, description="chance of it, had they nothing in common")
    largest: float = Field(description="loss of log-odds, of either sign")
    enough: bool = Field(description="whether there is evidence; else maps are faded")


class Curve(Contract):
    """Probability of the genre while more and more is hidden, or kept."""

    shares: tuple[float, ...] = Field(description="of the track, from 0 to 1")
    probabilities: tuple[float, ...]
    area: float = Field(description="under the curve; the mean probability on the way")


class Faithfulness(Contract):
    """Whether what is said to matter does, compared with a random order of the same pieces.

    ``gain`` is how much sooner the genre is lost by hiding what matters first, and found by keeping
    it first, than in random order: the sum of both areas. Below zero the explanation is worse than
    chance. ``needed`` is what one random order in twenty reaches; ``faithful`` says that ``gain``
    is more.
    """

    deletion: Curve
    insertion: Curve
    random_deletion: Curve
    random_insertion: Curve
    gain: float
    needed: float
    faithful: bool


class Patch(Contract):
    """A patch of an array in time and frequency, and what is lost when it is hidden."""

    first_row: int
    last_row: int
    start_seconds: float
    end_seconds: float
    loss: float = Field(description="of log-odds, beyond what is lost by a usual patch")
    low_hz: float | None = Field(None, description="of mel bands; other rows have none")
    high_hz: float | None = None
    evidence: bool = Field(True, description="whether all ways of hiding agree on the sign")


class ColumnLoss(Contract):
    """A column, and what the log-odds lose when it has the usual value instead."""

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
    ``seconds`` were listened to from ``start_seconds`` on. Losses are of the natural logarithm of
    the odds: 0.69 halves them.
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
    agreement: Agreement | None = Field(None, description="of the ways of hiding seconds")
    patch_agreement: Agreement | None = Field(None, description="and patches")
    patch_faithfulness: Faithfulness | None = Field(None, description="of the order of patches")
    verdict: str = Field("", description="on the seconds, in words")
    patch_verdict: str = Field("", description="on the patches")
    line_verdict: str = Field("", description="whether the time line says the same as the seconds")
    notes: tuple[str, ...] = ()


class TrackExplanation(Occlusion):
    """Why a model says what it says of one track, with the files that show it."""

    speaks_for: tuple[Snippet, ...] = ()
    speaks_against: tuple[Snippet, ...] = ()
    faithfulness: Faithfulness | None = None
    random_weights: tuple[RandomWeights, ...] = ()
    files: tuple[str, ...] = ()
