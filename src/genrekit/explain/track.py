"""Why a model says what it says of one track: every method that fits the model, and its check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from genrekit.audio import Waveform, decode
from genrekit.errors import BundleError, ConfigError, MissingExtraError
from genrekit.explain.faithfulness import N_MEASURED, hiding_seconds, measure_faithfulness
from genrekit.explain.hiding import (
    CONTEXT_SECONDS,
    PIECE_SECONDS,
    STRETCH_SECONDS,
    Fills,
    Hidden,
    occlude_and_predict,
    telling,
)
from genrekit.explain.network_maps import NetworkMap, attribution_maps, map_sections
from genrekit.explain.records import Faithfulness, Snippet, Span, TrackExplanation
from genrekit.inference import Classifier
from genrekit.progress import Progress, silent
from genrekit.schema import ExcerptConfig

if TYPE_CHECKING:
    from genrekit.pages import Section


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedTrack:
    """Why a model says what it says of a track, and what its network looks at, as sections."""

    result: TrackExplanation
    sections: tuple[Section, ...]


def explain_track(
    classifier: Classifier,
    path: Path,
    folder: Path,
    *,
    genre: str | None = None,
    piece_seconds: float = PIECE_SECONDS,
    stretch_seconds: float = STRETCH_SECONDS,
    fill: Fills = "all",
    check: bool = True,
    excerpt: ExcerptConfig | None = None,
    progress: Progress = silent,
) -> ExplainedTrack:
    """Explain a track, and write its snippets into ``folder``.

    Parameters
    ----------
    genre : str, optional
        What is explained; None takes the genre that the model finds most probable.
    piece_seconds, stretch_seconds : float
        Seconds hidden at once, and seconds that a stretch of the time line has.
    check : bool
        Measure the faithfulness, which takes most of the time.
    progress : callable, optional
        Called with how far the explanation is.

    Raises
    ------
    AudioError
        If the track cannot be analysed.
    ConfigError
        If the model knows no such genre.
    """
    part = classifier.bundle.manifest.excerpt if excerpt is None else excerpt
    waveform = decode(path, sample_rate_hz=classifier.sample_rate_hz, excerpt=part)
    hidden = occlude_and_predict(
        classifier,
        waveform,
        name=str(path),
        genre=genre,
        piece_seconds=piece_seconds,
        stretch_seconds=stretch_seconds,
        fill=fill,
        progress=progress,
    )
    faithful = _checked(hidden, progress) if check and len(hidden.cut) > 1 else None
    progress("Looking into the network", 0, 1)
    maps, notes = _maps(classifier, hidden)
    spans = hidden.found.occlusion
    result = TrackExplanation(
        **{**dict(hidden.found), "notes": (*hidden.found.notes, *notes)},
        speaks_for=_snippets(waveform, spans, folder, "for"),
        speaks_against=_snippets(waveform, spans, folder, "against"),
        faithfulness=faithful,
        random_weights=tuple(one.random for one in maps),
    )
    begin = waveform.start_seconds
    sections = map_sections(maps, classifier, hidden.window, hidden.picture, begin)
    progress("Looking into the network", 1, 1)
    return ExplainedTrack(result, tuple(sections))


def _maps(classifier: Classifier, hidden: Hidden) -> tuple[tuple[NetworkMap, ...], tuple[str, ...]]:
    """Return the maps of the network, or a note why there are none."""
    if not hidden.picture:
        return (), ()
    try:
        genre = hidden.found.genre
        return attribution_maps(classifier, hidden.window, hidden.picture, genre), ()
    except (BundleError, ConfigError, MissingExtraError) as error:
        return (), (f"no gradients: {error}",)


def _checked(hidden: Hidden, progress: Progress) -> Faithfulness:
    losses = np.array([span.loss for span in hidden.found.occlusion])
    without = hiding_seconds(hidden.tracks, hidden.cut, hidden.found.genre)
    return measure_faithfulness(
        without,
        losses,
        each=lambda done: progress("Checking faithfulness", done, N_MEASURED),
    )


def _snippets(
    waveform: Waveform, spans: Sequence[Span], folder: Path, side: str
) -> tuple[Snippet, ...]:
    """Write the seconds that are lost most by, or gained most by, as WAV files."""
    rate, begin = waveform.sample_rate_hz, waveform.start_seconds
    written = []
    for number, span in enumerate(telling(spans, side), start=1):
        start = max(0, round((span.start_seconds - begin - CONTEXT_SECONDS) * rate))
        stop = round((span.end_seconds - begin + CONTEXT_SECONDS) * rate)
        passage = waveform.samples[start:stop]
        file = f"{side}-{number}.wav"
        soundfile.write(folder / file, passage, rate, subtype="PCM_16")
        written.append(
            Snippet(
                file=file,
                start_seconds=begin + start / rate,
                end_seconds=begin + (start + len(passage)) / rate,
                loss=span.loss,
            )
        )
    return tuple(written)
