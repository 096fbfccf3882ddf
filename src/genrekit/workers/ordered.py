"""The pool as a map whose results come in the order of the arguments."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from genrekit.workers.pool import IDLE, Idle, Outcome, Pool
from genrekit.workers.worker import WorkerLimits

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_LOOK_AHEAD_PER_WORKER = 64


@dataclass(frozen=True, slots=True)
class WorkerDied(Generic[Argument]):
    """Stands in the place of the result whose computation killed its process."""

    argument: Argument
    message: str = field(default="working on it ended its process", compare=False)


def ordered_map(
    function: Callable[[Argument], Result],
    arguments: Iterable[Argument],
    *,
    workers: int = 1,
    limits: WorkerLimits | None = None,
    supervised: bool = False,
    prepare: Callable[[], object] | None = None,
) -> Generator[Result | WorkerDied[Argument]]:
    """Yield ``function(argument)`` for each argument, in order.

    What is slow holds up what comes behind it in the order, but not the work on it, as far as 64
    results for each worker may wait.

    Parameters
    ----------
    function : callable
        Picklable by name when ``workers`` is more than one. What it raises reaches the caller.
    arguments : iterable
        Consumed lazily.
    workers : int
        1 computes in this process, without limits, unless it is ``supervised``; more start that
        many fresh processes.
    limits : WorkerLimits, optional
        On the work on one argument.
    supervised : bool
        Whether a single worker is a process of its own too, which may die.
    prepare : callable, optional
        Called once in each process before its first argument, outside the limits.
    """
    if workers == 1 and not supervised:
        yield from map(function, arguments)
        return
    order: _Order[Argument, Result] = _Order(workers * _LOOK_AHEAD_PER_WORKER)
    with Pool(_Numbered(function), workers=workers, limits=limits, prepare=prepare) as pool:
        for outcome in pool.run(order.numbered(arguments)):
            yield from order.ready(outcome)


@dataclass(frozen=True, slots=True)
class _Numbered(Generic[Argument, Result]):
    function: Callable[[Argument], Result]

    def __call__(self, argument: tuple[int, Argument]) -> Result:
        return self.function(argument[1])


@dataclass(slots=True)
class _Order(Generic[Argument, Result]):
    """Puts outcomes back in the order of their arguments; at most ``most`` wait for another one."""

    most: int
    shown: int = 0
    early: dict[int, Outcome[tuple[int, Argument], Result]] = field(default_factory=dict)

    def numbered(self, arguments: Iterable[Argument]) -> Iterator[tuple[int, Argument] | Idle]:
        """Each argument with its number, as long as there is room for its result."""
        for number, argument in enumerate(arguments):
            while number - self.shown >= self.most:
                yield IDLE
            yield number, argument

    def ready(
        self, outcome: Outcome[tuple[int, Argument], Result]
    ) -> Iterator[Result | WorkerDied[Argument]]:
        """Yield the results whose turn it is now that ``outcome`` is there."""
        self.early[outcome.argument[0]] = outcome
        while (found := self.early.pop(self.shown, None)) is not None:
            self.shown += 1
            failure = found.failure
            if failure is None:
                yield cast("Result", found.value)
            elif failure.error is not None:
                raise failure.error
            else:
                yield WorkerDied(found.argument[1], failure.message)
