"""The pure function of a batch: a path and a model to exactly one record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from pydantic import JsonValue

from genrekit.audio import probe
from genrekit.batch.entry import Entry
from genrekit.batch.sources import is_url
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.schema import ErrorRecord, ExcerptConfig, ModelIdentity, TrackPrediction

Strategy = Literal["middle", "spread", "whole"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)

#: ``spread`` takes so many parts, together as long as the excerpt that ``middle`` takes.
SPREAD_PARTS = 5
_DEFAULT_SECONDS = 30.0
# What a value leaves out because it is said elsewhere: by the entry, and by ``run.json``.
_ELSEWHERE = {"path", "model", "error", "id"}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is asked of each track.

    Attributes
    ----------
    model : str
        Name or directory of a bundle.
    strategy : str
        ``middle`` takes what the bundle was made for, 30 s from the middle unless it says
        otherwise; ``spread`` as much, in five parts that are sought all over the track; ``whole``
        all of it.
    segments, tags, unknown_below
        As for :meth:`genrekit.inference.Classifier.predict_file`.
    """

    model: str = "default"
    strategy: Strategy = "middle"
    segments: bool = False
    tags: bool = False
    unknown_below: float | None = None

    def settings(self) -> dict[str, JsonValue]:
        """All that a record depends on but the file.

        Raises
        ------
        ConfigError, BundleError
            If the model cannot be loaded or tells no genres.
        """
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"there is no strategy {self.strategy!r}, only {', '.join(STRATEGIES)}"
            )
        return {
            "model": self.identity().model_dump(),
            "strategy": self.strategy,
            "segments": self.segments,
            "tags": self.tags,
            "unknown_below": self.unknown_below,
        }

    def identity(self) -> ModelIdentity:
        """Which model it is; raises as `settings` does."""
        classifier = _load(self.model)
        classifier.check_predicts()
        return classifier.identity

    def prepare(self) -> None:
        """Load the model in a worker, once."""
        _load(self.model)

    def __call__(self, path: str) -> dict[str, Any]:
        """Return the record of one file as JSON, without what is the same for all.

        Raises
        ------
        AudioError, BundleError
            If the file cannot be analysed.
        """
        return self.predict(path).model_dump(mode="json", exclude=_ELSEWHERE)

    def predict(self, path: str) -> TrackPrediction:
        """Return the answer for one file or URL; raises as a call does."""
        if not is_url(path):
            return self._predict(path, path)
        from genrekit.batch.storage import read_url

        return self._predict(read_url(path), path)

    def _predict(self, source: str | bytes, name: str) -> TrackPrediction:
        classifier = _load(self.model)
        excerpts = self._excerpts(source, classifier)
        if len(excerpts) > 1:
            return classifier.predict_excerpts(
                source,
                excerpts,
                name=name,
                segments=self.segments,
                tags=self.tags,
                unknown_below=self.unknown_below,
            )
        return classifier.predict_file(
            source,
            name=name,
            excerpt=excerpts[0] if excerpts else None,
            segments=self.segments,
            tags=self.tags,
            unknown_below=self.unknown_below,
        )

    def _excerpts(self, source: str | bytes, classifier: Classifier) -> list[ExcerptConfig]:
        """Return the excerpts to analyse; none stands for what the bundle was made for."""
        if self.strategy == "whole":
            return [ExcerptConfig(start_seconds=0.0, duration_seconds=None)]
        return [] if self.strategy == "middle" else spread(probe(source).seconds, classifier)


def spread(seconds: float | None, classifier: Classifier) -> list[ExcerptConfig]:
    """Parts of whole windows all over a track of ``seconds``.

    Nothing for a track of unknown length, or of hardly more than all parts together: its middle is
    as good.
    """
    manifest = classifier.bundle.manifest
    window = manifest.windows.window_seconds
    wanted = manifest.excerpt.duration_seconds or _DEFAULT_SECONDS
    part = window * max(1, round(wanted / SPREAD_PARTS / window))
    if seconds is None or seconds < 1.5 * part * SPREAD_PARTS:
        return []
    return [
        ExcerptConfig(
            start_seconds=round((number + 0.5) * seconds / SPREAD_PARTS - part / 2, 3),
            duration_seconds=part,
        )
        for number in range(SPREAD_PARTS)
    ]


def prediction_of(entry: Entry, model: ModelIdentity) -> TrackPrediction:
    """Return the answer that an entry stands for, or its error record."""
    if entry.reason is not None or not isinstance(entry.value, dict):
        reason = entry.reason
        assert reason is not None
        return TrackPrediction(
            path=entry.path, error=ErrorRecord(type=reason.type, message=reason.message)
        )
    return TrackPrediction.model_validate(
        {"path": entry.path, "model": model, **entry.value}, strict=False
    )


# Workers live as long as one run, so they never see a model change; each loads it once.
_load = lru_cache(maxsize=1)(Classifier.load)
