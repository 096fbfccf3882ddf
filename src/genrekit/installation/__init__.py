"""What is installed, and does it work? Nothing heavy is imported just to look."""

from __future__ import annotations

from genrekit.installation.check import Check, State
from genrekit.installation.examine import examine, is_broken
from genrekit.installation.extras import EXTRAS, Extra, installed_extras
from genrekit.installation.installed import installed

__all__ = [
    "EXTRAS",
    "Check",
    "Extra",
    "State",
    "examine",
    "installed",
    "installed_extras",
    "is_broken",
]
