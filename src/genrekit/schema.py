"""Contracts for everything that crosses a boundary: disk, network or command line.

All are frozen pydantic models that refuse unknown fields. In-process values are plain dataclasses
and live in the rooms that use them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FORMAT_VERSION: Literal[1] = 1
UNKNOWN = "unknown"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Task = Literal["single-label", "multi-label"]


class Contract(BaseModel):
    """Frozen, and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- front-ends ---------------------------------------------------------------------------------


class MelConfig(Contract):
    """Log-mel spectrogram, ``center=False``, decibels against a fixed reference of 1.0."""

    kind: Literal["mel"] = "mel"
    sample_rate_hz: int = Field(22050, ge=4000, le=96000)
    fft_samples: int = Field(2048, ge=64, le=16384)
    hop_samples: int = Field(512, ge=16, le=16384)
    n_mels: int = Field(128, ge=8, le=512)
    low_hz: float = Field(0.0, ge=0)
    high_hz: float | None = Field(None, gt=0, description="None is half the sample rate")
    floor_db: float = Field(-100.0, le=0, description="quieter cells are raised to this level")


class Gtzan57Config(Contract):
    """The 57 columns of the published ``features_30_sec.csv``, in that table's own framing."""

    kind: Literal["gtzan57"] = "gtzan57"
    sample_rate_hz: Literal[22050] = 22050
    separation: bool = Field(
        True,
        description="the four columns of the harmonic and percussive parts, which cost more time "
        "than the 53 others together; False leaves them out",
    )


class DescriptorsConfig(Contract):
    """The full set of timbre, rhythm, harmony and dynamics statistics."""

    kind: Literal["descriptors"] = "descriptors"
    sample_rate_hz: Literal[22050] = 22050


class PictureConfig(Contract):
    """Spectrogram picture in the geometry of a published set, each scaled by its own levels."""

    kind: Literal["picture"] = "picture"
    sample_rate_hz: Literal[22050] = 22050
    rows: int = Field(128, ge=8, le=370)
    columns: int = Field(248, ge=8, le=496, description="always the whole window")


class TrajectoriesConfig(Contract):
    """Timbre, harmony and dynamics of consecutive blocks of a clip, as a sequence."""

    kind: Literal["trajectories"] = "trajectories"
    sample_rate_hz: Literal[22050] = 22050
    block_seconds: float = Field(0.5, ge=0.05, le=10)


class WaveformConfig(Contract):
    """The samples themselves, for networks that make their own picture of them."""

    kind: Literal["waveform"] = "waveform"
    sample_rate_hz: int = Field(16000, ge=4000, le=96000)


class ColumnsConfig(Contract):
    """Columns of somebody's table; a model of them scores rows, not audio.

    In a recipe ``names`` may hold patterns such as ``layer*``, and nothing takes every column.
    """

    kind: Literal["columns"] = "columns"
    sample_rate_hz: Literal[22050] = 22050
    names: tuple[str, ...] = ()
    #: Rows of a recording that make one sequence.
    steps: int = Field(1, ge=1, le=1000, exclude_if=lambda value: value == 1)


_OfWindow = Annotated[
    MelConfig
    | Gtzan57Config
    | DescriptorsConfig
    | PictureConfig
    | TrajectoriesConfig
    | WaveformConfig,
    Field(discriminator="kind"),
]


# --- windows ------------------------------------------------------------------------------------


class ExcerptConfig(Contract):
    """Which part of a track is analysed."""

    start_seconds: float | None = Field(
        None, ge=0, description="None takes the middle of the track"
    )
    duration_seconds: float | None = Field(
        30.0, gt=0, description="None takes everything from the start position on"
    )

    @model_validator(mode="after")
    def _middle_needs_a_duration(self) -> ExcerptConfig:
        if self.duration_seconds is None and self.start_seconds is None:
            object.__setattr__(self, "start_seconds", 0.0)
        return self


class WindowConfig(Contract):
    """How a track is cut into the windows that the model scores.

    The last window is moved back to end with the audio, so every sample is covered and nothing is
    dropped. Audio shorter than one window follows ``short``: ``keep`` scores it as it is, ``loop``
    repeats it, ``pad`` adds zeros at its end.
    """

    window_seconds: float = Field(30.0, gt=0, le=600)
    hop_seconds: float = Field(30.0, gt=0, le=600)
    short: Literal["keep", "loop", "pad"] = "keep"
    minimum_seconds: float = Field(1.0, gt=0, description="less audio than this is an error")

    @model_validator(mode="after")
    def _hop_leaves_no_gap(self) -> WindowConfig:
        if self.hop_seconds > self.window_seconds:
            raise ValueError("hop_seconds is longer than window_seconds: audio would be skipped")
        return self


class WindowedConfig(Contract):
    """A front-end on shorter windows, at a rate of its own, inside the window of an ensemble."""

    kind: Literal["windowed"] = "windowed"
    sample_rate_hz: int = Field(ge=4000, le=96000, description="of the audio that it is given")
    inner: _OfWindow
    windows: WindowConfig


FrontendConfig = Annotated[_OfWindow | ColumnsConfig | WindowedConfig, Field(discriminator="kind")]


# --- numbers ------------------------------------------------------------------------------------


class Estimate(Contract):
    """A number with its interval."""

    value: float
    low: float
    high: float
    level: float = 0.95
    method: str = Field(description="wilson, bootstrap-by-track, t-over-folds, ...")


class GenreNumbers(Contract):
    """Precision, recall and F1 of one genre; None where they are not defined.

    Nothing that was called a genre has no precision, nothing that is of it no recall, and a genre
    with neither no F1.
    """

    genre: str
    precision: float | None
    recall: float | None
    f1: float | None
    tracks: int


StepKind = Literal[
    "scale", "project", "select", "balance", "augment", "stop", "choose", "calibrate", "pretrain"
]


class DeclaredStep(Contract):
    """Something fitted, made or chosen on data on the way to a number, as its maker declares it.

    For results from elsewhere: what is made here is fitted inside each training fold.
    """

    what: StepKind
    on: Literal["train", "valid", "train+valid", "test", "everything"]
    note: str = ""


class GenreRanking(Contract):
    """How well the tracks of one genre are ranked above the others, for multi-label models."""

    genre: str
    threshold: Probability | None = Field(None, description="None where folds have their own")
    average_precision: float | None = Field(description="None if no test track has the genre")
    roc_auc: float | None = Field(description="None if all test tracks have it, or none")


class MultiLabelNumbers(Contract):
    """What a multi-label model scored besides; intervals are bootstrapped over recordings.

    Genres that no test track has are in none of the means.
    """

    micro_f1: Estimate
    mean_average_precision: Estimate
    roc_auc: Estimate | None = Field(description="mean over genres; None if it is defined for none")
    coverage: Estimate = Field(description="genres down the ranking to have all true ones")
    ranking_loss: Estimate = Field(description="share of (true, other) pairs in the wrong order")
    ranking_precision: Estimate = Field(description="label ranking average precision")
    genres_per_track: float
    chosen_per_track: float
    per_genre: tuple[GenreRanking, ...]


class EvaluationResult(Contract):
    """What one model scored under one protocol.

    For multi-label, ``accuracy`` counts the tracks whose genres are all predicted correctly and
    no others with them, ``log_loss`` and ``expected_calibration_error`` are of every genre of
    every track, and there is no confusion.
    """

    model: str
    dataset: str
    dataset_fingerprint: Sha256
    protocol: str
    leaky: bool = Field(description="True if anything of a test track was seen in training")
    split_fingerprint: Sha256
    fitted_on: Literal["", "train", "train+valid"] = Field(
        "", description="parts of the split that were fitted on; empty where it is not known"
    )
    bundle_sha256: Sha256 | None = Field(None, description="None when folds were fitted on the fly")
    unit: Literal["track", "segment"] = "track"
    items: int = Field(
        ge=1, description="different test items scored, of this unit; the confusion counts repeats"
    )
    labels: tuple[str, ...]
    accuracy: Estimate
    macro_f1: Estimate
    log_loss: float
    expected_calibration_error: float = Field(
        description="mean distance of confidence from accuracy over 15 bins, with what chance adds"
    )
    calibration_error: Estimate | None = Field(
        None, description="the same without what chance adds; None in files from before it was"
    )
    calibration_error_by_chance: float | None = Field(
        None, description="what the distance would be for a perfect model on as many items"
    )
    per_genre: tuple[GenreNumbers, ...]
    confusion: tuple[tuple[int, ...], ...] = Field(description="rows true, columns predicted")
    fold_accuracies: tuple[float, ...] = ()
    accuracy_over_folds: Estimate | None = Field(
        None,
        description="their mean, with a t interval that allows for the training tracks that folds "
        "share; None for one fold, and in files from before it was",
    )
    steps: tuple[DeclaredStep, ...] = ()
    task: Task = "single-label"
    multi_label: MultiLabelNumbers | None = None
    versions: dict[str, str] = {}

    @property
    def over_folds(self) -> tuple[float, float] | None:
        """Mean of the accuracies of all folds, and their standard deviation; None for one fold.

        The deviation says how much folds differ. It is not a standard error: folds share most of
        what they are trained on, which the interval of ``accuracy_over_folds`` allows for.
        """
        count = len(self.fold_accuracies)
        if count < 2:
            return None
        mean = sum(self.fold_accuracies) / count
        squares = sum((one - mean) ** 2 for one in self.fold_accuracies)
        return mean, (squares / (count - 1)) ** 0.5


class Int8Numbers(Contract):
    """What the graph in eight bits gained on training rows, or why floats were kept."""

    used: bool
    why: str
    rows_compared: int = Field(ge=1)
    agreement: Probability = Field(description="share of the rows with the same best genre")
    float_bytes: int = Field(ge=1)
    int8_bytes: int = Field(ge=1)
    float_ms: float = Field(ge=0, description="one row on one thread")
    int8_ms: float = Field(ge=0)


class Spread(Contract):
    """How the values of one number are spread: shares of bins."""

    tracks: int = Field(ge=1, description="tracks that it was seen on")
    edges: tuple[float, ...] = Field(
        max_length=99, description="ascending; a value that equals one is in the bin above it"
    )
    shares: tuple[Probability, ...]

    @model_validator(mode="after")
    def _bins_are_whole(self) -> Spread:
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must ascend")
        if len(self.shares) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges want {len(self.edges) + 1} shares")
        return self


class Reference(Contract):
    """What a model answered and was given where it was measured; drift is told from this."""

    protocol: str = Field(description="whose test tracks were answered, by a model that saw none")
    tracks: int = Field(ge=1, description="tracks that were answered")
    genres: dict[str, Probability] = Field(
        max_length=1001, description="share of the tracks that each genre, or unknown, is told of"
    )
    confidence: Spread = Field(description="of the probability of the best genre")
    inputs: dict[str, Spread] = Field(
        {}, max_length=512, description="numbers of the input, by front-end and name"
    )


class Agreement(Contract):
    """How well a student's embedding agrees with its teacher's on music it was not trained on."""

    music: str
    files: int = Field(ge=1)
    windows: int = Field(ge=1)
    r2_windows: float = Field(description="share of variance explained, the mean over columns")
    r2_files: float = Field(description="the same of the means over the windows of a file")


class BundleMetrics(Contract):
    """``metrics.json`` of a bundle: the headline first, the other protocols beside it.

    A bundle that gives an embedding and no genres has no results.
    """

    results: tuple[EvaluationResult, ...] = ()
    agreement: tuple[Agreement, ...] = Field((), description="of a distilled network, by music")
    int8: Int8Numbers | None = Field(None, description="where eight bits were asked for")
    reference: Reference | None = Field(
        None, description="None in bundles from before there was one"
    )
    distorted: dict[str, Estimate] = Field(
        {}, description="accuracy by what was done to the audio; first, nothing was"
    )


# --- bundle -------------------------------------------------------------------------------------


class BundleFile(Contract):
    """Size and hash of one file of a bundle."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    size_bytes: int = Field(ge=0)
    sha256: Sha256


class Provenance(Contract):
    """Where the weights come from."""

    dataset: str
    dataset_fingerprint: Sha256
    split_fingerprint: Sha256 | None = None
    protocol: str
    tracks: int = Field(ge=1, description="tracks the weights were fitted on")
    trained_on: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")], ...] = Field(
        (),
        description="sorted first 12 hex digits of sha256(group id) of every recording fitted on",
    )
    pretrained_on: tuple[str, ...] = Field(
        (), description="corpora that a backbone was trained on before, whole: gtzan, fma, ..."
    )
    left_out: str = Field("", description="which tracks were kept away from the weights, and why")
    cleaned: str = Field("", description="what was done with the data before it was split")
    data_licence: str
    citation: str = ""
    recipe: str = Field(description="the YAML recipe, verbatim")


class PredictionSets(Contract):
    """Which genres are named together, so that the true one is among them often enough."""

    error: float = Field(gt=0, lt=1, description="share of groups of which the set misses it")
    least: Probability = Field(description="a genre is in the set from this probability on")
    groups: int = Field(ge=1, description="recordings that this was chosen on")


class Head(Contract):
    """Further labels, several a track, that a bundle's graph scores from the same embedding.

    The graph's output of the head's name holds a logit for each label.
    """

    labels: tuple[str, ...] = Field(min_length=2, max_length=1000)
    thresholds: tuple[Probability, ...] = Field(
        description="from which probability on each label is chosen"
    )
    groups: dict[str, tuple[str, ...]] = Field(
        {}, description="for people: group to its labels; empty is one group"
    )
    checked: str = Field("", description="what its probabilities were checked against")

    @model_validator(mode="after")
    def _labels_agree(self) -> Head:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels of a head must differ from each other")
        if len(self.thresholds) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels want as many thresholds")
        grouped = [label for labels in self.groups.values() for label in labels]
        if self.groups and sorted(grouped) != sorted(self.labels):
            raise ValueError("groups must hold every label of the head once")
        return self


#: The heads that a prediction has fields for.
TAGS, WIDE = "tags", "wide"


class Manifest(Contract):
    """``manifest.json``: everything needed to run the model and to judge it."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    description: str = ""
    licence: str = "MIT"
    task: Task = "single-label"
    embedding_only: bool = Field(
        False, description="the labels are names of the embedding's columns; it predicts nothing"
    )
    architecture: str
    labels: tuple[str, ...] = Field(min_length=2, max_length=1000)
    frontends: dict[str, FrontendConfig] = Field(min_length=1, max_length=8)
    frontend_fingerprints: dict[str, Sha256]
    excerpt: ExcerptConfig = ExcerptConfig()
    windows: WindowConfig = WindowConfig()
    aggregation: Literal["mean-probability", "mean-logit"] = "mean-probability"
    embedding_size: int | None = Field(
        None, ge=1, description="columns of the graph's output 'embedding'; None is not stated"
    )
    temperature: float = Field(1.0, gt=0, le=100)
    unknown_below: Probability = 0.0
    prediction_sets: PredictionSets | None = Field(
        None,
        description="for single-label, by genrekit calibrate; else not there",
        exclude_if=lambda value: value is None,
    )
    thresholds: tuple[Probability, ...] = Field(
        (), description="for multi-label: from which probability on each label is chosen"
    )
    parents: dict[str, str] = Field(
        {}, description="for multi-label: label to the label that it implies"
    )
    heads: dict[str, Head] = Field(
        {}, description="tags, wide: further labels that are scored from the same embedding"
    )
    provenance: Provenance
    versions: dict[str, str] = {}
    files: tuple[BundleFile, ...] = ()

    @model_validator(mode="after")
    def _fields_agree(self) -> Manifest:
        if len(set(self.labels)) != len(self.labels) or UNKNOWN in self.labels:
            raise ValueError(f"labels must differ from each other and from {UNKNOWN!r}")
        if set(self.frontends) != set(self.frontend_fingerprints):
            raise ValueError("every front-end needs one fingerprint")
        if len({config.sample_rate_hz for config in self.frontends.values()}) != 1:
            raise ValueError("all front-ends of a bundle must share one sample rate")
        wanted = len(self.labels) if self.task == "multi-label" else 0
        if len(self.thresholds) != wanted:
            raise ValueError(f"{self.task} wants {wanted} thresholds, got {len(self.thresholds)}")
        if self.prediction_sets is not None and self.task != "single-label":
            raise ValueError("prediction_sets are for single-label models")
        if unknown := set(self.heads) - {TAGS, WIDE}:
            raise ValueError(f"heads are {TAGS} and {WIDE}, not {sorted(unknown)}")
        _check_parents(self)
        return self

    @property
    def sample_rate_hz(self) -> int:
        """The rate audio is decoded at, in hertz."""
        return next(iter(self.frontends.values())).sample_rate_hz


def _check_parents(manifest: Manifest) -> None:
    parents = manifest.parents
    if parents and manifest.task != "multi-label":
        raise ValueError("parents are for multi-label models")
    if not set(manifest.labels).issuperset({*parents, *parents.values()}):
        raise ValueError("parents name genres that are not among the labels")
    for genre in parents:
        above, steps = parents.get(genre), 0
        while above is not None and steps <= len(parents):
            above, steps = parents.get(above), steps + 1
        if above is not None:
            raise ValueError(f"{genre!r} is among its own ancestors")


# --- predictions --------------------------------------------------------------------------------


class SegmentScore(Contract):
    """Scores of one window."""

    start_seconds: float
    end_seconds: float
    scores: dict[str, Probability] = Field(description="genre to probability, best first")


class ModelIdentity(Contract):
    """Which model answered."""

    name: str
    version: str
    sha256: Sha256


class Timings(Contract):
    """Wall time of each stage, in milliseconds."""

    decode: float
    frontend: float
    model: float
    total: float


class ErrorRecord(Contract):
    """Why there is no prediction."""

    type: str
    message: str


class WideGenres(Contract):
    """Genres of the head ``wide``: many, several a track."""

    scores: dict[str, Probability] = Field(description="genre to probability, best first")
    genres: tuple[str, ...] = Field(description="those that reach their threshold, best first")


class TrackPrediction(Contract):
    """The answer for one track, the same at every surface.

    ``scores`` holds all genres, best first. ``genres`` is the multi-label choice above the
    thresholds; for single-label it is the one genre, or nothing when the answer is ``unknown``.
    With ``error`` set, everything but ``path`` is empty.
    """

    path: str
    genre: str | None = None
    scores: dict[str, Probability] = {}
    genres: tuple[str, ...] = ()
    segments: tuple[SegmentScore, ...] = ()
    seconds: float = 0.0
    model: ModelIdentity | None = None
    warnings: tuple[str, ...] = ()
    timings_ms: Timings | None = None
    error: ErrorRecord | None = None
    prediction_set: tuple[str, ...] | None = Field(
        None,
        description="of a model with prediction_sets: genres among which the true one is; else "
        "not there",
        exclude_if=lambda value: value is None,
    )
    tags: dict[str, dict[str, Probability]] | None = Field(
        None,
        description="group to its tags, best first, each by itself; where they were asked for",
        exclude_if=lambda value: value is None,
    )
    wide: WideGenres | None = Field(
        None,
        description="genres beyond the labels, several a track; where tags were asked for",
        exclude_if=lambda value: value is None,
    )
    id: str | None = Field(
        None,
        max_length=64,
        description="of a server that logs its answers: what feedback names; else not there",
        exclude_if=lambda value: value is None,
    )
