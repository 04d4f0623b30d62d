"""Takes a site and begins to read its field, before all else is imported and opened.

A link that does not answer takes a second or more to say so, and the first cycle waits for it. What
else a start has to do is done meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bms.api.places import refuse_if_alive, socket_path
from bms.config.site import Site
from bms.core.errors import DiskError, InvalidInput, UnusableFile
from bms.field.image import Field
from bms.field.unopened import UnopenedLink
from bms.field.wiring import driver_for
from bms.operations.editing.last_good import LastGood
from bms.storage.aside import put_aside
from bms.storage.lock import SiteLock
from bms.storage.sqlite import make_directory
from bms.texts.messages import message_of, msg
from drivers.base import Driver
from drivers.ticker import Ticker

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Beginning:
    """A site that is ours, and its field."""

    lock: SiteLock
    field: Field
    ticker: Ticker
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def of(cls, site: Site, now: Callable[[], datetime], stack: AsyncExitStack) -> Self:
        """Take the site and make its links; `stack` gives both back.

        Raises InvalidInput for what a link lacks at the first start; later only that link is done
        without. Raises Refused if another controller has the site,
        StoreError where nothing can keep two apart.
        """
        lock = SiteLock(site.state_dir)
        stack.callback(lock.release)
        await _take_site(site, lock, now)
        field, ticker = Field(now), Ticker()
        for link in site.links.values():
            made: tuple[Driver, str]
            try:
                made = driver_for(site, link, ticker, now, stack)
            except InvalidInput as error:
                if not LastGood(site.state_dir).kept:  # at a first start somebody is looking
                    raise
                _log.error("link %s: %s", link.id, error)
                made = UnopenedLink(link.points, message_of(error), now), link.id
            driver, endpoint = made
            field.add(link.id, endpoint, driver, poll_s=link.settings.poll_s)
        begun = cls(lock, field, ticker)
        stack.push_async_callback(begun._end)
        return begun

    def read_at_once(self) -> None:
        """Begin to read the links; `read` goes on with it."""
        self._reading = asyncio.create_task(self.field.run(), name="links")

    async def read(self) -> None:
        """Read the links until cancelled."""
        begun, self._reading = self._reading, None
        await (begun or self.field.run())

    async def _end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading


async def _take_site(site: Site, lock: SiteLock, now: Callable[[], datetime]) -> None:
    """Be the only controller of the site. On a disk that takes no lock now, it is tried again."""
    socket = socket_path(site.state_dir)
    try:
        make_directory(site.state_dir)
        take(lock, now)
        if socket.is_dir():
            what = msg("{path}: this is no socket", path=socket)
            put_aside(UnusableFile(what, socket, "foreign"), now())
    except DiskError as error:
        _log.error("going on without a lock: %s", error)
    # One of an earlier version has no lock.
    await refuse_if_alive(socket)


def take(lock: SiteLock, now: Callable[[], datetime]) -> None:
    """Take a lock; what is no file is put aside first. Raises as `SiteLock.take` does."""
    try:
        lock.take()
    except UnusableFile as error:
        put_aside(error, now())
        lock.take()
