"""What an ONNX file says of the bundle that it belongs to, where it travels alone.

ONNX has a list of names and texts for this (``metadata_props``), which every runtime reads. It is
field 14 of the outermost message, so it can be written without the library `onnx`, which a user who
only predicts does not have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from genrekit.bundles.bundle import Bundle
from genrekit.bundles.verify import MANIFEST, MODEL
from genrekit.errors import BundleError
from genrekit.schema import Manifest

PREFIX = "genrekit."
_METADATA_FIELD = 14
# Of protocol buffers: how long a field of each wire type is; type 2 says so itself, type 0 ends by
# a bit.
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}


def model_metadata(manifest: Manifest, manifest_json: bytes) -> dict[str, str]:
    """Return what is written into the ONNX files of a bundle.

    Parameters
    ----------
    manifest : Manifest
        Of the bundle.
    manifest_json : bytes
        The same as it is in the file, with or without an entry for the model.

    Returns
    -------
    dict of str to str
        Name, version, licence, rate in hertz, labels as a JSON list in the order of the logits, and
        under ``genrekit.bundle`` what `bundle_digest` gives.
    """
    named = {
        "bundle": bundle_digest(manifest_json),
        "labels": json.dumps(manifest.labels, ensure_ascii=False),
        "licence": manifest.licence,
        "name": manifest.name,
        "sample_rate_hz": str(manifest.sample_rate_hz),
        "task": "embedding" if manifest.embedding_only else manifest.task,
        "version": manifest.version,
    }
    return {PREFIX + key: value for key, value in named.items()}


def bundle_digest(manifest_json: bytes) -> str:
    """Digest a manifest without the model's entry, which cannot hold its own digest.

    All other files are covered by their entries. It is of the file's content and not of what this
    version would write, so that it stays what it is when the format grows.
    """
    content = json.loads(manifest_json)
    content["files"] = [one for one in content["files"] if one["name"] != MODEL]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def with_metadata(model: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return an ONNX file with this metadata in place of what genrekit wrote before.

    Parameters
    ----------
    model : bytes
        The file.
    metadata : mapping of str to str
        Names that begin with ``genrekit.``; others that the file has are kept.

    Returns
    -------
    bytes
        The same graph; the same bytes for the same inputs.

    Raises
    ------
    BundleError
        If the file is damaged.
    """
    kept = (field for key, field in _fields(model) if not (key or "").startswith(PREFIX))
    added = (_entry(key, value) for key, value in sorted(metadata.items()))
    return b"".join([*kept, *added])


def read_metadata(session: Any) -> dict[str, str]:
    """Return what genrekit wrote into an ONNX file that is open; empty where it wrote nothing."""
    found: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return {key: found[key] for key in sorted(found) if key.startswith(PREFIX)}


def check_metadata(bundle: Bundle) -> None:
    """Refuse a bundle whose model says that it belongs to another one.

    Models that say nothing are older than this, and pass.

    Raises
    ------
    BundleError
        If the two disagree.
    """
    written = read_metadata(bundle.session)
    expected = model_metadata(bundle.manifest, (bundle.directory / MANIFEST).read_bytes())
    differ = [key for key in written if written[key] != expected.get(key)]
    if differ:
        key = min(differ, key=lambda one: (one == f"{PREFIX}bundle", one))
        raise BundleError(
            f"model.onnx says {key} is {written[key][:80]!r}, the manifest makes it "
            f"{expected.get(key, 'nothing')[:80]!r}: the model is of another bundle, or the "
            "manifest was edited"
        )


def _fields(message: bytes) -> Iterator[tuple[str | None, bytes]]:
    """Yield fields of the outermost message as they are, each with its key if it is metadata."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        at, body = _end(message, at, tag & 7)
        if at > len(message):
            raise BundleError("model.onnx is damaged: a field ends beyond the file")
        is_metadata = tag == _METADATA_FIELD << 3 | _BYTES
        yield _key(message[body:at]) if is_metadata else None, message[start:at]


def _end(message: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return where a field ends whose content begins at ``at``, and where its body begins."""
    if wire_type == _BYTES:
        length, at = _varint(message, at)
        return at + length, at
    if wire_type == _VARINT:
        return _varint(message, at)[1], at
    if wire_type in _FIXED:
        return at + _FIXED[wire_type], at
    raise BundleError(f"model.onnx is damaged: a field of wire type {wire_type}")


def _key(entry: bytes) -> str:
    """Return the key of one entry; its value is the other field."""
    at = 0
    while at < len(entry):
        tag, at = _varint(entry, at)
        end, body = _end(entry, at, tag & 7)
        if tag == 1 << 3 | _BYTES:
            return entry[body:end].decode(errors="replace")
        at = end
    return ""


def _entry(key: str, value: str) -> bytes:
    fields = b"".join(
        _tag(number) + _counted(text.encode()) for number, text in ((1, key), (2, value))
    )
    return _tag(_METADATA_FIELD) + _counted(fields)


def _tag(number: int) -> bytes:
    return bytes([number << 3 | _BYTES])


def _counted(content: bytes) -> bytes:
    length, encoded = len(content), bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    return bytes([*encoded, length]) + content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at``, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise BundleError("model.onnx is damaged: a number does not end")
