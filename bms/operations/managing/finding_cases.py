"""Findings: what wastes energy, found by people and by the product, until it is dealt with."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from bms.config.site import Site
from bms.core.errors import InvalidInput, Refused
from bms.energy.management.managed_items import Closure, Finding, Worth
from bms.energy.management.round_rules import overdue
from bms.energy.management.seen_findings import Seen
from bms.operations.managing.managed_places import check_place, today_at, zone
from bms.operations.managing.management_store import (
    Author,
    ManagementStore,
    kept,
    open_to_change,
    reading,
)
from bms.operations.managing.managing_requests import (
    AddFinding,
    AssignFinding,
    CloseFinding,
    FindingKept,
    FindingRow,
    FindingsListed,
    FindingsSeen,
    ListFindings,
    LookForFindings,
)
from bms.operations.managing.record_look import look
from bms.operations.managing.round_cases import past_day
from bms.people.roles import Action, may
from bms.texts.messages import msg

PRODUCT: Final = "bms"
"""Who finds what the record shows."""
_LONGEST_DAYS: Final = 92
_ORDER: Final = ("overdue", "open", "closed")


def add_finding(
    site: Site, asked: AddFinding, user: str, now: datetime, via: str = "cli"
) -> FindingKept:
    """A person has found something."""
    check_place(site, asked.place)
    may(site, user, Action.FIND, asked.place)
    worth = None
    if asked.worth_kwh is not None:
        basis = asked.basis or msg("estimated by {person}", person=user)
        worth = Worth(kwh=asked.worth_kwh, per=asked.worth_per, basis=basis)
    finding = Finding(
        title=asked.title,
        kind=asked.kind,
        place=asked.place,
        by=user,
        at=now.astimezone(zone(site, asked.place)).replace(microsecond=0),
        owner=asked.owner,
        due=asked.due,
        worth=worth,
        unknown="" if worth else msg("nobody has estimated it"),
    )
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            finding = store.put(finding, Author(user, now, via), "add")
        return FindingKept(finding=finding)


def assign_finding(
    site: Site, asked: AssignFinding, user: str, now: datetime, via: str = "cli"
) -> FindingKept:
    """Somebody puts it right, by a day."""
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            finding = _open(store, asked.finding)
            may(site, user, Action.FIND, finding.place)
            due = asked.due or finding.due
            given = finding.model_copy(update={"owner": asked.owner, "due": due})
            finding = store.put(given, Author(user, now, via), "assign")
        return FindingKept(finding=finding)


def close_finding(
    site: Site, asked: CloseFinding, user: str, now: datetime, via: str = "cli"
) -> FindingKept:
    """It was dealt with. Raises Refused if it was already."""
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            finding = _open(store, asked.finding)
            may(site, user, Action.FIND, finding.place)
            day = past_day(site, finding.place, asked.on, now)
            closed = Closure(on=day, by=user, note=asked.note, achieved_kwh=asked.achieved_kwh)
            done = finding.model_copy(update={"closed": closed})
            finding = store.put(done, Author(user, now, via), "close", asked.note)
        return FindingKept(finding=finding)


def look_for_findings(
    site: Site, asked: LookForFindings, user: str, now: datetime, via: str = "cli"
) -> FindingsSeen:
    """Open what the record of a period shows, each thing once: what is open already stays as it
    is, and what was closed comes again only if it was seen after that day."""
    may(site, user, Action.FIND)
    start, end = asked.start, min(asked.end or now, now)
    if end <= start:
        raise InvalidInput(msg("--to: the end lies before the start"))
    if (end - start).days > _LONGEST_DAYS:
        raise InvalidInput(msg("look through at most {days} days at a time", days=_LONGEST_DAYS))
    seen, remarks = look(site, start, end, now)
    opened, known = [], []
    with open_to_change(site.state_dir, now) as store, store.changing():
        by_key: dict[str, Finding] = {one.key: one for one in store.all(Finding) if one.key}
        for one in seen:
            before = by_key.get(one.key)
            if before is not None and before.closed is None:
                known.append(before.number)
            elif before is None or _came_again(site, one, before):
                finding = _finding(site, one, now)
                opened.append(store.put(finding, Author(user, now, via), "look"))
    return FindingsSeen(opened=tuple(opened), known=tuple(known), remarks=tuple(remarks))


def list_findings(site: Site, asked: ListFindings, now: datetime) -> FindingsListed:
    """Findings, the overdue ones first."""
    with reading(site.state_dir) as store:
        findings = kept(store, Finding)
    rows = [FindingRow(finding=one, state=state_of(site, one, now)) for one in findings]
    wanted = {None: _ORDER, "open": ("open", "overdue")}.get(asked.state, (asked.state,))
    chosen = [row for row in rows if row.state in wanted]
    return FindingsListed(tuple(sorted(chosen, key=lambda row: _ORDER.index(row.state))))


def state_of(site: Site, finding: Finding, now: datetime) -> Literal["open", "overdue", "closed"]:
    """How it stands today, where it is."""
    if finding.closed is not None:
        return "closed"
    return "overdue" if overdue(finding, today_at(site, finding.place, now)) else "open"


def _open(store: ManagementStore, number: int) -> Finding:
    finding = store.one(Finding, number)
    if finding.closed is not None:
        raise Refused(msg("finding {number} is closed: record another one", number=finding.number))
    return finding


def _came_again(site: Site, seen: Seen, before: Finding) -> bool:
    last = seen.last.astimezone(zone(site, seen.place)).date()
    return before.closed is not None and last > before.closed.on


def _finding(site: Site, seen: Seen, now: datetime) -> Finding:
    return Finding(
        title=seen.title,
        kind=seen.kind,
        place=seen.place,
        key=seen.key,
        by=PRODUCT,
        at=now.astimezone(zone(site, seen.place)).replace(microsecond=0),
        worth=seen.worth,
        unknown=seen.unknown,
    )
