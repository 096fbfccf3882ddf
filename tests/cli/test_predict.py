"""``genrekit predict``: files, folders and stdin to answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genrekit.inference import Classifier
from genrekit.schema import ExcerptConfig, TrackPrediction
from genrekit.terminal import show_answers

Run = Callable[..., Any]
Start = Callable[..., subprocess.Popen[bytes]]


def answers(out: str) -> list[TrackPrediction]:
    return [TrackPrediction.model_validate_json(line) for line in out.splitlines()]


def timeless(answer: TrackPrediction) -> TrackPrediction:
    return answer.model_copy(update={"timings_ms": None})


def copies(song: Path, folder: Path, count: int) -> Path:
    """A folder of many tracks that takes no space."""
    folder.mkdir()
    for number in range(count):
        (folder / f"c{number:05}.wav").symlink_to(song)
    return folder


# --- answers ------------------------------------------------------------------------------------


def test_json_is_one_prediction_a_line_with_the_numbers_of_the_classifier(
    run: Run, music: Path, tiny_bundle: Path
) -> None:
    ran = run("predict", music, "--model", tiny_bundle, "--json")
    classifier = Classifier.load(tiny_bundle)
    files = sorted(music.rglob("*.wav"))
    assert ran.code == 0
    assert ran.err == ""
    assert [timeless(answer) for answer in answers(ran.out)] == [
        timeless(classifier.predict_file(file)) for file in files
    ]
    assert all(len(answer.scores) == 10 for answer in answers(ran.out))


def test_workers_give_the_same_answers_in_the_same_order(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    many = copies(song, tmp_path / "many", 9)
    alone = run("predict", many, "-m", tiny_bundle, "--json", "--jobs", 1)
    together = run("predict", many, "-m", tiny_bundle, "--json", "--jobs", 2)
    assert len(answers(alone.out)) == 9
    assert [timeless(a) for a in answers(alone.out)] == [timeless(a) for a in answers(together.out)]


def test_the_model_in_the_package_answers_when_none_is_named(run: Run, song: Path) -> None:
    (answer,) = answers(run("predict", song, "--json").out)
    assert answer.model == Classifier.load("default").identity


def test_one_track_is_a_page(run: Run, song: Path, tiny_bundle: Path) -> None:
    ran = run("predict", song, "-m", tiny_bundle, "--top", 4)
    head, *scores = ran.out.splitlines()
    answer = Classifier.load(tiny_bundle).predict_file(song)
    assert head.startswith(f"{song}  {answer.genre}  (3.0 s, tiny 0.1.0, decode ")
    assert [line.split()[0] for line in scores] == list(answer.scores)[:4]
    assert [line.split()[-1] for line in scores] == [f"{p:.3f}" for p in answer.scores.values()][:4]


def test_many_tracks_are_a_table_with_a_row_each(run: Run, music: Path, tiny_bundle: Path) -> None:
    ran = run("predict", music / "jazz", music / "disco", "-m", tiny_bundle, "--top", 3)
    heading, *rows = ran.out.splitlines()
    assert heading.split() == ["genre", "then", "track"]
    paths = [*sorted((music / "jazz").iterdir()), *sorted((music / "disco").iterdir())]
    assert [row.rstrip().endswith(str(path)) for row, path in zip(rows, paths, strict=True)]
    answer = Classifier.load(tiny_bundle).predict_file(paths[0])
    (best, first), (second, next_), (third, last) = list(answer.scores.items())[:3]
    assert rows[0].split()[:2] == [best, f"{first:.2f}"]
    assert f"{second} {next_:.2f}, {third} {last:.2f}  " in rows[0]


def test_top_one_leaves_out_the_runners_up(run: Run, music: Path, tiny_bundle: Path) -> None:
    ran = run("predict", music, "-m", tiny_bundle, "--top", 1)
    assert ran.out.splitlines()[0].split() == ["genre", "track"]
    assert "," not in ran.out


def test_the_time_line_covers_the_track(run: Run, song: Path, tiny_bundle: Path) -> None:
    shown = run("predict", song, "-m", tiny_bundle, "--segments").out
    lines = [line.split() for line in shown.splitlines() if ":" in line.split()[0]]
    assert [line[:2] for line in lines] == [
        [f"0:0{start:.1f}", f"0:0{start + 1:.1f}"] for start in (0.0, 0.5, 1.0, 1.5, 2.0)
    ]
    (answer,) = answers(run("predict", song, "-m", tiny_bundle, "--segments", "--json").out)
    assert [line[2] for line in lines] == [next(iter(one.scores)) for one in answer.segments]
    several = run("predict", song.parent, "-m", tiny_bundle, "--segments").out
    assert several.count("from") == 3


def test_unknown_below(run: Run, song: Path, tiny_bundle: Path) -> None:
    (answer,) = answers(run("predict", song, "-m", tiny_bundle, "--json").out)
    best = max(answer.scores.values())
    sure = run("predict", song, "-m", tiny_bundle, "--unknown-below", best - 0.01, "--json")
    unsure = run("predict", song, "-m", tiny_bundle, "--unknown-below", best + 0.01, "--json")
    assert answers(sure.out)[0].genre == answer.genre
    assert answers(unsure.out)[0].genre == "unknown"
    assert answers(unsure.out)[0].genres == ()
    page = run("predict", song, "-m", tiny_bundle, "--unknown-below", best + 0.01)
    assert "  unknown  (" in page.out


@pytest.mark.parametrize(
    ("options", "excerpt"),
    [
        (("--start", "1"), ExcerptConfig(start_seconds=1, duration_seconds=None)),
        (("--duration", "1.5"), ExcerptConfig(duration_seconds=1.5)),
        (
            ("--start", "0.5", "--duration", "1"),
            ExcerptConfig(start_seconds=0.5, duration_seconds=1),
        ),
        (("--whole",), ExcerptConfig(start_seconds=0, duration_seconds=None)),
    ],
)
def test_excerpts(
    run: Run, song: Path, tiny_bundle: Path, options: tuple[str, ...], excerpt: ExcerptConfig
) -> None:
    (answer,) = answers(run("predict", song, "-m", tiny_bundle, *options, "--json").out)
    expected = Classifier.load(tiny_bundle).predict_file(song, excerpt=excerpt)
    assert timeless(answer) == timeless(expected)


@pytest.mark.parametrize("option", ["--start", "--duration"])
def test_whole_and_an_excerpt_exclude_each_other(
    run: Run, song: Path, tiny_bundle: Path, option: str
) -> None:
    ran = run("predict", song, "-m", tiny_bundle, "--whole", option, 1)
    assert ran == (
        2,
        "",
        "error: --whole analyses everything; leave out --start and --duration\n",
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--top", "0"),
        ("--jobs", "0"),
        ("--unknown-below", "1.5"),
        ("--unknown-below", "nan"),
        ("--start", "-1"),
        ("--start", "inf"),
        ("--duration", "inf"),
        ("--duration", "0"),
        ("--nope",),
    ],
)
def test_options_out_of_range_are_refused(run: Run, song: Path, options: tuple[str, ...]) -> None:
    ran = run("predict", song, *options)
    assert ran.code == 2
    assert ran.out == ""
    assert options[0] in ran.err
    assert "Traceback" not in ran.err


# --- what cannot be read ------------------------------------------------------------------------


def test_a_bad_file_is_one_line_one_record_and_exit_code_3(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "b.mp3"
    bad.write_text("<html>404</html>")
    missing = tmp_path / "missing.wav"
    ran = run("predict", song, bad, missing, song, "-m", tiny_bundle, "--json")
    assert ran.code == 3
    first, second, third = answers(ran.out)
    assert (first.path, first.error) == (str(song), None)
    assert second.error is not None
    assert (second.path, second.error.type) == (str(bad), "AudioFormatError")
    assert third.error is not None
    assert (third.path, third.error.type) == (str(missing), "AudioNotFoundError")
    lines = ran.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: {bad}: this is not audio")
    assert lines[1] == f"error: '{missing}' cannot be read: No such file or directory"


def test_the_others_are_still_shown(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"")
    ran = run("predict", tmp_path / "bad.wav", song, "-m", tiny_bundle)
    assert ran.code == 3
    heading, row = ran.out.splitlines()
    assert heading.split() == ["genre", "then", "track"]
    assert row.endswith(f"  {song}")
    assert ran.err.count("\n") == 1
    assert "zero bytes" in ran.err


def test_a_damaged_file_is_answered_with_a_warning(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    ran = run("predict", cut, "-m", tiny_bundle)
    assert ran.code == 0
    assert ran.err.startswith(f"warning: {cut}: truncated")
    assert ran.out.startswith(f"{cut}  ")


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_audio_says_so(
    run: Run, tiny_bundle: Path, tmp_path: Path, content: str | None
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    if content:
        (folder / content).write_text("no music")
    ran = run("predict", folder, "-m", tiny_bundle)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error: there is no audio in {folder}; ")
    assert ran.err.count("\n") == 1


def test_an_empty_name_is_not_the_current_folder(
    run: Run, music: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(music)
    ran = run("predict", "", "-m", tiny_bundle)
    assert (ran.code, ran.out) == (2, "")
    assert "is a variable of the shell not set?" in ran.err


def test_a_circle_of_links_is_walked_once(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    inner = tmp_path / "loop" / "inner"
    inner.mkdir(parents=True)
    shutil.copy(song, inner / "a.wav")
    (inner / "up").symlink_to(tmp_path / "loop", target_is_directory=True)
    ran = run("predict", tmp_path / "loop", "-m", tiny_bundle, "--json")
    assert [answer.path for answer in answers(ran.out)] == [str(inner / "a.wav")]


@pytest.mark.parametrize("name", ["with spaces 🎷.wav", "a[/x].wav", ":smile:.wav", "-m.wav"])
def test_odd_names(
    run: Run,
    song: Path,
    tiny_bundle: Path,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    shutil.copy(song, tmp_path / name)
    (tmp_path / "bad.wav").write_text("no audio")
    monkeypatch.chdir(tmp_path)
    page = run("predict", "-m", tiny_bundle, "--", name)
    assert page.out.startswith(f"{name}  ")
    table = run("predict", "-m", tiny_bundle, "--", name, "bad.wav", song)
    assert table.code == 3
    assert name in table.out


def test_names_cannot_steer_the_terminal_or_fake_a_line(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / "a\x1b[2J\rb.wav", tmp_path / "x\nerror: [bold]y[bold].wav"
    shutil.copy(song, good)
    bad.write_text("no audio")
    ran = run("predict", good, bad, "-m", tiny_bundle)
    assert ran.out.endswith("a\\x1b[2J\\rb.wav\n")
    assert ran.err.count("\n") == 1
    assert "x\\nerror: [bold]y[bold].wav: this is not audio" in ran.err


def test_names_that_are_not_utf8(run: Run, song: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    try:
        shutil.copy(os.fsencode(song), name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    for bad in (b"/bad\xe9.wav", b"/bae\xe9.wav"):
        Path(os.fsdecode(os.fsencode(tmp_path) + bad)).write_bytes(b"x")
    shown = run("predict", tmp_path, "-m", tiny_bundle)
    assert shown.code == 3
    assert shown.out.endswith("caf\\udce9.wav\n")
    assert "error: " + str(tmp_path) + "/bad\\udce9.wav: this is not audio" in shown.err
    ran = run("predict", tmp_path, "-m", tiny_bundle, "--json")
    ends = [answer.path.rpartition("/")[2] for answer in answers(ran.out)]
    assert ends == ["bad\\udce9.wav", "bae\\udce9.wav", "caf\\udce9.wav"]


# --- models -------------------------------------------------------------------------------------


def test_an_unknown_model_gives_near_matches_and_exit_code_2(run: Run, song: Path) -> None:
    ran = run("predict", song, "--model", "defalt")
    assert (ran.code, ran.out) == (2, "")
    assert "no model or directory 'defalt'; did you mean default?" in ran.err
    assert "'' " in run("predict", song, "--model", "").err.replace(";", " ")


def test_a_broken_model_is_exit_code_5_before_any_track(
    run: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_bundle, broken)
    (broken / "model.onnx").write_bytes(b"nonsense")
    ran = run("predict", song, "--model", broken, "--json")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: model.onnx has 8 bytes")
    assert ran.err.count("\n") == 1


# --- standard input -----------------------------------------------------------------------------


def test_standard_input_is_a_track_too(
    run: Run, song: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with song.open(encoding="latin-1") as file:
        monkeypatch.setattr(sys, "stdin", file)
        (answer,) = answers(run("predict", "-", "-m", tiny_bundle, "--json").out)
    expected = Classifier.load(tiny_bundle).predict_file(song, name="-")
    assert timeless(answer) == timeless(expected)


def test_standard_input_from_a_pipe_and_from_nothing(
    shell: Run, song: Path, tiny_bundle: Path
) -> None:
    piped = shell('cat "$1" | genrekit predict - -m "$2"', song, tiny_bundle)
    assert piped.code == 0
    assert piped.out.startswith("-  ")
    closed = shell('genrekit predict - -m "$1" --json <&-', tiny_bundle)
    assert closed.code == 3
    (answer,) = answers(closed.out)
    assert answer.error is not None
    assert closed.err == "error: -: the file has zero bytes; get it again\n"


def test_standard_input_comes_alone(run: Run, song: Path, tiny_bundle: Path) -> None:
    ran = run("predict", "-", song, "-m", tiny_bundle)
    assert (ran.code, ran.out) == (2, "")
    assert "give it alone" in ran.err


def test_a_terminal_is_no_track(
    run: Run, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyboard, _ = os.openpty()
    with open(keyboard, encoding="utf-8") as file:  # noqa: PTH123  # a descriptor has no path
        monkeypatch.setattr(sys, "stdin", file)
        ran = run("predict", "-", "-m", tiny_bundle)
    assert (ran.code, ran.out) == (2, "")
    assert "genrekit predict - < song.mp3" in ran.err


# --- stopping -----------------------------------------------------------------------------------


def ends(group: int, *, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(group)


def alive(group: int) -> list[int]:
    """Processes of a group that still run; those that only wait to be counted do not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, of_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_shows_what_was_answered_and_leaves_no_process(
    start: Start, song: Path, tiny_bundle: Path, tmp_path: Path, jobs: int
) -> None:
    many = copies(song, tmp_path / "many", 1500)
    shutil.copy(song, many / "a.wav")
    (many / "b.wav").write_text("no audio")
    process = start("predict", many, "-m", tiny_bundle, "--jobs", jobs)
    try:
        assert process.stderr is not None
        assert b"b.wav" in process.stderr.readline()
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        heading, first, *_ = out.decode().splitlines()
        assert "a.wav" in heading + first
        assert err.decode().startswith("warning: stopped after ")
        assert len(out.splitlines()) < 1500
        assert ends(process.pid, within_seconds=5)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_ctrl_c_in_json_leaves_whole_lines(
    start: Start, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    many = copies(song, tmp_path / "many", 1500)
    process = start("predict", many, "-m", tiny_bundle, "--jobs", 1, "--json")
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert 0 < len(answers((first + rest).decode())) < 1500


def test_a_reader_that_leaves_is_no_error(
    shell: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    many = copies(song, tmp_path / "many", 500)
    ran = shell('genrekit predict "$1" -m "$2" -j 1 --json | head -n 1', many, tiny_bundle)
    assert (ran.code, ran.err) == (0, "")
    assert len(answers(ran.out)) == 1


# --- progress -----------------------------------------------------------------------------------


def test_the_bar_is_drawn_on_stderr_and_never_reaches_stdout(
    start: Start, music: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    watcher, screen = os.openpty()
    process = start("predict", music, "-m", tiny_bundle, "--json", stderr=screen)
    os.close(screen)
    out, _ = process.communicate(timeout=60)
    drawn = b""
    try:
        while chunk := os.read(watcher, 65536):
            drawn += chunk
    except OSError:  # Linux ends a terminal that nobody writes to any more like this
        pass
    finally:
        os.close(watcher)
    assert b"Listening" in drawn
    assert b"6/6" in drawn
    assert [json.loads(line)["path"] for line in out.splitlines()] == [
        str(path) for path in sorted(music.rglob("*.wav"))
    ]


def test_rows_are_shown_as_they_come(
    song: Path, tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = Classifier.load(tiny_bundle).predict_file(song)
    seen: list[str] = []

    def listening() -> Iterator[TrackPrediction]:
        for _ in range(3):
            seen.append(capfd.readouterr().out)
            yield answer

    show_answers(listening(), top=3, as_json=False, total=3)
    assert seen[0] == ""
    assert seen[1].splitlines()[0].split() == ["genre", "then", "track"]
    assert seen[1].splitlines()[1].endswith(str(song))
    assert len(seen[2].splitlines()) == 1


def test_a_folder_says_how_many_files_were_passed_over(
    run: Run, music: Path, tiny_bundle: Path
) -> None:
    for name in ("side-a.mod", "side-b.MOD", "interview", "cover.jpg", "Booklet.PDF", "list.m3u8"):
        (music / name).touch()
    ran = run("predict", music, "-m", tiny_bundle)
    assert ran.err.splitlines() == [
        "warning: passed over 3 files that are not named like audio (2 .mod, 1 without suffix); "
        "name one itself to have it read"
    ]


def test_companions_of_music_are_not_passed_over(
    run: Run, tmp_path: Path, tiny_bundle: Path
) -> None:
    """The demo lists its tracks in ``jukebox.json`` beside them; README predicts its folder."""
    run("demo", "--to", tmp_path / "ten", "--seconds", 3)
    assert (tmp_path / "ten" / "jukebox.json").is_file()
    (tmp_path / "ten" / "cover.jpg").touch()
    ran = run("predict", tmp_path / "ten", "-m", tiny_bundle)
    assert (ran.code, ran.err) == (0, "")
