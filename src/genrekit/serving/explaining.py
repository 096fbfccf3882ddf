"""What a genre rests on in a file: done by a worker, from the explanations that need no torch."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genrekit.audio import Waveform, decode
from genrekit.errors import ConfigError
from genrekit.explain import (
    STRETCH_SECONDS,
    Occlusion,
    Span,
    Spectrogram,
    described,
    framed,
    occlude_and_predict,
    png,
    spectrogram,
    telling,
)
from genrekit.inference import Classifier
from genrekit.schema import ExcerptConfig
from genrekit.serving.work import Explaining

if TYPE_CHECKING:
    from genrekit.serving.work import WorkerContext, WorkerRequest

#: Audio that is explained of one file, and pieces that are hidden one at a time.
MOST_SECONDS = 60.0
MOST_PIECES = 60


class ExplainAnswer(Occlusion):
    """Why a model says what it says of one file."""

    speaks_for: tuple[Span, ...]
    speaks_against: tuple[Span, ...]
    spectrogram: Spectrogram | None = None


def explain(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Return an `ExplainAnswer`, or ``{"png": ...}`` in base 64."""
    wanted = work.explaining or Explaining()
    classifier = context.classifiers[work.model]
    waveform = decode(
        work.path,
        sample_rate_hz=classifier.sample_rate_hz,
        excerpt=_part(work.excerpt, classifier),
        limits=replace(context.limits, seconds=min(MOST_SECONDS, context.limits.seconds)),
    )
    _refuse_many(waveform, wanted.piece_seconds)
    hidden = occlude_and_predict(
        classifier,
        waveform,
        name=work.name,
        genre=wanted.genre,
        piece_seconds=wanted.piece_seconds,
        stretch_seconds=STRETCH_SECONDS if wanted.time_line and not wanted.picture else None,
        fill=wanted.fill,
    )
    found = hidden.found
    if wanted.picture:
        picture = png(framed(found, spectrogram(classifier, waveform)), described(found))
        return {"png": base64.b64encode(picture).decode()}
    answer = ExplainAnswer(
        **dict(found),
        speaks_for=telling(found.occlusion, "for"),
        speaks_against=telling(found.occlusion, "against"),
        spectrogram=spectrogram(classifier, waveform) if wanted.spectrogram else None,
    )
    return answer.model_dump(mode="json")


def _part(asked: ExcerptConfig | None, classifier: Classifier) -> ExcerptConfig:
    """Return what was asked for; else what the model is made for, or the middle of what that is."""
    own = classifier.bundle.manifest.excerpt
    if asked is not None:
        return asked
    if own.duration_seconds is None or own.duration_seconds > MOST_SECONDS:
        return ExcerptConfig(start_seconds=None, duration_seconds=MOST_SECONDS)
    return own


def _refuse_many(waveform: Waveform, piece_seconds: float) -> None:
    if waveform.seconds > MOST_PIECES * piece_seconds:
        raise ConfigError(
            f"hiding {piece_seconds:g} s of {waveform.seconds:.1f} s at a time takes more than "
            f"{MOST_PIECES} tries; hide more at once with seconds, or ask for a shorter part"
        )
