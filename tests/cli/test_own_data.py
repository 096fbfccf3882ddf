"""The same options, and one way to open data, for every command that takes some."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets.opening import Columns, open_data
from genrekit.download import Size, fetch
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import ColumnsConfig

Run = Callable[..., Any]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A table with names of its own, as a spreadsheet of another country writes it."""
    file = tmp_path / "songs.csv"
    lines = ["sep=;", "song;tempo;energy;style;year;split"]
    for number in range(24):
        part = ("train", "training", "test")[number // 2 % 3]
        style = "ab"[number % 2]
        tempo = f"{100 + 30 * (number % 2)},{number}"
        lines.append(f"s{number // 2};{tempo};0,{number};{style};{1990 + number};{part}")
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


READ = ("--label", "style", "--id", "song", "--ignore", "year")


def test_a_table_of_another_country_is_read_the_same_way_everywhere(
    run: Run, songs: Path, tmp_path: Path
) -> None:
    dataset = open_data(songs, columns=Columns("style", "song", None, ("year",)))
    assert dataset.feature_names == ("tempo", "energy")
    assert dataset.features is not None
    assert dataset.features[1].tolist() == [130.1, 0.1]
    assert [item.split for item in dataset.items[1:5:2]] == ["train", "train"]
    read = (*READ, "--group", "song")
    for arguments in (
        ("split", songs, *read, "--protocol", "holdout", "--shares", "0.5,0.25,0.25"),
        ("audit", songs, *read, "--no-labels"),
    ):
        ran = run(*arguments)
        assert ran.code == 0, (arguments, ran.err)


def test_a_table_of_ones_own_is_trained_tested_and_checked(
    run: Run, songs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    assert run("train", songs, *READ, "-o", out).code == 0
    (result,) = load_bundle(out).metrics.results
    assert (result.protocol, result.accuracy.value) == ("official", 1.0)
    columns = load_bundle(out).manifest.frontends["columns"]
    assert isinstance(columns, ColumnsConfig)
    assert columns.names == ("tempo", "energy")
    tested = run("evaluate", out, "--data", songs, *READ, "--protocol", "official", "--json")
    assert json.loads(tested.out)["accuracy"]["value"] == 1.0
    assert run("leaks", out, "--data", songs, *READ, "--protocol", "official").code == 0


@pytest.mark.parametrize(
    "name", ["split", "leaks", "study", "evaluate", "train", "tune", "audit", "explore"]
)
def test_every_command_on_data_has_the_same_options(name: str) -> None:
    command = getattr(import_module(f"genrekit.cli.{name}"), name)
    said = {
        text
        for hint in get_type_hints(command, include_extras=True).values()
        for option in get_args(hint)[1:]
        for text in (getattr(option, "default", ""), *(getattr(option, "param_decls", None) or ()))
    }
    assert said >= {"--label", "--id", "--group", "--ignore", "--option"}


def test_columns_are_for_what_has_some(run: Run, music: Path, songs: Path, tmp_path: Path) -> None:
    ran = run("split", music, "--label", "genre")
    assert "has no columns to name (label_column)" in ran.err
    with pytest.raises(DatasetError, match="no column 'gnere'"):
        open_data(songs, columns=Columns(label="gnere"))
    ran = run("train", songs, "--data", songs, "-o", tmp_path / "x")
    assert "is not a recipe (.yaml) but data" in ran.err
    ran = run("split", songs, *READ, "--protocol", "holdout", "--shares", "1,2,3")
    assert "which add up to 1" in ran.err
    with pytest.raises(ConfigError, match="no option 'speed'"):
        open_data(songs, columns=Columns("style"), speed=3)


def test_a_host_without_an_address_fails_at_once_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DatasetError, match=r"the host data\.example\.org cannot be found"):
        list(fetch("https://data.example.org/a.zip", tmp_path / "a", Size(10)))
    assert asked == ["data.example.org"]
