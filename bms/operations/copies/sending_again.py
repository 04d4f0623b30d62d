"""Send to databases once more what they lost or refused. The files of the copies are locked for as
long as each step takes, so that this works in the running controller, and without one.

Each takes the site, what is asked, who asks, when, and which way it came.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from bms.config.site import Site
from bms.core.reasons import reason_of
from bms.forward.checking.verify import mark_for_backfill
from bms.forward.copying.resend import resend_dead
from bms.forward.site_sinks import ca_of, named_sink, token_of
from bms.operations.requests.copy_requests import (
    AllLinesSent,
    AllWillBeSent,
    Backfill,
    ResendRefused,
)
from bms.people.roles import Action, may
from bms.storage import audit
from bms.texts.messages import msg


def backfill(
    site: Site, asked: Backfill, user: str, now: datetime, via: str = "cli"
) -> AllWillBeSent:
    """Make a period a gap of every stream: the running controller sends it, behind live data."""
    end = asked.end or now
    sinks = named_sink(site, asked.sink)
    period = {"start": asked.start.isoformat(), "end": end.isoformat()}
    _enter(site, "influx.backfill", asked.reason, user, now, via, **period)
    found: list[dict[str, Any]] = []
    for settings in sinks:
        found += mark_for_backfill(
            settings, site.state_dir, site.file.id, asked.start, end, asked.reason
        )
    return AllWillBeSent.model_validate(found)


def resend(
    site: Site, asked: ResendRefused, user: str, now: datetime, via: str = "cli"
) -> AllLinesSent:
    """Send refused lines again; what a database takes now leaves the list."""
    sinks = [(one, token_of(one), ca_of(site, one)) for one in named_sink(site, asked.sink)]
    _enter(site, "influx.dead.resend", asked.reason, user, now, via, note="asked for")
    rows = []
    for settings, token, ca in sinks:
        sent = asyncio.run(resend_dead(site.state_dir, settings, token, now=lambda: now, ca=ca))
        rows.append({"sink": settings.name, "taken": sent.taken, "refused": sent.refused,
                     "error": sent.error})  # fmt: skip
    _enter(site, "influx.dead.resend", asked.reason, user, now, via, result=rows)
    return AllLinesSent.model_validate(rows)


def _enter(
    site: Site, what: str, reason: str, user: str, now: datetime, via: str, **details: Any
) -> None:
    why = reason_of(reason, msg("--reason: say why; it is kept"))
    may(site, user, Action.COPY)
    audit.record(site.state_dir, now, who=user, via=via, what=what, why=why, **details)
