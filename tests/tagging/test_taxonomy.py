"""Genres as data: what is shipped, what beets has, and what is odd about a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.errors import ConfigError
from genrekit.tagging import check_taxonomy, load_taxonomy, shipped
from genrekit.tagging.names import cased, warnings_for

TREE = """\
- electronic:
    - house:
        - acid house
    - techno
- hip hop:
    - trap
- metal/core
- rock:
    - trap
"""
ALIASES = "hip hop:\n  - (h)ip[ -]*(hop)\n\\1-\\2:\n  - (post)[- ]*(\\w+)\n"


def test_those_that_are_shipped_are_sound() -> None:
    assert shipped() == ["box", "fma", "gtzan"]
    assert {name: len(load_taxonomy(name).parents) for name in ("fma", "gtzan")} == {
        "fma": 163,
        "gtzan": 10,
    }
    for name in shipped():
        assert check_taxonomy(load_taxonomy(name)) == []


def test_all_labels_of_the_packaged_model_are_known() -> None:
    from genrekit.bundles import load_bundle

    manifest = load_bundle("default").manifest
    box = load_taxonomy("box")
    labels = [*manifest.labels, *(manifest.heads["wide"].labels if manifest.heads else ())]
    assert [one for one in labels if box.canonical(one) not in box.parents] == []


def test_the_tree_and_the_aliases_of_beets_are_read_as_they_are(tmp_path: Path) -> None:
    tree, aliases = tmp_path / "genres-tree.yaml", tmp_path / "aliases.yaml"
    tree.write_text(TREE)
    aliases.write_text(ALIASES)
    found = load_taxonomy(tree, aliases)
    assert found.ancestors("acid house") == ["house", "electronic"]
    assert found.parents["trap"] == ("hip hop", "rock")
    assert found.canonical("Hip  Hop") == "hip hop"
    assert found.canonical("post Rock") == "post-rock"
    assert check_taxonomy(found) == [
        "metal/core: players cut a genre in two at a comma, semicolon or slash"
    ]


def test_what_is_odd_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "genres:\n"
        "  rock: {parents: [blues]}\n"
        "  hip hop: {aliases: [rap]}\n"
        "  Hip-Hop: {aliases: [rap]}\n"
        "  a: {parents: [b]}\n"
        "  b: {parents: [a]}\n"
        "whitelist: [rock, polka]\n"
    )
    found = "\n".join(check_taxonomy(load_taxonomy(path)))
    for part in (
        *("its parent blues is not among", "differs from hip hop in spelling only"),
        *(
            "its alias rap means hip hop already",
            "a: it is its own ancestor",
            "polka: it is allowed",
        ),
    ):
        assert part in found


@pytest.mark.parametrize(
    "text", ["", "[", "genres: 7", "- [[7, {a: !!python/object:os.x {}}]]", "genres: {a: {x: 1}}"]
)
def test_files_that_make_no_sense_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_taxonomy(path)


def test_one_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="shipped are box, fma, gtzan"):
        load_taxonomy("gtzam")


def test_only_what_is_allowed_is_written(tmp_path: Path) -> None:
    from genrekit.tagging import Naming

    path = tmp_path / "mine.yaml"
    path.write_text(
        "casing: as-is\ngenres: {rock: {}, indie rock: {parents: [rock]}}\nwhitelist: [rock]"
    )
    naming = Naming(load_taxonomy(path), parents="with")
    assert naming.names("Indie-Rock") == ["rock"]


@pytest.mark.parametrize(
    ("name", "titled"),
    [("rock and roll", "Rock and Roll"), ("trip-hop", "Trip-Hop"), ("r&b", "R&B"), ("idm", "IDM")],
)
def test_title_case(name: str, titled: str) -> None:
    assert cased(name, "title") == titled


def test_names_that_players_split_are_warned_about() -> None:
    assert len(warnings_for(["Rock", "Folk, World", "A/B"])) == 2
