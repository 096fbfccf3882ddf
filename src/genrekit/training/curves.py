"""The history of a network's training: read again, and drawn as curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from genrekit.bundles import find_bundle
from genrekit.errors import ConfigError
from genrekit.pages import COLOURS, new_figure, save_figure
from genrekit.schema import Contract

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HISTORY = "history.jsonl"
_WIDTH_INCHES = 7.2


class Epoch(Contract, extra="ignore"):
    """What a history says of one epoch; see `genrekit.training.loop.EpochRecord`.

    Losses and accuracies are means over rows.
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


def draw_curves(epochs: Sequence[Epoch], path: Path, *, title: str = "") -> Path:
    """Loss, accuracy and learning rate by epoch, as PNG, SVG or PDF.

    Raises
    ------
    ConfigError
        If the suffix is none of these.
    MissingExtraError
        If matplotlib is not installed.
    """
    drawn, (loss, accuracy, rate) = new_panels(3, height_inches=2.2)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for colour, side, part_name in ((0, "train", "training"), (1, "valid", "validation")):
            values = [getattr(epoch, f"{side}_{name}") for epoch in epochs]
            if values[0] is not None:
                _line(axes, epochs, values, COLOURS[colour], part_name)
        axes.set_ylabel(name)
    _line(rate, epochs, [epoch.learning_rate for epoch in epochs], COLOURS[2], "learning rate")
    rate.set(ylabel="learning rate", xlabel="epoch", yscale="log")
    if epochs[0].valid_loss is not None:
        for axes in (loss, accuracy):
            axes.axvline(lowest_loss(epochs).epoch, color="#8C8C8C", linestyle="--", linewidth=1)
            axes.legend(["training", "validation", "lowest validation loss"], fontsize=8)
    loss.set_title(title)
    return save_figure(drawn, path)


def new_panels(n_panels: int, *, height_inches: float = 3.4) -> tuple[Figure, list[Axes]]:
    """Panels one below the other, with a light grid and whole numbers below.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    drawn = new_figure(_WIDTH_INCHES, height_inches * n_panels)
    panels = [drawn.add_subplot(n_panels, 1, number + 1) for number in range(n_panels)]
    for axes in panels:
        axes.grid(visible=True, linewidth=0.4, alpha=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return drawn, panels


def _line(
    axes: Axes, epochs: Sequence[Epoch], values: Sequence[float], colour: str, label: str
) -> None:
    # A single epoch has no line.
    marker = "o" if len(epochs) < 30 else ""
    numbers = [epoch.epoch for epoch in epochs]
    axes.plot(numbers, values, color=colour, label=label, marker=marker, markersize=3)
    axes.locator_params(axis="x", integer=True)
