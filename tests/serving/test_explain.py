"""What an explanation over REST says: what the command line says, as numbers and as a picture."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.audio import DecodeLimits
from genrekit.errors import AudioLimitError, ConfigError
from genrekit.explain import Occlusion, TrackExplanation
from genrekit.inference import Classifier
from genrekit.schema import ExcerptConfig
from genrekit.serving.explaining import ExplainAnswer, explain
from genrekit.serving.work import Explaining, WorkerContext, WorkerRequest


@pytest.fixture(scope="module")
def expected(tiny_bundle: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What ``genrekit explain`` prints."""
    folder = tmp_path_factory.mktemp("why")
    command = [sys.executable, "-m", "genrekit", "explain", str(tiny_bundle), str(clip)]
    ran = subprocess.run(
        [*command, "-o", str(folder), "--no-check", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return TrackExplanation.model_validate_json(ran.stdout)


@pytest.fixture(scope="module")
def answer(server: Any, clip: Path) -> dict[str, Any]:
    response = server.post("/analysis/explain?name=clip.flac", clip.read_bytes())
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_it_is_the_map_of_the_command_line(
    answer: dict[str, Any], expected: TrackExplanation
) -> None:
    found = ExplainAnswer.model_validate(answer)
    shared = set(Occlusion.model_fields) - {"path", "notes"}
    assert found.path == "clip.flac"
    assert found.model_dump(include=shared) == expected.model_dump(include=shared)
    said = {(one.start_seconds, one.loss) for one in expected.occlusion}
    assert {(one.start_seconds, one.loss) for one in found.speaks_for} <= said
    assert found.patches[0].low_hz is not None


def test_telling_seconds_are_sorted_and_of_one_side(answer: dict[str, Any]) -> None:
    losses = [one["loss"] for one in answer["speaks_for"]]
    assert losses == sorted(losses, reverse=True)
    assert all(loss > 0 for loss in losses)
    assert all(one["loss"] < 0 for one in answer["speaks_against"])
    # Three seconds are too few for three ways of hiding to agree beyond chance.
    assert bool(losses or answer["speaks_against"]) == answer["agreement"]["enough"]
    assert answer["agreement"]["ways"] == ["cut", "silence", "noise"]
    assert answer["verdict"]
    assert answer["patch_verdict"]


def test_the_spectrogram_has_a_row_a_band(answer: dict[str, Any], tiny_bundle: Path) -> None:
    analysed = answer["spectrogram"]
    (frontend,) = Classifier.load(tiny_bundle).bundle.frontends.values()
    assert len(analysed["decibels"]) == len(frontend.feature_names)
    assert len(analysed["borders_hz"]) == len(analysed["decibels"]) + 1
    assert analysed["borders_hz"] == sorted(analysed["borders_hz"])
    assert analysed["end_seconds"] == pytest.approx(3.0)


def test_options_choose_genre_pieces_and_part(server: Any, clip: Path) -> None:
    part = "start=1&duration=1.5&spectrogram=false&time_line=false"
    query = f"genre=metal&seconds=0.5&fill=silence&{part}"
    found = server.post(f"/analysis/explain?{query}", clip.read_bytes()).json()
    assert found["genre"] == "metal"
    assert found["spectrogram"] is None
    assert found["time_line"] == []
    assert [one["start_seconds"] for one in found["occlusion"]] == pytest.approx([1.0, 1.5, 2.0])
    assert found["start_seconds"] == pytest.approx(1.0)
    assert min(one["start_seconds"] for one in found["patches"]) >= 1.0


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("format=png", "*/*", "image/png"),
        ("", "image/png", "image/png"),
        ("", "application/json;q=0.4, image/png;q=0.9", "image/png"),
        ("", "image/png;q=0.5, application/json", "application/json"),
        ("format=json", "image/png", "application/json"),
    ],
)
def test_the_sender_says_what_to_send(
    server: Any, clip: Path, query: str, accept: str, kind: str
) -> None:
    path = f"/analysis/explain?duration=1&{query}"
    response = server.post(path, clip.read_bytes(), headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == kind
    assert response.content.startswith(b"\x89PNG") == (kind == "image/png")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("genre=polka", "knows no genre 'polka'"),
        ("seconds=0", "seconds"),
        ("format=gif", "format"),
        ("colour=red", "colour"),
    ],
)
def test_what_makes_no_sense_is_422(server: Any, clip: Path, query: str, said: str) -> None:
    response = server.post(f"/analysis/explain?{query}", clip.read_bytes())
    assert response.status_code == 422
    assert said in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("seconds", "piece_seconds", "said"),
    [(61.0, 2.0, "more than the limit of 60"), (10.0, 0.1, "more than 60 tries")],
)
def test_what_would_take_too_long_is_refused_before_it_is_begun(
    tiny_bundle: Path, tmp_path: Path, seconds: float, piece_seconds: float, said: str
) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(round(8000 * seconds)) + 0.1, 8000)
    context = WorkerContext(
        {"tiny": Classifier.load(tiny_bundle)}, DecodeLimits(), io.BytesIO(), io.BytesIO()
    )
    work = WorkerRequest(
        operation="explain",
        path=str(path),
        model="tiny",
        excerpt=ExcerptConfig(start_seconds=0.0, duration_seconds=None),
        explaining=Explaining(piece_seconds=piece_seconds),
    )
    with pytest.raises((AudioLimitError, ConfigError), match=said):
        explain(context, work)


def test_no_audio_and_no_room_are_refused_as_elsewhere(server: Any, clip: Path) -> None:
    assert server.post("/analysis/explain", b"words").status_code == 415
    assert server.post("/analysis/explain", b"").status_code == 422
    pool = server.service.pool
    pool._low_priority.extend([object()] * server.service.settings.queue)
    try:
        refused = server.post("/analysis/explain", clip.read_bytes())
    finally:
        pool._low_priority.clear()
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1


def test_one_that_takes_too_long_costs_itself_alone(serving: Any, clip: Path) -> None:
    data = clip.read_bytes()
    with serving(explain_seconds=0.01) as server:
        refused = server.post("/analysis/explain", data)
        assert refused.status_code == 413
        assert "analysing it took" in refused.json()["error"]["message"]
        assert server.post("/analysis/predict", data).status_code == 200


def test_it_is_described_with_an_example_that_holds(server: Any) -> None:
    described_as = server.client.get("/api/v1/openapi.json").json()
    route = described_as["paths"]["/api/v1/analysis/explain"]["post"]
    content = route["responses"]["200"]["content"]
    ExplainAnswer.model_validate(content["application/json"]["example"])
    assert "image/png" in content
    form = route["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) >= {"file", "genre", "seconds", "fill", "format", "model"}


def test_explaining_needs_no_training_library() -> None:
    code = (
        "import sys; import genrekit.serving.explaining; "
        "print(sorted({'torch', 'sklearn', 'matplotlib', 'plotly', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"
