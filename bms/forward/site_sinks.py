"""The sinks of a site: from what `site.yaml` says to tasks that can run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from bms.config.shapes.sinks import InfluxFile
from bms.config.site import Site
from bms.core.errors import InvalidInput, StoreError
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import remember_tags
from bms.forward.positions import known_tags
from bms.forward.server.destination import Destination
from bms.forward.server.tls import trust
from bms.forward.streams.tags import Tagging, site_tags
from bms.historian.records import to_ms
from bms.texts.messages import msg
from bms.texts.problems import suggestion

_log = logging.getLogger(__name__)


def token_of(settings: InfluxFile) -> str:
    """The token from the environment. Raises InvalidInput if there has to be one."""
    token = os.environ.get(settings.token_variable, "")
    if not token and settings.needs_token:
        raise InvalidInput(
            msg(
                "site.yaml names the database '{name}'; put its token into the environment "
                "variable {token_variable}",
                name=settings.name,
                token_variable=settings.token_variable,
            )
        )
    return token


def ca_of(site: Site, settings: InfluxFile) -> Path | None:
    """The file of the certificate authority. Raises InvalidInput if it is none."""
    if settings.ca is None:
        return None
    path = site.directory / settings.ca
    if not path.is_file():
        raise InvalidInput(
            msg(
                "the database '{name}' names {path}, which is no file",
                name=settings.name,
                path=path,
            )
        )
    trust(path)
    return path


def named_sink(site: Site, name: str | None) -> list[InfluxFile]:
    """The database of that name, or all. Raises InvalidInput if there is none."""
    sinks = site.file.influx
    if not sinks:
        raise InvalidInput(msg("site.yaml names no database under 'influx'"))
    if name is None:
        return list(sinks)
    names = [sink.name for sink in sinks]
    if name not in names:
        raise InvalidInput(
            msg(
                "no database '{name}' in site.yaml; {suggestion}",
                name=name,
                suggestion=suggestion(name, names),
            )
        )
    return [sink for sink in sinks if sink.name == name]


def tagging_of(site: Site, now: datetime) -> Tagging:
    """The tags of the site's points by time, those of today noted. Writes to `sinks.db`.

    What a copy needs never stops a park: while the disk does not take them, today's tags are kept
    in memory, after those that can be read.
    """
    tags = site_tags(site)
    try:
        return Tagging(remember_tags(site.state_dir, tags, to_ms(now)))
    except StoreError as error:
        _log.error("tags are not being kept: %s", error)
    return Tagging(known_tags(site.state_dir, tags))


def tag_again(tagging: Tagging, site: Site, now: datetime) -> None:
    """Have the copies know the points of other equipment. Writes to `sinks.db`."""
    tagging.renew(remember_tags(site.state_dir, site_tags(site), to_ms(now)))


def lacking(site: Site) -> dict[str, InvalidInput]:
    """The databases of the site that lack a token or a certificate on this machine, and why."""
    found: dict[str, InvalidInput] = {}
    for settings in site.file.influx:
        try:
            token_of(settings)
            ca_of(site, settings)
        except InvalidInput as error:
            found[settings.name] = error
    return found


def make_sinks(
    site: Site,
    timing: Timing,
    tagging: Tagging,
    trouble: Callable[[str, str], None],
    without: Collection[str] = (),
) -> list[InfluxSink]:
    """One sink for each database of the site. `trouble(key, text)`; an empty text: it is over.

    Raises InvalidInput for a missing token or certificate, but for those left out by `without`.
    """

    def told(name: str) -> Callable[[str, str], None]:
        return lambda kind, text: trouble(
            f"sink:{name}:{kind}", text and msg("{name}: {problem}", name=name, problem=text)
        )

    return [
        InfluxSink(
            Destination(settings, token_of(settings), ca_of(site, settings)),
            Copied(site.state_dir, site.file.id, tagging),
            timing,
            trouble=told(settings.name),
        )
        for settings in site.file.influx
        if settings.name not in without
    ]
