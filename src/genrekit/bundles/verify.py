"""Read a bundle directory as if its author were hostile.

Sizes are checked before bytes are read, hashes before anything is parsed, and nothing is opened
that is not a plain file in the directory itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from genrekit.bundles.window import window_samples
from genrekit.errors import BundleError, IncompatibleError, SkewError
from genrekit.features import frontend_fingerprint
from genrekit.schema import (
    FORMAT_VERSION,
    BundleFile,
    BundleMetrics,
    Contract,
    Manifest,
    MelConfig,
)

MANIFEST = "manifest.json"
MODEL, GOLDEN, METRICS, CARD = "model.onnx", "golden.npz", "metrics.json", "CARD.md"
REQUIRED_FILES = (MODEL, GOLDEN, METRICS, CARD)
#: What a bundle may hold; none of these formats can carry code that runs on reading.
ALLOWED_SUFFIXES = frozenset(
    {".onnx", ".npz", ".json", ".jsonl", ".md", ".safetensors", ".yaml", ".txt", ".csv"}
)

_MIB = 2**20
_MAXIMUM_BYTES = {MANIFEST: _MIB, METRICS: 4 * _MIB, GOLDEN: 64 * _MIB, CARD: 4 * _MIB}
_MAXIMUM_OTHER_BYTES = 2048 * _MIB
_MAXIMUM_FILES = 32
_MAXIMUM_OVERLAP = 1000
_MAXIMUM_MEL_CELLS = 20_000_000

Parsed = TypeVar("Parsed", bound=Contract)


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """The contents of a directory that passed every check that needs no model."""

    manifest: Manifest
    metrics: BundleMetrics
    model_onnx: bytes
    golden_npz: bytes
    sha256: str


def read_bundle_files(directory: Path) -> BundleFiles:
    """Read and check every file of a bundle.

    Raises
    ------
    BundleError
        Files missing, unlisted, of another size or hash, links, folders, malformed JSON.
    IncompatibleError
        Another format version.
    """
    sizes = _list(directory)
    if MANIFEST not in sizes:
        raise BundleError(f"{directory} holds no {MANIFEST}: it is not a bundle")
    raw = _read(directory, MANIFEST, sizes[MANIFEST])
    manifest = parse_manifest(raw)
    _check_listing(manifest.files, sizes)
    _check_windows(manifest)
    contents = {entry.name: _read_listed(directory, entry) for entry in manifest.files}
    metrics = parse(contents[METRICS], BundleMetrics, METRICS)
    return BundleFiles(
        manifest, metrics, contents[MODEL], contents[GOLDEN], hashlib.sha256(raw).hexdigest()
    )


def parse_manifest(raw: bytes) -> Manifest:
    """Parse ``manifest.json``; the format version is looked at first."""
    data = _json(raw, MANIFEST)
    version = data.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise BundleError(f"{MANIFEST} names no format_version; expected {FORMAT_VERSION}")
    if version != FORMAT_VERSION:
        raise IncompatibleError(
            f"{MANIFEST} has format version {version}, this genrekit reads {FORMAT_VERSION}; "
            "install the genrekit that wrote it, or export the model again"
        )
    return parse(raw, Manifest, MANIFEST)


def parse(raw: bytes, kind: type[Parsed], name: str) -> Parsed:
    """Validate JSON bytes into a contract; trouble is a ``BundleError`` naming the field."""
    _json(raw, name)
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise BundleError(f"{name}: {place}: {first['msg']}") from error


def check_frontends(manifest: Manifest) -> None:
    """Refuse a model whose front-ends are not the ones that this installation computes.

    Raises
    ------
    SkewError
    """
    for name, config in manifest.frontends.items():
        here, there = frontend_fingerprint(config), manifest.frontend_fingerprints[name]
        if here != there:
            made_with = manifest.versions.get("genrekit", "an unnamed version")
            raise SkewError(
                f"front-end {name!r} has fingerprint {here[:12]} here and {there[:12]} in the "
                f"bundle, which was made with genrekit {made_with}; install that version, "
                "or train the model again"
            )


def read_manifest(directory: Path) -> Manifest:
    """Read only ``manifest.json``, for listings; nothing else is checked."""
    path = directory / MANIFEST
    try:
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"{directory} holds no {MANIFEST}: it is not a bundle")
        return parse_manifest(_read(directory, MANIFEST, path.stat().st_size))
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error


def _list(directory: Path) -> dict[str, int]:
    """Name and size of each file; anything that is not a plain file is refused."""
    sizes: dict[str, int] = {}
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_symlink() or not entry.is_file(follow_symlinks=False):
                    raise BundleError(
                        f"{directory} holds {entry.name!r}, which is a link, a folder or a device; "
                        "a bundle holds plain files only"
                    )
                sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
                if len(sizes) > _MAXIMUM_FILES:
                    raise BundleError(f"{directory} holds more than {_MAXIMUM_FILES} files")
    except OSError as error:
        raise BundleError(f"bundle {directory} cannot be read: {error.strerror}") from error
    return sizes


def _read(directory: Path, name: str, size_bytes: int) -> bytes:
    limit = _MAXIMUM_BYTES.get(name, _MAXIMUM_OTHER_BYTES)
    if size_bytes > limit:
        raise BundleError(f"{name} has {size_bytes} bytes, more than the limit of {limit}")
    try:
        with (directory / name).open("rb") as file:
            return file.read(size_bytes + 1)
    except OSError as error:
        raise BundleError(f"{name} cannot be read: {error.strerror}") from error


def _read_listed(directory: Path, entry: BundleFile) -> bytes:
    content = _read(directory, entry.name, entry.size_bytes)
    if len(content) != entry.size_bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BundleError(
            f"{entry.name} is not the file that {MANIFEST} lists (its sha256 differs); "
            "the bundle is damaged or was changed: copy or download it again"
        )
    # Only these are needed again; a gigabyte of extra weights must not stay in memory.
    return content if entry.name in REQUIRED_FILES else b""


def _check_listing(files: tuple[BundleFile, ...], sizes: dict[str, int]) -> None:
    names = [entry.name for entry in files]
    if len(set(names)) != len(names) or MANIFEST in names:
        raise BundleError(f"{MANIFEST} lists a file twice, or itself")
    if absent := [name for name in REQUIRED_FILES if name not in names]:
        raise BundleError(f"{MANIFEST} does not list {', '.join(absent)}, which every bundle has")
    if missing := [name for name in names if name not in sizes]:
        raise BundleError(f"the bundle lacks {', '.join(missing)}, which {MANIFEST} lists")
    if unlisted := sorted(set(sizes) - {*names, MANIFEST}):
        raise BundleError(f"the bundle holds {unlisted[0]!r}, which {MANIFEST} does not list")
    for entry in files:
        if Path(entry.name).suffix not in ALLOWED_SUFFIXES:
            raise BundleError(
                f"the bundle holds {entry.name!r}; it may hold only files that end in "
                f"{', '.join(sorted(ALLOWED_SUFFIXES))}"
            )
        if sizes[entry.name] != entry.size_bytes:
            raise BundleError(
                f"{entry.name} has {sizes[entry.name]} bytes, {MANIFEST} says {entry.size_bytes}; "
                "the bundle is damaged: copy or download it again"
            )


def _check_windows(manifest: Manifest) -> None:
    """Refuse settings that are valid by themselves but would take hours or all memory."""
    length, hop = window_samples(manifest.windows, manifest.sample_rate_hz)
    if length > hop * _MAXIMUM_OVERLAP:
        raise BundleError(
            f"windows overlap {length / hop:.0f}-fold, more than the limit of {_MAXIMUM_OVERLAP}"
        )
    for name, config in manifest.frontends.items():
        if not name.isascii() or not name.replace("-", "_").isidentifier() or len(name) > 64:
            raise BundleError(f"front-end name {name[:64]!r} is not made of letters and digits")
        if isinstance(config, MelConfig):
            cells = config.n_mels * (length // config.hop_samples + 1)
            if cells > _MAXIMUM_MEL_CELLS:
                raise BundleError(
                    f"front-end {name!r} makes {cells} mel cells a window, more than the limit "
                    f"of {_MAXIMUM_MEL_CELLS}"
                )


def _json(raw: bytes, name: str) -> dict[str, Any]:
    """Strict JSON: one object, no duplicate keys, no NaN, no bottomless nesting."""
    try:
        data = json.loads(raw, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise BundleError(f"{name} holds a {type(data).__name__}, expected one JSON object")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
