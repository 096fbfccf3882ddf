"""Names, versions and aliases."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from genrekit.bundles import (
    add_bundle,
    find_bundle,
    list_bundles,
    load_bundle,
    set_alias,
    store,
)
from genrekit.errors import BundleError, ConfigError

Factory = Callable[..., Path]


@pytest.fixture
def versions(bundle_factory: Factory, tmp_path: Path) -> dict[str, Path]:
    """Three versions of one model; as text, 0.10.0 sorts before 0.9.0."""
    return {v: bundle_factory(tmp_path / v, version=v) for v in ("0.9.0", "0.10.0", "0.2.0")}


def test_a_name_means_its_newest_version(versions: dict[str, Path]) -> None:
    for path in versions.values():
        add_bundle(path)
    assert load_bundle("tiny").manifest.version == "0.10.0"
    assert load_bundle("tiny@0.9.0").manifest.version == "0.9.0"


def test_an_alias_is_moved_from_version_to_version(versions: dict[str, Path]) -> None:
    for path in versions.values():
        add_bundle(path)
    set_alias("tiny", "production", "0.2.0")
    assert load_bundle("tiny@production").manifest.version == "0.2.0"
    set_alias("tiny", "production", "0.9.0")
    assert load_bundle("tiny@production").manifest.version == "0.9.0"
    stored = {one.version: one.aliases for one in list_bundles() if one.name == "tiny"}
    assert stored == {"0.2.0": (), "0.9.0": ("production",), "0.10.0": ()}


def test_adding_twice_changes_nothing_and_another_content_is_refused(
    versions: dict[str, Path], bundle_factory: Factory, tmp_path: Path
) -> None:
    first = add_bundle(versions["0.9.0"], alias="best")
    assert add_bundle(versions["0.9.0"]) == first
    assert find_bundle("tiny@best") == first
    other = bundle_factory(tmp_path / "other", version="0.9.0", description="changed")
    with pytest.raises(BundleError, match="higher version"):
        add_bundle(other)
    assert load_bundle(first).manifest.description == ""


def test_a_damaged_bundle_is_not_stored(versions: dict[str, Path]) -> None:
    (versions["0.9.0"] / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError):
        add_bundle(versions["0.9.0"])
    assert not [one for one in list_bundles() if one.name == "tiny"]


@pytest.mark.parametrize(
    "name",
    ["nothing", "tiny@9.9.9", "tiny@nothing", "tiny@../../x", "../tiny", "", "@", "tiny@", "\x00"],
)
def test_an_unknown_name_is_a_config_error(versions: dict[str, Path], name: str) -> None:
    if name == "tiny@":
        with pytest.raises(ConfigError):
            find_bundle(name)
        return
    add_bundle(versions["0.9.0"])
    with pytest.raises(ConfigError, match="no model or directory"):
        find_bundle(name)


@pytest.mark.parametrize(
    ("name", "alias", "version"),
    [
        ("tiny", "../up", "0.9.0"),
        ("tiny", "Best", "0.9.0"),
        ("tiny", "best", "1.0.0"),
        ("tiny", "best", "../0.9.0"),
        ("..", "best", "0.9.0"),
        ("other", "best", "0.9.0"),
    ],
)
def test_an_alias_for_nothing_is_refused(
    versions: dict[str, Path], name: str, alias: str, version: str
) -> None:
    add_bundle(versions["0.9.0"])
    with pytest.raises(ConfigError):
        set_alias(name, alias, version)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"tiny": 1}', b"[" * 10**5])
def test_damaged_aliases_are_named(versions: dict[str, Path], content: bytes) -> None:
    add_bundle(versions["0.9.0"])
    (store.store_directory() / "aliases.json").write_bytes(content)
    with pytest.raises(BundleError, match="repair or delete it"):
        find_bundle("tiny@best")


def test_a_listing_survives_a_damaged_bundle(versions: dict[str, Path]) -> None:
    target = add_bundle(versions["0.9.0"])
    add_bundle(versions["0.2.0"])
    (target / "manifest.json").write_bytes(b"{")
    listed = {one.version: one for one in list_bundles() if one.name == "tiny"}
    assert listed["0.9.0"].manifest is None
    assert "not valid JSON" in listed["0.9.0"].problem
    assert listed["0.2.0"].manifest is not None
    assert listed["0.2.0"].problem == ""


def test_the_default_is_the_packaged_model(
    tiny_bundle: Path, bundle_factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path / "packaged"
    bundle_factory(packaged / store.DEFAULT_BUNDLE, name=store.DEFAULT_BUNDLE)
    monkeypatch.setattr(store, "packaged_directory", lambda: packaged)
    assert load_bundle("default").manifest.name == store.DEFAULT_BUNDLE
    (one,) = list_bundles()
    assert (one.packaged, one.aliases) == (True, ("default",))
    assert find_bundle(f"{store.DEFAULT_BUNDLE}@0.1.0") == packaged / store.DEFAULT_BUNDLE


def test_a_directory_in_the_way_does_not_shadow_a_name(
    versions: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = add_bundle(versions["0.9.0"])
    shutil.copytree(versions["0.2.0"], tmp_path / "here" / "tiny")
    monkeypatch.chdir(tmp_path / "here")
    assert find_bundle("tiny") == stored
    assert find_bundle("./tiny") == Path("tiny")
    assert find_bundle(Path("tiny")) == Path("tiny")
