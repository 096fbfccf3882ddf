"""Fixtures shared by all tests."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before the libraries that read it: tests run in several processes, and the arrays are small.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
from hypothesis import settings

from genrekit.schema import (
    BundleMetrics,
    Estimate,
    EvaluationResult,
    GenreNumbers,
    Head,
    Manifest,
    MelConfig,
    Provenance,
    Reference,
    WindowConfig,
)

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Split
    from genrekit.evaluation.run import RunResult

REPOSITORY = Path(__file__).resolve().parents[1]

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes no test wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the checkout (or in GENREKIT_REAL_DATA)."""
    folder = Path(os.environ.get("GENREKIT_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data is not here; set GENREKIT_REAL_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test out of the user's model store and caches."""
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Undo what a search for settings before this test told torch."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


# --- a browser ----------------------------------------------------------------------------------

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium with a microphone that hums; tests that ask for it are skipped without one.

    It lives as long as a module: Playwright keeps a loop of events running in this thread, which
    tests of other modules that run their own must not meet.
    """
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("there is no Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        one = running.chromium.launch(executable_path=found, args=_FLAGS)
        yield one
        one.close()


# --- a small model ------------------------------------------------------------------------------


GENRES = (
    *("blues", "classical", "country", "disco", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)


def _linear_onnx(n_mels: int, n_labels: int, heads: dict[str, int]) -> bytes:
    """Mean over frames, then a linear layer: mel (N, n_mels, frames) -> logits (N, n_labels).

    So for each head, of which the number of labels is given, too.
    """
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(7)
    layers: list[Any] = []
    constants: list[Any] = []
    outputs: list[Any] = []
    for output, columns in {"logits": n_labels, **heads}.items():
        weights = generator.normal(0, 0.05, (n_mels, columns)).astype(np.float32)
        weights -= weights.mean(axis=0)  # loudness as a whole has no vote
        bias = generator.normal(0, 0.1, columns).astype(np.float32)
        names = [f"{output} weights", f"{output} bias"]
        layers.append(helper.make_node("Gemm", ["mean", *names], [output]))
        constants += map(numpy_helper.from_array, (weights, bias), names)
        outputs.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", columns]))
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["mel", "time"], ["mean"], keepdims=0),
            *layers,
        ],
        "linear",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["n", n_mels, "frames"])],
        outputs,
        [numpy_helper.from_array(np.array([2], np.int64), "time"), *constants],
    )
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())


def _made_up_metrics(labels: tuple[str, ...]) -> BundleMetrics:
    estimate = Estimate(value=0.5, low=0.4, high=0.6, method="bootstrap-by-track")
    count = len(labels)
    result = EvaluationResult(
        model="tiny",
        dataset="jukebox",
        dataset_fingerprint="0" * 64,
        protocol="holdout",
        leaky=False,
        split_fingerprint="1" * 64,
        items=2 * len(labels),
        labels=labels,
        accuracy=estimate,
        macro_f1=estimate,
        log_loss=1.5,
        expected_calibration_error=0.1,
        per_genre=tuple(
            GenreNumbers(genre=label, precision=0.5, recall=0.5, f1=0.5, tracks=2)
            for label in labels
        ),
        confusion=tuple(
            tuple(int(b in (a, (a + 1) % count)) for b in range(count)) for a in range(count)
        ),
    )
    leaky = result.model_copy(update={"protocol": "segments-leaky", "leaky": True})
    return BundleMetrics(results=(result, leaky))


def build_bundle(directory: Path, *, reference: Reference | None = None, **changes: Any) -> Path:
    """Write a small valid bundle with untrained weights; ``changes`` go into its manifest."""
    from genrekit.bundles import write_bundle
    from genrekit.features import frontend_fingerprint
    from genrekit.jukebox import synthesise

    mel = MelConfig(fft_samples=1024, hop_samples=1024, n_mels=16)
    fields: dict[str, Any] = {
        "name": "tiny",
        "version": "0.1.0",
        "architecture": "linear",
        "labels": GENRES,
        "frontends": {"mel": mel},
        "frontend_fingerprints": {"mel": frontend_fingerprint(mel)},
        "windows": WindowConfig(window_seconds=1.0, hop_seconds=0.5, minimum_seconds=0.25),
        "temperature": 1.5,
        "provenance": Provenance(
            dataset="jukebox",
            dataset_fingerprint="0" * 64,
            protocol="holdout",
            tracks=20,
            data_licence="CC0-1.0",
            recipe="model: linear\n",
        ),
        "versions": {"genrekit": "0.1.0"},
    } | changes
    manifest = Manifest.model_validate(fields)
    return write_bundle(
        directory,
        manifest=manifest,
        model_onnx=_linear_onnx(
            mel.n_mels,
            len(manifest.labels),
            {name: len(head.labels) for name, head in manifest.heads.items()},
        ),
        metrics=BundleMetrics()
        if manifest.embedding_only
        else _made_up_metrics(manifest.labels).model_copy(update={"reference": reference}),
        golden=synthesise("blues", seconds=1.5, sample_rate_hz=manifest.sample_rate_hz),
    )


@pytest.fixture(scope="session")
def bundle_factory() -> Callable[..., Path]:
    """``build(directory, **manifest_fields)`` writes a small valid bundle in milliseconds."""
    return build_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small valid bundle of the ten GTZAN genres; copy it before changing anything in it."""
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


HEADS = {
    "tags": Head(
        labels=("calm", "fast", "guitar", "piano", "violin"),
        thresholds=(0.5,) * 5,
        groups={"mood": ("calm", "fast"), "instrument": ("guitar", "piano", "violin")},
        checked="made-up tracks",
    ),
    "wide": Head(labels=("dub", "ska", "soul"), thresholds=(0.0, 1.0, 0.0)),
}


@pytest.fixture(scope="session")
def tagging_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_bundle`, with the further heads ``HEADS``."""
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tagging", name="tagging", heads=HEADS)


@pytest.fixture(scope="session")
def embedding_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small valid bundle that gives an embedding and no genres."""
    folder = tmp_path_factory.mktemp("bundles") / "encoder"
    return build_bundle(folder, name="encoder", embedding_only=True)


@pytest.fixture(scope="session")
def plain_graph() -> Callable[[Path], bytes]:
    """``plain_graph(directory)`` is the graph of a bundle, without what it says of its bundle."""
    from genrekit.bundles import with_metadata

    return lambda directory: with_metadata((directory / "model.onnx").read_bytes(), {})


@pytest.fixture(scope="session")
def peak_memory_code() -> str:
    """Code that defines ``peak_mebibytes()``, for scripts that run in a process of their own.

    Linux says it without the process that started them, which ``resource.getrusage`` counts in.
    """
    return """
def peak_mebibytes():
    from pathlib import Path
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
"""


# --- runs that are made up ----------------------------------------------------------------------

THREE = ("jazz", "pop", "rock")


def made_dataset(n_tracks: int = 120, per_track: int = 1, name: str = "made") -> Dataset:
    from genrekit.datasets import CorpusInfo, Dataset, Item

    items = tuple(
        Item(f"{track}.{part}", (THREE[track % 3],), f"track {track}")
        for track in range(n_tracks)
        for part in range(per_track)
    )
    return Dataset(name, THREE, items, CorpusInfo("title", "licence", "citation", "homepage"))


def made_run(
    share: float,
    seed: int,
    *,
    name: str = "model",
    dataset: Dataset | None = None,
    split: Split | None = None,
    labels: tuple[str, ...] | None = None,
) -> RunResult:
    """A model that is right on ``share`` of the tracks, tested in five folds unless said."""
    from genrekit.datasets import make_split
    from genrekit.evaluation import Scored
    from genrekit.evaluation.results import ScoredFold, run_result
    from genrekit.evaluation.run import FoldSize

    dataset = dataset or made_dataset()
    labels = labels or dataset.labels
    split = split or make_split(dataset, "grouped-kfold", n_folds=5)
    generator = np.random.default_rng(seed)
    folds = []
    for fold in split.folds:
        rows = dataset.indices(fold.test)
        targets = np.array([labels.index(dataset.items[row].labels[0]) for row in rows])
        scores = generator.dirichlet(np.ones(len(labels)), len(rows))
        right = generator.random(len(rows)) < share
        scores[np.arange(len(rows))[right], targets[right]] += 2
        wrong = np.flatnonzero(~right)
        scores[wrong, (targets[wrong] + 1) % len(labels)] += 2
        scores /= scores.sum(axis=1, keepdims=True)
        groups = tuple(dataset.items[row].group for row in rows)
        size = FoldSize(train=len(fold.train), test=len(fold.test)) if fold.train else None
        folds.append(ScoredFold(tuple(fold.test), Scored(targets, scores, groups), size))
    return run_result(folds, labels=labels, dataset=dataset, split=split, model=name)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., RunResult]:
    """``make_run(share_right, seed, name=..., dataset=..., split=..., labels=...)``."""
    return made_run


@pytest.fixture(scope="session")
def make_data() -> Callable[..., Dataset]:
    """``make_data(n_tracks, per_track)``."""
    return made_dataset


PER_PART = {"train": 6, "valid": 3, "test": 4}


def track_names() -> list[str]:
    """A few tracks of every genre and part of the fault-filtered split."""
    from genrekit.datasets.gtzan_facts import GTZAN_GENRES, official_part

    names = []
    for genre in GTZAN_GENRES:
        left = dict(PER_PART)
        for number in range(100):
            track = f"{genre}.{number:05d}"
            part = official_part(track)
            if part is not None and left[part]:
                left[part] -= 1
                names.append(track)
    return names


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published table's columns in another order, with made-up numbers."""
    from genrekit.datasets.gtzan_facts import GTZAN_GENRES
    from genrekit.features import build_frontend
    from genrekit.schema import Gtzan57Config

    columns = build_frontend(Gtzan57Config()).feature_names[::-1]
    generator = np.random.default_rng(3)
    centres = generator.normal(0, 0.4, (len(GTZAN_GENRES), len(columns)))
    sizes = np.logspace(-5, 6, len(columns))
    path = tmp_path_factory.mktemp("tables") / "features_30_sec.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "length", *columns, "label"])
        for track in track_names():
            genre = track.partition(".")[0]
            noise = generator.normal(0, 1, len(columns))
            row = (centres[GTZAN_GENRES.index(genre)] + noise) * sizes
            writer.writerow([f"{track}.wav", 661794, *map(repr, row.tolist()), genre])
    return path
