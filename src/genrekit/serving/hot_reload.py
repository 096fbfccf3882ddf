"""A running server follows its aliases: new workers load the new model, old ones finish."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from genrekit.bundles import AliasStamp, Bundle, alias_stamp, load_bundle, store_directory
from genrekit.errors import GenreError

if TYPE_CHECKING:
    from genrekit.serving.service import Service

_log = logging.getLogger(__name__)

# A server in a thread gets no signals, and Windows has no such one.
_NO_SIGNALS = (ValueError, RuntimeError, NotImplementedError, AttributeError)


def store_stamp() -> AliasStamp:
    """Something that changes whenever an alias does."""
    return alias_stamp(store_directory())


def load_bundles(models: Mapping[str, str]) -> dict[str, Bundle]:
    """Return the bundles of named models; workers load and check their own.

    Raises
    ------
    ConfigError, BundleError
        If one cannot be read, or tells no genres.
    """
    bundles = {name: load_bundle(model, verify=False) for name, model in models.items()}
    for bundle in bundles.values():
        bundle.check_predicts()
    return bundles


def places(bundles: Mapping[str, Bundle]) -> dict[str, str]:
    """Where each model lies: what an alias means now, and not what it will mean to a worker."""
    return {name: str(bundle.directory) for name, bundle in bundles.items()}


class HotReload:
    """Looks at the aliases of the store now and then, and at once on SIGHUP, but in no terminal.

    Parameters
    ----------
    service : Service
    seen : AliasStamp
        Of the aliases that the models of the service were found by.
    on_change : callable
        Called after the models of the service have changed.
    """

    def __init__(self, service: Service, seen: AliasStamp, on_change: Callable[[], None]) -> None:
        self._service, self._stamp, self._on_change = service, seen, on_change
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._follow())
        if sys.stderr.isatty():  # there it means that the terminal is closed
            return
        with contextlib.suppress(*_NO_SIGNALS):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(*_NO_SIGNALS):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)

    async def _follow(self) -> None:
        seconds = self._service.settings.follow_seconds or None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._asked.wait()
            now = store_stamp()
            if self._asked.is_set() or now != self._stamp:
                self._asked.clear()
                self._stamp = now
                await self.renew()

    async def renew(self) -> None:
        """Load what the names mean now; if that fails, everything stays as it is."""
        service = self._service
        try:
            changed = await self._renewed()
        except (GenreError, OSError) as error:
            _log.error("the models stay as they are: %s", error)
            service.metrics.renewals.labels("failed").inc()
            return
        if changed:
            service.metrics.renewals.labels("done").inc()
            shown = (
                f"{name} is {bundle.manifest.name} {bundle.manifest.version}"
                for name, bundle in service.all_bundles.items()
            )
            _log.warning("other models answer from now on: %s", ", ".join(shown))
            self._on_change()

    async def _renewed(self) -> bool:
        service, arms = self._service, self._service.arms
        loaded = await asyncio.to_thread(load_bundles, arms.models)
        shadows = await asyncio.to_thread(load_bundles, arms.shadows)
        changed = _hashes(loaded) != _hashes(service.bundles)
        shadows_changed = _hashes(shadows) != _hashes(service.shadow_bundles)
        if shadows_changed:
            await service.shadows.renew(places(shadows))
            service.shadow_bundles = shadows
        if changed:
            await service.pool.renew(places(loaded))
            await service.streams.renew(places(loaded))
            service.bundles = loaded
        if changed or shadows_changed:
            service.recorder.follow(service.all_bundles, arms)
        return changed or shadows_changed


def _hashes(bundles: Mapping[str, Bundle]) -> dict[str, str]:
    return {name: bundle.sha256 for name, bundle in bundles.items()}
