"""Whatever is in a bundle directory, loading it ends well or in a ``BundleError``.

Two attackers: one who cannot make hashes fit (damage), and one who can (malice: ``replace_file``
lists the new content with its true size and hash).
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrekit.bundles import load_bundle
from genrekit.errors import BundleError

FILES = ("manifest.json", "model.onnx", "golden.npz", "metrics.json", "CARD.md")

Edit = Callable[[Path, Callable[[dict[str, Any]], None]], None]
Replace = Callable[[Path, str, bytes], None]

several = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _load(directory: Path) -> str:
    """Any error but a ``BundleError`` gets out and fails the test."""
    try:
        load_bundle(directory)
    except BundleError:
        return "refused"
    return "loaded"


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES[1:])
@several
@given(data=st.data())
def test_a_flipped_bit_is_found(
    tiny_bundle: Path, bundle_copy: Path, name: str, data: st.DataObject
) -> None:
    raw = bytearray((tiny_bundle / name).read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    (bundle_copy / name).write_bytes(raw)
    with pytest.raises(BundleError, match="sha256"):
        load_bundle(bundle_copy)


@several
@given(data=st.data())
def test_a_damaged_manifest_never_ends_in_another_error(
    tiny_bundle: Path, bundle_copy: Path, data: st.DataObject
) -> None:
    raw = bytearray((tiny_bundle / "manifest.json").read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    (bundle_copy / "manifest.json").write_bytes(raw)
    # A changed description or version is a valid manifest: nothing else vouches for it.
    assert _load(bundle_copy) in ("loaded", "refused")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_truncated_file_is_found(bundle_copy: Path, name: str, kept: int) -> None:
    path = bundle_copy / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError):
        load_bundle(bundle_copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle_copy: Path, name: str) -> None:
    (bundle_copy / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(bundle_copy)


@pytest.mark.parametrize("name", FILES)
def test_a_renamed_file_is_found(bundle_copy: Path, name: str) -> None:
    (bundle_copy / name).rename(bundle_copy / f"{name}.old")
    with pytest.raises(BundleError):
        load_bundle(bundle_copy)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "model.onnx.bak", "weights.pkl"])
def test_an_unlisted_file_is_refused(bundle_copy: Path, name: str) -> None:
    (bundle_copy / name).write_bytes(b"x")
    with pytest.raises(BundleError, match="does not list"):
        load_bundle(bundle_copy)


def test_ten_thousand_files_are_not_even_listed(bundle_copy: Path) -> None:
    for number in range(40):
        (bundle_copy / f"{number}.txt").touch()
    with pytest.raises(BundleError, match="more than 32 files"):
        load_bundle(bundle_copy)


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_refused_even_to_the_right_bytes(
    bundle_copy: Path, tmp_path: Path, name: str
) -> None:
    (bundle_copy / name).rename(tmp_path / name)
    (bundle_copy / name).symlink_to(tmp_path / name)
    with pytest.raises(BundleError, match="link"):
        load_bundle(bundle_copy)


def test_folders_and_pipes_are_refused_without_opening_them(bundle_copy: Path) -> None:
    (bundle_copy / "folder").mkdir()
    with pytest.raises(BundleError, match="plain files only"):
        load_bundle(bundle_copy)
    (bundle_copy / "folder").rmdir()
    (bundle_copy / "CARD.md").unlink()
    os.mkfifo(bundle_copy / "CARD.md")
    with pytest.raises(BundleError, match="plain files only"):
        load_bundle(bundle_copy)


# --- malice in the manifest ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "C:x", "\x00", "a\n", "manifest.json",
     "~", "ａ", "a" * 101, "model.onnx/"],
)  # fmt: skip
def test_a_file_name_cannot_be_a_path(bundle_copy: Path, edit_manifest: Edit, name: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"].append({"name": name, "size_bytes": 1, "sha256": "0" * 64})

    edit_manifest(bundle_copy, change)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(bundle_copy)


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        part: Any = manifest
        for key in parents:
            part = part[int(key)] if isinstance(part, list) else part[key]
        if value is ...:
            del part[last]
        else:
            part[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("files", []),
        ("files", ...),
        ("files.0.sha256", ...),
        ("files.0.sha256", "0"),
        ("files.0.sha256", "A" * 64),
        ("files.0.size_bytes", -1),
        ("files.0.size_bytes", 10**30),
        ("files.0.size_bytes", 1.5),
        ("format_version", "1"),
        ("format_version", True),
        ("format_version", None),
        ("format_version", ...),
        ("format_version", 10**40),
        ("labels", ["a"]),
        ("labels", ["a", "a"]),
        ("labels", ["blues", "unknown"]),
        ("labels", [f"label{i}" for i in range(11)]),
        ("labels", [f"label{i}" for i in range(10**5)]),
        ("temperature", 0),
        ("temperature", -1),
        ("temperature", 1e300),
        ("name", "../tiny"),
        ("version", "1"),
        ("unexpected", 1),
        ("thresholds", [0.5]),
        ("parents", {"blues": "rock"}),
        ("task", "regression"),
        ("frontends", {}),
        ("frontends.mel.fft_samples", 10**12),
        ("frontends.mel.kind", "os.system"),
        ("frontends.mel.n_mels", 17),
        ("frontend_fingerprints", {}),
        ("windows.hop_seconds", 1e-9),
        ("windows.hop_seconds", 0),
        ("windows.window_seconds", 1e9),
        ("windows.window_seconds", "NaN"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(
    bundle_copy: Path, edit_manifest: Edit, path: str, value: Any
) -> None:
    edit_manifest(bundle_copy, _set(path, value))
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle_copy)
    assert len(str(caught.value)) < 1000


def test_a_front_end_that_would_take_all_memory_is_refused(
    bundle_copy: Path, edit_manifest: Edit
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["frontends"]["mel"] |= {"hop_samples": 16, "n_mels": 512, "fft_samples": 64}
        manifest["windows"] |= {"window_seconds": 600, "hop_seconds": 600}

    edit_manifest(bundle_copy, change)
    with pytest.raises(BundleError, match="mel cells"):
        load_bundle(bundle_copy)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json"])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"1" * 5000,
        b'{"format_version": NaN}',
        b'{"format_version": 1, "format_version": 1}',
        b'{"format_version": 1, "temperature": Infinity}',
        b"[" * 100_000,
        b'{"format_version":' * 50_000,
        b'{"format_version": 1, "name": "\xff"}',
        b'{"format_version": 1, "name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 100,
        pickle.dumps({"format_version": 1}),
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_malformed_json_is_refused(
    bundle_copy: Path, replace_file: Replace, name: str, raw: bytes
) -> None:
    if name == "manifest.json":
        (bundle_copy / name).write_bytes(raw)
    else:
        replace_file(bundle_copy, name, raw)
    with pytest.raises(BundleError, match=name):
        load_bundle(bundle_copy)


def test_a_key_given_twice_is_refused_where_all_else_is_valid(bundle_copy: Path) -> None:
    path = bundle_copy / "manifest.json"
    path.write_text(path.read_text().replace("{", '{"licence": "none", ', 1))
    with pytest.raises(BundleError, match="twice"):
        load_bundle(bundle_copy)


def test_a_zip_bomb_is_not_inflated(bundle_copy: Path, replace_file: Replace) -> None:
    replace_file(bundle_copy, "golden.npz", _with_logits(bytes(100 * 2**20)))
    with pytest.raises(BundleError, match="inflates to"):
        load_bundle(bundle_copy)


def test_a_huge_manifest_is_not_read(bundle_copy: Path) -> None:
    with (bundle_copy / "manifest.json").open("ab") as file:
        file.truncate(2**40)  # a sparse terabyte
    with pytest.raises(BundleError, match="limit"):
        load_bundle(bundle_copy)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@several
@given(value=json_values, data=st.data())
def test_any_value_in_any_field_ends_in_a_bundle_error_or_well(
    tiny_bundle: Path, bundle_copy: Path, value: Any, data: st.DataObject
) -> None:
    manifest = json.loads((tiny_bundle / "manifest.json").read_text())
    manifest[data.draw(st.sampled_from(sorted(manifest)))] = value
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest))
    assert _load(bundle_copy) in ("loaded", "refused")


# --- malice in the listed files -----------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".pt", ".py", ".so", ""])
def test_formats_that_can_carry_code_are_refused(
    bundle_copy: Path, replace_file: Replace, suffix: str
) -> None:
    replace_file(bundle_copy, f"weights{suffix}", b"x")
    with pytest.raises(BundleError, match="only files that end in"):
        load_bundle(bundle_copy)


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _golden(**changes: Any) -> dict[str, Any]:
    fields = {
        "samples": np.zeros(22050, np.int16),
        "logits": np.zeros(10, np.float32),
        "features_mel": np.zeros((16, 21), np.float32),
    }
    return {name: array for name, array in (fields | changes).items() if array is not None}


def _lying_npy(shape: str, body: bytes = b"") -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _with_logits(content: bytes) -> bytes:
    arrays = {}
    for name, array in _golden(logits=None).items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array)
        arrays[f"{name}.npy"] = stream.getvalue()
    return _zip(arrays | {"logits.npy": content})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PK\x05\x06" + b"\x00" * 18,
        _npz(**_golden(logits=None)),
        _npz(**_golden(surprise=np.zeros(1))),
        _npz(**_golden(logits=np.zeros(11, np.float32))),
        _npz(**_golden(logits=np.zeros((1, 10), np.float32))),
        _npz(**_golden(logits=np.full(10, np.nan, np.float32))),
        _npz(**_golden(logits=np.zeros(10, np.float64))),
        _npz(**_golden(logits=np.array([{}] * 10, dtype=object))),
        _npz(**_golden(samples=np.zeros(0, np.int16))),
        _npz(**_golden(features_mel=np.zeros((2, 2, 2), np.float32))),
        _npz(**_golden(features_mel=np.zeros((0, 5), np.float32))),
        _npz(**_golden(features_mel=np.asfortranarray(np.zeros((16, 21), np.float32)))),
        _with_logits(_lying_npy("(10000000000000,)")),
        _with_logits(_lying_npy("(99999999999999999999, 99999999999999999999)")),
        _with_logits(_lying_npy("(-10,)", bytes(40))),
        _with_logits(_lying_npy("(-2, -5)", bytes(40))),
        _with_logits(_lying_npy("(" * 3000)),
        _with_logits(_lying_npy("__import__('os').abort()")),
        _with_logits(b"\x93NUMPY\x03\x00"),
        _with_logits(pickle.dumps([0.0] * 10)),
        _zip({"../../logits.npy": b"x", "samples.npy": b"x", "features_mel.npy": b"x"}),
    ],
    ids=lambda raw: f"{len(raw)} bytes",
)
def test_a_hostile_golden_clip_is_refused(
    bundle_copy: Path, replace_file: Replace, raw: bytes
) -> None:
    replace_file(bundle_copy, "golden.npz", raw)
    with pytest.raises(BundleError, match="golden"):
        load_bundle(bundle_copy)


@several
@given(data=st.data())
def test_no_damage_to_the_golden_clip_escapes_as_another_error(
    tiny_bundle: Path, bundle_copy: Path, replace_file: Replace, data: st.DataObject
) -> None:
    raw = bytearray((tiny_bundle / "golden.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        # Headers sit at both ends, so half of the hits go there.
        near = data.draw(st.sampled_from([0, len(raw) - 400, data.draw(st.integers(0, len(raw)))]))
        position = min(len(raw) - 1, near + data.draw(st.integers(0, 300)))
        raw[position] = data.draw(st.integers(0, 255))
    replace_file(bundle_copy, "golden.npz", bytes(raw))
    assert _load(bundle_copy) in ("loaded", "refused")


@several
@given(data=st.data())
def test_no_damage_to_the_model_escapes_as_another_error(
    tiny_bundle: Path, bundle_copy: Path, replace_file: Replace, data: st.DataObject
) -> None:
    raw = bytearray((tiny_bundle / "model.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    replace_file(bundle_copy, "model.onnx", bytes(raw))
    assert _load(bundle_copy) in ("loaded", "refused")


def _onnx(
    *,
    name: str = "mel",
    output: str = "logits",
    columns: int = 10,
    kind: str = "FLOAT",
    external: bool = False,
) -> bytes:
    from onnx import TensorProto, helper

    shape: list[str | int] = ["n", columns]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [columns], [0.0] * columns)
    if external:
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../etc/passwd")
    element = getattr(TensorProto, kind)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", [name], ["flat"]),
            helper.make_node("Cast", ["flat"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1]),
            helper.make_node("Add", ["mean", "w"], [output]),
        ],
        "graph",
        [helper.make_tensor_value_info(name, element, ["n", 16, "frames"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [weights],
    )
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (b"", "model.onnx"),
        (b"not a model", "model.onnx"),
        (_onnx(name="sound"), "takes"),
        (_onnx(kind="INT64"), "takes"),
        (_onnx(output="scores"), "outputs"),
        (_onnx(columns=9), "scores 9 labels"),
        (_onnx(external=True), "another file"),
    ],
)
def test_a_model_with_another_signature_is_refused(
    bundle_copy: Path, replace_file: Replace, model: bytes, words: str
) -> None:
    replace_file(bundle_copy, "model.onnx", model)
    with pytest.raises(BundleError, match=words):
        load_bundle(bundle_copy)


def test_a_tensor_outside_the_file_cannot_hide_behind_odd_encoding(
    bundle_copy: Path, replace_file: Replace
) -> None:
    raw = _onnx(external=True)
    # The length 8 of "location" as two bytes of a varint; lengths around it grow by one.
    entry = raw.index(b"\n\x08location")
    odd = raw[:entry] + b"\n\x88\x00location" + raw[entry + 10 :]
    replace_file(bundle_copy, "model.onnx", odd)
    with pytest.raises(BundleError, match="another file"):
        load_bundle(bundle_copy)


def test_a_bundle_may_lie_behind_a_link(bundle_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle_copy)
    assert load_bundle(tmp_path / "link").manifest.name == "tiny"


def test_unreadable_files_are_named(bundle_copy: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (bundle_copy / "model.onnx").chmod(0)
    with pytest.raises(BundleError, match="cannot be read"):
        load_bundle(bundle_copy)


def test_a_copy_is_as_good_as_the_original(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "moved"))
    assert load_bundle(copy).sha256 == load_bundle(tiny_bundle).sha256
