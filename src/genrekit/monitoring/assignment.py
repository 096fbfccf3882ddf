"""Which model answers whom: models by name, and senders assigned among them.

A sender always gets the same model: its key is hashed to a place between 0 and 1, and every model
has a stretch of that line as long as its share. R. Kohavi, D. Tang and Y. Xu, "Trustworthy online
controlled experiments", Cambridge University Press 2020, chapter 14.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from genrekit.errors import ConfigError

_NAMED = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})=(.+)")


@dataclass(frozen=True, slots=True)
class Arms:
    """All models of a server.

    Attributes
    ----------
    models : dict of str to str
        Name to what is loaded, of all that can be asked for; the first one answers where senders
        are not assigned.
    shadows : dict of str to str
        The same of those whose answers are only logged.
    shares : dict of str to float
        Name to share; they sum to one, and there is none where senders are not assigned.
    experiment : str
        Part of what is hashed.
    """

    models: dict[str, str]
    shadows: dict[str, str]
    shares: dict[str, float]
    experiment: str = ""

    def choose(self, key: str) -> str:
        """Return the model that answers the sender with this key."""
        place = _place(f"{self.experiment}\n{key}")
        for name, share in self.shares.items():
            place -= share
            if place < 0:
                return name
        return next(reversed(self.shares)) if self.shares else next(iter(self.models))


def make_arms(
    models: Sequence[str], split: Sequence[str], shadow: Sequence[str], experiment: str = ""
) -> Arms:
    """Read settings.

    Parameters
    ----------
    models : sequence of str
        ``name=model``, or ``model``, which is its own name.
    split : sequence of str
        ``name=share``; shares are any positive numbers.
    shadow : sequence of str
        Names.

    Raises
    ------
    ConfigError
        If they do not fit together.
    """
    named: dict[str, str] = {}
    for text in models:
        found = _NAMED.fullmatch(text)
        name, model = (found[1], found[2]) if found else (text, text)
        if name in named:
            raise ConfigError(f"two models are called {name!r}; give each a name of its own")
        named[name] = model
    for name in shadow:
        _check_known(name, named, "shadow")
    answering = {name: model for name, model in named.items() if name not in shadow}
    if not answering:
        raise ConfigError("all models are shadows, so none answers; name one more")
    return Arms(
        models=answering,
        shadows={name: named[name] for name in shadow},
        shares=_shares(split, named, shadow),
        experiment=experiment,
    )


def _shares(split: Sequence[str], named: dict[str, str], shadow: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in split:
        name, _, share = text.partition("=")
        _check_known(name, named, "split")
        if name in shadow or name in found:
            why = "is a shadow" if name in shadow else "is there twice"
            raise ConfigError(f"split: {name!r} {why}; each model that answers has one share")
        try:
            found[name] = float(share)
        except ValueError:
            found[name] = math.nan
        if not 0 < found[name] < math.inf:
            raise ConfigError(f"split: {text!r} is not a share; expected a number, as champion=90")
    total = sum(found.values())
    return {name: share / total for name, share in found.items()}


def _check_known(name: str, named: dict[str, str], setting: str) -> None:
    if name not in named:
        raise ConfigError(
            f"{setting}: no model is called {name!r}; known: {', '.join(named)}. Name one with "
            "--model NAME=MODEL"
        )


def _place(text: str) -> float:
    """Where a text lies between 0 and 1; other texts lie anywhere else."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7]) / 2**56
