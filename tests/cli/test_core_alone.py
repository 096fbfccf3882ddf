"""What the core alone cannot do: the command says what to install, and nobody sees a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "jukebox.yaml"


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("words", "absent", "package", "extra"),
    [
        (["study", "table.csv", "-o", "out"], "sklearn", "scikit-learn", "train"),
        (["train", str(RECIPE), "-o", "out"], "sklearn", "scikit-learn", "train"),
        (["tune", str(RECIPE), "-o", "out"], "sklearn", "scikit-learn", "train"),
        (["serve"], "fastapi", "fastapi", "serve"),
    ],
)
def test_the_missing_extra_is_named(
    words: list[str], absent: str, package: str, extra: str, tmp_path: Path
) -> None:
    rows = "".join(f"{n}.wav,{n},{n % 3},{'rock' if n % 2 else 'pop'}\n" for n in range(20))
    (tmp_path / "table.csv").write_text(f"filename,a,b,label\n{rows}")
    code = (
        f"import sys; sys.modules[{absent!r}] = None; sys.argv[1:] = {words!r}; "
        "from genrekit.cli import main; main()"
    )
    done = _run(code, tmp_path)
    wanted = f"error: {package} is not installed; run: pip install 'genrekit[{extra}]'\n"
    assert (done.returncode, done.stderr) == (6, wanted)


def test_a_module_that_no_extra_brings_is_a_fault_of_ours(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['genrekit.jukebox'] = None; sys.argv[1:] = ['demo']; "
        "from genrekit.cli import main; main()"
    )
    done = _run(code, tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
