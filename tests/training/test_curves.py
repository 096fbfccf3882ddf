from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from genrekit.errors import ConfigError, MissingExtraError
from genrekit.training.curves import draw_curves, lowest_loss, read_history


def lines(losses: list[float | None]) -> str:
    return "".join(
        json.dumps(
            {
                "epoch": number,
                "train_loss": 2.0 / number,
                "train_accuracy": 0.3,
                "valid_loss": loss,
                "valid_accuracy": None if loss is None else 0.2,
                "learning_rate": 0.001,
                "seconds": 0.1,
            }
        )
        + "\n"
        for number, loss in enumerate(losses, start=1)
    )


def test_a_history_is_found_where_training_left_it(tmp_path: Path, tiny_bundle: Path) -> None:
    old, new = tmp_path / "net.training" / "aa", tmp_path / "net.training" / "bb"
    for folder, losses in ((old, [1.0]), (new, [2.0, 0.0, 1.0])):
        folder.mkdir(parents=True)
        (folder / "history.jsonl").write_text(lines(losses))  # type: ignore[arg-type]
    os.utime(old / "history.jsonl", (1, 1))
    for place in (new / "history.jsonl", new, new.parent, str(new.parent)):
        epochs = read_history(place)
        assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
        assert lowest_loss(epochs).epoch == 2
    assert lowest_loss(read_history(old)).valid_loss == 1.0
    with pytest.raises(ConfigError, match=r"only networks have one"):
        read_history(tiny_bundle)
    with pytest.raises(ConfigError, match="there is no model"):
        read_history(tmp_path / "missing")


@pytest.mark.parametrize(("text", "said"), [("", "no epoch"), ('{"epoch": 1}\n', "not a history")])
def test_files_that_are_no_history(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_history(path)


def test_curves_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(lines([1.5, 1.2, 1.4]))
    one = draw_curves(read_history(path), tmp_path / "one.svg", title="a network")
    text = one.read_text()
    for said in ("a network", "loss", "accuracy", "learning rate", "epoch", "validation"):
        assert f">{said}<" in text
    two = draw_curves(read_history(path), tmp_path / "two.svg", title="a network")
    assert two.read_bytes() == one.read_bytes()
    path.write_text(lines([None, None]))
    alone = draw_curves(read_history(path), tmp_path / "alone.svg").read_text()
    assert "validation" not in alone


def test_without_matplotlib_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(lines([1.5]))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"genrekit\[report\]"):
        draw_curves(read_history(path), tmp_path / "curves.png")
