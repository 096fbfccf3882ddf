"""The registry imports late and explains itself."""

from __future__ import annotations

import sys

import pytest

from genrekit.catalog import Catalog
from genrekit.errors import ConfigError

FRUITS = Catalog(
    "fruits", {"apple": "fractions:Fraction", "apricot": "nowhere.at_all:x"}, group="genrekit.none"
)


def test_listing_imports_nothing_and_getting_imports_one_module() -> None:
    assert FRUITS.names() == ("apple", "apricot")
    assert "nowhere" not in sys.modules
    assert FRUITS.get("apple").__name__ == "Fraction"


def test_an_unknown_name_is_answered_with_near_matches() -> None:
    with pytest.raises(ConfigError, match=r"no 'aple' among the fruits; did you mean apple"):
        FRUITS.get("aple")


def test_entry_points_add_names_but_never_replace_built_in_ones() -> None:
    # console_scripts is a group that every installation has.
    scripts = Catalog("scripts", {"pytest": "fractions:Fraction"}, group="console_scripts")
    assert "genrekit" in scripts
    assert scripts.get("pytest").__name__ == "Fraction"
    assert callable(scripts.get("genrekit"))
