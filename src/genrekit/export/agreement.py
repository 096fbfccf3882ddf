"""How near a graph must come to what it was made of; another is never written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import BundleError

#: Largest difference of a probability, or of a logit relative to the largest logit where that is
#: above one.
AGREEMENT = 1e-4


def relative_difference(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Return the largest difference of a logit, relative to the largest expected above one."""
    return float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))


def require_agreement(worst: float, what: str, unit: str) -> float:
    """Return ``worst``, the largest difference of a ``unit``.

    Parameters
    ----------
    what : str
        What differs from what, such as ``"the joined graph differs from its parts"``.

    Raises
    ------
    BundleError
        If it is above `AGREEMENT`, or is not a number.
    """
    if not worst <= AGREEMENT:
        raise BundleError(
            f"{what} by {worst:.2g} in a {unit}; at most {AGREEMENT} is allowed, so nothing was "
            "written"
        )
    return worst
