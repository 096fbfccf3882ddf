"""Write a bundle: all of it or nothing, and the same bytes for the same inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from genrekit.audio import Waveform
from genrekit.bundles.bundle import Bundle, head_columns, load_bundle
from genrekit.bundles.card import render_card
from genrekit.bundles.front_matter import front_matter
from genrekit.bundles.golden import golden_to_bytes, make_golden
from genrekit.bundles.metadata import model_metadata, with_metadata
from genrekit.bundles.session import LOGITS, open_session, run_outputs
from genrekit.bundles.verify import ALLOWED_SUFFIXES, CARD, GOLDEN, MANIFEST, METRICS, MODEL
from genrekit.errors import BundleError
from genrekit.features import build_frontend
from genrekit.files import replacing_folder
from genrekit.schema import BundleFile, BundleMetrics, Contract, Manifest


def write_bundle(
    directory: Path,
    *,
    manifest: Manifest,
    model_onnx: bytes,
    metrics: BundleMetrics,
    golden: Waveform,
    extra_files: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a bundle and load it once before it takes its place.

    Parameters
    ----------
    directory : Path
        The bundle; its parents are made.
    manifest : Manifest
        With ``files`` empty: names, sizes and hashes are filled in here.
    model_onnx : bytes
        Inputs named after the front-ends, output ``logits``.
    metrics : BundleMetrics
        What the model scored.
    golden : Waveform
        A few seconds of audio at the bundle's rate, stored as 16-bit samples.
    extra_files : mapping of str to bytes, optional
        Further files, for instance ``weights.safetensors``.
    overwrite : bool
        Replace ``directory`` if it is a bundle already.

    Returns
    -------
    Path
        ``directory``.

    Raises
    ------
    BundleError
        If the parts do not fit together or ``directory`` exists.
    """
    if golden.sample_rate_hz != manifest.sample_rate_hz:
        raise BundleError(
            f"the golden clip has {golden.sample_rate_hz} Hz, the bundle {manifest.sample_rate_hz}"
        )
    check_target(directory, overwrite)
    for name in extra_files or ():
        if Path(name).suffix not in ALLOWED_SUFFIXES or Path(name).name != name:
            raise BundleError(
                f"{name!r} cannot be in a bundle: it takes plain names that end in "
                f"{', '.join(sorted(ALLOWED_SUFFIXES))}"
            )
    contents = {
        **(extra_files or {}),
        MODEL: model_onnx,
        GOLDEN: _golden_bytes(manifest, model_onnx, golden),
        METRICS: _json_bytes(metrics),
        CARD: _card(manifest, metrics),
    }
    _place(directory, _listed(manifest, contents))
    return directory


def rewrite_bundle(bundle: Bundle, directory: Path, **changes: Any) -> Path:
    """Write a bundle again with another manifest; the graph and all other files stay as they are.

    Parameters
    ----------
    directory : Path
        Where nothing is yet.
    changes
        Fields of the manifest.

    Raises
    ------
    BundleError
        If ``directory`` exists, or the fields do not fit.
    """
    check_target(directory, overwrite=False)
    try:
        manifest = Manifest.model_validate(bundle.manifest.model_dump() | changes)
    except ValidationError as error:
        raise BundleError(f"the bundle would not be valid: {error}") from error
    contents = {
        one.name: (bundle.directory / one.name).read_bytes() for one in bundle.manifest.files
    }
    contents[CARD] = _card(manifest, bundle.metrics)
    _place(directory, _listed(manifest, contents))
    return directory


def _card(manifest: Manifest, metrics: BundleMetrics) -> bytes:
    return f"{front_matter(manifest, metrics)}\n{render_card(manifest, metrics)}".encode()


def _listed(manifest: Manifest, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files and the manifest that lists them; the model says whose it is."""
    others = {name: data for name, data in contents.items() if name != MODEL}
    listed = manifest.model_copy(update={"files": _entries(others)})
    model = with_metadata(contents[MODEL], model_metadata(listed, _json_bytes(listed)))
    whole = {**others, MODEL: model}
    return {**whole, MANIFEST: _json_bytes(manifest.model_copy(update={"files": _entries(whole)}))}


def _entries(contents: Mapping[str, bytes]) -> tuple[BundleFile, ...]:
    return tuple(
        BundleFile(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in sorted(contents.items())
    )


def _golden_bytes(manifest: Manifest, model_onnx: bytes, golden: Waveform) -> bytes:
    frontends = {name: build_frontend(config) for name, config in manifest.frontends.items()}
    session = open_session(model_onnx, inputs=tuple(frontends), n_labels=len(manifest.labels))
    columns = {LOGITS: len(manifest.labels)} | head_columns(manifest)
    made = make_golden(
        np.asarray(golden.samples, np.float32),
        frontends,
        manifest.windows,
        lambda inputs: run_outputs(session, inputs, columns),
        manifest.labels,
        {name: head.labels for name, head in manifest.heads.items()},
    )
    return golden_to_bytes(made)


def _json_bytes(contract: Contract) -> bytes:
    return contract.model_dump_json(indent=2).encode() + b"\n"


def check_target(directory: Path, overwrite: bool) -> None:
    """Raise `BundleError` where `write_bundle` could put none: ask before hours of training."""
    if not (directory.exists() or directory.is_symlink()):
        return
    if not overwrite:
        raise BundleError(f"{directory} exists already; choose another name or ask to overwrite it")
    if not (directory / MANIFEST).is_file():
        raise BundleError(f"{directory} exists and is not a bundle; it will not be overwritten")


def _place(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write beside ``directory``, load from there, then rename."""
    with replacing_folder(directory) as fresh:
        for name, data in contents.items():
            (fresh / name).write_bytes(data)
        load_bundle(fresh)
