"""Further heads: one clip through every way in has equal tags; their order is guarded."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from websockets.sync.client import connect

from genrekit.audio import decode
from genrekit.batch import predict_many
from genrekit.bundles import load_bundle, promote, render_card
from genrekit.cli import main
from genrekit.errors import ConfigError, SkewError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import TrackPrediction
from genrekit.serving.hot_reload import load_bundles


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.flac"
    soundfile.write(path, synthesise("reggae", seconds=2.2, sample_rate_hz=22050).samples, 22050)
    return path


@pytest.fixture(scope="module")
def address(tagging_bundle: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "genrekit", "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(
        [*command, "--model", str(tagging_bundle)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert "listening on http://" in told
        yield told.split("http://")[1].strip()
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _labels(answer: TrackPrediction) -> Any:
    return answer.model_dump(include={"scores", "tags", "wide"})


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["genrekit", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_tags_are_those_of_the_file_everywhere(
    tagging_bundle: Path, clip: Path, address: str
) -> None:
    classifier = Classifier.load(tagging_bundle)
    expected = classifier.predict_file(clip, tags=True)
    assert expected.tags is not None
    assert expected.wide is not None
    assert {group: set(found) for group, found in expected.tags.items()} == {
        "mood": {"calm", "fast"},
        "instrument": {"guitar", "piano", "violin"},
    }
    assert set(expected.wide.genres) == {"dub", "soul"}

    waveform = decode(clip, sample_rate_hz=classifier.sample_rate_hz)
    (batch,) = predict_many([clip], tagging_bundle, tags=True)
    api = f"http://{address}/api/v1/analysis"
    raw = httpx.post(f"{api}/predict?tags=true", content=clip.read_bytes())
    form = httpx.post(
        f"{api}/batch", files=[("files", ("a.flac", clip.read_bytes()))], data={"tags": "true"}
    )
    with connect(f"ws://{address}/api/v1/stream", proxy=None) as socket:
        socket.send(json.dumps({"type": "hello", "format": "container", "tags": True}))
        socket.send(clip.read_bytes())
        socket.send('{"type": "end"}')
        *on_the_way, last = [json.loads(text) for text in socket]
    found = {
        "waveform": classifier.predict(waveform, tags=True),
        "batch": batch,
        "raw body": TrackPrediction.model_validate_json(raw.content),
        "form": TrackPrediction.model_validate(form.json()["predictions"][0]),
        "socket": TrackPrediction.model_validate(last["prediction"]),
    }
    for surface, answer in found.items():
        assert _labels(answer) == _labels(expected), surface
    assert '"tags"' not in json.dumps(on_the_way)
    assert "tags" not in httpx.post(f"{api}/predict", content=clip.read_bytes()).json()


def test_the_command_line_shows_them(
    tagging_bundle: Path,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = Classifier.load(tagging_bundle).predict_file(clip, tags=True)
    ask = ("predict", "--tags", "--model", tagging_bundle, "--jobs", "1", clip)
    assert _run(monkeypatch, *ask, "--json") == 0
    out, err = capfd.readouterr()
    assert _labels(TrackPrediction.model_validate_json(out)) == _labels(expected)
    assert "no tags" not in err

    assert _run(monkeypatch, *ask) == 0
    out, _ = capfd.readouterr()
    (mood,) = [line for line in out.splitlines() if line.split()[:1] == ["mood"]]
    assert expected.tags is not None
    assert [word for word in mood.replace(",", "").split() if word in ("calm", "fast")] == list(
        expected.tags["mood"]
    )
    assert "instrument" in out
    assert "dub" in out


def test_a_model_without_heads_answers_and_says_so_once(
    tiny_bundle: Path,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ask = ("predict", "--tags", "--json", "--model", tiny_bundle, "--jobs", "1", clip, clip)
    assert _run(monkeypatch, *ask) == 0
    out, err = capfd.readouterr()
    assert "tags" not in json.loads(out.splitlines()[0])
    assert err.count("tiny 0.1.0 has no tags") == 1


@pytest.mark.parametrize("head", ["tags", "wide"])
def test_a_changed_order_of_a_heads_labels_is_skew(
    tagging_bundle: Path, tmp_path: Path, head: str
) -> None:
    copy = Path(shutil.copytree(tagging_bundle, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["heads"][head]["labels"].reverse()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SkewError, match=f"labels of head '{head}'"):
        load_bundle(copy)


def test_the_card_lists_heads_groups_and_checks(tagging_bundle: Path, tiny_bundle: Path) -> None:
    bundle = load_bundle(tagging_bundle)
    card = render_card(bundle.manifest, bundle.metrics)
    assert "- instrument: guitar, piano, violin" in card
    assert "checked against: made-up tracks" in card
    assert "### Wide genres" in card
    plain = load_bundle(tiny_bundle)
    assert "Further labels" not in render_card(plain.manifest, plain.metrics)


def test_a_model_that_only_embeds_is_refused_before_any_work(
    embedding_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    absent = tmp_path / "absent.flac"
    wanted = "gives an embedding and no genres"
    with pytest.raises(ConfigError, match=wanted):
        Classifier.load(embedding_bundle).predict_file(absent)
    with pytest.raises(ConfigError, match=wanted):
        predict_many([absent], embedding_bundle)
    with pytest.raises(ConfigError, match=wanted):
        load_bundles({"encoder": str(embedding_bundle)})
    for command in (
        ("evaluate", embedding_bundle, "--data", tmp_path),
        ("robustness", embedding_bundle, "--data", tmp_path),
        ("serve", "--port", "0", "--model", embedding_bundle),
    ):
        assert _run(monkeypatch, *command) != 0
        assert wanted in " ".join(capfd.readouterr().err.split()), command
    assert _run(monkeypatch, "models", "show", embedding_bundle) == 0
    assert "no genres" in capfd.readouterr().out
    assert _run(monkeypatch, "models", "add", embedding_bundle) == 0
    with pytest.raises(ConfigError, match=wanted):
        promote("encoder@0.1.0")
