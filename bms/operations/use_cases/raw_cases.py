"""Read and write one raw register or node: through the running controller, or where none runs
over the link itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from bms.config.points import owner_of
from bms.config.site import Link, Site
from bms.core.errors import InvalidInput, Refused
from bms.field.commissioning import raw_access
from bms.field.wiring import driver_for
from bms.operations.requests.raw_requests import RawLook, RawWritten, ReadRaw, WriteRaw
from bms.operations.running import Running
from bms.people.roles import Action, may
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from drivers.base import Driver
from drivers.ticker import Ticker

_log = logging.getLogger(__name__)

Now = Callable[[], datetime]


async def read_raw(running: Running, asked: ReadRaw, _user: str) -> RawLook:
    """What is there."""
    link = link_of(running.runtime.site, asked.link)
    return await _look(running.runtime.field.driver(link.id), asked)


async def write_raw(running: Running, asked: WriteRaw, user: str) -> RawWritten:
    """Write, audited before anything is sent, and look again."""
    site = running.runtime.site
    may(site, user, Action.RAW)
    _spare_emergency(site, asked)
    driver = running.runtime.field.driver(link_of(site, asked.link).id)
    return await _put(driver, site, asked, user, "api", running.now)


async def read_directly(site: Site, asked: ReadRaw, now: Now) -> RawLook:
    """What is there, while no controller has the link."""
    async with _connected(site, asked.link, now) as driver:
        return await _look(driver, asked)


async def write_directly(site: Site, asked: WriteRaw, user: str, now: Now) -> RawWritten:
    """Write while no controller has the link; checked and audited alike."""
    may(site, user, Action.RAW)
    _spare_emergency(site, asked)
    async with _connected(site, asked.link, now) as driver:
        return await _put(driver, site, asked, user, "cli", now)


def link_of(site: Site, name: str) -> Link:
    """The link of a site with this name. Raises InvalidInput."""
    if name not in site.links:
        hint = suggestion(name, site.links)
        raise InvalidInput(msg("no link '{link}'; {suggestion}", link=name, suggestion=hint))
    return site.links[name]


def _spare_emergency(site: Site, asked: WriteRaw) -> None:
    """Refuses what would switch emergency lighting: its registers with all their bits, its nodes.

    Raises Refused, and InvalidInput for a place that is none.
    """
    place = _place(asked)
    for point in link_of(site, asked.link).points:
        machine = site.equipment.get(owner_of(point.id))
        if machine is not None and machine.emergency and raw_access.touches(place, point.address):
            raise Refused(
                msg("'{name}' is emergency lighting, which nobody may switch", name=machine.id)
            )


async def _look(driver: Driver, asked: ReadRaw) -> RawLook:
    return RawLook.model_validate(await raw_access.look(driver, _place(asked)))


async def _put(
    driver: Driver, site: Site, asked: WriteRaw, user: str, via: str, now: Now
) -> RawWritten:
    found = await raw_access.put_audited(
        driver,
        _place(asked),
        asked.value,
        site.state_dir,
        now,
        author=raw_access.Author(user, via, asked.reason),
        link=asked.link,
        place_text=asked.place,
    )
    _log.warning("%s set to %s by hand by %s: %s", asked.place, asked.value, user, asked.reason)
    return RawWritten.model_validate(found)


def _place(asked: ReadRaw) -> raw_access.Register | str:
    return raw_access.place_of(asked.place, asked.model_dump())


@asynccontextmanager
async def _connected(site: Site, link: str, now: Now) -> AsyncIterator[Driver]:
    async with AsyncExitStack() as stack:
        driver, _ = driver_for(site, link_of(site, link), Ticker(), now, stack)
        async with driver:
            yield driver
