from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from genrekit.audit import KINDS, AuditReport, Finding, Kind, make_plan
from genrekit.audit.recordings import AudioFacts, clipped_share, measure_part
from genrekit.audit.run import run_audit
from genrekit.datasets import load_dataset
from genrekit.datasets.gtzan_facts import NEAR_REPETITIONS
from genrekit.jukebox import synthesise

RATE = 22050
SONGS = ("blues", "country", "disco", "hiphop", "metal", "reggae")
Samples = NDArray[np.float32]
Sample = np.float32 | np.int16


@pytest.fixture(scope="module")
def songs() -> dict[str, Samples]:
    return {genre: 0.4 * synthesise(genre, seconds=8, seed=5).samples for genre in SONGS}


def write(file: Path, samples: NDArray[Sample], rate: int = RATE, **options: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, samples, rate, **options)


def mp3(samples: Samples, bits_per_second: int = 64_000) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = bits_per_second
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return buffer.getvalue()


def of_kind(report: AuditReport, kind: Kind) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def ids(finding: Finding) -> set[str]:
    return {item.item_id for item in finding.items}


def audit(folder: Path) -> AuditReport:
    return run_audit(load_dataset("folder", folder), root=folder, labels=False)


# --- duplicates ---------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "louder": lambda x: 2 * x,
    "shifted": lambda x: np.concatenate([np.zeros(9_000, np.float32), x]),
    "begun-later": lambda x: x[int(0.83 * RATE) :],
    "cropped": lambda x: x[RATE : 6 * RATE],
    "faster": lambda x: soxr.resample(x, RATE * 1.03, RATE).astype(np.float32),
}


@pytest.mark.parametrize("change", [*CHANGES, "64-kbit"])
def test_planted_duplicates_are_found_and_nothing_else(
    songs: dict[str, Samples], tmp_path: Path, change: str
) -> None:
    for number, (genre, samples) in enumerate(songs.items()):
        label = ("calm", "loud")[number % 2]
        write(tmp_path / label / f"{genre}.wav", samples)
        if number < 3:
            copy = tmp_path / label / f"other-{genre}"
            if change == "64-kbit":
                copy.with_suffix(".mp3").write_bytes(mp3(samples))
            else:
                write(copy.with_suffix(".wav"), CHANGES[change](samples))
    found = of_kind(audit(tmp_path), "near-duplicate")
    stems = [{Path(name).stem for name in ids(finding)} for finding in found]
    assert sorted(map(sorted, stems)) == [[genre, f"other-{genre}"] for genre in SONGS[:3]]


def test_exact_copies_are_told_by_their_samples_in_any_lossless_file(
    songs: dict[str, Samples], tmp_path: Path
) -> None:
    words = (songs["blues"] * 32767).astype(np.int16)
    write(tmp_path / "a/one.wav", words)
    write(tmp_path / "a/two.flac", words)
    write(tmp_path / "b/other.wav", songs["metal"])
    report = audit(tmp_path)
    assert [ids(finding) for finding in of_kind(report, "exact-duplicate")] == [
        {"a/one.wav", "a/two.flac"}
    ]
    assert of_kind(report, "near-duplicate") == []


def test_one_recording_under_two_labels_is_told_as_that(
    songs: dict[str, Samples], tmp_path: Path
) -> None:
    write(tmp_path / "metal/exact.wav", songs["blues"])
    write(tmp_path / "rock/exact.wav", songs["blues"])
    write(tmp_path / "metal/near.wav", songs["disco"])
    write(tmp_path / "rock/nearly.wav", 0.5 * songs["disco"][RATE:])
    report = audit(tmp_path)
    contradictory = of_kind(report, "one-recording-two-labels")
    assert [ids(finding) for finding in contradictory] == [
        {"metal/exact.wav", "rock/exact.wav"},
        {"metal/near.wav", "rock/nearly.wav"},
    ]
    assert set(report.counts()) == {"one-recording-two-labels"}
    dropped = {action.item for action in make_plan(report).drop if action.accepted}
    assert dropped == set().union(*map(ids, contradictory))


def test_the_longest_of_near_duplicates_is_kept(songs: dict[str, Samples], tmp_path: Path) -> None:
    write(tmp_path / "a/excerpt.wav", songs["blues"][: 5 * RATE])
    write(tmp_path / "a/whole.wav", songs["blues"])
    write(tmp_path / "b/other.wav", songs["metal"])
    plan = make_plan(audit(tmp_path))
    assert [action.item for action in plan.drop] == ["a/excerpt.wav"]
    fixed = load_dataset("folder", tmp_path, fix=plan)
    assert [item.item_id for item in fixed.items] == ["a/whole.wav", "b/other.wav"]


# --- faults of single files ---------------------------------------------------------------------


@pytest.fixture
def faulty(songs: dict[str, Samples], tmp_path: Path) -> Path:
    for genre in ("blues", "disco", "metal"):
        write(tmp_path / "good" / f"{genre}.wav", songs[genre])
    write(tmp_path / "bad/short.wav", songs["reggae"][: 2 * RATE])
    write(tmp_path / "bad/quiet.wav", np.zeros(8 * RATE, np.float32))
    write(tmp_path / "bad/hot.wav", np.clip(6 * songs["hiphop"], -1, 1))
    (tmp_path / "bad/text.wav").write_text("this is not audio")
    whole = io.BytesIO()
    soundfile.write(whole, songs["country"], RATE, format="WAV")
    (tmp_path / "bad/cut.wav").write_bytes(whole.getvalue()[: len(whole.getvalue()) * 2 // 3])
    holes = 0.4 * synthesise("jazz", seconds=7, seed=5).samples
    holes[5_000:5_050] = np.nan
    write(tmp_path / "bad/holes.wav", holes, subtype="FLOAT")
    return tmp_path


def test_every_fault_of_a_file_is_found_once_with_its_name(faulty: Path) -> None:
    report = audit(faulty)
    expected: dict[Kind, str] = {
        "unreadable": "bad/text.wav",
        "truncated": "bad/cut.wav",
        "silent": "bad/quiet.wav",
        "non-finite": "bad/holes.wav",
        "too-short": "bad/short.wav",
        "clipped": "bad/hot.wav",
    }
    for kind, name in expected.items():
        (finding,) = of_kind(report, kind)
        assert [item.file for item in finding.items] == [name]
        assert Path(name).name in finding.message
        assert str(faulty) not in finding.message
        assert finding.severity == KINDS[kind].severity
    order = [list(KINDS).index(finding.kind) for finding in report.findings]
    assert order == sorted(order)


def test_what_can_still_be_used_is_only_proposed_to_be_dropped(faulty: Path) -> None:
    accepted = {action.item: action.accepted for action in make_plan(audit(faulty)).drop}
    assert accepted["bad/text.wav"]
    assert accepted["bad/quiet.wav"]
    assert not accepted["bad/cut.wav"]
    assert not accepted["bad/holes.wav"]


def test_rates_and_channels_that_differ_are_named_with_the_label_they_betray(
    songs: dict[str, Samples], tmp_path: Path
) -> None:
    for number in range(8):
        write(tmp_path / "usual" / f"{number}.wav", songs["blues"][number * 999 :])
    for number in range(5):
        both = np.stack([songs["metal"], songs["disco"]], axis=1)[number * 999 :]
        write(tmp_path / "odd" / f"{number}.wav", both, rate=44_100)
    report = audit(tmp_path)
    (rate,) = of_kind(report, "odd-rate")
    assert rate.message == "5 items are 44100 Hz, 8 are 22050 Hz; 100% of the 5 are odd"
    assert rate.evidence == {"items": 5, "usual_items": 8, "share_of_one_label": 1.0}
    (channels,) = of_kind(report, "odd-channels")
    assert {item.labels for item in channels.items} == {("odd",)}


def test_clipping_is_flat_tops_at_any_level() -> None:
    time = np.arange(RATE, dtype=np.float32) / RATE
    sine = np.sin(2 * np.pi * 55 * time).astype(np.float32)
    assert clipped_share(sine) == 0
    clipped = np.clip(1.2 * sine, -1, 1)
    share = np.mean(np.abs(clipped) >= 1)
    assert clipped_share(clipped) == pytest.approx(share, abs=2e-3)
    assert clipped_share(0.3 * clipped) == pytest.approx(share, abs=2e-3)
    assert clipped_share(np.zeros(100, np.float32)) == 0
    assert clipped_share(np.zeros(0, np.float32)) == 0


def test_files_are_measured_alike_in_one_process_and_in_two(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("folder", faulty)
    one = run_audit(dataset, root=faulty, labels=False, workers=1)
    # What is remembered is the same as what was measured.
    assert run_audit(dataset, root=faulty, labels=False, workers=1) == one
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path / "fresh"))
    assert run_audit(dataset, root=faulty, labels=False, workers=2) == one


def test_an_audit_that_was_stopped_goes_on_and_remembers_what_failed(
    songs: dict[str, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for genre in SONGS[:4]:
        write(tmp_path / "music" / "some" / f"{genre}.wav", songs[genre])
    write(tmp_path / "music" / "other" / "last.wav", songs[SONGS[4]])
    (tmp_path / "music" / "other" / "bad.wav").write_text("no music")
    analysed: list[str] = []

    def noted(path: str, *arguments: Any, **options: Any) -> AudioFacts:
        analysed.append(Path(path).stem)
        return measure_part(path, *arguments, **options)

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("Listening", 4):
            raise KeyboardInterrupt

    monkeypatch.setattr("genrekit.audit.remembered.measure_part", noted)
    dataset = load_dataset("folder", tmp_path / "music")
    with pytest.raises(KeyboardInterrupt):
        run_audit(dataset, labels=False, progress=stop)
    assert len(analysed) == 4
    report = run_audit(dataset, labels=False)
    assert sorted(analysed) == sorted(path.stem for path in (tmp_path / "music").rglob("*.wav"))
    assert len(of_kind(report, "unreadable")) == 1
    assert run_audit(dataset, labels=False) == report
    assert len(analysed) == 6
    run_audit(dataset, labels=False, retry_failed=True)
    assert analysed[6:] == ["bad"]
    write(tmp_path / "music" / "other" / "bad.wav", songs[SONGS[5]])
    assert not of_kind(run_audit(dataset, labels=False), "unreadable")


def test_a_clean_folder_has_nothing_found_and_says_what_was_looked_for(
    songs: dict[str, Samples], tmp_path: Path
) -> None:
    for number, genre in enumerate(SONGS):
        write(tmp_path / ("calm", "loud")[number % 2] / f"{genre}.wav", songs[genre])
    report = audit(tmp_path)
    assert report.findings == ()
    assert {"readable", "clipping", "near duplicates"} <= set(report.checks)
    assert [skipped.check for skipped in report.skipped] == [
        "dominant artists",
        "dominant albums",
        "suspicious labels",
    ]
    assert report.seconds == (8.0,) * 6
    assert AuditReport.model_validate_json(report.model_dump_json()) == report


def test_artists_that_dominate_a_label_are_named(songs: dict[str, Samples], tmp_path: Path) -> None:
    rows = ["path,label,artist,album"]
    for number in range(24):
        artist = "Marley" if number < 10 else f"artist {number}"
        rows.append(f"{number}.wav,{('reggae', 'rock')[number >= 12]},{artist},album {number}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    dataset = load_dataset("manifest", tmp_path / "list.csv", audio="optional")
    report = run_audit(dataset, labels=False)
    (finding,) = of_kind(report, "dominant-artist")
    assert finding.evidence["share"] == pytest.approx(10 / 12, abs=1e-4)
    assert finding.evidence["artists"] == 3
    # Simpson: 144 / (100 + 1 + 1)
    assert finding.evidence["effective_artists"] == pytest.approx(144 / 102, abs=0.01)
    assert of_kind(report, "dominant-album") == []
    assert of_kind(report, "audio-absent")


@pytest.mark.real
@pytest.mark.slow
def test_known_repetitions_of_gtzan_are_found_in_its_pictures(real_data: Path) -> None:
    dataset = load_dataset("pictures", real_data / "gtzan_pictures")
    repeated = {track for pair in NEAR_REPETITIONS for track in pair}
    # All of them among a twelfth of the others.
    chosen = [
        number
        for number, item in enumerate(dataset.items)
        if item.item_id in repeated or number % 12 == 0
    ]
    known = run_audit(dataset.select(chosen), labels=False).repetitions
    assert known is not None
    assert (known.near_found, known.near_known) == (23, 23)
    # Few others are alike by chance.
    assert len(known.further) <= 2
