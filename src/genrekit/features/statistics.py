"""What becomes of a trajectory over time: a handful of numbers, each with its unit and meaning.

A family of descriptors (``timbre``, ``rhythm``, ``harmony``, ``dynamics``) declares its
`Descriptor` entries and computes one array for each; `columns` and `summarise` turn both into
columns and values in the same order, so that a column can never drift away from its description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genrekit.features.columns import ColumnInfo

Array = NDArray[np.float64]

# A spread below this share of the largest value is rounding noise: its shape means nothing.
_NO_SPREAD = 1e-5
_QUANTILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}

MOMENTS = ("mean", "std", "skew", "kurtosis")
FULL = ("mean", "std", "q10", "q50", "q90", "skew", "kurtosis")
#: A level is in dBFS, differences between levels are in plain decibels.
_UNIT_OF_SPREAD = {"dBFS": "dB"}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One quantity, before it is summarised over time.

    Parameters
    ----------
    name : str
        Stem of the column names.
    unit : str
        ``"1"`` for a number without one. ``"dBFS"`` and ``"FS"`` (relative to full scale) say that
        the value follows the gain of the recording; every other unit, that it does not.
    meaning : str
        One line.
    statistics : tuple of str
        What to keep of a trajectory; empty if the quantity is one number for the whole clip.
    rows : Mapping[str, str]
        For a quantity with several rows, such as coefficients: the suffix of each one's name, and
        the words that stand for ``{row}`` in its meaning.
    over : str
        What the statistics are taken over.
    """

    name: str
    unit: str
    meaning: str
    statistics: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    over: str = "time"


def columns(descriptors: Sequence[Descriptor], family: str) -> tuple[ColumnInfo, ...]:
    """Describe every number that `summarise` returns, in its order."""
    return tuple(
        column
        for descriptor in descriptors
        for suffix, words in descriptor.rows.items()
        for column in _columns_of_row(descriptor, suffix, words, family)
    )


def summarise(descriptors: Sequence[Descriptor], values: Mapping[str, ArrayLike]) -> Array:
    """Reduce each quantity to its statistics.

    Parameters
    ----------
    descriptors : sequence of Descriptor
        What is expected, in order.
    values : Mapping[str, array_like]
        For each descriptor's name: shape (n_frames,) or (n_rows, n_frames) if it has statistics,
        otherwise () or (n_rows,). A trajectory without frames has zeros for statistics.

    Returns
    -------
    NDArray[float64], shape (n_columns,)
    """
    return np.concatenate(
        [_summarise_one(descriptor, values[descriptor.name]) for descriptor in descriptors]
    )


def _summarise_one(descriptor: Descriptor, value: ArrayLike) -> Array:
    array = np.asarray(value, dtype=np.float64).reshape(len(descriptor.rows), -1)
    if not descriptor.statistics:
        return array.ravel()
    return statistics(array, descriptor.statistics).ravel()


def statistics(trajectories: Array, names: Sequence[str]) -> Array:
    """Statistics of each row over its frames.

    Parameters
    ----------
    trajectories : NDArray[float64], shape (n_rows, n_frames)
    names : sequence of str
        Any of ``mean``, ``std``, ``q10``, ``q50``, ``q90``, ``skew``, ``kurtosis``. The moments are
        the biased ones (divided by n), kurtosis is the excess over a normal distribution, quantiles
        are interpolated linearly. A row that does not vary has skew and kurtosis 0.

    Returns
    -------
    NDArray[float64], shape (n_rows, len(names))
        Zeros if there are no frames.
    """
    if trajectories.shape[1] == 0:
        return np.zeros((len(trajectories), len(names)))
    wanted = {name: _QUANTILES[name] for name in names if name in _QUANTILES}
    results: dict[str, Array] = {}
    if wanted:
        quantiles = np.quantile(trajectories, list(wanted.values()), axis=1)
        results |= dict(zip(wanted, quantiles, strict=True))
    results |= _moments(trajectories)
    return np.stack([results[name] for name in names], axis=1)


def _moments(trajectories: Array) -> dict[str, Array]:
    mean = trajectories.mean(axis=1)
    deviations = trajectories - mean[:, None]
    squares = deviations**2
    std = np.sqrt(squares.mean(axis=1))
    flat = std <= _NO_SPREAD * np.abs(trajectories).max(axis=1)
    scale = np.where(flat, 1.0, std)
    skew = (squares * deviations).mean(axis=1) / scale**3
    kurtosis = (squares**2).mean(axis=1) / scale**4 - 3.0
    return {
        "mean": mean,
        "std": std,
        "skew": np.where(flat, 0.0, skew),
        "kurtosis": np.where(flat, 0.0, kurtosis),
    }


_MEANINGS: dict[str, str] = {
    "mean": "mean",
    "std": "standard deviation",
    "q10": "10 % quantile",
    "q50": "median",
    "q90": "90 % quantile",
    "skew": "skewness",
    "kurtosis": "excess kurtosis",
}
_UNITS: dict[str, Callable[[str], str]] = {
    "std": lambda unit: _UNIT_OF_SPREAD.get(unit, unit),
    "skew": lambda unit: "1",
    "kurtosis": lambda unit: "1",
}


def _columns_of_row(
    descriptor: Descriptor, suffix: str, words: str, family: str
) -> list[ColumnInfo]:
    stem, unit = descriptor.name + suffix, descriptor.unit
    meaning = descriptor.meaning.format(row=words)
    if not descriptor.statistics:
        return [ColumnInfo(name=stem, unit=unit, meaning=meaning, family=family)]
    return [
        ColumnInfo(
            name=f"{stem}_{statistic}",
            unit=_UNITS.get(statistic, str)(unit),
            meaning=f"{meaning}: {_MEANINGS[statistic]} over {descriptor.over}",
            family=family,
        )
        for statistic in descriptor.statistics
    ]
