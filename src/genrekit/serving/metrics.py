"""What Prometheus is told; a registry of our own, so several servers fit into one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from genrekit.schema import TrackPrediction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "genrekit_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "genrekit_request_seconds",
            "From the head of a request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "genrekit_stage_seconds",
            "Time of each stage of a prediction",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.rejections = Counter(
            "genrekit_rejections", "Requests refused", ("error",), registry=self.registry
        )
        self.genres = Counter(
            "genrekit_genres", "Answers by genre", ("model", "genre"), registry=self.registry
        )
        self.confidence = Histogram(
            "genrekit_confidence",
            "Probability of the best genre",
            ("model",),
            buckets=tuple(step / 10 for step in range(1, 11)),
            registry=self.registry,
        )
        self.warnings = Counter(
            "genrekit_warnings", "Named states of audio", ("state",), registry=self.registry
        )
        self.worker_deaths = Counter(
            "genrekit_worker_deaths", "Workers replaced", ("reason",), registry=self.registry
        )
        self.queued = Gauge("genrekit_queue", "Requests waiting", registry=self.registry)
        self.busy = Gauge("genrekit_workers_busy", "Workers at work", registry=self.registry)
        self.ready = Gauge("genrekit_workers_ready", "Workers alive", registry=self.registry)
        self.streams = Gauge("genrekit_streams", "Live streams", registry=self.registry)
        self._add_arms()

    def _add_arms(self) -> None:
        """Add what is counted for each of several models, and by the log."""
        arm = ("arm", "version")
        self.arm_answers = Counter(
            "genrekit_arm_answers",
            "Answers of each model; shadows are not given to anybody",
            (*arm, "shadow", "unknown"),
            registry=self.registry,
        )
        self.arm_seconds = Histogram(
            "genrekit_arm_seconds",
            "Time of an analysis by each model",
            arm,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.shadows = Counter(
            "genrekit_shadows",
            "What became of files that a shadow was to analyse",
            ("arm", "outcome"),
            registry=self.registry,
        )
        self.feedback = Counter(
            "genrekit_feedback", "Feedback taken", ("right",), registry=self.registry
        )
        self.lost = Counter(
            "genrekit_log_lost", "Answers not logged", ("reason",), registry=self.registry
        )
        self.renewals = Counter(
            "genrekit_model_renewals",
            "Changes of aliases followed",
            ("outcome",),
            registry=self.registry,
        )
        self.drift_psi = Gauge(
            "genrekit_drift_psi",
            "Population stability index of the latest answers against the model's reference",
            (*arm, "of"),
            registry=self.registry,
        )
        self.drift_divergence = Gauge(
            "genrekit_drift_divergence",
            "The same as Jensen-Shannon divergence, in bits",
            (*arm, "of"),
            registry=self.registry,
        )
        self.drift_level = Gauge(
            "genrekit_drift_level",
            "0 none, 1 some, 2 large; -1 too few answers",
            arm,
            registry=self.registry,
        )
        self.drift_tracks = Gauge(
            "genrekit_drift_tracks", "Answers that drift is told from", arm, registry=self.registry
        )

    def count_prediction(self, answer: TrackPrediction) -> None:
        """Note what was answered, and how long it took."""
        model = answer.model.name if answer.model else ""
        self.genres.labels(model, answer.genre or "").inc()
        if answer.scores:
            self.confidence.labels(model).observe(next(iter(answer.scores.values())))
        for warning in answer.warnings:
            self.warnings.labels(warning.split(":")[0]).inc()
        if answer.timings_ms is not None:
            for stage, milliseconds in answer.timings_ms:
                self.stages.labels(stage).observe(milliseconds / 1000)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)
