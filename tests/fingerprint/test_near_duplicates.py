"""Search for recordings that share audio."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genrekit.audio import decode
from genrekit.fingerprint import (
    Fingerprint,
    compare,
    find_near_duplicates,
    fingerprint,
    fingerprint_files,
    hashes,
    propose,
)
from genrekit.fingerprint.hash_index import votes_needed
from genrekit.jukebox import JUKEBOX_GENRES, synthesise

Floats = np.ndarray[Any, np.dtype[np.float32]]

RATE_HZ = 22050
SECONDS = 8.0


def _print_of(samples: Floats) -> Fingerprint:
    return fingerprint(np.asarray(samples, np.float32), RATE_HZ)


@pytest.fixture(scope="module")
def pieces() -> dict[str, Floats]:
    return {genre: synthesise(genre, seconds=SECONDS, seed=3).samples for genre in JUKEBOX_GENRES}


@pytest.fixture(scope="module")
def prints(pieces: dict[str, Floats]) -> dict[str, Fingerprint]:
    return {genre: _print_of(samples) for genre, samples in pieces.items()}


def _recoded(samples: Floats, container: str, subtype: str) -> Floats:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format=container, subtype=subtype)
    return decode(file.getvalue()).samples


def _noisy(samples: Floats) -> Floats:
    noise = np.random.default_rng(0).normal(0, 1, len(samples))
    return np.asarray(samples + noise * 0.1 * np.sqrt(np.mean(samples**2)), np.float32)


# What was done, where its beginning lies in the original, how much faster it plays.
CHANGES: dict[str, tuple[Callable[[Floats], Floats], float, float]] = {
    "mp3": (lambda x: _recoded(x, "MP3", "MPEG_LAYER_III"), 0.0, 1.0),
    "vorbis": (lambda x: _recoded(x, "OGG", "VORBIS"), 0.0, 1.0),
    "louder and clipped": (lambda x: np.clip(2 * x / np.abs(x).max(), -1, 1), 0.0, 1.0),
    "quieter": (lambda x: 0.1 * x, 0.0, 1.0),
    "cut": (lambda x: x[int(2.34 * RATE_HZ) : int(5.5 * RATE_HZ)], 2.34, 1.0),
    "late": (lambda x: np.concatenate([np.zeros(RATE_HZ, np.float32), x]), -1.0, 1.0),
    "fast": (lambda x: soxr.resample(x, RATE_HZ * 1.03, RATE_HZ), 0.0, 1.03),
    "slow": (lambda x: soxr.resample(x, RATE_HZ * 0.97, RATE_HZ), 0.0, 0.97),
    "noise": (_noisy, 0.0, 1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_with_place_and_speed(
    change: str, pieces: dict[str, Floats], prints: dict[str, Fingerprint]
) -> None:
    alter, offset, speed = CHANGES[change]
    for genre in ("disco", "jazz", "metal"):
        matches = find_near_duplicates({**prints, "copy": _print_of(alter(pieces[genre]))})
        assert [(match.first, match.second) for match in matches] == [(genre, "copy")]
        assert matches[0].offset_seconds == pytest.approx(offset, abs=0.06)
        assert matches[0].speed == pytest.approx(speed, abs=0.003)


def test_different_pieces_are_no_matches(prints: dict[str, Fingerprint]) -> None:
    assert find_near_duplicates(prints) == []


def test_pieces_of_one_style_are_no_matches() -> None:
    disco = {
        str(seed): _print_of(synthesise("disco", seconds=SECONDS, seed=seed).samples)
        for seed in range(100, 106)
    }
    assert find_near_duplicates(disco) == []


def test_common_patterns_match_but_are_not_a_copy() -> None:
    # Two reggae pieces of one tempo, key and rhythm.
    first, second = (
        _print_of(synthesise("reggae", seconds=15.0, seed=seed).samples) for seed in (1, 6)
    )
    match = compare(first, second)
    assert match is not None
    assert 0.05 < match.score < 0.55
    assert find_near_duplicates({"first": first, "second": second}) == []


def _scattered(count: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Times in ticks of 5 ms and pitches in 64ths of a semitone, over 10 s and 51 semitones."""
    generator = np.random.default_rng(seed)
    return np.sort(generator.integers(0, 2000, count)), generator.integers(0, 51 * 64, count)


def _sharing(share: float) -> dict[str, Fingerprint]:
    """Two recordings of 1000 landmarks with just this share in common."""
    ticks, pitches = _scattered(1000, seed=0)
    other_ticks, other_pitches = _scattered(1000, seed=1)
    common = np.arange(1000) % 100 < 100 * share
    words = {
        "first": ticks << 12 | pitches,
        "second": np.where(common, ticks << 12 | pitches, other_ticks << 12 | other_pitches),
    }
    return {
        name: Fingerprint(10.0, np.sort(some).astype("<u4").tobytes())
        for name, some in words.items()
    }


def test_the_score_is_the_common_share_beyond_chance() -> None:
    match = compare(*_sharing(0.5).values())
    assert match is not None
    # Of the other half 6 % lie beside a landmark by chance; the score is of the half alone.
    assert match.score == pytest.approx(0.5, abs=0.015)


@pytest.mark.parametrize(("share", "found"), [(0.45, False), (0.65, True)])
def test_less_in_common_than_copies_have_is_no_match(share: float, found: bool) -> None:
    pair = _sharing(share)
    assert bool(find_near_duplicates(pair)) is found
    (match,) = find_near_duplicates(pair, least_score=0.4)
    assert match.score == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("speed", [0.95, 1.0, 1.05])
def test_speed_leaves_many_hashes_alone(speed: float) -> None:
    ticks, pitches = _scattered(1000, seed=2)
    times, semitones = ticks / 200, pitches / 64
    keys, _ = hashes(times, semitones)
    faster, _ = hashes(times / speed, semitones + 12 * np.log2(speed))
    other_ticks, other_pitches = _scattered(1000, seed=3)
    others, _ = hashes(other_ticks / 200, other_pitches / 64)
    assert np.isin(faster, keys).mean() > 0.4
    assert np.isin(others, keys).mean() < 0.001


def test_a_copy_with_its_middle_cut_out_is_found() -> None:
    song = synthesise("pop", seconds=32.0, seed=4).samples
    edited = np.concatenate([song[: 11 * RATE_HZ], song[18 * RATE_HZ :]])
    (match,) = find_near_duplicates({"song": _print_of(song), "edit": _print_of(edited)})
    assert match.score > 0.8


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 5), st.floats(2.5, 3), st.floats(-20, 6))
def test_any_excerpt_at_any_gain_is_found_in_its_place(
    pieces: dict[str, Floats],
    prints: dict[str, Fingerprint],
    begin: float,
    seconds: float,
    gain_db: float,
) -> None:
    excerpt = pieces["rock"][int(begin * RATE_HZ) : int((begin + seconds) * RATE_HZ)]
    excerpt = np.clip(excerpt * 10 ** (gain_db / 20), -1, 1)
    (match,) = find_near_duplicates({"excerpt": _print_of(excerpt), **prints})
    assert {match.first, match.second} == {"excerpt", "rock"}
    assert match.offset_seconds == pytest.approx(-begin, abs=0.05)


@pytest.mark.parametrize("genre", JUKEBOX_GENRES)
def test_everything_matches_itself(genre: str, prints: dict[str, Fingerprint]) -> None:
    match = compare(prints[genre], prints[genre])
    assert match is not None
    assert match.score == 1.0
    assert match.offset_seconds == pytest.approx(0.0, abs=1e-9)
    assert match.common_seconds == pytest.approx(SECONDS)
    assert match.speed == pytest.approx(1.0)


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 4), st.floats(0.97, 1.03))
def test_who_is_first_does_not_matter(
    pieces: dict[str, Floats], prints: dict[str, Fingerprint], begin: float, speed: float
) -> None:
    other = _print_of(
        soxr.resample(pieces["jazz"][int(begin * RATE_HZ) :], RATE_HZ * speed, RATE_HZ)
    )
    there = compare(prints["jazz"], other)
    back = compare(other, prints["jazz"])
    assert there is not None
    assert back is not None
    assert there.score == back.score
    assert back.speed == pytest.approx(1 / there.speed)
    assert back.offset_seconds == pytest.approx(-there.offset_seconds / there.speed, abs=1e-9)
    assert back.common_seconds == pytest.approx(there.common_seconds / there.speed)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_recordings_does_not_matter(
    prints: dict[str, Fingerprint], pieces: dict[str, Floats], random: Any
) -> None:
    copies = {**prints, "a": _print_of(pieces["pop"][9000:]), "b": _print_of(pieces["pop"][:60000])}
    names = list(copies)
    random.shuffle(names)
    found = find_near_duplicates({name: copies[name] for name in names})
    plain = find_near_duplicates(copies)
    assert {(frozenset((m.first, m.second)), m.score) for m in found} == {
        (frozenset((m.first, m.second)), m.score) for m in plain
    }
    assert len(plain) >= 2


def test_the_index_finds_what_comparing_all_pairs_finds(
    pieces: dict[str, Floats], prints: dict[str, Fingerprint]
) -> None:
    both = {**prints, **{f"{genre} cut": _print_of(x[40000:]) for genre, x in pieces.items()}}
    everything = [
        compare(both[one], both[other], names=(one, other)) for one, other in combinations(both, 2)
    ]
    expected = {(m.first, m.second) for m in everything if m is not None and m.score >= 0.55}
    assert {(m.first, m.second) for m in find_near_duplicates(both)} == expected
    assert len(expected) == len(pieces)


def test_few_pairs_are_compared(prints: dict[str, Fingerprint]) -> None:
    proposal = propose([*prints.values(), prints["rock"]])
    assert (JUKEBOX_GENRES.index("rock"), len(prints)) in proposal.pairs
    assert len(proposal.pairs) <= 3
    assert proposal.hashes == sum(propose([one]).hashes for one in prints.values()) + (
        propose([prints["rock"]]).hashes
    )
    assert proposal.votes > 0


@pytest.mark.parametrize(
    ("recordings", "votes"), [(0, 3), (2, 3), (3999, 3), (4001, 4), (100_000, 6), (10**7, 9)]
)
def test_large_collections_need_more_evidence(recordings: int, votes: int) -> None:
    # One more for every four times as many recordings beyond a thousand.
    assert votes_needed(recordings) == votes


def test_of_some_copies_all_pairs_are_listed(prints: dict[str, Fingerprint]) -> None:
    copies = dict.fromkeys("abcdef", prints["country"])
    assert len(find_near_duplicates(copies)) == 15


def test_many_copies_are_connected(pieces: dict[str, Floats]) -> None:
    copies = {str(shift): _print_of(pieces["blues"][: -800 * (shift + 1)]) for shift in range(100)}
    leader = {name: name for name in copies}

    def lead(name: str) -> str:
        return name if leader[name] == name else lead(leader[name])

    for match in find_near_duplicates(copies):
        leader[lead(match.first)] = lead(match.second)
    assert len({lead(name) for name in copies}) == 1


def test_silence_is_not_a_match() -> None:
    generator = np.random.default_rng(5)
    rooms = {
        "silence": np.zeros(3 * RATE_HZ),
        "other silence": np.zeros(2 * RATE_HZ),
        "hiss": generator.normal(0, 0.1, 6 * RATE_HZ),
        "other hiss": generator.normal(0, 0.1, 6 * RATE_HZ),
        "click": np.eye(1, RATE_HZ, 9000)[0],
        "nothing": np.empty(0),
        "moment": generator.normal(0, 0.1, 500),
    }
    assert find_near_duplicates({name: _print_of(x) for name, x in rooms.items()}) == []
    assert find_near_duplicates({}) == []
    silence = _print_of(rooms["silence"])
    assert compare(silence, silence) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=300), max_size=4), st.floats(0, 99))
@example([[0, 212992, 212992, 266240], [0, 0, 0, 212992, 212992, 266240]], 2**-23)
def test_any_landmarks_can_be_searched(words: list[list[int]], seconds: float) -> None:
    made = {
        str(number): Fingerprint(seconds, np.sort(np.array(some, "<u4")).tobytes())
        for number, some in enumerate(words)
    }
    for match in find_near_duplicates(made, least_score=0.0):
        assert match.first < match.second
        assert 0 <= match.score <= 1
        assert np.isfinite([match.offset_seconds, match.speed, match.common_seconds]).all()


# --- real recordings ----------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.slow
def test_snippets_are_found_in_their_clips_and_nowhere_else(real_data: Path) -> None:
    with (real_data / "gtzan_audio" / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    clips = {row["track"]: row["file"] for row in rows if row["kind"] == "clips"}
    # Two clips of each genre, and a snippet of the first.
    clips = {track: clips[track] for track in clips if track.endswith((".00001", ".00002"))}
    snippets = [row for row in rows if row["kind"] == "snippets" and row["track"] in clips][::2]
    assert (len(clips), len({row["genre"] for row in snippets})) == (20, 10)
    files = [*clips.values(), *(row["file"] for row in snippets)]
    made = fingerprint_files(real_data / "gtzan_audio" / file for file in files)
    prints = {file: one.fingerprint for file, one in zip(files, made, strict=True)}
    found = find_near_duplicates({key: one for key, one in prints.items() if one is not None})
    places = {(match.first, match.second): match.offset_seconds for match in found}
    for row in snippets:
        offset = re.search(r"offset ([\d.]+) s", row["note"])
        assert offset is not None
        place = places.pop((clips[row["track"]], row["file"]))
        assert place == pytest.approx(float(offset[1]), abs=0.05)
    assert places == {}
