"""Fingerprints of many files."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from genrekit.audio import decode
from genrekit.errors import AudioFormatError, AudioNotFoundError
from genrekit.features.cache import FeatureCache
from genrekit.fingerprint import content_hash, fingerprint, fingerprint_files
from genrekit.jukebox import synthesise
from genrekit.schema import ExcerptConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("audio")
    for genre in ("pop", "metal"):
        soundfile.write(here / f"{genre}.flac", synthesise(genre, seconds=3.0).samples, 22050)
    (here / "letter.wav").write_text("Dear sir or madam")
    soundfile.write(here / "quiet.wav", [0.0] * 22050, 22050)
    return here


def _sources(folder: Path) -> list[Path]:
    return [folder / name for name in ("pop.flac", "letter.wav", "metal.flac", "gone.ogg")]


@pytest.mark.parametrize("cached", [False, True])
def test_each_file_has_an_answer_in_its_order(folder: Path, tmp_path: Path, cached: bool) -> None:
    cache = FeatureCache(tmp_path) if cached else None
    answers = list(fingerprint_files(_sources(folder), cache=cache))
    assert [answer.path for answer in answers] == _sources(folder)
    assert isinstance(answers[1].error, AudioFormatError)
    assert isinstance(answers[3].error, AudioNotFoundError)
    samples = decode(folder / "metal.flac").samples
    assert answers[2].fingerprint == fingerprint(samples, 22050)
    assert answers[2].content == content_hash(samples)
    assert answers[1].fingerprint is None


def test_the_cache_gives_back_what_was_computed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [folder / "pop.flac", folder / "quiet.wav"]
    cache = FeatureCache(tmp_path)
    computed = list(fingerprint_files(files, cache=cache))
    assert computed[1].warnings[0].startswith("silent: ")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this was in the cache")

    monkeypatch.setattr("genrekit.fingerprint.files.decode", refuse)
    assert list(fingerprint_files(files, cache=cache)) == computed


def test_an_excerpt_is_another_entry(folder: Path, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    part = ExcerptConfig(start_seconds=1.0, duration_seconds=1.5)
    whole, half = fingerprint_files([folder / "pop.flac", (folder / "pop.flac", part)], cache=cache)
    assert whole.fingerprint is not None
    assert half.fingerprint is not None
    assert (whole.fingerprint.seconds, half.fingerprint.seconds) == (3.0, 1.5)
    assert whole.content != half.content


@pytest.mark.slow
def test_more_processes_give_the_same_answers(folder: Path) -> None:
    alone, together = (list(fingerprint_files(_sources(folder), workers=n)) for n in (1, 2))
    assert [(a.path, a.fingerprint, a.content, type(a.error)) for a in together] == [
        (a.path, a.fingerprint, a.content, type(a.error)) for a in alone
    ]
