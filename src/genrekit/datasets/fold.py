"""One round of training and testing."""

from __future__ import annotations

from pydantic import Field, model_validator

from genrekit.schema import Contract

#: What people call the parts, where a column of theirs names them.
PARTS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


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

    def fitted_on(self, parts: str) -> tuple[str, ...]:
        """List the items that a model is fitted on.

        Parameters
        ----------
        parts : str
            ``"train"`` or ``"train+valid"``.
        """
        return self.train if parts == "train" else self.train + self.valid
