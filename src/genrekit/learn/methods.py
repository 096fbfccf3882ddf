"""Ways to learn: genres of one's own, or genres beside those of the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import EMBEDDING, Bundle, open_session, run_session
from genrekit.errors import ConfigError
from genrekit.inference import calibrated
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.learn.embedding import Embedded, embed_windows, joined
from genrekit.learn.graph import (
    SMALLEST_PROBABILITY,
    Detector,
    Linear,
    after_embedding,
    detector_of,
    with_head,
    with_more,
)
from genrekit.learn.head import (
    C,
    Scaling,
    fit_one_vs_rest,
    fit_scaling,
    fit_softmax,
    softmax_weights,
    window_weights,
)
from genrekit.progress import Progress, silent
from genrekit.schema import Task

Array = NDArray[np.float64]
Targets = NDArray[np.int64]
#: Inverse of the penalty where genres are added, and drawn windows that stand for all others.
_C_OF_MORE, _DRAWN = 0.07, 600
_SYNTHETIC_SECONDS = 9.1


class Model(Protocol):
    """What was learnt."""

    def window_logits(self, tracks: Embedded) -> Array:
        """Return what the saved graph gives for windows, (n_windows, n_labels)."""
        ...

    def track_logits(self, tracks: Embedded) -> Array:
        """Their means over the windows of each track, as the saved bundle takes them."""
        ...

    def graph(self, base: bytes) -> bytes:
        """Return the graph of a base with what was learnt in place of its own head."""
        ...


class Method(Protocol):
    """A way to learn from tracks."""

    def fit(self, examples: Embedded, targets: Targets) -> Model:
        """Learn from tracks and their targets; see `judging.targets_of`."""
        ...


# --- genres of one's own ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class OwnGenres:
    """A head in place of the base's."""

    n_labels: int
    several: bool
    detector: Detector | None
    c: float = C

    def fit(self, examples: Embedded, targets: Targets) -> OwnModel:
        """As `Method.fit`."""
        if self.several:
            head = fit_one_vs_rest(examples, targets, self.c)
        else:
            head = fit_softmax(examples, targets, self.n_labels, self.c)
        return OwnModel(head, self.several, self.detector)


@dataclass(frozen=True, slots=True, eq=False)
class OwnModel:
    """A head, and the base's detector of what is not music."""

    head: Linear
    several: bool
    detector: Detector | None

    def window_logits(self, tracks: Embedded) -> Array:
        """As `Model.window_logits`."""
        scores = self.head(tracks.rows)
        if not self.several:
            return _mixed(scores, tracks, self.detector)
        if self.detector is None:
            return scores
        likely = calibrated(scores, task="multi-label", temperature=1.0)
        likely *= 1 - self.detector(tracks.rows)[:, None]
        bounded = np.clip(likely, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return np.asarray(np.log(bounded) - np.log(1 - bounded))

    def track_logits(self, tracks: Embedded) -> Array:
        """As `Model.track_logits`."""
        return tracks.means(self.window_logits(tracks))

    def graph(self, base: bytes) -> bytes:
        """As `Model.graph`."""
        task: Task = "multi-label" if self.several else "single-label"
        return with_head(base, self.head, task, self.detector)


def _mixed(scores: Array, tracks: Embedded, detector: Detector | None) -> Array:
    """Logarithms of probabilities, even ones where the detector finds no music."""
    genres = calibrated(scores, task="single-label", temperature=1.0)
    if detector is not None:
        other = detector(tracks.rows)[:, None]
        genres = (1 - other) * genres + other / scores.shape[1]
    return np.asarray(np.log(np.maximum(genres, SMALLEST_PROBABILITY)))


def own_genres(bundle: Bundle, n_labels: int, *, several: bool = False, c: float = C) -> OwnGenres:
    """Return the way to learn genres that take the place of a base's."""
    return OwnGenres(n_labels, several, detector_of(bundle), c)


# --- genres beside those of the base ------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class MoreGenres:
    """Genres beside those of the base, which stay as they are among themselves.

    Each is told from all genres of the base together, and only where it is more probable than they
    are: against one of them alone, which has a part of what they have, it would win too often. What
    trained the base is not here: tracks of
    its genres stand for it where there are some, and windows drawn from a normal distribution that
    has the mean and deviations of the embeddings of music.

    Attributes
    ----------
    others : Embedded
        What stands for the base's genres, and only teaches.
    scaling : Scaling
        By the mean and deviations of music.
    """

    n_base: int
    n_labels: int
    base: Base
    others: Embedded
    scaling: Scaling
    detector: Detector | None
    c: float = _C_OF_MORE

    def fit(self, examples: Embedded, targets: Targets) -> MoreModel:
        """As `Method.fit`; targets count the base's genres first."""
        numbers = np.maximum(targets - self.n_base + 1, 0)
        weights = self._weights(numbers)
        numbers = np.concatenate([numbers, np.zeros(self.others.tracks, np.int64)])
        everything = _both(examples, self.others)
        found = softmax_weights(
            self.scaling(everything.rows),
            numbers[everything.owners],
            window_weights(everything, weights),
            self.n_labels - self.n_base + 1,
            self.c,
            fixed=1,
        )
        more = self.scaling.unscaled(found[:-1, 1:], found[-1, 1:])
        return MoreModel(more, self.base, self.detector)

    def _weights(self, numbers: Targets) -> Array:
        """Weights of tracks, then of what is drawn: all labels of the model are equally likely.

        Where there are tracks of the base's genres, they stand for half of these.
        """
        each = len(numbers) / self.n_labels
        counts = np.bincount(numbers, minlength=self.n_labels - self.n_base + 1)
        shares = np.full(len(counts), each)
        drawn = self.n_base * each / (2 if counts[0] else 1)
        shares[0] = drawn
        own = (shares / np.maximum(counts, 1))[numbers]
        return np.concatenate([own, np.full(self.others.tracks, drawn / self.others.tracks)])


@dataclass(frozen=True, slots=True, eq=False)
class MoreModel:
    """Scores of further genres, and the base."""

    more: Linear
    base: Base
    detector: Detector | None

    def window_logits(self, tracks: Embedded) -> Array:
        """As `Model.window_logits`."""
        base = self.base(tracks.rows)
        more = self.more(tracks.rows) + base.max(axis=1, keepdims=True)
        scores = np.hstack([base, more])
        return _mixed(scores, tracks, self.detector)

    def track_logits(self, tracks: Embedded) -> Array:
        """As `Model.track_logits`."""
        return tracks.means(self.window_logits(tracks))

    def graph(self, base: bytes) -> bytes:
        """As `Model.graph`."""
        return with_more(base, self.more, self.base.n_labels, self.detector, self.base.temperature)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Logarithms of a base's probabilities, from its embedding."""

    session: Any
    n_labels: int
    temperature: float

    def __call__(self, rows: NDArray[np.float32]) -> Array:
        """(n, size) to (n, n_labels), at the base's own temperature."""
        logits = run_session(self.session, {EMBEDDING: rows}, n_labels=self.n_labels)
        likely = calibrated(logits, task="single-label", temperature=self.temperature)
        return np.asarray(np.log(np.maximum(likely, np.finfo(np.float64).tiny)))


def more_genres(
    bundle: Bundle,
    n_labels: int,
    *,
    progress: Progress = silent,
) -> MoreGenres:
    """Return the way to learn genres beside those of a base.

    Parameters
    ----------
    n_labels : int
        With those of the base.

    Raises
    ------
    ConfigError
        If the base tells several genres a track.
    """
    manifest = bundle.manifest
    bundle.check_predicts()
    if manifest.task != "single-label":
        raise ConfigError(
            f"model {manifest.name} tells several genres a track; only models that tell one can be "
            "extended"
        )
    size, count = bundle.embedding_size or 0, len(manifest.labels)
    model = after_embedding((bundle.directory / "model.onnx").read_bytes(), size)
    session = open_session(model, inputs=(EMBEDDING,), n_labels=count)
    scaling = _scaling(bundle, progress)
    return MoreGenres(
        n_base=count,
        n_labels=n_labels,
        base=Base(session, count, manifest.temperature),
        others=_drawn(scaling),
        scaling=scaling,
        detector=detector_of(bundle),
    )


def _scaling(bundle: Bundle, progress: Progress) -> Scaling:
    """Mean and deviations of embeddings of music, as the base knows them, or of synthetic music."""
    detector = detector_of(bundle)
    if detector is not None:
        return Scaling(detector.centre, detector.spread)
    rate, found = bundle.manifest.sample_rate_hz, []
    for genre in JUKEBOX_GENRES:
        clip = synthesise(genre, seconds=_SYNTHETIC_SECONDS, sample_rate_hz=rate)
        found.append(embed_windows(bundle, clip))
        progress("Playing synthetic music", len(found), len(JUKEBOX_GENRES))
    return fit_scaling(joined(found))


def _drawn(scaling: Scaling) -> Embedded:
    """Windows that might be of any music, each by itself."""
    normal = np.random.default_rng(0).normal(size=(_DRAWN, len(scaling.centre)))
    rows = scaling.centre + scaling.spread * normal
    return Embedded(rows.astype(np.float32), np.arange(_DRAWN))


def _both(one: Embedded, other: Embedded) -> Embedded:
    rows = np.concatenate([one.rows, other.rows])
    return Embedded(rows, np.concatenate([one.owners, other.owners + one.tracks]))
