"""Commands complete in real shells, by the scripts that docs/install.md says to write."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("shells of other systems", allow_module_level=True)
import pty


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with the command ``genrekit`` in it."""
    file = tmp_path / "bin" / "genrekit"
    file.parent.mkdir()
    file.write_text(f"#!{sys.executable}\nfrom genrekit.cli import main\nmain()\n")
    file.chmod(0o755)
    return file.parent


def _in_a_shell(words: list[str], command: Path, keys: str = "", until: str = "") -> str:
    """What a shell shows; with ``keys``, after they are typed at a terminal."""
    home = command.parent
    environment = os.environ | {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "dumb"}
    environment["PATH"] = f"{command}{os.pathsep}{os.environ['PATH']}"
    if not keys:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        return done.stdout
    ours, theirs = pty.openpty()
    seen = b""
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as shell:
        try:
            os.write(ours, keys.encode())
            end = time.monotonic() + 60
            while until.encode() not in seen and time.monotonic() < end:
                if select.select([ours], [], [], 0.5)[0]:
                    seen += os.read(ours, 4096)
        finally:
            shell.kill()
    os.close(ours)
    os.close(theirs)
    return seen.decode(errors="replace")


def _script_for(shell: str, command: Path, name: str) -> Path:
    """The file that docs/install.md says to write."""
    file = command.parent / name
    line = f"_GENREKIT_COMPLETE=source_{shell} genrekit > '{file}'"
    _in_a_shell(["bash", "-ec", line], command)
    return file


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_the_first_tab_in_zsh_completes(command: Path) -> None:
    """A script that zsh finds in its folder must begin with #compdef, and complete when loaded."""
    script = _script_for("zsh", command, "_genrekit")
    rc = f"PS1=; fpath=('{script.parent}' $fpath); autoload -Uz compinit; compinit -u\n"
    (command.parent / ".zshrc").write_text(rc)
    seen = _in_a_shell(["zsh", "-i"], command, "genrekit models ver\t", "models verify")
    assert "models verify" in seen


def test_zsh_finds_the_script_by_its_first_line(command: Path) -> None:
    assert _script_for("zsh", command, "_genrekit").read_text().startswith("#compdef genrekit\n")


def test_bash_completes_what_was_sourced(command: Path) -> None:
    script = _script_for("bash", command, "genrekit.bash")
    code = (
        f"source '{script}'; COMP_WORDS=(genrekit models ver); COMP_CWORD=2; "
        '_genrekit_completion genrekit; echo "${COMPREPLY[*]}"; complete -p genrekit'
    )
    answer, function = _in_a_shell(["bash", "-ec", code], command).splitlines()
    assert answer == "verify"
    assert function.endswith("-F _genrekit_completion genrekit")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes_what_was_sourced(command: Path) -> None:
    script = _script_for("fish", command, "genrekit.fish")
    code = f"source '{script}'; complete -C 'genrekit models ver'"
    assert _in_a_shell(["fish", "-c", code], command).startswith("verify\t")
