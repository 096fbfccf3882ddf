"""Published label maps: which genres of one corpus are which of another, to test across them.

Both corpora are taken to common genres. What has no counterpart is left out of the test, and said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from genrekit.datasets.dataset import Dataset
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import Contract

Side = Annotated[dict[str, str], Field(min_length=1)]


class LabelMap(Contract):
    """Two sets of labels, each taken to common ones.

    Parameters
    ----------
    name : str
    note : str
        Why so, and from where.
    sides : tuple of two dict
        Label to common label; several labels may become one.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    note: str = ""
    sides: tuple[Side, Side]

    @property
    def common(self) -> tuple[str, ...]:
        """Common labels that both sides have, sorted."""
        one, two = self.sides
        return tuple(sorted(set(one.values()) & set(two.values())))

    def side(self, labels: Iterable[str]) -> dict[str, str]:
        """Return the side that most of ``labels`` are of, without what the other side lacks.

        Raises
        ------
        DatasetError
            If none of them is on either.
        """
        known = set(labels)
        best = max(self.sides, key=lambda side: len(known & set(side)))
        if not known & set(best):
            raise DatasetError(
                f"the label map {self.name} has none of {sorted(known)[:10]}; it maps "
                f"{sorted(self.sides[0])} and {sorted(self.sides[1])}"
            )
        return {label: to for label, to in best.items() if to in self.common}


def _same(*labels: str) -> dict[str, str]:
    return {label: label for label in labels}


_SHARED = {
    "blues": "Blues",
    "classical": "Classical",
    "country": "Country",
    "hiphop": "Hip-Hop",
    "jazz": "Jazz",
    "metal": "Rock",
    "pop": "Pop",
    "rock": "Rock",
}
_TOPS = ("Blues", "Classical", "Country", "Hip-Hop", "Jazz", "Pop", "Rock")

#: GTZAN's ten genres and FMA's top genres.
LABEL_MAPS = {
    one.name: one
    for one in (
        LabelMap(
            name="gtzan-fma",
            note="Genres that both corpora name; metal is rock, of which it is a child in FMA's "
            "tree. GTZAN's disco and reggae, and FMA's other top genres, are left out.",
            sides=(_SHARED, _same(*_TOPS)),
        ),
        LabelMap(
            name="gtzan-fma-tree",
            note="All ten genres of GTZAN by FMA's tree: metal under Rock, disco under Soul-RnB, "
            "reggae (Reggae - Dub) under International. The last two are far wider in FMA.",
            sides=(
                {**_SHARED, "disco": "Soul-RnB", "reggae": "International"},
                _same(*_TOPS, "Soul-RnB", "International"),
            ),
        ),
    )
}


def label_map(name_or_file: str) -> LabelMap:
    """Return a published map by name, or one of the user's from a YAML file.

    The file has ``name``, ``note`` and ``sides``: a list of two mappings from label to common
    label.

    Raises
    ------
    ConfigError
        If there is no such map or file, or it has another form.
    """
    if name_or_file in LABEL_MAPS:
        return LABEL_MAPS[name_or_file]
    path = Path(name_or_file)
    if not path.is_file():
        raise ConfigError(
            f"{name_or_file!r} is not a label map; known: {', '.join(LABEL_MAPS)}, or a YAML file"
        )
    try:
        return LabelMap.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read as YAML: {problem}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{path} is not a label map: {place}: {first['msg']}") from None


def with_common_labels(dataset: Dataset, mapping: LabelMap) -> Dataset:
    """Return the items that have a common label, under it.

    Raises
    ------
    DatasetError
        For multi-label data, or if no item has one.
    """
    if dataset.task != "single-label":
        raise DatasetError(f"{dataset.name} is {dataset.task}: a label map is for one genre")
    side = mapping.side(dataset.labels)
    kept = [row for row, item in enumerate(dataset.items) if item.labels[0] in side]
    if not kept:
        raise DatasetError(f"{dataset.name} has no item of a genre that {mapping.name} maps")
    chosen = dataset.select(kept)
    items = tuple(replace(item, labels=(side[item.labels[0]],)) for item in chosen.items)
    return replace(chosen, labels=mapping.common, items=items)
