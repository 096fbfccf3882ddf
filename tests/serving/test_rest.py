"""What REST answers: the same prediction however it is asked, and refusals that say why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genrekit.inference import Classifier
from genrekit.schema import TrackPrediction


def _timeless(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timings_ms"}


@pytest.fixture(scope="module")
def expected(tiny_bundle: Path, clip: Path) -> dict[str, Any]:
    answer = Classifier.load(tiny_bundle).predict_file(clip, name="clip.flac", segments=True)
    return _timeless(answer.model_dump(mode="json"))


def test_form_and_raw_body_give_the_prediction_of_the_file(
    server: Any, clip: Path, expected: dict[str, Any]
) -> None:
    data = clip.read_bytes()
    form = server.client.post(
        "/api/v1/analysis/predict", files={"file": ("clip.flac", data)}, data={"segments": "true"}
    )
    raw = server.post("/analysis/predict?name=clip.flac&segments=true", data)
    assert form.status_code == raw.status_code == 200
    assert _timeless(form.json()) == _timeless(raw.json()) == expected
    assert TrackPrediction.model_validate(raw.json()).timings_ms is not None


@pytest.mark.parametrize(
    ("query", "check"),
    [
        ("top=2", lambda answer: len(answer["scores"]) == 2),
        ("threshold=1", lambda answer: answer["genre"] == "unknown" and answer["genres"] == []),
        ("start=1&duration=1", lambda answer: answer["seconds"] == 1.0),
        ("whole=true", lambda answer: answer["seconds"] == 3.0),
        ("model=tiny@0.1.0", lambda answer: answer["model"]["name"] == "tiny"),
    ],
)
def test_options_change_the_answer(server: Any, clip: Path, query: str, check: Any) -> None:
    response = server.post(f"/analysis/predict?{query}", clip.read_bytes())
    assert response.status_code == 200
    assert check(response.json())


@pytest.mark.parametrize(
    "query",
    ["top=0", "top=many", "threshold=2", "colour=red", "start=-1", "model=../../etc", "start=nan"],
)
def test_options_that_make_no_sense_are_422(server: Any, clip: Path, query: str) -> None:
    response = server.post(f"/analysis/predict?{query}", clip.read_bytes())
    assert response.status_code == 422
    assert response.json()["error"]["type"] == "ConfigError"
    assert response.json()["error"]["message"]


def test_options_in_the_form_win_over_the_query(server: Any, clip: Path) -> None:
    response = server.client.post(
        "/api/v1/analysis/predict?top=5",
        files={"file": ("c", clip.read_bytes())},
        data={"top": "1"},
    )
    assert len(response.json()["scores"]) == 1
    wrong = server.client.post(
        "/api/v1/analysis/predict", files={"file": ("c", clip.read_bytes())}, data={"x": "1"}
    )
    assert wrong.status_code == 422


def test_a_batch_answers_each_file_and_says_when_some_failed(server: Any, clip: Path) -> None:
    good = ("a.flac", clip.read_bytes())
    fine = server.client.post("/api/v1/analysis/batch", files=[("files", good), ("files", good)])
    assert fine.status_code == 200
    assert [one["path"] for one in fine.json()["predictions"]] == ["a.flac", "a.flac"]
    mixed = server.client.post(
        "/api/v1/analysis/batch", files=[("files", ("b.txt", b"words")), ("files", good)]
    )
    assert mixed.status_code == 207
    assert mixed.json()["failed"] == 1
    bad, answered = mixed.json()["predictions"]
    assert bad["error"]["type"] == "AudioFormatError"
    assert bad["path"] == "b.txt"
    assert answered["error"] is None


def test_features_are_those_of_the_front_end(server: Any, clip: Path) -> None:
    from genrekit.audio import decode
    from genrekit.features import build_frontend
    from genrekit.schema import Gtzan57Config

    response = server.post("/analysis/features?set=gtzan57", clip.read_bytes())
    assert response.status_code == 200
    frontend = build_frontend(Gtzan57Config())
    values = dict(zip(frontend.feature_names, frontend(decode(clip).samples), strict=True))
    assert response.json()["features"] == pytest.approx(values)


def test_models_version_and_health(server: Any, tiny_bundle: Path) -> None:
    (card,) = server.client.get("/api/v1/models").json()
    assert card["name"] == "tiny"
    assert card["default"]
    assert "# tiny" in card["card"]
    assert server.client.get("/version").json()["models"] == {str(tiny_bundle): "0.1.0"}
    for path in ("/health/live", "/health/ready", "/api/v1/health/live"):
        assert server.client.get(path).json() == {"status": "ok"}


def test_metrics_count_what_was_answered(server: Any, clip: Path) -> None:
    before = server.client.get("/metrics").text
    server.post("/analysis/predict", clip.read_bytes())
    after = server.client.get("/metrics").text

    def total(text: str) -> float:
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("genrekit_genres_total")
        )

    assert total(after) == total(before) + 1
    assert "genrekit_queue 0.0" in after
    assert 'genrekit_stage_seconds_count{stage="frontend"}' in after


def test_every_answer_carries_security_headers_and_cors_is_closed(server: Any) -> None:
    for path in ("/health/live", "/api/v1/models", "/nowhere"):
        headers = server.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_the_description_is_complete(server: Any) -> None:
    described = server.client.get("/api/v1/openapi.json").json()
    predict = described["paths"]["/api/v1/analysis/predict"]["post"]
    assert set(predict["responses"]) >= {
        *("200", "400", "401", "408", "413", "415", "422", "429", "503")
    }
    assert "example" in predict["responses"]["200"]["content"]["application/json"]
    assert "multipart/form-data" in predict["requestBody"]["content"]
    assert "/health/ready" in described["paths"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/api/v1/analysis/predict", 405), ("PUT", "/metrics", 405)],
)
def test_what_is_not_there_is_reported_in_the_one_shape(
    server: Any, method: str, path: str, status: int
) -> None:
    response = server.client.request(method, path)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/api/v1/predict", 404, "openapi.json"),
        ("POST", "/predict", 404, "POST /predict"),
        ("GET", "/docs", 404, "openapi.json"),
        ("GET", "/api/v1/analysis/predict", 405, "use POST"),
        ("PUT", "/index.html", 405, "not how to ask"),
    ],
)
def test_who_asks_at_the_wrong_door_is_told_where_the_doors_are(
    server: Any, method: str, path: str, status: int, said: str
) -> None:
    refused = server.client.request(method, path)
    assert refused.status_code == status
    assert said in refused.json()["error"]["message"]


def test_slips_with_curl_are_told_how_to_do_it(server: Any) -> None:
    slips = (
        server.post("/analysis/predict", b""),
        server.post("/analysis/predict", b"file=@song.mp3"),
        server.client.post("/api/v1/analysis/predict", files={"file": (None, "song.mp3")}),
    )
    assert [one.status_code for one in slips] == [422, 400, 400]
    for one in slips:
        assert "curl -F file=@song.mp3" in one.json()["error"]["message"]
