"""Notebooks run from first cell to last, in small, and are committed without outputs."""

from __future__ import annotations

import csv
import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from genrekit.datasets import load_dataset

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: What a notebook needs that the tests of the core do without.
pytest.importorskip("torch")
pytest.importorskip("matplotlib")


@cache
def read(notebook: Path) -> Any:
    return json.loads(notebook.read_text(encoding="utf-8"))


def code_of(notebook: Path) -> list[str]:
    return ["".join(one["source"]) for one in read(notebook)["cells"] if one["cell_type"] == "code"]


def text_of(notebook: Path) -> str:
    cells = read(notebook)["cells"]
    return "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips and features of one notebook serve the others."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_runs(notebook: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executed(notebook, shared_home, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["03", "06", "09", "10"])
def test_it_runs_on_a_part_of_gtzan(
    start: str, shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first tracks of blues and classical are for validation: nothing is left to train on.

    One more file cannot be read, as happens.
    """
    monkeypatch.setenv("GENREKIT_HOME", str(shared_home))
    clips = load_dataset("jukebox", clips_per_genre=3, seconds=3)
    for item in clips.items:
        genre, number = item.labels[0], int(item.item_id[-5:])
        assert item.path is not None
        (tmp_path / genre).mkdir(exist_ok=True)
        shutil.copy(item.path, tmp_path / genre / f"{genre}.{number:05}.wav")
    (tmp_path / "rock" / "rock.00099.wav").write_bytes(b"RIFF, and then no audio" * 100)
    (notebook,) = (one for one in NOTEBOOKS if one.stem.startswith(start))
    names = executed(notebook, shared_home, monkeypatch, data=tmp_path)
    assert names["dataset"].name == "gtzan"
    assert names["DATA"] == str(tmp_path)
    if start == "10":
        assert set(names["genres"]) == set(clips.labels)  # genres of one's own keep their names
    if start == "03":
        assert names["protocol"].name == "grouped-kfold"


FMA_COLUMNS = [
    *[("album", "id"), ("artist", "id"), ("set", "split"), ("set", "subset")],
    *[("track", "duration"), ("track", "genre_top"), ("track", "genres"), ("track", "genres_all")],
]


@pytest.mark.slow
def test_several_genres_are_those_of_fma(
    shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in FMA's layout, of which each track has a genre and one below it."""
    monkeypatch.setenv("GENREKIT_HOME", str(shared_home))
    clips = load_dataset("jukebox", clips_per_genre=3, seconds=3)
    metadata = tmp_path / "fma_metadata"
    metadata.mkdir()
    genres = [["genre_id", "#tracks", "parent", "title", "top_level"]]
    tracks: list[list[Any]] = [["", *names] for names in zip(*FMA_COLUMNS, strict=True)]
    tracks.append(["track_id", *[""] * len(FMA_COLUMNS)])
    for number, genre in enumerate(clips.labels, start=1):
        genres += [[str(number), "1", "0", genre, str(number)]]
        genres += [[str(number + 100), "1", str(number), f"New {genre}", str(number)]]
    for number, item in enumerate(clips.items, start=2):
        top = clips.labels.index(item.labels[0]) + 1
        cells = [number, number, "training", "small", 3, item.labels[0], f"[{top + 100}]"]
        tracks.append([number, *cells, f"[{top}, {top + 100}]"])
        audio = tmp_path / "fma_small" / "000" / f"{number:06}.mp3"
        audio.parent.mkdir(parents=True, exist_ok=True)
        assert item.path is not None
        shutil.copy(item.path, audio)  # what it is, its content says
    for name, rows in (("genres", genres), ("tracks", tracks)):
        with (metadata / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)
    (notebook,) = (one for one in NOTEBOOKS if one.stem.startswith("07"))
    names = executed(notebook, shared_home, monkeypatch, data=tmp_path)
    assert sorted(names["labels"][0]) == ["New blues", "blues"]
    assert set(names["first"]) == set(clips.labels)


def executed(
    notebook: Path, home: Path, monkeypatch: pytest.MonkeyPatch, data: Path | None = None
) -> dict[str, Any]:
    """What a notebook leaves behind when its cells have run, in small."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.extend(pyplot.get_fignums()))
    monkeypatch.setenv("GENREKIT_HOME", str(home))
    monkeypatch.setenv("GENREKIT_NOTEBOOK_SMALL", "1")
    monkeypatch.delenv("GENREKIT_NOTEBOOK_DATA", raising=False)
    if data is not None:
        monkeypatch.setenv("GENREKIT_NOTEBOOK_DATA", str(data))
    monkeypatch.chdir(notebook.parent)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, code in enumerate(code_of(notebook), start=1):
        exec(compile(code, f"{notebook.name}, code cell {number}", "exec"), names)
    pyplot.close("all")
    assert shown, "a notebook without a picture"
    return names


def test_there_are_ten() -> None:
    assert [notebook.stem[:2] for notebook in NOTEBOOKS] == [f"{n:02}" for n in range(1, 11)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_outputs_are_stripped(notebook: Path) -> None:
    for cell in read(notebook)["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert set(read(notebook)["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_links_to_pages_that_are_there(notebook: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", text_of(notebook))
    assert any(link.startswith("../docs/") for link in links)
    assert [link for link in links if not (notebook.parent / link).exists()] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_imports_what_is_offered_and_nothing_else(notebook: Path) -> None:
    """A module inside a room may change from day to day; what the room names does not."""
    from importlib import import_module

    code = "\n".join(code_of(notebook))
    found = re.findall(r"^from (genrekit[\w.]*) import (?:\(([^)]*)\)|(.+))$", code, re.MULTILINE)
    assert found
    for module, several, one in found:
        offered = import_module(module)
        names = [name.strip() for name in (several or one).split(",") if name.strip()]
        if module != "genrekit.schema":  # contracts: all of them are public
            assert hasattr(offered, "__path__"), f"{module} is a module inside a room"
            assert set(names) <= set(offered.__all__), module
