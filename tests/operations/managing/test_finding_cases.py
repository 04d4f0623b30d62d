"""Findings of people, and what the product finds in the record by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.control.engine.arbiter import AwardChange
from bms.core.decisions import Award, Command, Override, Priority, Severity
from bms.core.errors import InvalidInput, Refused, StoreError
from bms.core.readings import Reading
from bms.energy.management.managed_items import FindingKind
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder
from bms.historian.records import AlarmRow, Batch, Meter
from bms.operations.managing.finding_cases import (
    add_finding,
    assign_finding,
    close_finding,
    list_findings,
    look_for_findings,
)
from bms.operations.managing.managing_requests import (
    AddFinding,
    AssignFinding,
    CloseFinding,
    FindingsSeen,
    ListFindings,
    LookForFindings,
)
from bms.storage.state import Store
from drivers.points import PointId, Quality, Sample, Value
from tests.operations.managing.managed_site import NOW, local, managed_site

DAY = local(2026, 6, 29)  # a Monday


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return managed_site(tmp_path)


def hours(count: float) -> datetime:
    return DAY + timedelta(hours=count)


def wanted(point: PointId, value: Value, priority: Priority = Priority.SCHEDULE) -> AwardChange:
    command = Command(point=point, value=value, priority=priority, source="x", reason="y")
    return AwardChange(point, Award(command))


def record(site: Site, at: dict[float, tuple[dict[PointId, Value], list[AwardChange]]]) -> None:
    recorder = Recorder(site, trend_s=60, commit_s=1)
    with History(site.state_dir) as history:
        for hour, (values, changes) in sorted(at.items()):
            samples = {
                point: Sample(point, value, Quality.GOOD, hours(hour))
                for point, value in values.items()
            }
            recorder.offer(hours(hour), samples, changes)
            batch = recorder.flush()
            assert batch is not None
            history.append(batch)


def one_day(site: Site) -> None:
    """The plan is on from 8 to 18; fan 1 runs until 22, and the other stops in time."""
    fan, other = "b.fan.status", "b.other.status"
    mode = "b.air.mode"
    record(
        site,
        {
            0: ({fan: 0, other: 0}, [wanted(mode, "off")]),
            8: ({fan: 1, other: 1}, [wanted(mode, "on")]),
            18: ({fan: 1, other: 1}, [wanted(mode, "off")]),
            18.1: ({fan: 1, other: 0}, []),
            22: ({fan: 0, other: 0}, []),
            # A machine that frost protection runs is none of the plan's.
            23: ({fan: 0, other: 1}, [wanted("b.other.enable", True, Priority.EQUIPMENT)]),
            24: ({fan: 0, other: 0}, [wanted("b.other.enable", False)]),
        },
    )


def look(site: Site, first: float = 0, last: float = 24, user: str = "wang") -> FindingsSeen:
    asked = LookForFindings(start=hours(first), end=hours(last))
    return look_for_findings(site, asked, user, NOW)


@pytest.mark.case(
    "T82",
    when="a machine went on running for four hours after its plan had its group off",
    then="'bms finding look' opens one finding with the hours and the kWh, as an estimate where "
    "only the rated power is known. A second look finds it known and opens no other.",
)
def test_running_outside_the_plan_is_found_once(site: Site) -> None:
    one_day(site)
    (found,) = look(site).opened
    assert (found.kind, found.place, found.by) == (FindingKind.OUTSIDE_PLAN, "b.air", "bms")
    assert found.title == "b.air ran for 4.0 h while its plan had it off: b.fan"
    assert found.worth is not None
    assert (found.worth.kwh, found.worth.per, found.worth.estimated) == (16.0, "once", True)
    assert "by rated power" in found.worth.basis
    again = look(site)
    assert (again.opened, again.known) == ((), (1,))
    assert len(list_findings(site, ListFindings(), NOW).root) == 1


def test_what_was_closed_comes_again_only_if_it_is_seen_later(site: Site) -> None:
    one_day(site)
    look(site)
    close_finding(
        site, CloseFinding(finding=1, note="timer mended", on=date(2026, 6, 30)),
        "wang", NOW,
    )  # fmt: skip
    assert look(site).opened == ()
    record(
        site,
        {40: ({"b.fan.status": 1}, [wanted("b.air.mode", "off")]), 42: ({"b.fan.status": 0}, [])},
    )
    assert look(site, 24, 48).opened == ()  # on the day on which it was closed
    record(site, {50: ({"b.fan.status": 1}, []), 52: ({"b.fan.status": 0}, [])})
    (found,) = look(site, 24, 53).opened
    assert found.number == 2


def test_the_groups_meter_tells_the_kwh_where_there_is_one(tmp_path: Path) -> None:
    group = "base: b\ngroups: {air: {strategy: on_off, members: [fan, other], meter: main}}\n"
    metered = managed_site(tmp_path / "metered", {"groups/b.yaml": group})
    one_day(metered)
    # 2 kWh in each quarter hour while a fan runs, nothing else.
    counts, readings = 0, []
    for quarter in range(24 * 4 + 1):
        readings.append(Reading("b.main.energy", hours(quarter / 4), counts))
        counts += 2 if 8 <= quarter / 4 < 22 or quarter / 4 >= 23 else 0
    with History(metered.state_dir) as history:
        meters = [Meter("b.main.energy", "b", Decimal(1))]
        history.append(Batch(readings=readings, meters=meters))
    (found,) = look(metered).opened
    assert found.worth is not None
    assert found.worth.kwh == pytest.approx(32.0)
    assert not found.worth.estimated
    assert "by b.main.energy" in found.worth.basis


def alarmed(site: Site, rows: Iterable[tuple[float, str, str]]) -> None:
    events = [
        AlarmRow(key, Severity.NORMAL, f"text of {key}", kind, hours(hour))
        for hour, key, kind in rows
    ]
    with History(site.state_dir) as history:
        history.append(Batch(alarms=events))


def test_hand_mode_and_leaks_are_found_by_their_alarms(site: Site) -> None:
    one_day(site)
    alarmed(
        site,
        [
            (-30, "b.other:local", "raised"), (3, "b.other:local", "cleared"),
            (5, "b.air:leaks", "raised"), (6, "b.fan:proof", "raised"),
            (-9, "b.fan:local", "raised"), (-8, "b.fan:local", "cleared"),
            (20, "b.fan:running", "raised"), (7, "b.gone:local", "raised"),
        ],
    )  # fmt: skip
    found = {one.key: one for one in look(site).opened}
    assert set(found) == {"b.air:outside", "b.other:local", "b.air:leaks", "b.gone:local"}
    assert found["b.other:local"].kind is FindingKind.HAND
    assert found["b.other:local"].worth is None
    assert found["b.other:local"].unknown
    assert found["b.other:local"].title == "3.0 h: text of b.other:local"
    assert found["b.air:leaks"].kind is FindingKind.LEAK


def test_overrides_grown_old_are_found(site: Site) -> None:
    one_day(site)
    record(site, {60: ({"b.fan.status": 0}, [])})
    with Store(site.state_dir) as store:
        for point, begun, until in (("b.air.mode", -40, 60), ("b.fan.enable", 0, 20)):
            store.add(Override(0, point, "on", hours(begun), hours(until), "hot", "wang"))
    found = {one.key: one for one in look(site, 0, 58).opened}
    assert set(found) == {"b.air:outside", "override:1"}
    old = found["override:1"]
    assert (old.kind, old.place) == (FindingKind.OLD_OVERRIDE, "b.air")
    assert "98 h" in old.title
    assert old.worth is not None or old.unknown


def test_looking_needs_a_history_and_a_period(site: Site) -> None:
    with pytest.raises(StoreError):
        look(site)
    with pytest.raises(InvalidInput, match="before the start"):
        look(site, 24, 0)
    with pytest.raises(InvalidInput, match="at most 92 days"):
        look(site, -24 * 100, 0)
    with pytest.raises(Refused, match="may not record rounds and findings"):
        look(site, user="guest")


def test_people_record_assign_and_close_what_they_found(site: Site) -> None:
    asked = AddFinding(
        title="lights burn in the empty hall", place="b", worth_kwh=1200, due=date(2026, 6, 30)
    )
    add_finding(site, asked, "wang", NOW)
    add_finding(site, AddFinding(title="a valve hisses", place="b.hall-3"), "wang", NOW)
    assign_finding(site, AssignFinding(finding=2, owner="zhao", due=date(2026, 7, 9)), "li", NOW)
    with pytest.raises(Refused, match="may not record"):
        add_finding(site, asked, "guest", NOW)
    with pytest.raises(Refused, match="only in b.air"):
        close_finding(site, CloseFinding(finding=1, note="x"), "zhao", NOW)
    rows = list_findings(site, ListFindings(), NOW).root
    assert [(row.finding.number, row.state) for row in rows] == [(1, "overdue"), (2, "open")]
    assert rows[0].finding.worth is not None
    assert rows[0].finding.worth.basis == "estimated by wang"
    assert (rows[1].finding.owner, rows[1].finding.unknown) == ("zhao", "nobody has estimated it")
    close_finding(site, CloseFinding(finding=1, note="sensor set", achieved_kwh=900), "wang", NOW)
    with pytest.raises(Refused, match="finding 1 is closed"):
        close_finding(site, CloseFinding(finding=1, note="again"), "wang", NOW)
    (closed,) = list_findings(site, ListFindings(state="closed"), NOW).root
    assert closed.finding.closed is not None
    assert (closed.finding.closed.on, closed.finding.closed.achieved_kwh) == (
        date(2026, 7, 1), 900,
    )  # fmt: skip
    assert len(list_findings(site, ListFindings(state="open"), NOW).root) == 1
