"""The driver of each link, as its settings say."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from bms.config.shapes.links import LinkSettings, ModbusSettings, OpcUaLink, PlantLink, endpoint
from bms.config.site import Link, Site
from bms.core.errors import InvalidInput
from bms.field.plants import make_plant, options_for
from bms.texts.messages import msg
from drivers.base import Driver
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Pacing
from drivers.opcua.session.security import NO_SECURITY, Security
from drivers.plant import PlantDriver
from drivers.ticker import Ticker
from drivers.times import Times

CERTIFICATES = "certificates"
"""In the site's directory: our own certificate and key, and the servers that are trusted."""


def in_shadow(site: Site, settings: LinkSettings) -> bool:
    """Nothing is written on this link, because it or the whole site is in shadow mode."""
    return site.file.mode == "shadow" or settings.mode == "shadow"


def driver_for(
    site: Site, link: Link, ticker: Ticker, now: Callable[[], datetime], stack: AsyncExitStack
) -> tuple[Driver, str]:
    """The driver of a link, and its endpoint in words. `stack` closes what the driver does not.

    Raises InvalidInput if something that the link needs is not there.
    """
    settings = link.settings
    shadow = in_shadow(site, settings)
    if isinstance(settings, PlantLink):
        plant = make_plant(settings.plant, now(), options_for(site, settings))
        stack.callback(plant.close)
        return PlantDriver(plant, link.points, now, live=True, shadow=shadow), settings.plant
    if isinstance(settings, ModbusSettings):
        return modbus_driver(site, link, settings, ticker, now)
    # asyncua costs 0.2 s to import: only a site with such links pays.
    from drivers.opcua.driver import OpcUaDriver
    from drivers.opcua.subscribing.feeding import Following

    driver = OpcUaDriver(
        settings.url,
        link.points,
        timeout_s=settings.timeout_s,
        security=security(settings, site.directory, link.id),
        following=Following(
            "subscribe" if settings.subscribe else "poll", settings.sampling_s, settings.queue
        ),
        shadow=shadow,
        times=Times(now),
    )
    return driver, settings.url


def modbus_driver(
    site: Site, link: Link, settings: ModbusSettings, ticker: Ticker, now: Callable[[], datetime]
) -> tuple[ModbusDriver, str]:
    """The driver of a Modbus link, and its endpoint in words."""
    where = endpoint(settings, site.directory)
    driver = ModbusDriver(
        where,
        link.points,
        profiles=link.profiles,
        profile=settings.profile,
        pacing=Pacing(
            settings.timeout_s,
            settings.connect_delay_s,
            settings.min_gap_s,
            getattr(settings, "max_in_flight", 1),
        ),
        shadow=in_shadow(site, settings),
        ticker=ticker,
        times=Times(now),
    )
    return driver, str(where)


def own_certificate(directory: Path) -> tuple[Path, Path]:
    """Where a site keeps its certificate and the key to it."""
    folder = directory / CERTIFICATES
    return folder / "own.der", folder / "own.pem"


def trusted_servers(directory: Path) -> Path:
    """Where a site keeps the certificates of the servers it trusts."""
    return directory / CERTIFICATES / "trusted"


def security(settings: OpcUaLink, directory: Path, link: str) -> Security:
    """How an OPC-UA link is protected. Raises InvalidInput if something it needs is not there."""
    if settings.security == "none" and settings.user is None:
        return NO_SECURITY
    password = None
    if settings.password_env is not None:
        password = os.environ.get(settings.password_env)
        if password is None:
            raise InvalidInput(
                msg(
                    "link '{link}': put the password of user '{user}' into the environment "
                    "variable {variable}",
                    link=link,
                    user=settings.user,
                    variable=settings.password_env,
                )
            )
    certificate, key = own_certificate(directory)
    if settings.security != "none" and not (certificate.is_file() and key.is_file()):
        raise InvalidInput(
            msg(
                "link '{link}': there is no certificate yet; make one with: {command}",
                link=link,
                command=f"bms cert create {directory}",
            )
        )
    return Security(
        policy=settings.security,
        mode=settings.security_mode,
        certificate=certificate,
        key=key,
        trusted=trusted_servers(directory),
        user=settings.user,
        password=password,
        user_certificate=_file(directory, settings.user_certificate),
        user_key=_file(directory, settings.user_key),
        trust_command=f"bms cert trust {directory} {link}",
    )


def _file(directory: Path, name: str | None) -> Path | None:
    return None if name is None else directory / name
