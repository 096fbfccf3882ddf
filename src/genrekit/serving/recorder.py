"""Notes every answer: for Prometheus, for drift, and in the log."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from genrekit.bundles import Bundle
from genrekit.monitoring import LEVELS, Arms, Feedback, PredictionLog, Tally, keep_audio
from genrekit.schema import UNKNOWN, TrackPrediction
from genrekit.serving.metrics import Metrics
from genrekit.serving.settings import Settings
from genrekit.serving.work import WorkerRequest

_log = logging.getLogger(__name__)
_SCORES_KEPT = 10
_DIGITS = 6


class Recorder:
    """What is kept of answers.

    Parameters
    ----------
    settings : Settings
    metrics : Metrics

    Raises
    ------
    ConfigError
        If the log cannot be opened.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._tallies: dict[str, Tally] = {}
        self._arm_of: dict[str, tuple[str, str]] = {}
        self.log: PredictionLog | None = None
        if settings.answer_log is not None:
            self.log = PredictionLog(
                settings.answer_log,
                settings.log_bytes,
                settings.log_files,
                lambda reason: metrics.lost.labels(reason).inc(),
            )

    def follow(self, bundles: Mapping[str, Bundle], arms: Arms) -> None:
        """Take note of the models that answer from now on; counts of those that stay, stay."""
        most = self._settings.drift_tracks
        self._arm_of = {
            bundle.sha256: (arm, bundle.manifest.version)
            for arm, bundle in reversed(tuple(bundles.items()))
        }
        self._tallies = {
            bundle.sha256: self._tallies.get(bundle.sha256) or Tally(bundle.metrics.reference, most)
            for bundle in bundles.values()
            if most and bundle.metrics.reference is not None
        }
        if self.log is not None:
            self.log.note_models(bundles.values(), arms.experiment, arms.shares)

    def sender(self, key: str) -> str:
        """How the log knows a sender."""
        return self.log.digest(key) if self.log is not None else ""

    def note(
        self,
        work: WorkerRequest,
        answer: TrackPrediction,
        inputs: Mapping[str, float],
        seconds: float,
        *,
        shadow_of: str | None = None,
    ) -> str | None:
        """Note one answer.

        Parameters
        ----------
        inputs : mapping of str to float
            What the model was given, in numbers.
        seconds : float
            With the wait for a worker.
        shadow_of : str, optional
            The answer that was given in place of this one; empty where none is logged.

        Returns
        -------
        str or None
            Its id in the log; None where there is no log.
        """
        assert answer.model is not None
        self._count(work.model, answer, shadow=shadow_of is not None)
        tally = self._tallies.get(answer.model.sha256)
        if tally is not None:
            tally.add(answer.genre or "", next(iter(answer.scores.values())), inputs)
        if self.log is None:
            return None
        answer_id = secrets.token_hex(16)
        timings = answer.timings_ms
        self.log.note(
            {
                "id": answer_id,
                "at": time.time(),
                "arm": work.model,
                "sha256": answer.model.sha256,
                "experiment": self._settings.experiment,
                "dealt": work.assigned and bool(self._settings.split),
                "sender": work.sender,
                "genre": answer.genre,
                "genres": json.dumps(answer.genres),
                "confidence": next(iter(answer.scores.values())),
                "scores": json.dumps(dict(islice(answer.scores.items(), _SCORES_KEPT))),
                "seconds": answer.seconds,
                "analysis_ms": timings.total if timings else 0.0,
                "wall_ms": 1000 * seconds,
                "warnings": json.dumps([state.split(":")[0] for state in answer.warnings]),
                "inputs": json.dumps(
                    {name: float(f"{value:.{_DIGITS}g}") for name, value in inputs.items()}
                ),
                "shadow_of": shadow_of,
            }
        )
        return answer_id

    def keep(self, work: WorkerRequest, answer_id: str) -> None:
        """Keep the audio of an answer; where there is no room, the answer is given all the same."""
        assert self._settings.answer_log is not None
        try:
            keep_audio(
                self._settings.answer_log,
                answer_id,
                Path(work.path),
                Path(work.name).suffix,
                self._settings.keep_bytes,
            )
        except OSError as error:
            _log.warning("audio of %s cannot be kept: %s", answer_id, error)
            self._metrics.lost.labels("audio").inc()

    async def add_feedback(self, answer_id: str, genre: str | None, right: bool | None) -> Feedback:
        """As `PredictionLog.add_feedback`, counted."""
        assert self.log is not None
        given = await self.log.add_feedback(answer_id, genre, right)
        self._metrics.feedback.labels("yes" if given.right else "no").inc()
        return given

    def publish(self) -> None:
        """Tell Prometheus of drift."""
        metrics = self._metrics
        for gauge in (metrics.drift_psi, metrics.drift_divergence, metrics.drift_level):
            gauge.clear()
        metrics.drift_tracks.clear()
        for sha256, tally in self._tallies.items():
            place = self._arm_of[sha256]
            drift = tally.drift()
            metrics.drift_tracks.labels(*place).set(drift.tracks)
            metrics.drift_level.labels(*place).set(LEVELS.index(drift.level) - 1)
            for shift in drift.shifts:
                metrics.drift_psi.labels(*place, shift.of).set(shift.psi)
                metrics.drift_divergence.labels(*place, shift.of).set(shift.js)

    def close(self) -> None:
        """Write what waits."""
        if self.log is not None:
            self.log.close()

    def _count(self, arm: str, answer: TrackPrediction, *, shadow: bool) -> None:
        assert answer.model is not None
        unknown = "yes" if answer.genre == UNKNOWN else "no"
        labels = (arm, answer.model.version)
        self._metrics.arm_answers.labels(*labels, "yes" if shadow else "no", unknown).inc()
        if answer.timings_ms is not None:
            self._metrics.arm_seconds.labels(*labels).observe(answer.timings_ms.total / 1000)
