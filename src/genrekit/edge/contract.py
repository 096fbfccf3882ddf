"""``model.json``: what a program beside the graph must know of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from genrekit.schema import Contract, ExcerptConfig, Head, PredictionSets, Task, WindowConfig

Kind = Literal["fp32", "fp16", "int8"]


class EdgeFile(Contract):
    """A graph on the disk."""

    name: str
    bytes: int
    sha256: str


class Precision(Contract):
    """One precision of the model, and what it costs."""

    kind: Kind
    how: str = Field(description="what is stored and computed in it")
    kept: bool = Field(description="whether its files were written")
    why: str = Field(description="why it was not; empty where it was")
    agreement: float | None = Field(description="share of tracks answered as predict does")
    largest_difference: float | None = Field(description="of a probability from that of predict")
    embedding_difference: float | None = Field(description="the largest, of a number in it")
    files: tuple[EdgeFile, ...]


class EdgeModel(Contract):
    """All of ``model.json``."""

    format: Literal["genrekit-edge-1"] = "genrekit-edge-1"
    name: str
    version: str
    bundle_sha256: str
    licence: str
    description: str
    task: Task
    labels: tuple[str, ...]
    parents: dict[str, str]
    sample_rate_hz: int
    excerpt: ExcerptConfig
    windows: WindowConfig
    embedding_size: int | None
    unknown_below: float
    silent_below_peak: float = Field(description="audio that is quieter gets no genre")
    thresholds: tuple[float, ...]
    prediction_sets: PredictionSets | None
    heads: dict[str, Head]
    compared: str = Field(description="what the precisions were compared on")
    tracks: int
    precisions: tuple[Precision, ...]
