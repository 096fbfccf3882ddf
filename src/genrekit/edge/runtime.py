"""ONNX Runtime for browsers: fetched when a page is exported, and checked against known hashes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from genrekit.errors import BundleError, ConfigError
from genrekit.files import cache_home, replacing_folder

PACKAGE, VERSION, LICENCE = "onnxruntime-web", "1.30.0", "MIT"
#: What the page loads to the file of the package, and its SHA-256.
FILES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ort.js": (
            "ort.wasm.bundle.min.mjs",
            "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
        ),
        "ort.wasm": (
            "ort-wasm-simd-threaded.wasm",
            "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
        ),
    }
)
_PATIENCE_SECONDS = 600
_BY_HAND = (
    f"on a machine with npm and a network, run: npm pack {PACKAGE}@{VERSION}, unpack the .tgz, and "
    "name the folder with --ort DIR"
)


def runtime_files(folder: Path | None = None) -> dict[str, bytes]:
    """Return the runtime's files by the names that the page gives them.

    Parameters
    ----------
    folder : Path, optional
        The unpacked package; None takes the copy in the cache, which npm fills when there is none.

    Raises
    ------
    ConfigError
        If they are not in ``folder``, or npm cannot fetch them.
    BundleError
        If they are not those of the version that is expected.
    """
    if folder is not None:
        return _read(folder)
    kept = cache_home() / "edge" / f"{PACKAGE}-{VERSION}"
    if not kept.is_dir():
        _fetch(kept)
    return _read(kept)


def _read(folder: Path) -> dict[str, bytes]:
    found = {}
    for name, (source, wanted) in FILES.items():
        places = (folder / source, folder / "dist" / source)
        place = next((one for one in places if one.is_file()), None)
        if place is None:
            raise ConfigError(
                f"{folder} does not hold dist/{source}; expected the unpacked package {PACKAGE} "
                f"{VERSION}: {_BY_HAND}"
            )
        found[name] = place.read_bytes()
        seen = hashlib.sha256(found[name]).hexdigest()
        if seen != wanted:
            raise BundleError(
                f"{place} is not that of {PACKAGE} {VERSION}: its SHA-256 begins with {seen[:12]}, "
                f"expected {wanted[:12]}; {_BY_HAND}"
            )
    return found


def _fetch(kept: Path) -> None:
    """Let npm, as it is set up here, bring the package; keep what the page needs of it."""
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(f"npm is not installed, which fetches {PACKAGE}; {_BY_HAND}")
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", scratch]
        try:
            ran = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=_PATIENCE_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"npm did not bring {PACKAGE} {VERSION} in {_PATIENCE_SECONDS} s; {_BY_HAND}"
            ) from None
        packed = next(Path(scratch).glob("*.tgz"), None)
        if ran.returncode or packed is None:
            output = " ".join((ran.stderr or ran.stdout).split())[-300:]
            raise ConfigError(f"npm cannot fetch {PACKAGE} {VERSION}: {output}; {_BY_HAND}")
        with replacing_folder(kept) as fresh:
            _unpack(packed, fresh)
            _read(fresh)


def _unpack(packed: Path, folder: Path) -> None:
    """Unpack only the files that are wanted, whatever else the archive holds."""
    with tarfile.open(packed) as archive:
        for source, _ in FILES.values():
            try:
                member = archive.extractfile(f"package/dist/{source}")
            except KeyError:
                member = None
            if member is not None:
                (folder / source).write_bytes(member.read())
