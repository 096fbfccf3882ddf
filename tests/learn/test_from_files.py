"""From labelled music to a model that is used by its name, and an honest report of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from genrekit.bundles import add_bundle, load_bundle
from genrekit.errors import BundleError, ConfigError, DatasetError
from genrekit.features.cache import FeatureCache
from genrekit.inference import Classifier
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.learn import (
    LearnOptions,
    LearnReport,
    learn,
    read_corrections,
    relearning,
    render_report,
)

from .conftest import GENRES, write_clip

QUICK = LearnOptions(curve=False, duplicates=False)


@pytest.fixture(scope="module")
def learnt(
    music: Path, cache: FeatureCache, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, LearnReport]:
    out = tmp_path_factory.mktemp("learnt") / "My Genres"
    return out, learn(music, out, cache=cache)


def test_the_model_is_a_bundle_that_predicts_by_its_name(
    learnt: tuple[Path, LearnReport], music: Path
) -> None:
    add_bundle(learnt[0])
    classifier = Classifier.load("my-genres")
    assert classifier.labels == GENRES
    track = music / "metal" / "of metal 1" / "0.flac"
    assert classifier.predict_file(track).genre == "metal"
    assert "My own" not in (learnt[0] / "CARD.md").read_text()
    assert load_bundle("my-genres").manifest.architecture == "box+linear"


def test_the_report_says_what_can_be_trusted(learnt: tuple[Path, LearnReport]) -> None:
    report = learnt[1]
    assert report.tracks == 18
    assert report.groups == 9
    assert report.relations == ("artist",)
    assert report.flatters == ""
    assert report.majority == pytest.approx(1 / 3)
    assert report.nearest_centroid is not None
    assert report.score.low < report.score.value <= report.score.high
    assert not report.result.leaky
    # Of six tracks nothing is said with certainty.
    assert set(report.thin) == set(GENRES)
    text = render_report(report)
    assert "thin: fewer than 10 tracks" in text
    assert "nearest centroid" in text


def test_no_artist_is_on_both_sides_of_a_fold(learnt: tuple[Path, LearnReport]) -> None:
    assert learnt[1].result.protocol == "grouped-kfold"


def test_what_is_not_music_gets_no_genre(learnt: tuple[Path, LearnReport]) -> None:
    import numpy as np

    from genrekit.audio import Waveform

    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 4).astype(np.float32)
    answer = Classifier.load(learnt[0]).predict(Waveform(noise, 16000))
    assert answer.genre == "unknown"


def test_where_no_artist_is_known_the_number_is_reported_to_flatter(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    for file in music.rglob("*.flac"):
        target = tmp_path / "flat" / file.parts[-3] / f"{file.parent.name} {file.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    report = learn(tmp_path / "flat", tmp_path / "out", QUICK, cache=cache)
    assert "flatters" in report.flatters
    assert report.flatters in render_report(report)


def test_copies_count_as_one_and_one_artist_a_genre_is_leaky(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    for genre in ("disco", "metal"):
        for track in (music / genre / f"of {genre} 0").iterdir():
            target = tmp_path / "mine" / genre / "one" / track.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(track, target)
    shutil.copy(target, target.with_name("copy.flac"))
    report = learn(
        tmp_path / "mine", tmp_path / "out", replace(QUICK, duplicates=True), cache=cache
    )
    assert len(report.duplicates) == 1
    assert report.groups == 4
    assert report.result.leaky
    assert "on both sides" in report.flatters


def test_a_genre_of_one_artist_teaches_and_is_not_tested(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    shutil.copytree(music, tmp_path / "mine")
    for artist in (1, 2):
        shutil.rmtree(tmp_path / "mine" / "metal" / f"of metal {artist}")
    report = learn(tmp_path / "mine", tmp_path / "out", QUICK, cache=cache)
    assert report.untested == ("metal",)
    assert "metal" in report.labels
    assert report.result.items == 12
    assert "not tested" in render_report(report)


def test_a_wrong_label_is_found_corrected_and_learnt_again(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    shutil.copytree(music, tmp_path / "mine")
    wrong = tmp_path / "mine" / "disco" / "of metal 1" / "wrong.flac"
    write_clip(wrong, "metal", 777)
    out = tmp_path / "out"
    first = learn(tmp_path / "mine", out, QUICK, cache=cache)
    assert first.doubts[0].path == "disco/of metal 1/wrong.flac"
    assert (first.doubts[0].labelled, first.doubts[0].heard) == ("disco", "metal")
    (tmp_path / "fixes.csv").write_text("path,genre\ndisco/of metal 1/wrong.flac,metal\n")
    again = relearning(out, read_corrections(tmp_path / "fixes.csv"))
    assert again.name == "out"
    options = replace(again.options, curve=False, duplicates=False)
    second = learn(again.source, out, options, overwrite=True, cache=cache)
    assert not second.doubts
    recipe = yaml.safe_load(load_bundle(out).manifest.provenance.recipe)
    assert recipe["corrections"] == {"disco/of metal 1/wrong.flac": "metal"}
    assert {row.genre: row.tracks for row in second.per_genre}["metal"] == 7


def test_corrections_leave_out_and_add_tracks(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    new = write_clip(tmp_path / "elsewhere" / "polka.flac", "country", 5)
    other = write_clip(tmp_path / "elsewhere" / "polka2.flac", "country", 6)
    gone = "disco/of disco 0/0.flac"
    changes = {gone: "-", str(new): "polka", str(other): "polka"}
    report = learn(music, tmp_path / "out", replace(QUICK, corrections=changes), cache=cache)
    assert report.labels == (*GENRES, "polka")
    assert report.tracks == 19
    with pytest.raises(ConfigError, match="neither there nor among"):
        learn(music, tmp_path / "o", replace(QUICK, corrections={"no.flac": "disco"}))


def test_genres_beside_those_of_the_base(music: Path, cache: FeatureCache, tmp_path: Path) -> None:
    shutil.copytree(music / "disco", tmp_path / "mine" / "Disco")
    shutil.copytree(music / "metal", tmp_path / "mine" / "chug")
    out = tmp_path / "more"
    learn(tmp_path / "mine", out, replace(QUICK, extend=True), cache=cache)
    base, more = Classifier.load("default"), Classifier.load(out)
    assert more.labels == (*base.labels, "chug")
    analysed = write_clip(tmp_path / "chug.flac", "metal", 55)
    assert more.predict_file(analysed).genre == "chug"
    # Among themselves, the genres of the base keep their order.
    clip = synthesise("classical", seconds=3.1, seed=3, sample_rate_hz=16000)
    order = [one for one in more.predict(clip).scores if one != "chug"]
    assert order[:3] == [*base.predict(clip).scores][:3]
    with pytest.raises(ConfigError, match="are among those"):
        learn(music, tmp_path / "none", replace(QUICK, extend=True), cache=cache)


def test_tags_tell_genres_and_several(cache: FeatureCache, tmp_path: Path) -> None:
    for place in range(4):
        for genre, said in (("disco", "Disco; Dance"), ("metal", "METAL")):
            spelt = said if place else said.title()
            write_clip(
                tmp_path / f"mine/{genre}{place}.flac",
                genre,
                place,
                genre=spelt,
                artist=f"{genre} band {place}",
            )
    write_clip(tmp_path / "mine/untagged.flac", "jazz", 1)
    options = replace(QUICK, by="tag")
    one = learn(tmp_path / "mine", tmp_path / "one", options, cache=cache)
    assert one.labels == ("Disco", "METAL")
    assert any("1 of 9 tracks have no genre" in note for note in one.notes)
    assert one.relations == ("artist",)
    several = learn(
        tmp_path / "mine", tmp_path / "all", replace(options, several=True), cache=cache
    )
    assert several.labels == ("Dance", "Disco", "METAL")
    assert several.measure == "mean average precision"
    answer = Classifier.load(tmp_path / "all").predict_file(tmp_path / "mine/disco1.flac")
    assert set(answer.genres) == {"Dance", "Disco"}


def test_a_folder_without_tags_is_told_so(music: Path, cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="18 of 18 tracks have no genre"):
        learn(music, tmp_path / "out", replace(QUICK, by="tag"), cache=cache)


def test_a_curve_has_each_number_of_tracks_once(cache: FeatureCache, tmp_path: Path) -> None:
    """A quarter and a half of two tracks are both one track."""
    for genre in JUKEBOX_GENRES:
        for track in range(2):
            write_clip(tmp_path / "mine" / genre / f"{track}.flac", genre, track)
    report = learn(tmp_path / "mine", tmp_path / "out", LearnOptions(duplicates=False), cache=cache)
    tracks = [round(point.tracks) for point in report.curve]
    assert tracks == sorted(set(tracks))
    assert tracks


def test_a_list_names_genres_and_artists(music: Path, cache: FeatureCache, tmp_path: Path) -> None:
    rows = ["path,genre,artist"]
    for file in sorted(music.rglob("*.flac")):
        rows.append(f"{file},{file.parts[-3]},{file.parts[-2]}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    report = learn(tmp_path, tmp_path / "out", replace(QUICK, by="csv"), cache=cache)
    assert (report.tracks, report.groups) == (18, 9)


def test_unreadable_tracks_are_named_and_nothing_is_overwritten(
    music: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    shutil.copytree(music, tmp_path / "mine")
    (tmp_path / "mine" / "disco" / "bad.mp3").write_bytes(b"no music" * 100)
    report = learn(tmp_path / "mine", tmp_path / "out", QUICK, cache=cache)
    assert list(report.unreadable) == ["disco/bad.mp3"]
    with pytest.raises(BundleError, match="exists already"):
        learn(tmp_path / "mine", tmp_path / "out", QUICK, cache=cache)
    (tmp_path / "few" / "a").mkdir(parents=True)
    with pytest.raises(DatasetError, match="at least"):
        learn(tmp_path / "few", tmp_path / "never", QUICK)
