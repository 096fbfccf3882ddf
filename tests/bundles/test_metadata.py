"""What an ONNX file says of its bundle when it travels alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from genrekit.bundles import check_metadata, load_bundle, read_metadata, with_metadata
from genrekit.bundles.metadata import bundle_digest
from genrekit.bundles.write import rewrite_bundle
from genrekit.errors import BundleError


def _written(model: bytes) -> dict[str, str]:
    """As another library reads it."""
    return {one.key: one.value for one in onnx.load_from_string(model).metadata_props}


def test_the_graph_of_a_bundle_says_whose_it_is(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    said = _written((tiny_bundle / "model.onnx").read_bytes())
    assert said == read_metadata(bundle.session)
    assert json.loads(said["genrekit.labels"]) == list(bundle.manifest.labels)
    assert said["genrekit.bundle"] == bundle_digest((tiny_bundle / "manifest.json").read_bytes())
    named = [said[f"genrekit.{key}"] for key in ("name", "version", "licence", "sample_rate_hz")]
    assert named == ["tiny", "0.1.0", "MIT", str(bundle.manifest.sample_rate_hz)]
    check_metadata(bundle)


def test_a_bundle_that_is_written_again_names_itself(tiny_bundle: Path, tmp_path: Path) -> None:
    again = rewrite_bundle(load_bundle(tiny_bundle), tmp_path / "again", version="0.1.1")
    said = read_metadata(load_bundle(again).session)
    assert said["genrekit.version"] == "0.1.1"
    assert (
        said["genrekit.bundle"]
        != read_metadata(load_bundle(tiny_bundle).session)["genrekit.bundle"]
    )
    check_metadata(load_bundle(again))


def test_the_model_of_another_bundle_is_told(
    bundle_copy: Path, edit_manifest: Callable[[Path, Callable[[dict[str, Any]], None]], None]
) -> None:
    edit_manifest(bundle_copy, lambda manifest: manifest.update(licence="CC0-1.0"))
    with pytest.raises(BundleError, match=r"genrekit.licence is 'MIT'.*'CC0-1.0'.*another bundle"):
        check_metadata(load_bundle(bundle_copy))


def test_metadata_takes_the_place_of_ours_and_of_nothing_else(tiny_bundle: Path) -> None:
    model = onnx.load_from_string((tiny_bundle / "model.onnx").read_bytes())
    model.metadata_props.add(key="made by", value="somebody")
    long = "é" * 40_000
    plain = with_metadata(model.SerializeToString(), {})
    named = with_metadata(plain, {"genrekit.name": long})
    assert _written(plain) == {"made by": "somebody"}
    assert _written(named) == {"made by": "somebody", "genrekit.name": long}
    assert with_metadata(named, {"genrekit.name": long}) == named
    assert onnx.load_from_string(named).graph == model.graph


@pytest.mark.parametrize(
    "cut", [b"\x7a", b"\x72\xff\xff\xff\xff\x0f", b"\x73", b"\x08" + b"\x80" * 12]
)
def test_a_damaged_file_is_refused(cut: bytes) -> None:
    with pytest.raises(BundleError, match=r"model.onnx is damaged"):
        with_metadata(cut, {})
