"""A bundle loads whole or not at all, and proves that it still gives the same numbers."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.bundles.store import packaged_directory
from genrekit.errors import BundleError, ConfigError, IncompatibleError, SkewError


def test_a_valid_bundle_knows_itself(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert bundle.directory == tiny_bundle
    assert bundle.manifest.name == "tiny"
    assert len(bundle.manifest.labels) == 10
    assert bundle.metrics.results[0].protocol == "holdout"
    raw = (tiny_bundle / "manifest.json").read_bytes()
    assert bundle.sha256 == hashlib.sha256(raw).hexdigest()


def test_run_scores_any_number_of_windows_alike(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    mel = np.random.default_rng(0).normal(-30, 10, (2500, 16, 3)).astype(np.float32)
    logits = bundle.run({"mel": mel})
    assert logits.shape == (2500, 10)
    assert logits.dtype == np.float32
    one_by_one = np.concatenate([bundle.run({"mel": mel[i : i + 1]}) for i in range(1020, 1030)])
    np.testing.assert_allclose(logits[1020:1030], one_by_one, atol=1e-4)
    assert bundle.run({"mel": mel[:0]}).shape == (0, 10)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"mel": np.zeros((1, 7, 3), np.float32)}, "cannot score"),
        ({"sound": np.zeros((1, 16, 3), np.float32)}, "cannot score"),
        ({}, "differ in their number"),
        ({"mel": np.full((1, 16, 3), np.nan, np.float32)}, "not finite"),
    ],
)
def test_run_refuses_what_it_cannot_score(
    tiny_bundle: Path, inputs: dict[str, Any], words: str
) -> None:
    bundle = load_bundle(tiny_bundle)
    with pytest.raises(BundleError, match=words):
        bundle.run(inputs)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ConfigError, match="did you mean default"):
        load_bundle("defualt")


def test_a_file_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match="is a file"):
        load_bundle(tmp_path / "model.onnx")


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        load_bundle(tmp_path)


# --- skew ---------------------------------------------------------------------------------------

Edit = Callable[[Path, Callable[[dict[str, Any]], None]], None]


def test_another_format_version_is_named_before_anything_else(
    bundle_copy: Path, edit_manifest: Edit
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest.clear()
        manifest.update(format_version=2, a_field_of_the_future=[])

    edit_manifest(bundle_copy, change)
    with pytest.raises(IncompatibleError, match="version 2"):
        load_bundle(bundle_copy)


def test_another_front_end_is_skew_even_unverified(bundle_copy: Path, edit_manifest: Edit) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["frontend_fingerprints"]["mel"] = "a" * 64

    edit_manifest(bundle_copy, change)
    with pytest.raises(SkewError, match=r"made with genrekit 0\.1\.0"):
        load_bundle(bundle_copy, verify=False)


Rewrite = Callable[[Path, str, bytes], None]


def _with_array(path: Path, name: str, change: Callable[[Any], None]) -> bytes:
    arrays = {key: value.copy() for key, value in np.load(path).items()}
    change(arrays[name])
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "words"), [("features_mel", "front-end .mel."), ("logits", "a logit")]
)
def test_other_golden_numbers_are_skew(
    bundle_copy: Path, replace_file: Rewrite, name: str, words: str
) -> None:
    def change(array: Any) -> None:
        array[3] += 0.5

    raw = _with_array(bundle_copy / "golden.npz", name, change)
    replace_file(bundle_copy, "golden.npz", raw)
    with pytest.raises(SkewError, match=words):
        load_bundle(bundle_copy)
    assert load_bundle(bundle_copy, verify=False).manifest.name == "tiny"


def _without_labels(path: Path) -> bytes:
    """A golden clip as it was before it knew whose logits it has."""
    arrays = {name: array for name, array in np.load(path).items() if name != "labels"}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _reversed(labels: list[str]) -> list[str]:
    return labels[::-1]


def _swapped(labels: list[str]) -> list[str]:
    return [labels[1], labels[0], *labels[2:]]


def _renamed(labels: list[str]) -> list[str]:
    return ["polka", *labels[1:]]


@pytest.mark.parametrize("change", [_reversed, _swapped, _renamed])
@pytest.mark.parametrize("old", [False, True])
def test_labels_that_are_not_those_of_the_logits_are_skew(
    bundle_copy: Path,
    edit_manifest: Edit,
    replace_file: Rewrite,
    change: Callable[[list[str]], list[str]],
    old: bool,
) -> None:
    """Older clips do not name them: there the results of the model tell, if they are the same."""
    if old:
        replace_file(bundle_copy, "golden.npz", _without_labels(bundle_copy / "golden.npz"))
        assert load_bundle(bundle_copy).manifest.name == "tiny"
    edit_manifest(bundle_copy, lambda one: one.update(labels=change(one["labels"])))
    if old and change is _renamed:
        assert load_bundle(bundle_copy).manifest.labels[0] == "polka"
        return
    with pytest.raises(SkewError, match="labels"):
        load_bundle(bundle_copy)


def test_reversed_labels_of_the_default_model_are_skew(tmp_path: Path, edit_manifest: Edit) -> None:
    box = Path(shutil.copytree(packaged_directory() / "box", tmp_path / "box"))
    edit_manifest(box, lambda one: one.update(labels=one["labels"][::-1]))
    with pytest.raises(SkewError, match="labels"):
        load_bundle(box)


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(10, dtype=np.float32),
        np.array(["a"] * 9),
        np.array([{}] * 10, object),
        np.frombuffer(b"\xff" * 40, "<u4").view("<U1"),
    ],
)
def test_labels_that_are_not_text_are_refused(
    bundle_copy: Path, replace_file: Rewrite, labels: Any
) -> None:
    arrays = dict(np.load(bundle_copy / "golden.npz").items()) | {"labels": labels}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    replace_file(bundle_copy, "golden.npz", buffer.getvalue())
    with pytest.raises(BundleError, match="golden"):
        load_bundle(bundle_copy)


def test_rounding_of_another_processor_is_no_skew(bundle_copy: Path, replace_file: Rewrite) -> None:
    def change(array: Any) -> None:
        array *= 1 + 1e-5

    raw = _with_array(bundle_copy / "golden.npz", "features_mel", change)
    replace_file(bundle_copy, "golden.npz", raw)
    assert load_bundle(bundle_copy).manifest.name == "tiny"


def test_manifest_is_plain_json_with_every_file(tiny_bundle: Path) -> None:
    manifest = json.loads((tiny_bundle / "manifest.json").read_text())
    listed = {entry["name"] for entry in manifest["files"]}
    assert listed == {path.name for path in tiny_bundle.iterdir()} - {"manifest.json"}
