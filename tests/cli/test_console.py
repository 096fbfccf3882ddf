"""What all commands share: help, exit codes, and streams that are not as expected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import genrekit
from genrekit.cli import app

Run = Callable[..., Any]


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words on the command line, groups included."""
    waiting = [("", typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        below = getattr(command, "commands", {})
        waiting += [(f"{words} {name}".strip(), below[name]) for name in sorted(below)]


COMMANDS = dict(commands())
GROUPS = ("Predict", "Data", "Train", "Evaluate", "Explain", "Serve", "Installation")
PARAMETERS = [
    pytest.param(parameter, id=f"{words or 'genrekit'} {parameter.name}")
    for words, command in COMMANDS.items()
    for parameter in command.params
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help(run: Run, words: str) -> None:
    ran = run(*words.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"genrekit {words}".strip() in ran.out
    first_line = (COMMANDS[words].help or "").split("\n")[0]
    assert first_line.split()[0] in ran.out
    assert run(*words.split(), "-h").out == ran.out


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_option_and_argument_has_help(parameter: Any) -> None:
    assert (parameter.help or "").strip()


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"genrekit {genrekit.__version__}\n", "")


def test_commands_are_grouped_in_the_order_of_the_flow(run: Run) -> None:
    out = run("--help").out
    panels = [out.find(f" {name} ─") for name in GROUPS]
    assert panels[0] > -1
    assert panels == sorted(panels)
    below = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {command.rich_help_panel for command in below.values()} == set(GROUPS)


def test_no_command_at_all_is_help(run: Run) -> None:
    ran = run()
    assert ran.code == 2
    assert "predict" in ran.out + ran.err


def test_an_unknown_command_is_exit_code_2(run: Run) -> None:
    ran = run("predikt")
    assert (ran.code, ran.out) == (2, "")
    assert "predikt" in ran.err


def test_help_takes_little_longer_than_the_library_that_draws_it() -> None:
    drawing = ("-c", "import typer, typer.rich_utils, rich.markdown, rich.traceback")
    times = [(_seconds(*drawing), _seconds("-m", "genrekit", "--help")) for _ in range(3)]
    assert min(ours for _, ours in times) < 3 * min(theirs for theirs, _ in times)


def test_help_loads_nothing_that_computes() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "genrekit", "--help"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "onnxruntime", "scipy", "pydantic", "fastapi"}


def _seconds(*arguments: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


# --- failures are one line ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("predict", "missing.wav", "--model", "tiny"), 3),
        (("predict", "song.wav", "--model", "missing"), 2),
        (("features", "missing.wav", "-o", "x.csv"), 3),
        (("features", "song.wav", "-o", "a file/x.csv"), 2),
        (("features", "song.wav", "-o", "a folder"), 2),
        (("train", "missing.yaml", "-o", "out"), 2),
        (("train", "song.wav", "-o", "out"), 4),
        (("train", "recipe.yaml", "-o", "a file/out"), 2),
        (("evaluate", "missing", "--data", "a folder"), 2),
        (("evaluate", "tiny", "--data", "missing"), 4),
        (("evaluate", "tiny", "--data", "a folder", "--predictions", "a folder"), 2),
        (("evaluate", "tiny", "--data", "a folder", "--predictions", "missing/x"), 2),
        (("study", "missing.csv", "-o", "out"), 4),
        (("study", "song.wav", "-o", "out"), 4),
        (("study", "missing.csv", "-o", "a file"), 2),
        (("demo", "--to", "a file"), 2),
        (("demo", "--to", "a folder"), 4),
        (("models", "show", "missing"), 2),
        (("models", "show", "a folder"), 5),
        (("models", "show", "a file"), 5),
        (("models", "verify", "a folder"), 5),
        (("models", "add", "missing"), 2),
        (("models", "add", "a folder"), 5),
        (("models", "alias", "box", "best", "9.9.9"), 2),
    ],
)
def test_a_failure_is_one_sentence_and_its_exit_code(
    run: Run,
    song: Path,
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    (tmp_path / "song.wav").symlink_to(song)
    (tmp_path / "tiny").symlink_to(tiny_bundle)
    (tmp_path / "a file").write_text("text")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "notes.txt").write_text("text")
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    monkeypatch.chdir(tmp_path)
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    assert len(ran.err) > 20
    # A list of files may end in a sentence about all of them.
    assert ran.err.count("\n") == ran.err.count("error: ")


def test_what_the_system_refuses_is_one_line(
    run: Run, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file where a folder is wanted")
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path / "home"))
    ran = run("models", "add", tiny_bundle)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {tmp_path / 'home'}")
    assert ran.err.count("\n") == 1


# --- streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["--help", "models", 'models show "$1"', "models --json"])
def test_a_reader_that_leaves_at_once_is_no_error(
    shell: Run, tiny_bundle: Path, command: str
) -> None:
    ran = shell(f"genrekit {command} | true", tiny_bundle)
    assert (ran.code, ran.err) == (0, "")


def test_closed_streams_lose_output_and_nothing_else(
    shell: Run, song: Path, tiny_bundle: Path
) -> None:
    ran = shell('genrekit predict "$1" missing.wav -m "$2" >&-', song, tiny_bundle)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "error: 'missing.wav' cannot be read: No such file or directory\n"
    assert shell('genrekit predict "$1" -m "$2" 2>&-', song, tiny_bundle).code == 0
    assert shell('genrekit models show "$1" <&- >&- 2>&-', tiny_bundle) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_full_disk_is_reported_and_is_a_failure(
    shell: Run, song: Path, tiny_bundle: Path, options: str
) -> None:
    ran = shell(f'genrekit predict "$1" -m "$2" {options} > /dev/full', song, tiny_bundle)
    assert ran.code == 1
    assert "No space left on device" in ran.err
    assert "Traceback" not in ran.err


def test_a_locale_of_letters_only(
    shell: Run, song: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    jazz = tmp_path / "🎷.wav"
    jazz.symlink_to(song)
    script = 'PYTHONIOENCODING=ascii genrekit predict "$1" -m "$2"'
    page = shell(script, jazz, tiny_bundle)
    assert page.code == 0
    assert page.out.isascii()
    assert "\\U0001f3b7.wav" in page.out
    assert "#." in page.out
    record = shell(f"{script} --json", jazz, tiny_bundle)
    assert json.loads(record.out)["path"] == str(jazz)


def test_colour_only_where_it_is_wanted(shell: Run, song: Path, tiny_bundle: Path) -> None:
    script = 'TERM=xterm-256color FORCE_COLOR=1 {} genrekit predict "$1" -m "$2"'
    coloured = shell(script.format(""), song, tiny_bundle)
    assert "\x1b[36m" in coloured.out
    # Bold is not a colour.
    assert "\x1b[36m" not in shell(script.format("NO_COLOR=1"), song, tiny_bundle).out
    assert "\x1b" not in shell('genrekit predict "$1" -m "$2"', song, tiny_bundle).out


def on_terminal(arguments: list[str], *, columns: int, term: str = "xterm") -> tuple[int, str]:
    """Exit code and screen of a command that is alone in a terminal."""
    import fcntl
    import struct
    import termios

    watcher, screen = os.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": term, "OMP_NUM_THREADS": "1"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "genrekit", *arguments],
        stdin=screen,
        stdout=screen,
        stderr=screen,
        env=environment,
    )
    os.close(screen)
    drawn = b""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and (chunk := os.read(watcher, 65536)):
            drawn += chunk
    except OSError:  # so Linux ends a terminal that nobody writes to any more
        pass
    finally:
        os.close(watcher)
    return process.wait(timeout=60), drawn.decode()


def test_a_narrow_terminal_cuts_bars_and_folds_names(song: Path, tiny_bundle: Path) -> None:
    code, screen = on_terminal(
        ["predict", str(song), str(song.with_name("jazz 1.wav")), "-m", str(tiny_bundle)],
        columns=40,
    )
    assert code == 0
    assert "…" not in screen
    _, page = on_terminal(["predict", str(song), "-m", str(tiny_bundle)], columns=30)
    assert "…" not in page


def test_json_on_a_terminal_is_not_mixed_with_a_bar(music: Path, tiny_bundle: Path) -> None:
    code, screen = on_terminal(
        ["predict", str(music), "-m", str(tiny_bundle), "--json"], columns=80
    )
    assert code == 0
    assert len([json.loads(line) for line in screen.splitlines()]) == 6


def test_a_dumb_terminal_gets_plain_text(music: Path, tiny_bundle: Path) -> None:
    code, screen = on_terminal(
        ["predict", str(music), "-m", str(tiny_bundle)], columns=120, term="dumb"
    )
    assert code == 0
    assert "\x1b" not in screen
    assert screen.startswith("genre")
