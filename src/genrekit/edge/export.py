"""Write a model as graphs that need nothing but ONNX Runtime: for phones, and other programs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import SILENT_PEAK
from genrekit.bundles import Bundle, load_bundle, render_card
from genrekit.edge.contract import EdgeFile, EdgeModel, Kind, Precision
from genrekit.edge.graph import check_bundle, edge_graph
from genrekit.edge.precision import (
    Answer,
    Difference,
    calibration_rows,
    difference,
    eight_bit_weights,
    graph_answer,
    half_weights,
    python_answers,
)
from genrekit.edge.tracks import Tracks, folder_tracks, synthetic_tracks
from genrekit.errors import BundleError
from genrekit.export import int8_graph, quiet_logging
from genrekit.files import replacing_folder
from genrekit.progress import Progress, silent

Samples = NDArray[np.float32]

#: Largest difference of a probability, or of a number of the embedding in units of its largest.
TOLERANCE = 1e-3
#: Share of tracks that another precision must answer as `predict` does.
AGREEMENT = 0.99
MODEL, CARD = "model.json", "CARD.md"
_RUN_AGAIN = 3
_WEIGHTS = {
    "fp32": "single precision",
    "fp16": "weights stored in half precision, computed in single precision",
    "int8": "weights stored in eight bits, computed in single precision",
}
_SUMS_TOO = "weights and sums in eight bits"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Tracks that a bundle is compared on, and what Python says of them.

    Attributes
    ----------
    what : str
    tracks : sequence of (n,) float32
    answers : sequence of Answer, or None where a track is refused
    """

    what: str
    tracks: Sequence[Samples]
    answers: Sequence[Answer | None]


def export_edge(
    name_or_path: str | Path,
    out: Path,
    *,
    data: Path | None = None,
    synthetic: int | None = None,
    progress: Progress = silent,
) -> EdgeModel:
    """Write a bundle as graphs from audio to the answer, in up to three precisions.

    Each is an ``.onnx`` file and the same in the ``.ort`` format of ONNX Runtime for phones.
    Precisions that do not answer as `genrekit predict` does on the tracks compared are left out.

    Parameters
    ----------
    out : Path
        Where nothing is yet.
    data : Path, optional
        A folder of audio to compare on, in place of synthetic tracks.
    synthetic : int, optional
        How many of them; None takes a hundred.

    Raises
    ------
    ConfigError
        If there is no such bundle, or its front-end cannot be part of a graph.
    BundleError
        If ``out`` exists, or the graph gives other answers than Python does.
    MissingExtraError
        If onnx is not installed.
    """
    check_target(out)
    bundle = load_bundle(name_or_path)
    check_bundle(bundle)
    tracks = _tracks(bundle, data, synthetic)
    with replacing_folder(out) as fresh:
        return write_edge(bundle, fresh, tracks, progress)


def check_target(out: Path) -> None:
    """Raise `BundleError` if there is something at ``out``."""
    if out.exists():
        raise BundleError(f"{out} exists already; choose another name")


def write_edge(bundle: Bundle, folder: Path, tracks: Tracks, progress: Progress) -> EdgeModel:
    """Fill an empty folder; as `export_edge`."""
    compared = compare_on(bundle, tracks, progress)
    network = (bundle.directory / "model.onnx").read_bytes()
    whole, seen = checked_graph(bundle, compared)
    found = [_written(folder, "fp32", whole, seen, compared, bundle)]
    progress("Precisions", 1, 3)
    halved = edge_graph(bundle, half_weights(network))
    seen = _difference(halved, compared, bundle)
    found.append(_written(folder, "fp16", halved, seen, compared, bundle))
    progress("Precisions", 2, 3)
    found.append(_eight_bits(folder, network, compared, bundle))
    progress("Precisions", 3, 3)
    model = described(bundle, compared, found)
    (folder / MODEL).write_text(model.model_dump_json(indent=1), encoding="utf-8")
    (folder / CARD).write_text(render_card(bundle.manifest, bundle.metrics), encoding="utf-8")
    return model


def compare_on(bundle: Bundle, tracks: Tracks, progress: Progress = silent) -> Comparison:
    """Decode tracks, and ask Python for its answers.

    Raises
    ------
    BundleError
        If none of them can be analysed.
    """
    taken, answers = [], []
    for number, samples in enumerate(tracks.samples(bundle.manifest.sample_rate_hz), 1):
        taken.append(samples)
        answers += python_answers(bundle, [samples])
        progress("Comparing", number, len(tracks.loaders))
    if not any(answers):
        raise BundleError(
            f"none of {tracks.what} can be analysed, so nothing can be compared; name other audio"
        )
    return Comparison(tracks.what, taken, answers)


def checked_graph(bundle: Bundle, compared: Comparison) -> tuple[bytes, Difference]:
    """Make the graph in single precision, and tell how near it comes to what Python says.

    Raises
    ------
    BundleError
        If it does not.
    """
    graph = edge_graph(bundle, (bundle.directory / "model.onnx").read_bytes())
    seen = _difference(graph, compared, bundle)
    if max(seen.scores, seen.embedding or 0.0) > TOLERANCE:
        raise BundleError(
            f"the graph differs from what Python computes by {seen.scores:.1g} in probabilities "
            f"and {seen.embedding or 0:.1g} in the embedding, more than {TOLERANCE:g}; nothing is "
            "written: this is a fault of genrekit, please report it with the model's card"
        )
    return graph, seen


def described(bundle: Bundle, compared: Comparison, precisions: Sequence[Precision]) -> EdgeModel:
    """Gather what ``model.json`` says."""
    manifest = bundle.manifest
    return EdgeModel(
        name=manifest.name,
        version=manifest.version,
        bundle_sha256=bundle.sha256,
        licence=manifest.licence,
        description=manifest.description,
        task=manifest.task,
        labels=manifest.labels,
        parents=dict(manifest.parents),
        sample_rate_hz=manifest.sample_rate_hz,
        excerpt=manifest.excerpt,
        windows=manifest.windows,
        embedding_size=bundle.embedding_size,
        unknown_below=manifest.unknown_below,
        silent_below_peak=SILENT_PEAK,
        thresholds=manifest.thresholds,
        prediction_sets=manifest.prediction_sets,
        heads=dict(manifest.heads),
        compared=compared.what,
        tracks=sum(answer is not None for answer in compared.answers),
        precisions=tuple(precisions),
    )


def _tracks(bundle: Bundle, data: Path | None, synthetic: int | None) -> Tracks:
    if data is not None:
        return folder_tracks(data, bundle.manifest.excerpt)
    return synthetic_tracks() if synthetic is None else synthetic_tracks(synthetic)


def _eight_bits(folder: Path, network: bytes, compared: Comparison, bundle: Bundle) -> Precision:
    """Take whole numbers where answers stay, else weights alone in eight bits, else nothing."""
    int8 = bundle.metrics.int8
    if int8 is not None and int8.used:
        return _left_out("int8", "the model has eight bits already, in all of its files")
    answered = [
        one for one, answer in zip(compared.tracks, compared.answers, strict=True) if answer
    ]
    try:
        with _silenced():
            whole = int8_graph(network, calibration_rows(bundle, answered))
        graph = edge_graph(bundle, whole)
        seen = _difference(graph, compared, bundle)
        found = _written(folder, "int8", graph, seen, compared, bundle, _SUMS_TOO)
    except Exception as error:  # noqa: BLE001 the quantiser raises whatever its parts raise
        found = _left_out("int8", f"the network cannot be quantised: {error}".splitlines()[0])
    if found.kept:
        return found
    stored = edge_graph(bundle, eight_bit_weights(network))
    seen = _difference(stored, compared, bundle)
    return _written(folder, "int8", stored, seen, compared, bundle)


def _left_out(kind: Kind, why: str) -> Precision:
    return Precision(
        kind=kind,
        how="",
        kept=False,
        why=why,
        agreement=None,
        largest_difference=None,
        embedding_difference=None,
        files=(),
    )


def _written(
    folder: Path,
    kind: Kind,
    graph: bytes,
    seen: Difference,
    compared: Comparison,
    bundle: Bundle,
    how: str = "",
) -> Precision:
    """Write a graph where it answers as Python does."""
    if seen.agreement >= AGREEMENT:
        return measured(kind, seen, _files(folder, kind, graph, compared, bundle), how=how)
    why = f"{1 - seen.agreement:.1%} of the tracks got another answer"
    return measured(kind, seen, (), how=how, why=why)


def measured(
    kind: Kind, seen: Difference, files: Sequence[EdgeFile], *, how: str = "", why: str = ""
) -> Precision:
    """Gather what is known of a precision; ``why`` it was left out, if it was."""
    return Precision(
        kind=kind,
        how=how or _WEIGHTS[kind],
        kept=not why,
        why=why,
        agreement=seen.agreement,
        largest_difference=seen.scores,
        embedding_difference=seen.embedding,
        files=tuple(files),
    )


def edge_file(name: str, content: bytes) -> EdgeFile:
    """Say what a file is."""
    return EdgeFile(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _files(
    folder: Path, kind: str, graph: bytes, compared: Comparison, bundle: Bundle
) -> tuple[EdgeFile, ...]:
    contents = {f"{kind}.onnx": graph}
    # The conversion computes what is constant, which would make single precision of halves.
    if kind != "fp16":
        contents[f"{kind}.ort"] = _checked_ort(graph, compared, bundle)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(edge_file(name, content) for name, content in contents.items())


def _checked_ort(graph: bytes, compared: Comparison, bundle: Bundle) -> bytes:
    """Convert to ONNX Runtime's own format; load and run that on a few of the tracks."""
    converted = ort_format(graph)
    session, original = open_graph(converted), open_graph(graph)
    pairs = zip(compared.tracks, compared.answers, strict=True)
    for samples in [one for one, answer in pairs if answer][:_RUN_AGAIN]:
        wanted, given = (graph_answer(one, samples, bundle.manifest) for one in (original, session))
        if difference([wanted], [given]).scores > TOLERANCE:
            raise BundleError(
                "the graph in ONNX Runtime's own format gives other probabilities than the same as "
                "ONNX; install another version of onnxruntime"
            )
    return converted


def ort_format(graph: bytes) -> bytes:
    """Convert to the format of ONNX Runtime for phones, optimised for any processor."""
    with _silenced(), tempfile.TemporaryDirectory() as scratch:
        # On import it configures the root logger, and it prints as it goes.
        from onnxruntime.tools.convert_onnx_models_to_ort import (
            OptimizationStyle,
            convert_onnx_models_to_ort,
        )

        source = Path(scratch) / "model.onnx"
        source.write_bytes(graph)
        convert_onnx_models_to_ort(source, optimization_styles=[OptimizationStyle.Fixed])
        return source.with_suffix(".ort").read_bytes()


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Silence tools that print, log to the root logger, and leave files open."""
    before = logging.root.manager.disable
    with quiet_logging(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def _difference(graph: bytes, compared: Comparison, bundle: Bundle) -> Difference:
    session = open_graph(graph)
    given = [
        graph_answer(session, samples, bundle.manifest) if wanted else None
        for samples, wanted in zip(compared.tracks, compared.answers, strict=True)
    ]
    return difference(compared.answers, given)


def open_graph(graph: bytes) -> Any:
    """Open a graph on one thread of the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
