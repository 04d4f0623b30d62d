"""Look at what is kept of the past: the audit, why a point had its value, what was not sent.

The audit is found by the state directory, also while the files of the site are being edited.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.config.points import known_units, zone_of
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput, StoreError
from bms.core.moments import past
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.log.log_queries import Queries
from bms.operations.editing.revisions import FOLDER as REVISIONS
from bms.operations.requests.live_requests import AskWhy, Why
from bms.operations.requests.past_requests import (
    AskShadow,
    AskSheds,
    AuditEntries,
    AuditVerified,
    ListAudit,
    Sheds,
    UnsentCommands,
    VerifyAudit,
)
from bms.reports.shadow import shadow_report, to_json
from bms.reports.sheds import shed_rows
from bms.reports.why import why_then
from bms.storage import audit
from bms.storage.anchors import read_anchors
from bms.storage.state import FILE_NAME as STATE
from bms.texts.messages import message_of, msg


def list_audit(state_dir: Path, asked: ListAudit) -> AuditEntries:
    """Entries that fit, the latest first."""
    rows = [entry for entry in audit.entries(state_dir) if _fits(entry, asked)]
    return AuditEntries.model_validate(rows[::-1][: asked.limit])


def _fits(entry: dict[str, Any], asked: ListAudit) -> bool:
    return (
        (asked.who is None or asked.who in str(entry.get("who")))
        and (asked.what is None or asked.what in str(entry.get("what")))
        and (asked.text is None or asked.text in json.dumps(entry, ensure_ascii=False))
        and (asked.since is None or datetime.fromisoformat(str(entry.get("time"))) >= asked.since)
    )


def verify_audit(state_dir: Path, asked: VerifyAudit) -> AuditVerified:
    """Whether no entry was changed, removed or put in between, as far as this machine knows."""
    database = state_dir / STATE
    problems: list[str] = []
    anchors: list[audit.Head] = []
    try:
        anchors = read_anchors(database)
    except StoreError as error:
        problems.append(message_of(error))
    count, found = audit.verify(state_dir, anchors, asked.anchor)
    begun = any((state_dir / name).exists() for name in (STATE, HISTORY, REVISIONS))
    problems += [*audit.missing(state_dir, begun=begun), *found]
    last = audit.head(state_dir)
    return AuditVerified(
        entries=count,
        problems=tuple(problems),
        head=str(last) if last.number else None,
        anchors=len(anchors),
    )


def unsent_commands(site: Site, asked: AskShadow, now: datetime) -> UnsentCommands:
    """What would have been written on links in shadow mode."""
    with Queries(site.state_dir, read_only=True) as history:
        rows = shadow_report(site, history, asked.start, asked.end or now, asked.link)
    return UnsentCommands.model_validate(to_json(site, rows))


def past_sheds(site: Site, asked: AskSheds, now: datetime) -> Sheds:
    """What demand limits have shed, for how long, and what that avoided."""
    with Queries(site.state_dir, read_only=True) as history:
        rows = shed_rows(site, history, asked.start, asked.end or now)
    return Sheds.model_validate(rows)


def why_of_the_past(site: Site, asked: AskWhy, now: datetime) -> Why:
    """The ladder of a point at a past moment. Raises InvalidInput if none is named."""
    if asked.at is None:
        raise InvalidInput(msg("'{name}' is missing", name="at"))
    time = past(asked.at, now, zone_of(site, asked.point))
    units = known_units(site, STRATEGIES)
    with Queries(site.state_dir, read_only=True) as history:
        ladder = why_then(site, STRATEGIES, history, asked.point, time, now, units=units)
    return Why.model_validate(ladder)
