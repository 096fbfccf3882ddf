"""Everything that `genrekit doctor` looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from genrekit.installation.check import Check
from genrekit.installation.codecs import check_codecs
from genrekit.installation.extras import check_extras
from genrekit.installation.machine import check_core, check_processors
from genrekit.installation.places import check_places

#: Each looks at one kind of thing; an order to read in.
CHECKS: tuple[Callable[[], Iterable[Check]], ...] = (
    check_core,
    check_codecs,
    check_extras,
    check_places,
    check_processors,
)


def examine() -> tuple[Check, ...]:
    """Look at everything; whatever is wrong is an answer and not an error."""
    return tuple(check for look in CHECKS for check in look())


def is_broken(checks: Iterable[Check]) -> bool:
    """Return whether genrekit cannot do what it is for: read music and predict."""
    return any(check.state == "broken" for check in checks)
