"""What a worker can be asked for, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from genrekit.audio import decode
from genrekit.batch import describe as describe_waveform
from genrekit.catalog import Catalog
from genrekit.errors import ConfigError, quoted
from genrekit.features import build_frontend, table_columns
from genrekit.inference import Classifier, InputWatch, printable
from genrekit.schema import DescriptorsConfig, Gtzan57Config, SegmentScore, TrackPrediction
from genrekit.serving.frames import SEGMENT, VERDICT
from genrekit.serving.live import GrowingFile, live_blocks
from genrekit.workers import write_frame

if TYPE_CHECKING:
    from genrekit.serving.work import WorkerContext, WorkerRequest

#: ``(WorkerContext, WorkerRequest) -> JSON value``; errors of the tree go to the sender.
OPERATIONS = Catalog(
    "operations",
    {
        "predict": "genrekit.serving.operations:predict",
        "watch": "genrekit.serving.operations:watch",
        "features": "genrekit.serving.operations:features",
        "embedding": "genrekit.serving.operations:embedding",
        "explain": "genrekit.serving.explaining:explain",
        "embed windows": "genrekit.serving.learning:embed",
        "learn piles": "genrekit.serving.learning:learn",
        "describe": "genrekit.serving.operations:describe",
        "stream": "genrekit.serving.operations:stream",
    },
    group="genrekit.operations",
)
#: Sets of features that can be asked for.
FEATURE_SETS: dict[str, DescriptorsConfig | Gtzan57Config] = {
    "descriptors": DescriptorsConfig(),
    "gtzan57": Gtzan57Config(),
}


def predict(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Return a ``TrackPrediction`` for a file."""
    return _predict(context, work, None)


def watch(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """As `predict`, with a few numbers of what the model was given."""
    watching = InputWatch(_classifier(context, work).bundle.frontends)
    answer = _predict(context, work, watching)
    return {"prediction": answer, "inputs": watching.numbers()}


def _predict(
    context: WorkerContext, work: WorkerRequest, observe: InputWatch | None
) -> dict[str, Any]:
    answer = _classifier(context, work).predict_file(
        work.path,
        name=work.name,
        excerpt=work.excerpt,
        segments=work.segments,
        tags=work.tags,
        unknown_below=work.unknown_below,
        limits=context.limits,
        observe=observe,
    )
    return answer.model_dump(mode="json")


def features(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Named numbers of a file, from the part that the model would analyse."""
    config = FEATURE_SETS.get(work.features or "")
    if config is None:
        raise ConfigError(
            f"there is no feature set {quoted(work.features or '')}; known: {_known()}"
        )
    frontend = build_frontend(config)
    excerpt = work.excerpt or _classifier(context, work).bundle.manifest.excerpt
    waveform = decode(
        work.path, sample_rate_hz=config.sample_rate_hz, excerpt=excerpt, limits=context.limits
    )
    values = frontend(waveform.samples).tolist()
    return {
        "path": printable(work.name),
        "set": config.kind,
        "seconds": waveform.seconds,
        "features": dict(zip(table_columns(frontend), values, strict=True)),
        "warnings": list(waveform.warnings),
    }


def embedding(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Return the vector that a network puts a file at."""
    classifier = _classifier(context, work)
    name = classifier.identity.name
    if classifier.bundle.embedding_size is None:
        raise ConfigError(f"model {name} gives no embedding; ask for a model that is a network")
    waveform = decode(
        work.path,
        sample_rate_hz=classifier.sample_rate_hz,
        excerpt=work.excerpt or classifier.bundle.manifest.excerpt,
        limits=context.limits,
    )
    vector = classifier.embed(waveform).tolist()
    return {"path": printable(work.name), "model": name, "embedding": vector}


def describe(context: WorkerContext, work: WorkerRequest) -> list[float]:
    """Return the vector by which an index knows a file."""
    classifier = _classifier(context, work)
    waveform = decode(
        work.path,
        sample_rate_hz=classifier.sample_rate_hz,
        excerpt=classifier.bundle.manifest.excerpt,
        limits=context.limits,
    )
    return [float(number) for number in describe_waveform(classifier, waveform)]


def stream(context: WorkerContext, work: WorkerRequest) -> dict[str, Any]:
    """Segments and verdicts while audio arrives, then the prediction that the file would get."""
    classifier = _classifier(context, work)
    seconds = work.seconds or context.limits.seconds
    every = work.every_seconds or seconds + 1

    def emit(kind: bytes, found: SegmentScore | TrackPrediction) -> None:
        write_frame(context.outbox, kind, found.model_dump_json().encode())

    with GrowingFile(work.path, context.inbox, work.pcm) as file:
        blocks = live_blocks(file, work.pcm, classifier.sample_rate_hz, seconds=seconds)
        for prediction in classifier.follow(
            blocks,
            name=work.name,
            unknown_below=work.unknown_below,
            every_seconds=every,
            on_segment=partial(emit, SEGMENT),
        ):
            if work.every_seconds:
                emit(VERDICT, prediction)
        file.finish()
    return predict(context, work)


def _classifier(context: WorkerContext, work: WorkerRequest) -> Classifier:
    return context.classifiers[work.model]


def _known() -> str:
    return ", ".join(FEATURE_SETS)
