"""A folder of synthetic music, artist by artist, and what the box makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from genrekit.features.cache import FeatureCache
from genrekit.jukebox import synthesise

GENRES = ("classical", "disco", "metal")


def write_clip(path: Path, sound: str, seed: int, **tags: str) -> Path:
    """A clip of one window; tags where the format has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = synthesise(sound, seconds=3.1, seed=seed, sample_rate_hz=16000)
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(clip.samples)
    return path


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """genre/artist/track.flac: three genres, three artists of each, two tracks of each."""
    root = tmp_path_factory.mktemp("music") / "mine"
    for place, genre in enumerate(GENRES):
        for artist in range(3):
            for track in range(2):
                name = f"{genre}/of {genre} {artist}/{track}.flac"
                write_clip(root / name, genre, 100 * place + 10 * artist + track)
    return root


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    """Embeddings and fingerprints that the tests share."""
    return FeatureCache(tmp_path_factory.mktemp("cache"))
