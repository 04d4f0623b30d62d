"""Makes the messages that are due, and corrections of those whose figures have changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bms.config.shapes.upload_keys import Kind, PlatformFile
from bms.config.site import MeterSpec
from bms.core.instants import local_midnight, to_ms
from bms.energy.quarters import floor_quarter
from bms.forward.platforms.ledger_figures import Figures
from bms.forward.platforms.periods import Period, ended, holding
from bms.forward.platforms.postbox import KEPT_MS, Course, Postbox
from bms.forward.platforms.wording import Draft, Sender, draft, in_kinds, sent_figures
from bms.ledger.database.daily import DailyQueries
from bms.ledger.posting import LATE_MS

PORTION: Final = 96
"""So many messages in one transaction."""
ROWS: Final = 5000
"""So many rows of the ledger are looked at for corrections at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one platform is to have."""

    settings: PlatformFile
    sender: Sender
    specs: Mapping[str, MeterSpec]
    """The meters that are reported, by name, in the order of the file."""

    @property
    def name(self) -> str:
        return self.sender.platform

    @property
    def kinds(self) -> list[Kind]:
        return in_kinds(self.settings.paths)


def collect(plan: Plan, box: Postbox, ledger: DailyQueries, now: datetime, known_ms: int) -> bool:
    """Make some messages; whether there are more to make. Raises StoreError.

    `known_ms` is up to when the ledger has what it can have.
    """
    course = box.course(plan.name)
    if course is None:
        course = _begun(plan, ledger, now)
        box.keep(plan.name, course, (), now)
    due = _due(plan, course, to_ms(now), known_ms)
    if due:
        figures = _figures(plan, ledger)
        drafts = [_first(plan, figures, period, now) for period in due]
        upto = dict(course.upto) | {period.kind: period.end_ms for period in due}
        box.keep(plan.name, replace(course, upto=upto), drafts, now)
        return True
    return _correct(plan, box, ledger, course, now)


def _begun(plan: Plan, ledger: DailyQueries, now: datetime) -> Course:
    begun_ms = floor_quarter(to_ms(now))
    if plan.settings.since is not None:
        since_ms = to_ms(local_midnight(plan.settings.since, plan.sender.zone))
        begun_ms = min(begun_ms, max(since_ms, floor_quarter(to_ms(now) - KEPT_MS)))
    return Course(begun_ms, ledger.uid(), ledger.last_energy(), {})


def _due(plan: Plan, course: Course, now_ms: int, known_ms: int) -> list[Period]:
    """The periods whose message is due next, in the order in which they fell due."""
    found: list[tuple[int, int, Period]] = []
    for order, kind in enumerate(plan.kinds):
        delay_ms = plan.settings.delay_ms(kind)
        until_ms = min(now_ms - delay_ms, known_ms - LATE_MS)
        after_ms = course.upto.get(kind, course.begun_ms)
        # A gateway that stood still for longer than six months leaves out what nobody keeps.
        after_ms = max(after_ms, now_ms - KEPT_MS)
        for period in ended(kind, plan.sender.zone, after_ms, until_ms):
            found.append((period.end_ms + delay_ms, order, period))
            if len(found) >= PORTION * (order + 1):
                break
    return [period for _, _, period in sorted(found)[:PORTION]]


def _figures(plan: Plan, ledger: DailyQueries) -> Figures:
    return Figures(ledger, plan.specs, plan.settings.least_coverage_pct)


def _first(plan: Plan, figures: Figures, period: Period, now: datetime) -> Draft:
    return draft(plan.sender, period, sent_figures(plan.sender, figures.of(period)), now)


def _correct(plan: Plan, box: Postbox, ledger: DailyQueries, course: Course, now: datetime) -> bool:
    """Look at rows that the ledger has published since, for periods that have their message."""
    uid, last = ledger.uid(), ledger.last_energy()
    after = course.seq if course.ledger == uid else 0  # a ledger that was made again counts again
    after = min(after, last)
    if after == last and course.ledger == uid:
        return False
    rows = ledger.energy(after, ROWS)
    ids = {spec.id for spec in plan.specs.values()}
    oldest_ms = max(course.begun_ms, to_ms(now) - KEPT_MS)
    quarters = {row.start_ms for row in rows if row.meter in ids and row.start_ms >= oldest_ms}
    changed = _holding(plan, course, quarters)
    figures = _figures(plan, ledger)
    drafts = []
    for period in changed:
        before = box.last_sent(plan.name, period)
        sent = sent_figures(plan.sender, figures.of(period))
        if before is not None and before[1] != sent:
            drafts.append(draft(plan.sender, period, sent, now, before[0] + 1))
    seq = rows[-1].seq if rows else last
    box.keep(plan.name, replace(course, ledger=uid, seq=seq), drafts, now)
    return seq < last


def _holding(plan: Plan, course: Course, quarters: set[int]) -> list[Period]:
    """The periods that have a message and hold one of these quarter hours, oldest first."""
    found = set[Period]()
    for kind in plan.kinds:
        upto_ms, held = course.upto.get(kind, 0), None
        for ms in sorted(quarters):
            if held is None or not held.start_ms <= ms < held.end_ms:
                held = holding(kind, plan.sender.zone, ms)
            if held.end_ms <= upto_ms:
                found.add(held)
    return sorted(found, key=lambda period: (period.end_ms, period.start_ms))
