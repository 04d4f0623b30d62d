"""Work out the report of energy management: from what people entered, the ledger and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from zoneinfo import ZoneInfo

from bms.config.site import Site
from bms.energy.management.managed_items import Finding, Goal, Item, Measure, Round
from bms.operations.managing.goal_cases import standings
from bms.operations.managing.managed_places import today_at
from bms.operations.managing.management_store import kept, reading
from bms.operations.managing.measure_cases import counted_interventions
from bms.operations.managing.round_cases import turns_in
from bms.reports.documents.document import Document, Name, Receipt
from bms.reports.management.management_document import GoalLine, Managed, management_document
from bms.texts.messages import msg


def management_report(site: Site, year: int, now: datetime) -> Document:
    """The report of a year: its goals and rounds, what was open or closed in it, all measures."""
    with reading(site.state_dir) as store:
        goals = [goal for goal in kept(store, Goal) if goal.year == year]
        rounds = kept(store, Round)
        findings = [one for one in kept(store, Finding) if _in_year(one, year)]
        measures = kept(store, Measure)
    lines = [GoalLine(one.depth, one.goal, one.pace) for one in standings(site, goals, now)]
    receipt = Receipt(
        code=version("bms"),
        data=_hash([*goals, *rounds, *findings, *measures], lines),
        assumptions=(
            msg("a day counts once it is over at the place that it is about"),
            msg("what is not known in full has no pace, and is never zero"),
        ),
    )
    return management_document(
        Managed(
            Name.of(site.file.id, site.file.title),
            ZoneInfo(site.file.zone),
            year,
            today_at(site, "", now),
            lines,
            [(one, turns_in(site, one, year, now)) for one in rounds],
            findings,
            [(one, counted_interventions(site, one, now)) for one in measures],
            receipt,
        )
    )


def _in_year(finding: Finding, year: int) -> bool:
    """Found by the end of a year, and not closed before it began."""
    closed = finding.closed
    return finding.at.year <= year and (closed is None or closed.on.year >= year)


def _hash(items: Sequence[Item], lines: Sequence[GoalLine]) -> str:
    plain = [item.model_dump_json() for item in items]
    plain += [f"{one.pace.used.kwh!r} {one.pace.planned_kwh!r}" for one in lines]
    return sha256("\n".join(plain).encode()).hexdigest()
