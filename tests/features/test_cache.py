"""The feature cache never serves another file's features, and stays within its limit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from genrekit.errors import AudioNotFoundError
from genrekit.features.cache import FeatureCache, cache_key
from genrekit.schema import ExcerptConfig

WHOLE = ExcerptConfig(start_seconds=0, duration_seconds=None)
A_KEY = "ab" + "0" * 62


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def test_what_was_put_comes_back(cache: FeatureCache) -> None:
    features = np.arange(57, dtype=np.float32)
    assert cache.get(A_KEY) is None
    cache.put(A_KEY, features)
    np.testing.assert_array_equal(cache.get(A_KEY), features)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array at all"])
def test_a_damaged_entry_counts_as_none(cache: FeatureCache, damage: bytes) -> None:
    cache.put(A_KEY, np.ones(3, np.float32))
    (entry,) = cache.directory.glob("*/*.npy")
    entry.write_bytes(damage)
    assert cache.get(A_KEY) is None


def test_the_entries_unused_for_longest_go_first(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, limit_bytes=3000)
    keys = [f"{number:02x}" + "0" * 62 for number in range(5)]
    for age, key in enumerate(keys):
        cache.put(key, np.zeros(150, np.float32))
        os.utime(cache._path(key), (age, age))
    assert cache.get(keys[0]) is not None  # reading makes it the youngest
    assert cache.prune() > 0
    kept = [key for key in keys if cache.get(key) is not None]
    assert kept[0] == keys[0]
    assert kept[1:] == keys[-len(kept) + 1 :]
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.npy")) <= 3000


def test_no_temporary_files_are_left(cache: FeatureCache) -> None:
    cache.put(A_KEY, np.ones(3, np.float32))
    assert [path.suffix for path in cache.directory.rglob("*") if path.is_file()] == [".npy"]


def test_the_key_follows_content_excerpt_and_front_end_but_not_the_name(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one.wav", "same.wav", "other.wav"))
    one.write_bytes(b"sound")
    same.write_bytes(b"sound")
    other.write_bytes(b"sounds")
    key = cache_key(one, WHOLE, "f" * 64)
    assert cache_key(same, WHOLE, "f" * 64) == key
    assert cache_key(other, WHOLE, "f" * 64) != key
    assert cache_key(one, WHOLE, "e" * 64) != key
    assert cache_key(one, ExcerptConfig(), "f" * 64) != key


def test_what_is_no_regular_file_has_no_key_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for name, seen in (("pipe.wav", "is a named pipe"), ("gone.wav", "No such file")):
        with pytest.raises(AudioNotFoundError, match=seen):
            cache_key(tmp_path / name, WHOLE, "f" * 64)
