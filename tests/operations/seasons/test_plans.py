"""What people may have switched, and what they are told: plans, without any process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput, Refused
from bms.core.switched import NOTHING_SWITCHED, Spell, Switched
from bms.operations.requests.season_requests import RenewOverlay, SetOverlay, SwitchSeason
from bms.operations.requests.unit_requests import CancelUnit, ExtendUnit, ResumeUnit
from bms.operations.seasons.live_switched import LiveSwitched, known_context
from bms.operations.seasons.season_plans import plan_clearing, plan_level, plan_renewal, plan_season
from bms.operations.seasons.unit_plans import UnitPlan, plan_cancel, plan_extension, plan_resume
from bms.reports.diff import switch_diff
from schedules.model.context import NOTHING, Extension, OverlayLevel
from tests.operations.seasons.site import SITE, time_units, write

NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a Wednesday
KEY = ("two-pipe", "b")


def at(clock: str, day: int = 1) -> datetime:
    """A time of day in Shanghai, in July 2026."""
    hours, minutes = map(int, clock.split(":"))
    midnight = datetime(2026, 7, day, tzinfo=UTC) - timedelta(hours=8)
    return midnight + timedelta(hours=hours, minutes=minutes)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    units = time_units("mei")
    return load(write(tmp_path, **{"schedules/time-units.yaml": units}), STRATEGIES)


def live(site: Site, switched: Switched = NOTHING_SWITCHED) -> LiveSwitched:
    return LiveSwitched(site, switched, {})


def summer(since: datetime = NOW - timedelta(days=60), cause: str = "hand") -> Switched:
    return Switched((Spell(*KEY, since, "summer", cause, "wang", "because"),))  # type: ignore[arg-type]


def switch(to: str, reason: str, *, key: tuple[str, str] = KEY, **how: Any) -> SwitchSeason:
    return SwitchSeason(season_set=key[0], base=key[1], to=to, reason=reason, **how)


def level_of(overlay: str, level: str, reason: str, **how: Any) -> SetOverlay:
    return SetOverlay(overlay=overlay, level=level, reason=reason, **how)


RESUME = ResumeUnit(unit="dressing-room", reason="back")


# --- seasons ---------------------------------------------------------------------------------


def test_summer_to_winter_leads_through_transitional_for_the_dwell(site: Site) -> None:
    plan = plan_season(site, live(site, summer()), "root", switch("winter", "cold"), NOW)
    assert [(s.season, s.start) for s in plan.spells] == [
        ("transitional", NOW), ("winter", NOW + timedelta(days=14)),
    ]  # fmt: skip
    assert plan.spells[0].reason == "on the way to winter, switched by root: cold"
    assert [line["en"] for line in plan.checklist] == [
        "The chillers are off", "The loop is between 20 and 30 degC",
    ]  # fmt: skip


def test_who_insists_still_changes_over_for_four_hours(site: Site) -> None:
    plan = plan_season(
        site, live(site, summer(NOW)), "root", switch("winter", "cold", force=True), NOW
    )
    assert plan.spells[1].start == NOW + timedelta(hours=4)


def test_a_season_switched_lately_stays_unless_somebody_insists(site: Site) -> None:
    made = live(site, summer(NOW - timedelta(days=3)))
    with pytest.raises(Refused, match=r"at least 14 days, until 2026-07-12 10:00.*--force"):
        plan_season(site, made, "root", switch("transitional", "cold"), NOW)
    ready = NOW + timedelta(days=11)
    planned = plan_season(
        site, made, "root", switch("transitional", "cold", at=ready.isoformat()), NOW
    )
    assert planned.spells[0].start == ready
    began = live(site, summer(NOW - timedelta(days=3), "start"))
    assert plan_season(site, began, "root", switch("transitional", "cold"), NOW).spells


@pytest.mark.parametrize(
    ("set_id", "base", "to", "reason", "error", "said"),
    [
        ("two-pip", "b", "winter", "x", InvalidInput, "did you mean 'two-pipe'"),
        ("two-pipe", "c", "winter", "x", InvalidInput, "no base 'c'"),
        ("two-pipe", "b", "wintr", "x", InvalidInput, "did you mean 'winter'"),
        ("two-pipe", "b", "summer", "x", Refused, "is in summer already"),
        ("two-pipe", "b", "winter", " \n", InvalidInput, "needs a reason"),
    ],
)
def test_a_season_that_cannot_be_switched(
    site: Site, set_id: str, base: str, to: str, reason: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_season(site, live(site, summer()), "root", switch(to, reason, key=(set_id, base)), NOW)


def test_only_engineers_switch_seasons(site: Site) -> None:
    with pytest.raises(Refused, match="guest"):
        plan_season(site, live(site, summer()), "guest", switch("winter", "x"), NOW)
    with pytest.raises(Refused, match="engineers may"):
        plan_season(site, live(site, summer()), "some-operator", switch("winter", "x"), NOW)


def test_dates_are_not_switched_but_edited(tmp_path: Path) -> None:
    dates = (
        "seasons:\n  cn: {summer: [05-15..09-30], winter: [11-15..03-15], transitional: rest}\n"
        "bases: {b: cn}\n"
    )
    changes = {"schedules/seasons.yaml": dates}
    site = load(write(tmp_path, **changes), STRATEGIES)
    with pytest.raises(Refused, match=r"edit schedules/seasons.yaml:2"):
        plan_season(site, live(site), "root", switch("winter", "cold", key=("cn", "b")), NOW)


def test_what_a_switch_would_change_is_told_before(site: Site) -> None:
    made = live(site, summer())
    plan = plan_season(
        site, made, "root", switch("transitional", "mild", at=at("00:00", 2).isoformat()), NOW
    )
    after = replace(made.switched, spells=(*made.switched.spells, *plan.spells))
    contexts = made.context, known_context(site.library, after)
    (diff,) = switch_diff(site, (), contexts, NOW, NOW + timedelta(days=2))
    assert diff.group == "b.air"
    assert (diff.changes[0].point, diff.changes[0].start) == ("b.air.mode", at("07:00", 2))
    # From 10:00 for two days: 9 h and 12 h and 3 h as it is; 9 h and 7 h and 1 h as it would be.
    assert (diff.hours_before, diff.hours_after) == (
        {"on": 24.0, "off": 24.0},
        {"on": 17.0, "off": 31.0},
    )
    speeds = [c for c in diff.changes if c.point == "b.air.speed_pct"]
    assert {(c.before.value, c.after.value) for c in speeds if c.before and c.after} == {(90, 70)}
    assert diff.kwh is None  # no meter, and no rated_kw


def test_a_switch_is_told_in_kwh_and_only_for_the_groups_that_it_bears_on(tmp_path: Path) -> None:
    machines = SITE["equipment/b.yaml"].replace("kind: fan\n", "kind: fan\n    rated_kw: 2\n")
    machines = machines.replace("{kind: fan,", "{kind: fan, rated_kw: 3,")
    changes = {
        "equipment/b.yaml": machines,
        "groups/b.yaml": "base: b\ngroups:\n  air: {strategy: on_off, members: [holds]}\n"
        "  store: {strategy: on_off, members: [lets-go]}\n",
        "schedules/store.yaml": "schedule: store\ngoverns: [b.store]\notherwise: {mode: 'off'}\n"
        "week: {any: {daily: [{from: '08:00', to: '18:00', mode: 'on'}]}}\n",
    }
    site = load(write(tmp_path, **changes), STRATEGIES)
    level = OverlayLevel("epidemic", "full", NOW, NOW + timedelta(days=1), "li", "case")
    contexts = NOTHING, known_context(site.library, Switched(levels=(level,)))
    (diff,) = switch_diff(site, (), contexts, NOW, NOW + timedelta(days=1))
    assert (diff.group, diff.hours_by, diff.kwh) == ("b.air", {"off": -1.0, "on": 1.0}, 3.0)
    assert diff.power is not None
    assert diff.power.basis == "rated"


# --- overlays --------------------------------------------------------------------------------


def test_a_level_lasts_until_its_renewal_date_at_the_latest(site: Site) -> None:
    level = plan_level(site, "root", level_of("epidemic", "full", "case"), NOW)
    assert level.until == NOW + timedelta(days=14)
    short = plan_level(
        site, "root", level_of("epidemic", "full", "case", until="tomorrow 07:00"), NOW
    )
    assert short.until == at("07:00", 2)
    with pytest.raises(Refused, match="renewed every 14 days"):
        plan_level(site, "root", level_of("epidemic", "full", "case", duration="15d"), NOW)
    with pytest.raises(InvalidInput, match="did you mean 'full'"):
        plan_level(site, "root", level_of("epidemic", "ful", "case"), NOW)
    with pytest.raises(InvalidInput, match="overlay clear"):
        plan_level(site, "root", level_of("epidemic", "off", "over"), NOW)
    with pytest.raises(InvalidInput, match="did you mean 'epidemic'"):
        plan_level(site, "root", level_of("epidemics", "full", "case"), NOW)
    with pytest.raises(Refused, match="guest"):
        plan_level(site, "guest", level_of("epidemic", "full", "case"), NOW)


def test_a_level_is_renewed_from_now_and_keeps_its_beginning(site: Site) -> None:
    first = OverlayLevel("epidemic", "full", NOW, NOW + timedelta(days=14), "li", "case")
    made = live(site, Switched(levels=(first,)))
    later = NOW + timedelta(days=12)
    renewed = plan_renewal(
        site, made, "root", RenewOverlay(overlay="epidemic", reason="still"), later
    )
    assert (renewed.start, renewed.until) == (NOW, later + timedelta(days=14))
    over = NOW + timedelta(days=15)
    again = plan_renewal(site, made, "root", RenewOverlay(overlay="epidemic", reason="still"), over)
    assert (again.start, again.level) == (over, "full")
    assert plan_clearing(site, made, "root", "epidemic") == first
    with pytest.raises(Refused, match="epidemic is off"):
        plan_clearing(site, live(site), "root", "epidemic")


# --- time units ------------------------------------------------------------------------------


def extend(
    site: Site, made: LiveSwitched, now: datetime, *, user: str = "mei", until: str | None = None,
    duration: str | None = None, mode: str | None = None, target: str | None = None,
    setpoints: dict[str, float] | None = None, start: str | None = None,
) -> UnitPlan:  # fmt: skip
    asked = ExtendUnit(
        unit="dressing-room", target=target, start=start, until=until, duration=duration, mode=mode,
        setpoints=setpoints, reason="stock-taking",
    )  # fmt: skip
    return plan_extension(site, made, user, asked, now)


def test_named_people_extend_within_limits_and_with_the_setpoints_of_the_schedule(
    site: Site,
) -> None:
    (made,) = extend(site, live(site, summer()), at("18:30"), until="21:30").made
    assert (made.target, made.mode, made.end) == ("b.air", "on", at("21:30"))
    assert made.setpoints == {"speed_pct": 90.0}
    (other,) = extend(
        site, live(site), at("18:30"), duration="2h", setpoints={"speed_pct": 60}, target="air"
    ).made
    assert (other.end, other.setpoints) == (at("20:30"), {"speed_pct": 60})


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"user": "wang", "duration": "1h"}, "wang is not among the people"),
        ({"duration": "5h"}, "at most 240 min"),
        ({"until": "23:45"}, "may run until 23:30"),
        ({"duration": "1h", "mode": "off"}, "not in off"),
        ({"duration": "1h", "setpoints": {"speed_pct": 100}}, "is 30 to 80"),
        ({"duration": "1h", "setpoints": {"zone_setpoint_c": 18}}, "may not set"),
        ({"duration": "1h", "target": "b.other"}, "does not belong"),
    ],
)
def test_everything_else_is_refused(site: Site, ask: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        extend(site, live(site), at("20:00"), **ask)  # type: ignore[arg-type]


@pytest.mark.parametrize("ask", [{}, {"duration": "1h", "until": "21:00"}, {"duration": "soon"}])
def test_it_has_to_say_for_how_long(site: Site, ask: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        extend(site, live(site), at("20:00"), **ask)  # type: ignore[arg-type]


def test_the_last_word_counts_alone(site: Site) -> None:
    before = Extension(7, "dressing-room", "b.air", NOW, at("22:00"), "on", {}, "mei", "x")
    made = live(site, Switched(extensions=(before,)))
    assert extend(site, made, at("19:30"), until="21:00").ended == (7,)


@pytest.mark.case(
    "C10",
    when="A shift runs past midnight into a day without work, or is known days ahead",
    then="Its people may extend it until the unit's latest time, and book ahead.",
)
def test_a_shift_may_be_booked_ahead(site: Site) -> None:
    (made,) = extend(site, live(site), at("09:00"), start="18:30", duration="2h").made
    assert (made.start, made.end) == (at("18:30"), at("20:30"))
    before = Extension(7, "dressing-room", "b.air", NOW, at("10:00"), "on", {}, "mei", "x")
    now_running = live(site, Switched(extensions=(before,)))
    later = extend(site, now_running, at("09:00"), start="18:30", duration="2h")
    assert later.ended == ()
    booked = live(site, Switched(extensions=(before, replace(made, id=8))))
    assert extend(site, booked, at("09:30"), start="19:00", until="20:00").ended == (8,)
    with pytest.raises(Refused, match="within 62 days"):
        extend(site, live(site), at("09:00"), start="2027-12-01T18:30", duration="2h")


def cancel(site: Site, made: LiveSwitched, now: datetime, *, whole_day: bool = False) -> UnitPlan:
    asked = CancelUnit(unit="dressing-room", reason="nobody here", day=whole_day)
    return plan_cancel(site, made, "mei", asked, now)


def test_cancelling_is_off_until_the_block_would_have_ended(site: Site) -> None:
    (made,) = cancel(site, live(site, summer()), at("10:00")).made
    assert (made.mode, made.end) == ("off", at("19:00"))
    (day,) = cancel(site, live(site, summer()), at("05:00"), whole_day=True).made
    assert day.end == at("24:00")
    with pytest.raises(Refused, match="nothing runs"):
        cancel(site, live(site, summer()), at("20:00"))


def test_cancelling_an_extension_ends_it(site: Site) -> None:
    running = Extension(7, "dressing-room", "b.air", NOW, at("22:00"), "on", {}, "mei", "x")
    made = live(site, replace(summer(), extensions=(running,)))
    assert cancel(site, made, at("20:00")) == UnitPlan((), (7,))
    assert plan_resume(site, made, "mei", RESUME, at("20:00")).ended == (7,)
    with pytest.raises(Refused, match="as its schedule says"):
        plan_resume(site, made, "mei", RESUME, at("23:00"))


def test_a_unit_may_forbid_cancelling(tmp_path: Path) -> None:
    units = time_units("mei") + "    cancel: false\n"
    site = load(write(tmp_path, **{"schedules/time-units.yaml": units}), STRATEGIES)
    with pytest.raises(Refused, match="not switch it off"):
        cancel(site, live(site, summer()), at("10:00"))
