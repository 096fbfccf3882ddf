"""Sources are streams: folders, lists, manifests, patterns and places that fsspec knows."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from genrekit.batch.sources import Shard, SourceOptions, read_sources
from genrekit.errors import AudioNotFoundError, ConfigError, DatasetError


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Audio, what is not, what is hidden, and a link that leads in a circle."""
    folder = tmp_path / "music"
    for name in ("a.mp3", "b/c.FLAC", "b/deep/d.wav", "b/cover.jpg", ".hidden/e.mp3", "b/.f.mp3"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    (folder / "b" / "round").symlink_to(folder, target_is_directory=True)
    return folder


def names(paths: Iterator[str], folder: Path) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in paths)


def test_a_folder_gives_what_is_named_like_audio(music: Path) -> None:
    assert names(read_sources([str(music)]), music) == ["a.mp3", "b/c.FLAC", "b/deep/d.wav"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.mp3"]),
        ("*/*", ["b/c.FLAC", "b/cover.jpg"]),
        ("**/*.wav", ["b/deep/d.wav"]),
        ("**/[ac].*", ["a.mp3", "b/c.FLAC"]),
        ("b/deep/**", ["b/deep/d.wav"]),
    ],
)
def test_a_pattern_gives_what_matches_and_a_star_crosses_no_folder(
    music: Path, pattern: str, found: list[str]
) -> None:
    assert names(read_sources([f"{music}/{pattern}"]), music) == found


def test_manifests_and_lists_name_paths_beside_them(music: Path) -> None:
    (music / "list.m3u").write_text("#EXTM3U\na.mp3\n\nb/c.FLAC\n")
    (music / "table.csv").write_text("id,path\n1,a.mp3\n2,b/c.FLAC\n")
    (music / "table.jsonl").write_text('{"path": "a.mp3"}\n"b/c.FLAC"\n')
    for name in ("list.m3u", "table.csv", "table.jsonl"):
        assert names(read_sources([str(music / name)]), music) == ["a.mp3", "b/c.FLAC"]
    rooted = SourceOptions(root=Path("/elsewhere"))
    assert next(read_sources([str(music / "list.m3u")], rooted)) == "/elsewhere/a.mp3"


def test_parquet_is_read_by_its_column(music: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"file": ["a.mp3", None]}), music / "t.parquet")
    options = SourceOptions(column="file")
    assert names(read_sources([str(music / "t.parquet")], options), music) == ["a.mp3"]
    with pytest.raises(DatasetError, match="no column 'path' but file"):
        list(read_sources([str(music / "t.parquet")]))


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_standard_input_is_a_list(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    text = f"a b.mp3{end}/c.mp3{end}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    options = SourceOptions(root=Path("/m"), null=end == "\0")
    assert list(read_sources(["-"], options)) == ["/m/a b.mp3", "/c.mp3"]


def test_bad_sources_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id\n1\n")
    (tmp_path / "t.jsonl").write_text('{"id": 1}\n')
    for source, error, said in (
        ("", ConfigError, "empty"),
        (str(tmp_path / "gone"), AudioNotFoundError, "does not exist"),
        (str(tmp_path / "t.csv"), DatasetError, "--column"),
        (str(tmp_path / "t.jsonl"), DatasetError, "line 1"),
    ):
        with pytest.raises(error, match=said):
            list(read_sources([source]))


def test_shards_are_parts_of_the_whole() -> None:
    paths = [f"/music/{number}.mp3" for number in range(1000)]
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    owners = [[shard.number for shard in shards if path in shard] for path in paths]
    assert all(len(owner) == 1 for owner in owners)
    sizes = [owners.count([number]) for number in (1, 2, 3)]
    assert min(sizes) > 270
    for text in ("0/3", "4/3", "x"):
        with pytest.raises(ConfigError, match="--shard"):
            Shard.parse(text)


def test_a_manifest_is_not_read_ahead(tmp_path: Path) -> None:
    manifest = tmp_path / "t.jsonl"
    manifest.write_text("\n".join(json.dumps(f"{n}.mp3") for n in range(10)) + "\nnonsense\n")
    assert len(list(islice(read_sources([str(manifest)]), 10))) == 10


def test_places_of_fsspec_are_listed_read_and_written_to(music: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    from genrekit.batch.storage import list_url, publish, read_url, stat_url

    memory = fsspec.filesystem("memory")
    memory.pipe({"/music/a.mp3": b"abc", "/music/x/b.wav": b"", "/music/no.txt": b""})
    assert sorted(list_url("memory://music")) == [
        "memory:///music/a.mp3",
        "memory:///music/x/b.wav",
    ]
    assert read_url("memory:///music/a.mp3") == b"abc"
    size, version = stat_url("memory:///music/a.mp3")
    assert size == 3
    memory.pipe("/music/a.mp3", b"abd")
    assert stat_url("memory:///music/a.mp3") != (size, version)
    assert stat_url("memory:///music/gone.mp3") == (None, None)
    with pytest.raises(AudioNotFoundError):
        list(list_url("memory://nowhere"))
    with pytest.raises(ConfigError, match="nosuch"):
        list(list_url("nosuch://bucket"))
    assert len(list(read_sources([f"file://{music}"]))) == 3
    (tmp_path / "run.json").write_text("{}")
    publish(tmp_path, "memory://out/run")
    assert memory.cat("/out/run/run.json") == b"{}"
