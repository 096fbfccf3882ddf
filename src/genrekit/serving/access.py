"""Who may ask, and how often: hashed keys and token buckets."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from genrekit.errors import RateLimitError

_MOST_SENDERS = 20_000


def new_key() -> tuple[str, str]:
    """Return a fresh API key of 256 random bits, and its hash for the settings."""
    key = f"gk_{secrets.token_urlsafe(32)}"
    return key, hash_key(key)


def hash_key(key: str) -> str:
    """SHA-256 in hex; keys are random, so there is nothing to guess that salt would slow down."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def known_key(key: str, hashes: Iterable[str]) -> str | None:
    """Return the hash of ``key`` if it is among ``hashes``; takes the same time whichever it is."""
    own, found = hash_key(key), None
    for one in hashes:
        if hmac.compare_digest(own, one):
            found = one
    return found


def sender_of(address: str) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 of an IPv6 user."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


class ConnectionCounter:
    """How many of something each sender holds: connections, live streams."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def held(self, sender: str) -> int:
        """How many ``sender`` holds."""
        return self._held[sender]

    def enter(self, sender: str) -> int:
        """Count one more, and return how many that makes."""
        self._held[sender] += 1
        return self._held[sender]

    def leave(self, sender: str) -> None:
        """Count one less; who holds none is forgotten."""
        self._held[sender] -= 1
        if self._held[sender] <= 0:
            del self._held[sender]


class RateLimiter:
    """A bucket of tokens for each sender, refilled steadily.

    Parameters
    ----------
    per_minute : float
        Tokens that come back in a minute; 0 lets everything through.
    burst : int
        Tokens of a full bucket.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        # The longest unseen is forgotten first, so a flood of addresses takes bounded memory.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str, tokens: int = 1) -> None:
        """Let ``sender`` pass, or not.

        Raises
        ------
        RateLimitError
            If its bucket is empty.
        """
        if not self._per_second:
            return
        now = self._clock()
        level, since = self._buckets.pop(sender, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._per_second)
        # What costs more than a full bucket passes when it is full, and leaves a debt.
        enough = level >= min(tokens, self._burst)
        self._buckets[sender] = (level - tokens if enough else level, now)
        if len(self._buckets) > _MOST_SENDERS:
            self._buckets.popitem(last=False)
        if not enough:
            missing = min(tokens, self._burst) - level
            raise RateLimitError(
                f"more than {60 * self._per_second:g} requests a minute; slow down",
                math.ceil(missing / self._per_second),
            )
