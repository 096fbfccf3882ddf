"""One way to open data of one's own: what it is, and what its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from genrekit.datasets import DATASETS, Dataset, choose_labels, load_dataset
from genrekit.datasets.looks_like import corpus_of
from genrekit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Columns:
    """What columns are called in a table or a manifest; None and empty leave it to the loader.

    Parameters
    ----------
    label, item_id, group : str, optional
        Columns with the genre, with a name for each row, and with the recording it is of.
    ignore : tuple of str
        Columns that are passed over.
    """

    label: str | None = None
    item_id: str | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()

    def options(self, corpus: str) -> dict[str, Any]:
        """Return what was named, as options of the corpus's loader.

        Raises
        ------
        ConfigError
            If the corpus has no columns.
        """
        chosen = {
            "label_column": self.label,
            "id_column": self.item_id,
            "group_column": self.group,
        }
        options: dict[str, Any] = {name: value for name, value in chosen.items() if value}
        known = set(signature(DATASETS.get(corpus)).parameters)
        if self.ignore:
            options["ignore" if "ignore" in known else "drop_columns"] = self.ignore
        if unfit := sorted(set(options) - known):
            raise ConfigError(
                f"the data is a {corpus}, which has no columns to name ({', '.join(unfit)}); "
                "leave --label, --id, --group and --ignore out, or name the table"
            )
        return options


def open_data(
    path: Path,
    corpus: str | None = None,
    *,
    columns: Columns | None = None,
    leave_out: Path | Sequence[str] | None = None,
    **options: Any,
) -> Dataset:
    """Load what lies at ``path``.

    Parameters
    ----------
    corpus : str, optional
        A name in `DATASETS`; None takes what the path looks like.
    columns : Columns, optional
    leave_out, **options
        As for `load_dataset`.

    Raises
    ------
    ConfigError
        If there is no such corpus, or it does not know an option or a column.
    DatasetError
        If the data is missing or malformed.
    """
    name = corpus or corpus_of(path)
    named = {} if columns is None else columns.options(name)
    dataset = load_dataset(name, path, leave_out=leave_out, **named, **options)
    # Of a published corpus only a part may be here; what is not here cannot be tested.
    return dataset if corpus is not None else choose_labels(dataset)
