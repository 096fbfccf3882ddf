"""What is installed, and does it work? Nothing heavy is imported just to look."""

from __future__ import annotations

from genrekit.installation.check import Check, State
from genrekit.installation.checks import examine, is_broken
from genrekit.installation.distributions import installed
from genrekit.installation.extras import Extra, installed_extras

__all__ = [
    "Check",
    "Extra",
    "State",
    "examine",
    "installed",
    "installed_extras",
    "is_broken",
]
