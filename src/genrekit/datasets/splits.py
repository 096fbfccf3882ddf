"""Splits that never put one recording on two sides, unless asked for by a name that says so."""

from __future__ import annotations

import hashlib

from pydantic import Field, model_validator

from genrekit.datasets.dataset import Dataset
from genrekit.errors import ConfigError
from genrekit.schema import Contract, Sha256


class Fold(Contract):
    """Item ids of one round of training and testing.

    ``train`` is empty where nothing is trained, ``valid`` where nothing is chosen.
    """

    train: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sides_are_disjoint(self) -> Fold:
        everything = self.train + self.valid + self.test
        if len(set(everything)) != len(everything):
            raise ValueError("an item id occurs twice in a fold")
        return self


class Split(Contract):
    """Which items train, choose and test, by item id.

    Parameters
    ----------
    protocol : str
        A name of `PROTOCOLS`.
    leaky : bool
        True if a recording may be on two sides; every number made with it must carry the word.
    """

    protocol: str
    seed: int
    dataset_fingerprint: Sha256
    folds: tuple[Fold, ...] = Field(min_length=1)
    leaky: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the JSON form."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def make_split(dataset: Dataset, protocol: str, *, n_folds: int = 10, seed: int = 0) -> Split:
    """Split ``dataset`` by a protocol that is named.

    Parameters
    ----------
    protocol : str
        ``"fault-filtered"``: GTZAN's published train, valid and test parts. ``"grouped-kfold"``:
        every item is tested once, recordings stay together. ``"holdout"``: 70/15/15 of the
        recordings. ``"all-test"``: nothing is trained, everything is tested.
        ``"segments-leaky"``: k-fold over rows; recordings straddle, and the split says so.

    Raises
    ------
    ConfigError
        If there is no such protocol.
    DatasetError
        If the dataset does not fit it.
    """
    raise ConfigError("not there yet")
