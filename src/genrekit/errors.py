"""The one exception tree, and what each branch means to a caller.

::

    GenreError
    ├── AudioError                a file or buffer that cannot be analysed
    │   ├── AudioNotFoundError    no such file, a directory, a pipe, no permission
    │   ├── AudioFormatError      not audio, or damaged beyond recovery
    │   ├── AudioLimitError       a cap on bytes, seconds, channels, rate or time was passed
    │   └── AudioContentError     decoded, but empty, too short or not finite
    ├── TagError                  a file whose tags are left as they are, and why
    ├── DatasetError              data that is missing or malformed
    │   └── LeakError             what is tested was known before the test
    ├── ConfigError               a recipe, option or name that makes no sense
    ├── BundleError               a model directory that must not be trusted
    │   ├── SkewError             its front-end or scores differ from those it was trained with
    │   └── IncompatibleError     written by another format version
    ├── TrainingError             training that cannot go on: loss, memory, disk
    ├── ServiceError              a request that a server does not carry out
    │   ├── RequestError          malformed
    │   ├── AccessError           without a key that is known here
    │   ├── UnknownResourceError  about something that is not there
    │   ├── SlowRequestError      sent too slowly
    │   └── RetryError            not now
    │       ├── RateLimitError    one of too many
    │       └── BusyError         more than there is room for
    │           └── WorkerLostError   its process was ended from outside
    └── MissingExtraError         an optional dependency is not installed

Every message says what was seen, what was expected and what to do.
"""

from __future__ import annotations

from typing import NamedTuple


class GenreError(Exception):
    """Root of everything genrekit raises on purpose."""


class AudioError(GenreError):
    """A file or buffer that cannot be analysed."""


class AudioNotFoundError(AudioError):
    """There is no readable regular file at the path."""


class AudioFormatError(AudioError):
    """The bytes are not audio, or damaged beyond recovery."""


class AudioLimitError(AudioError):
    """A decoding cap was passed.

    Parameters
    ----------
    limit : str
        Name of the field of ``DecodeLimits`` that was passed.
    allowed, seen : float
        The cap and the value that passed it, in the unit of the field.
    """

    # The arguments go to ``args`` unchanged, so that the error survives a trip between processes.
    def __init__(self, limit: str, allowed: float, seen: float, advice: str = "") -> None:
        super().__init__(limit, allowed, seen, advice)
        self.limit = limit
        self.allowed = allowed
        self.seen = seen
        self.advice = advice

    def __str__(self) -> str:
        template = _LIMITS.get(self.limit)
        if template is None:
            message = (
                f"{self.limit} is {self.seen:.10g}, more than the limit of {self.allowed:.10g}"
            )
        else:
            seen, allowed = (_measured(value, template.unit) for value in (self.seen, self.allowed))
            message = f"{template.what.format(seen)}, more than the limit of {allowed}"
        return f"{message}; {self.advice}" if self.advice else message


class _Limit(NamedTuple):
    """How a limit is told: a sentence with room for what was seen, and its unit."""

    what: str
    unit: str


_LIMITS = {
    "bytes": _Limit("there are {}", "bytes"),
    "decoded_bytes": _Limit("decoding it gives {}", "bytes"),
    "memory_bytes": _Limit("analysing it takes {} of memory", "bytes"),
    "seconds": _Limit("the audio lasts {}", "s"),
    "stream_seconds": _Limit("the stream lasts {}", "s"),
    "wall_seconds": _Limit("analysing it took {}", "s"),
    "channels": _Limit("the audio has {}", "channels"),
    "sample_rate_hz": _Limit("the sample rate is {}", "Hz"),
    "files": _Limit("there are {}", "files"),
}
_KIB = 1024


def _measured(value: float, unit: str) -> str:
    """Write a number with its unit; bytes as people read them, exactly where need be."""
    if unit != "bytes":
        return f"{value:.10g} {unit}"
    size, name = float(value), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size < _KIB:
            break
        size, name = size / _KIB, larger
    if name == "bytes":
        return f"{value:.0f} bytes"
    return (
        f"{size:.3g} {name}" if size == round(size) else f"{size:.1f} {name} ({value:,.0f} bytes)"
    )


class _Stated(Exception):
    """An error with a word for machines beside the message for people."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(state, message)
        self.state = state
        self.message = message

    def __str__(self) -> str:
        return self.message


class AudioContentError(_Stated, AudioError):
    """The audio was decoded but holds nothing that can be analysed.

    Parameters
    ----------
    state : str
        ``"empty"``, ``"too_short"`` or ``"non_finite"``.
    """


class TagError(_Stated, GenreError):
    """A file whose tags are left as they are.

    Parameters
    ----------
    state : str
        Why, in one word for machines: ``"cannot_be_tagged"``, ``"damaged"``, ``"changed"``, ...
    message : str
        Why, for people.
    """


class DatasetError(GenreError):
    """Data that is missing or malformed."""


class LeakError(DatasetError):
    """What is tested was known before the test, and the protocol is not named leaky."""


class ConfigError(GenreError):
    """A recipe, option or name that makes no sense."""


class BundleError(GenreError):
    """A model directory that must not be trusted."""


class SkewError(BundleError):
    """Loading re-ran the golden clip and got other features or scores."""


class IncompatibleError(BundleError):
    """The bundle was written by another, unsupported format version."""


class TrainingError(GenreError):
    """Training that cannot go on: the loss is not finite, or memory or disk are full."""


class ServiceError(GenreError):
    """A request that a server does not carry out."""


class RequestError(ServiceError):
    """The request is malformed."""


class AccessError(ServiceError):
    """The request has no key that is known here."""


class UnknownResourceError(ServiceError):
    """The request is about something that is not there."""


class SlowRequestError(ServiceError):
    """The request arrives too slowly."""


class RetryError(ServiceError):
    """The request may be carried out later.

    Parameters
    ----------
    message : str
    retry_after_seconds : int
        When it is worth asking again.
    """

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message, retry_after_seconds)
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return self.message


class RateLimitError(RetryError):
    """The sender asks too often."""


class BusyError(RetryError):
    """There is no room for the request now."""


class WorkerLostError(BusyError):
    """Something outside ended the process that worked on the request."""


class MissingExtraError(GenreError, ModuleNotFoundError):
    """An optional dependency is not installed.

    It is a ModuleNotFoundError too, so code that does without an absent library does so here.

    Parameters
    ----------
    package : str
        What could not be imported.
    extra : str
        The extra of genrekit that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.name = self.package = package
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.package} is not installed; run: pip install 'genrekit[{self.extra}]'"


def quoted(text: str, most: int = 80) -> str:
    """Quote what somebody sent for a message: cut, and without unprintable letters."""
    shown = "".join(one if one.isprintable() else "?" for one in text[:most])
    return f"'{shown}'"


class Outcome(NamedTuple):
    """What an error means at a surface."""

    exit_code: int
    http_status: int


# The most specific class of an error's MRO decides.
OUTCOMES: dict[type[GenreError], Outcome] = {
    GenreError: Outcome(1, 500),
    ConfigError: Outcome(2, 422),
    AudioError: Outcome(3, 422),
    AudioNotFoundError: Outcome(3, 404),
    AudioFormatError: Outcome(3, 415),
    AudioLimitError: Outcome(3, 413),
    TagError: Outcome(3, 422),
    DatasetError: Outcome(4, 422),
    LeakError: Outcome(9, 422),
    BundleError: Outcome(5, 500),
    MissingExtraError: Outcome(6, 501),
    TrainingError: Outcome(7, 500),
    ServiceError: Outcome(8, 500),
    RequestError: Outcome(8, 400),
    AccessError: Outcome(8, 401),
    UnknownResourceError: Outcome(8, 404),
    SlowRequestError: Outcome(8, 408),
    RateLimitError: Outcome(8, 429),
    BusyError: Outcome(8, 503),
}

#: Exit code of a run that finished, but with error records for some of its tracks.
EXIT_SOME_TRACKS_FAILED = 3
#: Exit code of a pipeline that finished, and whose model did not pass the gate.
EXIT_NOT_PROMOTED = 10


def outcome(error: GenreError) -> Outcome:
    """Exit code and HTTP status of ``error``, from the most specific class listed."""
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
