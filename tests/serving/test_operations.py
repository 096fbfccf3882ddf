"""What workers do, without the process around them; and what the docs say of the settings."""

from __future__ import annotations

import io
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.audio import DecodeLimits
from genrekit.bundles import load_bundle, write_bundle
from genrekit.errors import (
    AudioContentError,
    AudioLimitError,
    BusyError,
    ConfigError,
    GenreError,
    MissingExtraError,
)
from genrekit.inference import Classifier
from genrekit.schema import ExcerptConfig
from genrekit.serving.operations import OPERATIONS
from genrekit.serving.work import WorkerContext, WorkerRequest
from genrekit.workers import error_from_json, error_to_json, packed, read_frame


@pytest.fixture(scope="module")
def context(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> WorkerContext:
    describing = _with_embedding(tiny_bundle, tmp_path_factory.mktemp("bundle") / "describing")
    classifiers = {name: Classifier.load(name) for name in (str(tiny_bundle), str(describing))}
    names = ("plain", "describing")
    loaded = dict(zip(names, classifiers.values(), strict=True))
    return WorkerContext(loaded, DecodeLimits(seconds=2.5), io.BytesIO(), io.BytesIO())


def _with_embedding(source: Path, target: Path) -> Path:
    """The small model, with the mean spectrum before its last layer as a second output."""
    import onnx
    from onnx import TensorProto, helper

    from genrekit.jukebox import synthesise

    bundle = load_bundle(source)
    graph = onnx.load_from_string((source / "model.onnx").read_bytes())
    graph.graph.node.append(helper.make_node("Identity", ["mean"], ["embedding"]))
    graph.graph.output.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 16])
    )
    return write_bundle(
        target,
        manifest=bundle.manifest.model_copy(update={"files": ()}),
        model_onnx=graph.SerializeToString(),
        metrics=bundle.metrics,
        golden=synthesise("blues", seconds=1.5, sample_rate_hz=22050),
    )


def _do(
    context: WorkerContext, clip: Path, operation: str, model: str, **options: Any
) -> dict[str, Any]:
    work = WorkerRequest(operation=operation, path=str(clip), name="clip", model=model, **options)
    answer: dict[str, Any] = OPERATIONS.get(operation)(context, work)
    return answer


def test_an_embedding_is_that_of_the_classifier(context: WorkerContext, clip: Path) -> None:
    answer = _do(
        context, clip, "embedding", "describing", excerpt=ExcerptConfig(duration_seconds=2)
    )
    expected = context.classifiers["describing"].embed_file(
        clip, excerpt=ExcerptConfig(duration_seconds=2)
    )
    assert np.array_equal(np.array(answer["embedding"], np.float32), expected)


def test_a_model_without_embedding_says_so(context: WorkerContext, clip: Path) -> None:
    with pytest.raises(ConfigError, match="no embedding"):
        _do(context, clip, "embedding", "plain")


@pytest.mark.parametrize("operation", ["predict", "features", "embedding"])
def test_every_operation_keeps_to_the_limits(
    context: WorkerContext, clip: Path, operation: str
) -> None:
    whole = ExcerptConfig(start_seconds=0, duration_seconds=None)
    with pytest.raises(AudioLimitError, match="the audio lasts 3"):
        _do(context, clip, operation, "describing", excerpt=whole, features="gtzan57")


@pytest.mark.parametrize(
    "error",
    [
        AudioLimitError("seconds", 10, 20.5, "cut it"),
        AudioContentError("empty", "there is nothing"),
        BusyError("later", 7),
        MissingExtraError("pandas", "train"),
        ConfigError("no"),
    ],
)
def test_errors_survive_the_trip_between_processes(error: GenreError) -> None:
    back = error_from_json(error_to_json(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_frames_that_are_cut_off_are_the_end() -> None:
    whole = packed(b"J", b"{}")
    for cut in range(len(whole)):
        assert read_frame(io.BytesIO(whole[:cut])) is None
    assert read_frame(io.BytesIO(whole)) == (b"J", b"{}")


def test_the_page_lists_the_settings_as_they_are() -> None:
    repository = Path(__file__).parents[2]
    page = (repository / "docs" / "serving.md").read_text(encoding="utf-8")
    updated = runpy.run_path(str(repository / "benchmarks" / "settings.py"))["updated"]
    assert updated(page) == page
