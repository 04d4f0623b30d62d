"""What ran outside its plan: a forgotten override, a hand on the spot; not the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.config.site import Group, Site
from bms.control import STRATEGIES
from bms.core.decisions import Award, Command, Priority
from bms.historian.log.embedded import History
from bms.historian.log.log_queries import Queries
from bms.historian.records import AwardRow, Batch
from bms.ledger.up_to_date import open_ledger
from bms.reports.month.gathering import gather
from bms.reports.month.group_runs import GroupRun, group_runs
from schedules.files.folder import load
from tests.reports.month.month_sites import fill, site_with

ZONE = ZoneInfo("Asia/Shanghai")
SCHEDULE = """\
schedule: cold
governs: [plant.cold]
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "07:00", to: "19:00", mode: "on"}
"""


def local(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZONE)


def runs_on(at: datetime) -> int:
    """kWh/100 of a quarter hour: what the plant drew."""
    if at.weekday() < 5 and 7 <= at.hour < 19:
        return 2500
    if at.date() == date(2026, 3, 7) and 8 <= at.hour < 16:
        return 1500  # an override that nobody took back
    if at.date() == date(2026, 3, 10) and 21 <= at.hour < 23:
        return 2000  # by hand on the spot
    if at.weekday() < 5 and at.hour == 19 and at.minute < 30:
        return 1200  # runs down
    return 40  # stands by


def with_group(site: Site) -> Site:
    library, problems = load({"schedules/cold.yaml": SCHEDULE})
    assert library is not None, problems
    meter = site.equipment["plant.meter-cold"]
    group = Group(
        "plant.cold",
        "plant",
        "on_off",
        (meter,),
        STRATEGIES["on_off"].parameters(),
        {},
        meter=meter,
        title={"zh": "冷站", "en": "Cold"},
    )
    return replace(site, groups={group.id: group}, library=library)


def command(priority: Priority, mode: str, reason: str) -> Command:
    return Command(
        point="plant.cold.mode", value=mode, priority=priority, source="x", reason=reason
    )


def found(tmp_path: Path, awards: Sequence[AwardRow]) -> GroupRun:
    site = with_group(site_with(tmp_path))
    days = [(date(2026, 3, 1), date(2026, 4, 1))]
    fill(site, {"plant.meter-cold": runs_on, "plant.meter-main": lambda _: 9000}, days, ZONE.key)
    with History(site.state_dir) as history:
        history.append(Batch(awards=list(awards)))
    now = datetime(2026, 4, 3, tzinfo=UTC)
    with (
        open_ledger(site, site.state_dir, now) as ledger,
        Queries(site.state_dir, read_only=True) as history,
    ):
        data = gather(site, site.bases["plant"], ledger, date(2026, 3, 1), now)
        (run,) = group_runs(site, data, history, 3)
        return run


@pytest.mark.case(
    "T4",
    when="A group runs outside its schedule: by an override that nobody took back, or by hand.",
    then="The month's sheet boxes it in red with hours and kWh, and says whose override it was. "
    "An override is never the plan.",
)
def test_what_ran_outside_the_plan_is_boxed_with_hours_energy_and_cause(tmp_path: Path) -> None:
    plan = command(Priority.SCHEDULE, "off", "weekly")
    wang = command(Priority.OPERATOR, "on", "wang: cooling for a test")
    run = found(
        tmp_path,
        [
            AwardRow("plant.cold.mode", local(7, 8).astimezone(UTC), Award(wang, (plan,))),
            AwardRow("plant.cold.mode", local(7, 16).astimezone(UTC), Award(plan)),
            AwardRow("plant.cold.mode", local(9, 7).astimezone(UTC), None),
        ],
    )
    override, by_hand = run.runs
    assert (override.start, override.end) == (local(7, 8), local(7, 16))
    assert [override.hours, override.kwh] == [8, 8 * 4 * 15]
    assert override.why == "wang: cooling for a test"
    assert [by_hand.hours, by_hand.kwh] == [2, 2 * 4 * 20]
    assert "by hand on the spot" in by_hand.why
    boxes = [(box.number, box.day, box.first, box.last) for box in run.carpet.boxes]
    assert boxes == [(1, 6, 16, 32), (2, 9, 42, 46)]
    # Monday to Friday, 07:00 to 19:00, lies on half hours.
    assert len(run.carpet.planned) == 22 * 24
    assert run.carpet.kwh[1, 14] == pytest.approx(50)


def test_what_a_strategy_asks_before_the_schedule_is_planned(tmp_path: Path) -> None:
    early = command(Priority.OPTIMISER, "on", "optimal start")
    plan = command(Priority.SCHEDULE, "off", "weekly")
    run = found(
        tmp_path,
        [
            AwardRow("plant.cold.mode", local(7, 8).astimezone(UTC), Award(early, (plan,))),
            AwardRow("plant.cold.mode", local(7, 16).astimezone(UTC), None),
        ],
    )
    assert [found.start for found in run.runs] == [local(10, 21)]
