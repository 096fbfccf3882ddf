"""The plugin in the real beets, where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from genrekit.jukebox import synthesise

beets = pytest.importorskip("beets")
pytestmark = pytest.mark.filterwarnings("ignore")  # of others

CONFIG = """\
directory: {folder}/music
library: {folder}/library.db
plugins: [genrekit]
import: {{copy: no, write: yes, autotag: no, quiet: yes}}
genrekit: {{model: "{model}", relative: 0.0, top: 2}}
"""


@pytest.fixture
def beet(tmp_path: Path, tiny_bundle: Path) -> Callable[..., tuple[int, str]]:
    """``beet("import", folder)`` as a process of its own."""
    import os
    import subprocess

    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path, model=tiny_bundle))

    def run(*arguments: str | Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "beets", *map(str, arguments)],
            env=os.environ | {"BEETSDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_import_and_command_fill_the_list_of_genres(
    beet: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    song = synthesise("jazz", seconds=3)
    soundfile.write(folder / "song.flac", song.samples, song.sample_rate_hz)
    code, output = beet("import", folder)
    assert code == 0, output
    code, listed = beet("ls", "-f", "$genres")
    assert len(listed.strip().split(";")) == 2, (output, listed)
    code, output = beet("modify", "-y", "genres=Polka")
    code, output = beet("genrekit")
    assert beet("ls", "-f", "$genres")[1].strip() == "Polka", output
    code, output = beet("genrekit", "--force")
    assert beet("ls", "-f", "$genres")[1].strip() == listed.strip(), output
    from genrekit.tagging import read_tags

    assert len(read_tags(folder / "song.flac")["genre"]) == 2
