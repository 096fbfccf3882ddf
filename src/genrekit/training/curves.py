"""The history of a network's training: read again, and drawn as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from genrekit.bundles import find_bundle
from genrekit.errors import ConfigError
from genrekit.pages import Curve, Curves, save_charts
from genrekit.schema import Contract

HISTORY = "history.jsonl"


class Epoch(Contract, extra="ignore"):
    """What a history says of one epoch; losses and accuracies are means over rows.

    Top-3 is the share of rows whose genre is among the three best; there is none for up to three
    genres, nor for several genres a track.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    train_top3: float | None = None
    valid_top3: float | None = None
    learning_rate: float


def read_history(place: str | Path) -> tuple[Epoch, ...]:
    """Return the epochs of a network.

    Parameters
    ----------
    place : str or Path
        A ``history.jsonl``, the name or directory of a bundle, or the ``.training`` folder of one
        that is still learning, of which it is the newest fit.

    Raises
    ------
    ConfigError
        If there is no history, or its lines are none of it.
    BundleError
        If there is no such bundle.
    """
    path = _file(place)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        epochs = tuple(Epoch.model_validate_json(line) for line in lines)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the history {path} cannot be read: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigError(
            f"{path} is not a history of training; expected a line of JSON for each epoch: "
            f"{problem['msg']}"
        ) from None
    if not epochs:
        raise ConfigError(f"{path} is empty: no epoch was finished")
    return epochs


def _file(place: str | Path) -> Path:
    path = Path(place)
    if path.is_file():
        return path
    folder = path if path.is_dir() else find_bundle(place)
    if (folder / HISTORY).is_file():
        return folder / HISTORY
    inside = sorted(folder.glob(f"*/{HISTORY}"), key=lambda file: file.stat().st_mtime)
    if not inside:
        raise ConfigError(
            f"{folder} holds no {HISTORY}; only networks have one, and classical models are fitted "
            "in one step"
        )
    return inside[-1]


def lowest_loss(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch of the lowest validation loss; the last one where nothing was validated."""
    validated = [
        (epoch.valid_loss, epoch.epoch, epoch) for epoch in epochs if epoch.valid_loss is not None
    ]
    return min(validated)[2] if validated else epochs[-1]


def history_charts(epochs: Sequence[Epoch], name: str) -> list[Curves]:
    """Loss, accuracy and learning rate by epoch; the lowest validation loss is marked."""
    numbers = [float(one.epoch) for one in epochs]
    lowest = lowest_loss(epochs)
    mark = None if lowest.valid_loss is None else float(lowest.epoch)
    charts = [
        Curves(
            f"{what.capitalize()} of {name}",
            _sides(epochs, what),
            "epoch",
            what,
            mark=mark,
            mark_name="lowest validation loss",
        )
        for what in ("loss", "accuracy")
    ]
    rate = {"rate": Curve(numbers, [one.learning_rate for one in epochs])}
    title = f"Learning rate of {name}"
    return [*charts, Curves(title, rate, "epoch", "learning rate", log_y=True)]


def _sides(epochs: Sequence[Epoch], what: str) -> dict[str, Curve]:
    sides = {}
    for name, side in (("training", "train"), ("validation", "valid")):
        known = [(float(one.epoch), getattr(one, f"{side}_{what}")) for one in epochs]
        known = [(epoch, value) for epoch, value in known if value is not None]
        if known:
            sides[name] = Curve([epoch for epoch, _ in known], [value for _, value in known])
    return sides


def draw_curves(epochs: Sequence[Epoch], path: Path, *, title: str = "") -> Path:
    """Draw `history_charts` one below the other, as PNG, SVG or PDF.

    Raises
    ------
    ConfigError
        If the suffix is none of these.
    MissingExtraError
        If matplotlib is not installed.
    """
    charts = [replace(chart, title="") for chart in history_charts(epochs, title)]
    return save_charts(charts, path, title=title, columns=1)
