"""The champion is promoted by alias, and every step can be taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from genrekit.bundles import (
    add_bundle,
    find_bundle,
    list_bundles,
    load_bundle,
    promote,
    promotion_history,
    roll_back,
    store,
)
from genrekit.bundles.aliases import write_promotion, write_roll_back
from genrekit.errors import BundleError, ConfigError

Factory = Callable[..., Path]


@pytest.fixture
def stored(bundle_factory: Factory, tmp_path: Path) -> list[str]:
    """Three stored models of two names."""
    made = (("tiny", "0.1.0"), ("tiny", "0.2.0"), ("other", "1.0.0"))
    for name, version in made:
        add_bundle(bundle_factory(tmp_path / f"{name}{version}", name=name, version=version))
    return [f"{name}@{version}" for name, version in made]


def _champion() -> str:
    manifest = load_bundle("default@champion").manifest
    return f"{manifest.name}@{manifest.version}"


def test_the_champion_is_the_packaged_model_until_one_is_promoted(stored: list[str]) -> None:
    assert find_bundle("default@champion") == find_bundle("default")
    promote(stored[0])
    assert _champion() == stored[0]
    assert find_bundle("default").parent == store.packaged_directory(), "the default itself stays"


def test_a_model_promoted_twice_is_taken_back_at_once(stored: list[str]) -> None:
    promote(stored[0])
    for _ in range(2):
        promote(stored[1])
    assert roll_back().model == stored[0]


def test_every_promotion_can_be_taken_back_one_after_another(stored: list[str]) -> None:
    packaged = _champion()
    for model in stored:
        promote(model)
    assert _champion() == stored[2]
    assert roll_back().model == stored[1]
    promote(stored[2])
    seen = []
    for _ in range(3):
        roll_back()
        seen.append(_champion())
    assert seen == [stored[1], stored[0], packaged]
    with pytest.raises(ConfigError, match="nothing to go back to"):
        roll_back()
    steps = promotion_history()
    assert [step.action for step in steps] == [
        *["promote"] * 3,
        "roll back",
        "promote",
        *["roll back"] * 3,
    ]
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_aliases_have_histories_of_their_own(stored: list[str]) -> None:
    promote(stored[0])
    promote("tiny", alias="challenger")
    assert load_bundle("default@challenger").manifest.version == "0.2.0"
    assert _champion() == stored[0]
    with pytest.raises(ConfigError, match="nothing to go back to"):
        roll_back("challenger")
    shown = {f"{one.name}@{one.version}": one.aliases for one in list_bundles()}
    assert shown[stored[0]] == ("default@champion",)
    assert shown[stored[1]] == ("default@challenger",)


def test_a_promoted_packaged_model_outlives_an_upgrade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    box = load_bundle("default").manifest
    promote(f"{box.name}@{box.version}")
    empty = tmp_path / "packaged"
    empty.mkdir()
    monkeypatch.setattr(store, "packaged_directory", lambda: empty)
    assert _champion() == f"{box.name}@{box.version}"


def test_what_cannot_be_served_cannot_be_promoted(
    stored: list[str], bundle_factory: Factory, tmp_path: Path
) -> None:
    outside = bundle_factory(tmp_path / "outside")
    with pytest.raises(ConfigError, match="genrekit models add"):
        promote(str(outside))
    with pytest.raises(ConfigError, match="no model"):
        promote("tiny@9.9.9")
    with pytest.raises(ConfigError, match="lower-case"):
        promote(stored[0], alias="../champion")
    damaged = find_bundle(stored[1]) / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(BundleError):
        promote(stored[1])
    assert promotion_history() == ()


def test_a_model_that_is_gone_is_not_gone_back_to(stored: list[str]) -> None:
    promote(stored[0])
    promote(stored[2])
    shutil.rmtree(find_bundle(stored[0]))
    with pytest.raises(ConfigError):
        roll_back()
    assert _champion() == stored[2]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"champion": [{"model": "x"}]}', b'{"a": 3}'])
def test_a_damaged_history_is_named(stored: list[str], content: bytes) -> None:
    (store.store_directory() / "promoted.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"promoted\.json is damaged"):
        promote(stored[0])


def test_a_champion_that_names_itself_is_none(stored: list[str]) -> None:
    promote(stored[0])
    path = store.store_directory() / "promoted.json"
    path.write_text(path.read_text().replace(stored[0], "default@champion"))
    with pytest.raises(ConfigError):
        find_bundle("default@champion")


def test_a_roll_back_after_somebody_else_promoted_is_refused(stored: list[str]) -> None:
    promote(stored[0])
    promote(stored[1])
    with pytest.raises(BundleError, match="changed meanwhile"):
        write_roll_back(store.store_directory(), "champion", stored[1])


def test_no_step_is_lost_when_many_promote_at_once(stored: list[str]) -> None:
    folder = store.store_directory()
    with ThreadPoolExecutor(4) as pool:  # the lock is of the open file, so threads will do
        for number in range(12):
            pool.submit(write_promotion, folder, "champion", f"tiny@0.{number}.0")
    assert len(promotion_history()) == 12
    assert not [path for path in folder.iterdir() if path.name.startswith(".promoted")]
    json.loads((folder / "promoted.json").read_text())
