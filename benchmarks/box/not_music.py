"""Recorded sound that is not music, of Debian's packages: some to train the detector, some to test.

    python benchmarks/box/not_music.py taught NOT_MUSIC
    python benchmarks/box/not_music.py tested SOUNDS

Needs apt-get and dpkg-deb. The packages are all free software; no file of them is in this
repository.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES, decode
from genrekit.errors import AudioError

#: Package to the folder of its sounds: prompts of telephones, dialogues, letters and names that are
#: spoken, noises of games.
TAUGHT = {
    "asterisk-core-sounds-en-wav": "usr/share",
    "asterisk-core-sounds-fr-wav": "usr/share",
    "asterisk-core-sounds-it-wav": "usr/share",
    "asterisk-core-sounds-ru-wav": "usr/share",
    "fillets-ng-data-cs": "usr/share",
    "fillets-ng-data-nl": "usr/share",
    "klettres-data": "usr/share",
    "ktuberling-data": "usr/share",
    "pocketsphinx-testdata": "usr/share",
    "psi-plus-sounds": "usr/share",
    "sound-icons": "usr/share",
    "tuxpaint-stamps-default": "usr/share",
    "wesnoth-1.16-data": "usr/share/games/wesnoth/1.16/data/core/sounds",
}
#: Other voices and other signals.
TESTED = {"alsa-utils": "usr/share/sounds", "sound-theme-freedesktop": "usr/share/sounds"}
_EACH, _SHORTEST_SECONDS = 80, 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("taught", "tested"))
    parser.add_argument("out", type=Path, help="a new folder")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    for package, folder in (TAUGHT if arguments.which == "taught" else TESTED).items():
        with tempfile.TemporaryDirectory() as place:
            files = _unpacked(package, Path(place))
            inside = [one for one in files if one.is_relative_to(Path(place) / folder)]
            print(f"{package}: {_take(package, inside, arguments.out)} of {len(inside)} files")


def _unpacked(package: str, place: Path) -> list[Path]:
    subprocess.run(["apt-get", "download", package], cwd=place, check=True, capture_output=True)
    (archive,) = place.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", str(archive), str(place)], check=True)
    return sorted(
        one for one in place.rglob("*") if one.suffix.lower() in AUDIO_SUFFIXES and one.is_file()
    )


def _take(package: str, files: list[Path], out: Path) -> int:
    """Copy some files that are long enough, in an order that is random but always the same."""
    taken = 0
    for file in sorted(files, key=lambda one: zlib.crc32(one.name.encode())):
        if taken == _EACH:
            break
        if _seconds(file) >= _SHORTEST_SECONDS:
            shutil.copy(file, out / f"{package}-{taken:03d}{file.suffix}")
            taken += 1
    return taken


def _seconds(file: Path) -> float:
    try:
        return decode(file, sample_rate_hz=8000).seconds
    except AudioError:
        return 0.0


if __name__ == "__main__":
    main()
