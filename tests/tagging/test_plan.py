"""Plans: what is chosen, what is left alone and why, and what becomes of a plan that is edited."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from genrekit.errors import ConfigError
from genrekit.schema import TrackPrediction
from genrekit.tagging import (
    Naming,
    Plan,
    Rules,
    Wanted,
    begin_run,
    carry_out,
    load_taxonomy,
    make_plan,
    plan_csv,
    read_plan,
    read_tags,
    undo,
    write_plan,
    write_tags,
)
from genrekit.tagging.names import read_mapping

NAMING = Naming(load_taxonomy("box"))
SCORES = {"hiphop": 0.5, "jazz": 0.3, "rock": 0.2}


class Answers:
    """Answers by the name of a file, and remembers what it was asked for."""

    def __init__(self, **answers: dict[str, float]) -> None:
        self.answers, self.asked = answers, list[str]()

    def __call__(self, paths: Sequence[Path]) -> Iterator[tuple[Path, TrackPrediction]]:
        for path in paths:
            self.asked.append(path.stem)
            scores = self.answers.get(path.stem, SCORES)
            best = next(iter(scores), "unknown")
            yield path, TrackPrediction(path=str(path), genre=best, scores=scores)


@pytest.fixture
def library(bare: Callable[[str], bytes], tmp_path: Path) -> Path:
    """Five files: without a genre, with one, with one that says nothing, a podcast, a film."""
    genres = {"none": (), "some": ("Polka",), "other": ("Other",), "cast": ("Podcast",)}
    for name, tags in genres.items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(bare("mp3"))
        if tags:
            write_tags(path, Wanted(tags), record=lambda change: None)
    (tmp_path / "sound.au").write_bytes(b".snd" + bytes(50))
    return tmp_path


def planned(library: Path, ear: Answers | None = None, **rules: object) -> Plan:
    files = sorted(library.iterdir())
    return make_plan(
        *(files, ear or Answers()),
        rules=Rules.model_validate(rules),
        naming=NAMING,
        model="box@1",
    )


def whys(plan: Plan) -> dict[str, str]:
    return {one.path.stem: one.why for one in plan.files}


def test_only_what_is_missing_is_filled_in_and_listened_to(library: Path) -> None:
    ear = Answers()
    plan = planned(library, ear)
    assert sorted(ear.asked) == ["none", "other"]
    assert whys(plan) == {
        "none": "missing",
        "other": "missing",
        "some": "left alone: it has a genre",
        "cast": "left alone: it has a genre",
        "sound": "cannot be tagged",
    }
    assert {one.then for one in plan.files if one.writes} == {("Hip Hop", "Jazz")}
    assert plan.before_and_after()[:2] == [("Hip Hop", 0, 2), ("Jazz", 0, 2)]


@pytest.mark.parametrize(
    ("rules", "then"),
    [
        ({"mode": "replace"}, ("Hip Hop", "Jazz")),
        ({"mode": "add"}, ("Polka", "Hip Hop", "Jazz")),
        ({"mode": "replace", "top": 1}, ("Hip Hop",)),
        ({"mode": "replace", "relative": 0.0}, ("Hip Hop", "Jazz", "Rock")),
        ({"mode": "replace", "relative": 0.0, "minimum": 0.25}, ("Hip Hop", "Jazz")),
        ({"mode": "replace", "keep": ("polka",)}, ()),
        ({"mode": "replace", "minimum": 0.9}, ()),
        ({"missing": ("Polka",)}, ("Hip Hop", "Jazz")),
    ],
)
def test_rules(rules: dict[str, Any], then: tuple[str, ...], library: Path) -> None:
    row = next(one for one in planned(library, **rules).files if one.path.stem == "some")
    assert row.then == then
    assert row.writes == bool(then)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_that_is_called_like_music_is_named_and_not_waited_for(library: Path) -> None:
    os.mkfifo(library / "pipe.mp3")
    (library / "folder.flac").mkdir()
    said = whys(planned(library))
    assert said["pipe"] == said["folder"] == "error"


def test_unknown_leaves_a_file_alone(library: Path) -> None:
    assert whys(planned(library, Answers(none={})))["none"] == "left alone: unknown"


def test_the_limit_counts_files_that_are_listened_to(library: Path) -> None:
    ear = Answers()
    plan = make_plan(sorted(library.glob("*.mp3")), ear, naming=NAMING, limit=1)
    assert len(ear.asked) == 1
    assert list(whys(plan).values()).count("left alone: the limit is reached") == 1


def test_an_album_has_one_answer(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    mutagen_id3 = pytest.importorskip("mutagen.id3")
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(bare("mp3"))
        tags = mutagen_id3.ID3()
        tags.add(mutagen_id3.TALB(text="LP" if name != "c" else ""))
        tags.save(path)
    ear = Answers(a={"jazz": 0.9, "rock": 0.1}, b={"rock": 0.6, "jazz": 0.4}, c={"rock": 1.0})
    plan = planned(tmp_path, ear, album=True, top=1)
    assert [one.then for one in plan.files] == [("Jazz",), ("Jazz",), ("Rock",)]
    assert plan.files[1].score == pytest.approx(0.65)


@pytest.mark.parametrize("name", ["plan.csv", "plan.json"])
def test_a_saved_plan_is_the_plan(name: str, library: Path, tmp_path: Path) -> None:
    name_not_utf_8 = "\udcff" if sys.platform == "linux" else ""
    odd = library / f"odd{name_not_utf_8}, \u266b.mp3"
    odd.write_bytes((library / "none.mp3").read_bytes())
    plan = planned(library)
    write_plan(plan, tmp_path / name)
    back = read_plan(tmp_path / name)
    for one, again in zip(plan.files, back.files, strict=True):
        assert (again.path, again.then, again.why, again.stamp) == (
            *(one.path, one.then, one.why, one.stamp),
        )


def test_an_edited_plan_is_written_and_what_changed_since_is_named(library: Path) -> None:
    plan = planned(library)
    saved = library / "plan.csv"
    # As a spreadsheet saves it: another delimiter, a mark ahead, numbers with commas.
    rows = plan_csv(plan).replace("Hip Hop; Jazz", "Shoegaze", 1).replace(",", "\t")
    saved.write_text("\ufeff" + rows, encoding="utf-8")
    (library / "other.mp3").write_bytes((library / "other.mp3").read_bytes() + b"more")
    run = begin_run()
    outcomes = {one.row.path.stem: one for one in carry_out(read_plan(saved), run)}
    assert outcomes["none"].answer == "written"
    assert (outcomes["other"].answer, outcomes["other"].state) == ("skipped", "changed")
    tags = read_tags(library / "none.mp3")
    assert tags["genre"] == ("Shoegaze",)
    assert tags["model"] == ("box@1",)
    assert tags["scores"] == ("Hip Hop 0.50; Jazz 0.30",)


def test_a_formula_in_a_tag_is_none_in_a_spreadsheet(library: Path) -> None:
    write_tags(library / "some.mp3", Wanted(("=cmd|x",)), record=lambda change: None)
    assert "'=cmd|x" in plan_csv(planned(library))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "file,then,checked\nx,y,1.7E+18\n",
        "file,then,checked\n,y,s1-t1\n",
        "{}",
        "{",
    ],
)
def test_what_is_not_a_plan_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"plan|line 2"):
        read_plan(path)


def test_a_sidecar_is_made_and_undone(library: Path) -> None:
    plan = make_plan([library / "sound.au"], Answers(), naming=NAMING, sidecars=True)
    run = begin_run()
    (done,) = carry_out(plan, run, sidecars=True)
    assert done.answer == "sidecar"
    sidecar = library / "sound.au.genrekit.json"
    assert '"Hip Hop"' in sidecar.read_text()
    (skipped,) = carry_out(plan, run, sidecars=True)
    assert skipped.state == "exists"
    assert [one.answer for one in undo([run])] == ["restored"]
    assert not sidecar.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_two_names_of_one_file_are_written_once(library: Path) -> None:
    (library / "zlink.mp3").symlink_to(library / "none.mp3")
    answers = {one.row.path.stem: one.answer for one in carry_out(planned(library), begin_run())}
    assert answers["none"] == "written"
    assert answers["zlink"] == "already so"


def test_ones_own_names_parents_and_casing() -> None:
    box = load_taxonomy("box")
    own = Naming(box, read_mapping(["hiphop=Rap+Beats", "Rock="]))
    assert own.names("hiphop") == ["Rap", "Beats"]
    assert own.names("rock") == []
    assert Naming(box, parents="with").names("indie rock") == ["Indie Rock", "Indie", "Rock"]
    assert Naming(box, parents="only").names("house") == ["Electronic", "Dance"]
    assert Naming(box, casing="lower").names("rnb") == ["r&b"]
    assert Naming(box).names("rnb") == ["R&B"]
