"""How complete the reports of this month and the last one are."""

from __future__ import annotations

from bms.config.shapes.upload_keys import Kind
from bms.core.instants import from_ms
from bms.energy.quarters import QUARTER_MS, floor_quarter
from bms.forward.platforms.collecting import Plan
from bms.forward.platforms.periods import Period, holding
from bms.forward.platforms.postbox import Course, Postbox
from bms.forward.platforms.standing import Apart, Month, apart, expected


def months_of(plan: Plan, box: Postbox, course: Course, now_ms: int) -> list[Month]:
    """This month as far as it is due, and the one before, if reports had begun by then."""
    this = holding(Kind.MONTH, plan.sender.zone, now_ms)
    before = holding(Kind.MONTH, plan.sender.zone, this.start_ms - 1)
    return [
        _month(plan, box, course, month, now_ms)
        for month in (this, before)
        if month.end_ms > course.begun_ms
    ]


def _month(plan: Plan, box: Postbox, course: Course, month: Period, now_ms: int) -> Month:
    name = f"{from_ms(month.start_ms).astimezone(plan.sender.zone):%Y-%m}"
    if Kind.QUARTER not in plan.kinds:
        return Month(name, 0, 0, 0, _apart(plan, box, course, month))
    due_ms = floor_quarter(now_ms - plan.settings.delay_ms(Kind.QUARTER))
    first_ms, last_ms = max(month.start_ms, course.begun_ms), min(month.end_ms, due_ms)
    quarters = max(0, last_ms - first_ms) // QUARTER_MS
    made, readings, valued = box.quarters(plan.name, first_ms, last_ms)
    total = expected(made, readings, quarters, len(plan.specs))
    return Month(name, total, valued, quarters, _apart(plan, box, course, month))


def _apart(plan: Plan, box: Postbox, course: Course, month: Period) -> Apart | None:
    if month.start_ms < course.begun_ms or not {Kind.DAY, Kind.MONTH} <= set(plan.kinds):
        return None
    span = month.start_ms, month.end_ms
    of_month = box.acknowledged(plan.name, Kind.MONTH, month.start_ms, month.start_ms + 1)
    if not of_month:
        return None
    return apart(box.acknowledged(plan.name, Kind.DAY, *span), of_month[0])
