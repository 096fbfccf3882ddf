from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrekit.audio import decode
from genrekit.datasets import Item, track_digest
from genrekit.errors import ConfigError, DatasetError, GenreError
from genrekit.evaluation.distortion_kinds import DISTORTIONS, Clip, Distortion
from genrekit.evaluation.distortions import as_wav, gained
from genrekit.evaluation.robustness_curves import RobustnessResult, robustness
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.reports.robustness import plot_robustness, render_robustness_markdown

TWO = {
    "stereo": replace(DISTORTIONS["stereo"], levels=(1.0,)),
    "gain": replace(DISTORTIONS["gain"], levels=(-20, 12)),
}


def stub(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    return as_wav(clip.samples[: round(level * clip.sample_rate_hz)], clip.sample_rate_hz)


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return Classifier.load(tiny_bundle)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory, classifier: Classifier) -> list[Item]:
    """Four songs, two of them labelled with what the model takes them for."""
    folder = tmp_path_factory.mktemp("songs")
    made = []
    for number, genre in enumerate(("jazz", "metal", "disco", "jazz")):
        song = synthesise(genre, seconds=2, seed=number)
        path = folder / f"{number}.wav"
        soundfile.write(path, song.samples, song.sample_rate_hz, subtype="FLOAT")
        answer = next(iter(classifier.predict_file(path).scores))
        labels = (answer,) if number % 2 else ("blues",)
        made.append(Item(path.name, labels, f"song {number}", path))
    return made


def test_every_number_is_that_of_the_prediction_path(
    classifier: Classifier, items: list[Item]
) -> None:
    result = robustness(classifier, items, distortions=TWO)
    quiet_hits = clean_hits = changed = 0
    for item in items:
        assert item.path is not None
        quiet = as_wav(gained(decode(item.path).samples, -20), 22050)
        one, other = classifier.predict_file(item.path), classifier.predict_file(quiet)
        clean_hits += next(iter(one.scores)) == item.labels[0]
        quiet_hits += next(iter(other.scores)) == item.labels[0]
        changed += next(iter(one.scores)) != next(iter(other.scores))
    assert result.clean.accuracy is not None
    assert result.clean.accuracy.value == clean_hits / 4
    same, found, _ = result.points
    assert (same.distortion, same.changed, same.refused, same.tracks) == ("stereo", 0, 0, 4)
    assert found.accuracy is not None
    assert found.change is not None
    assert (found.accuracy.value, found.changed) == (quiet_hits / 4, changed)
    assert found.change.value == (quiet_hits - clean_hits) / 4
    assert result.trained_on == 0
    assert RobustnessResult.model_validate_json(result.model_dump_json()) == result


def hum(clip: Clip, level: float, generator: np.random.Generator) -> bytes:
    times = np.arange(clip.sample_rate_hz) / clip.sample_rate_hz
    return as_wav((0.5 * np.sin(2 * np.pi * level * times)).astype(np.float32), clip.sample_rate_hz)


def test_what_is_lost_is_below_zero(classifier: Classifier, items: list[Item]) -> None:
    result = robustness(classifier, items, distortions={"hum": Distortion("Hz", (8000,), hum, "")})
    (point,) = result.points
    assert result.clean.accuracy is not None
    assert point.accuracy is not None
    assert point.change is not None
    # Of four songs two are told right, and a hum is not what they are.
    assert (result.clean.accuracy.value, point.accuracy.value) == (0.5, 0.0)
    assert point.change.value == -0.5
    assert point.change.low <= -0.5 <= point.change.high < 0.1, "of four songs"


def test_processes_change_nothing(classifier: Classifier, items: list[Item]) -> None:
    noise = {"noise": replace(DISTORTIONS["noise"], levels=(0,))}
    alone, together = (
        robustness(classifier, items[:2], distortions=noise, seed=3, workers=workers)
        for workers in (1, 2)
    )
    assert alone == together


def test_what_is_too_short_is_counted_apart(classifier: Classifier, items: list[Item]) -> None:
    short = {"stub": Distortion("s", (0.1, 1.0), stub, "")}
    nothing, something = robustness(classifier, items, distortions=short).points
    assert (nothing.tracks, nothing.refused, nothing.accuracy, nothing.change) == (0, 4, None, None)
    assert (something.tracks, something.refused) == (4, 0)
    result = robustness(classifier, items, distortions=short)
    assert "| stub | 0.1 s | none |  | 0 | 0 | 4 |" in render_robustness_markdown(result)


def test_segments_of_a_recording_have_no_wilson_interval(
    classifier: Classifier, items: list[Item]
) -> None:
    parts = [
        replace(item, item_id=f"{item.item_id} {part}", start_seconds=part, end_seconds=part + 1)
        for item in items[:2]
        for part in (0.0, 1.0)
    ]
    result = robustness(classifier, parts, distortions=TWO)
    assert result.clean.accuracy is not None
    assert result.clean.accuracy.method == "bootstrap-by-track"


def test_tracks_that_were_trained_on_are_reported(
    items: list[Item], bundle_factory: Callable[..., Path], tmp_path: Path, tiny_bundle: Path
) -> None:
    source = Classifier.load(tiny_bundle).bundle.manifest.provenance
    known = source.model_copy(update={"trained_on": (track_digest("song 1"),)})
    model = Classifier.load(bundle_factory(tmp_path / "known", provenance=known))
    result = robustness(model, items, distortions=TWO)
    assert result.trained_on == 1
    assert "**LEAKY**: the weights were fitted on 1 of these 4" in render_robustness_markdown(
        result
    )


def test_a_page_and_a_figure(classifier: Classifier, items: list[Item], tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    told = lambda *step: steps.append(step)  # noqa: E731
    result = robustness(classifier, items[:1], distortions=TWO, progress=told)
    assert steps == [("Distorting", 1, 1)]
    assert result is not None
    text = render_robustness_markdown(result)
    assert "| gain (gain, clipped at full scale) | -20 dB | " in text
    figure = plot_robustness(result, tmp_path / "curves.svg")
    assert "stereo" in figure.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\.png, \.svg, \.pdf"):
        plot_robustness(result, tmp_path / "curves.txt")


@pytest.mark.parametrize(
    ("change", "problem", "message"),
    [
        ({"path": None}, DatasetError, "no audio to distort"),
        ({"labels": ("polka",)}, DatasetError, "does not know"),
        ({"path": Path("nowhere.wav")}, DatasetError, "cannot be decoded"),
    ],
)
def test_what_cannot_be_distorted_is_named(
    classifier: Classifier,
    items: list[Item],
    change: dict[str, object],
    problem: type[GenreError],
    message: str,
) -> None:
    with pytest.raises(problem, match=message):
        robustness(classifier, [replace(items[0], **change)], distortions=TWO)  # type: ignore[arg-type]


def test_nothing_is_no_experiment(classifier: Classifier, items: list[Item]) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        robustness(classifier, [], distortions=TWO)
    with pytest.raises(ConfigError, match="at least one"):
        robustness(classifier, items, distortions={})
