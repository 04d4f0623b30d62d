"""Lamps at their bounds: daylight, nights, presence, closing and what lamps draw, look by look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bms.control.strategies.lighting.daylight import Daylight, DaylightRules, watch_daylight
from bms.control.strategies.lighting.lamp_watch import LampWatch, burns, dead, watch_lamps
from bms.control.strategies.lighting.night import (
    Darkness,
    Nights,
    SunSays,
    cell_dark,
    contradicting,
    vote,
)
from bms.control.strategies.lighting.presence import Presence, Seen, seen, watch_presence
from bms.control.strategies.lighting.sweep import Sweep, SweepRules, blinks, watch_sweep
from tests.control.lighting.lamps import HANGZHOU

# --- daylight --------------------------------------------------------------------------------

DESK = DaylightRules(target_lux=500.0)  # off above 750 for 10 minutes, on below 500 at once
NOW_S = 100_000.0


def sees(before: Daylight, lux: float | None, **more: Any) -> Daylight:
    return watch_daylight(before, lux, NOW_S, DESK, **more)


LIT = Daylight(lit=True, shown_lux=700.0, shown_s=NOW_S - 60.0)


@pytest.mark.parametrize(
    ("lux", "lamps_lux", "much"),
    [
        (750.1, 0.0, True), (750.0, 0.0, False), (751.0, 250.0, True), (751.0, 251.0, False),
        (751.0, 300.0, False),
    ],
)  # fmt: skip
def test_daylight_is_much_where_it_is_enough_without_the_lamps(
    *, lux: float, lamps_lux: float, much: bool
) -> None:
    state = sees(replace(LIT, lamps_lux=lamps_lux), lux)
    assert state.bright_since_s == (NOW_S if much else None)
    assert not state.bright
    assert state.rests is not much


@pytest.mark.parametrize(("ago_s", "bright"), [(599.0, False), (600.0, True)])
def test_it_is_bright_after_ten_minutes(*, ago_s: float, bright: bool) -> None:
    state = sees(replace(LIT, bright_since_s=NOW_S - ago_s), 900.0)
    assert state.bright is bright
    assert state.rests is bright


@pytest.mark.parametrize(("lux", "bright"), [(500.0, True), (499.9, False)])
def test_it_is_dark_again_below_the_target_at_once(*, lux: float, bright: bool) -> None:
    before = replace(LIT, lit=False, bright=True, bright_since_s=1.0, before_lux=900.0)
    state = sees(replace(before, switched_s=NOW_S - 10.0), lux, lit=False)
    assert state.bright is bright
    assert state.bright_since_s == (1.0 if bright else None)
    # They gave at least what is gone.
    assert state.lamps_lux == (0.0 if bright else pytest.approx(400.1))


def test_lamps_give_no_less_than_was_learned() -> None:
    before = replace(LIT, lit=False, bright=True, before_lux=900.0, lamps_lux=450.0,
                     switched_s=NOW_S - 10.0)  # fmt: skip
    assert sees(before, 499.0, lit=False).lamps_lux == 450.0
    assert sees(replace(before, before_lux=None), 499.0, lit=False).lamps_lux == 450.0


@pytest.mark.parametrize(
    ("since_s", "lamps_lux", "waits"),
    [(29.0, 77.0, True), (30.0, 300.0, False), (180.0, 300.0, False), (181.0, 77.0, False)],
)
def test_what_lamps_give_is_learned_between_half_a_minute_and_three(
    *, since_s: float, lamps_lux: float, waits: bool
) -> None:
    before = replace(LIT, before_lux=100.0, switched_s=NOW_S - since_s, lamps_lux=77.0)
    state = sees(before, 400.0)
    assert state.lamps_lux == lamps_lux
    assert state.before_lux == (100.0 if waits else None)
    assert state.rests is not waits
    # As they were switched off, what is gone is what they gave.
    before = replace(before, lit=False, before_lux=700.0)
    assert sees(before, 400.0, lit=False).lamps_lux == lamps_lux


def test_lamps_never_give_less_than_nothing() -> None:
    before = replace(LIT, before_lux=500.0, switched_s=NOW_S - 60.0, lamps_lux=77.0)
    assert sees(before, 400.0).lamps_lux == 0.0


def test_switched_lamps_are_learned_from_what_was_shown_before() -> None:
    state = sees(LIT, 650.0, lit=False)
    assert (state.lit, state.before_lux, state.switched_s) == (False, 700.0, NOW_S)
    assert sees(LIT, 650.0).before_lux is None


@pytest.mark.parametrize(
    ("shown_lux", "ago_s", "lost"),
    [(700.0, 86_399.0, False), (700.0, 86_400.0, True), (701.0, 90_000.0, False)],
)
def test_a_sensor_that_shows_the_very_same_for_a_day_is_lost(
    *, shown_lux: float, ago_s: float, lost: bool
) -> None:
    state = sees(
        replace(LIT, shown_lux=shown_lux, shown_s=NOW_S - ago_s, bright_since_s=1.0), 700.0
    )
    assert state.lost is lost
    assert state.bright_since_s is None
    assert state.shown_s == (NOW_S if shown_lux != 700.0 else NOW_S - ago_s)


def test_a_count_of_seconds_that_began_again_is_a_move() -> None:
    state = sees(replace(LIT, shown_s=NOW_S + 1.0), 700.0)
    assert (state.shown_s, state.lost) == (NOW_S, False)


def test_a_lost_sensor_is_believed_when_it_moves() -> None:
    lost = replace(LIT, lost=True)
    assert sees(lost, 700.0).lost
    assert not sees(lost, 701.0).lost
    state = sees(replace(LIT, bright=True, bright_since_s=1.0, before_lux=1.0), None)
    assert (state.lost, state.bright, state.bright_since_s, state.before_lux) == (
        True, False, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lux", "no_light", "ago_s", "since", "lost"),
    [
        (500.0, True, 599.0, True, False), (500.0, True, 600.0, True, True),
        (499.0, True, 600.0, False, False), (500.0, False, 600.0, False, False),
    ],
)  # fmt: skip
def test_light_where_there_can_be_none_is_not_believed(
    *, lux: float, no_light: bool, ago_s: float, since: bool, lost: bool
) -> None:
    before = replace(LIT, impossible_since_s=NOW_S - ago_s)
    state = sees(before, lux, no_light=no_light)
    assert state.impossible_since_s == (NOW_S - ago_s if since else None)
    assert state.lost is lost


# --- nights ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "lux", "before", "dark"),
    [
        (True, 900.0, None, True), (False, 1.0, None, False), (None, None, True, None),
        (None, 39.9, False, True), (None, 40.0, False, False), (None, 40.0, None, False),
        (None, 79.9, True, True), (None, 80.0, True, False),
    ],
)  # fmt: skip
def test_a_photocell_says_dark_by_contact_or_light(
    *, contact: bool | None, lux: float | None, before: bool | None, dark: bool | None
) -> None:
    assert cell_dark(contact, lux, 40.0, before) is dark


SOON = datetime(2026, 7, 1, tzinfo=UTC)
DAY, NIGHT = SunSays(False, False, SOON), SunSays(True, False, SOON)
DUSK_LIGHT, DUSK_DARK = SunSays(False, True, SOON), SunSays(True, True, SOON)


@pytest.mark.parametrize(
    ("sun", "cells", "dark"),
    [
        (DAY, [True, True], False), (NIGHT, [False], True), (NIGHT, [], True), (DAY, [], False),
        (DUSK_LIGHT, [True], True), (DUSK_DARK, [False], False),
        (DUSK_LIGHT, [True, False], False), (DUSK_DARK, [True, False], True),
        (DUSK_DARK, [None], True), (DUSK_LIGHT, [True, True, False], True),
        (DUSK_DARK, [False, False, True], False),
        (None, [], None), (None, [None], None), (None, [True, False], True),
        (None, [True, False, False], False), (None, [True], True),
    ],
)  # fmt: skip
def test_how_sun_and_photocells_vote(
    sun: SunSays | None, cells: list[bool | None], *, dark: bool | None
) -> None:
    state = vote(Darkness(), sun, cells, 5.0)
    assert state.dark is dark
    assert state.cells == tuple(cells)


@pytest.mark.parametrize(
    ("sun", "cell", "against"),
    [
        (DAY, True, True), (DAY, False, False), (NIGHT, False, True), (NIGHT, True, False),
        (DAY, None, False), (DUSK_LIGHT, True, False), (None, True, False),
    ],
)  # fmt: skip
def test_a_photocell_contradicts_the_sure_sun(
    sun: SunSays | None, *, cell: bool | None, against: bool
) -> None:
    state = vote(Darkness(against_since_s=(3.0,)), sun, [cell], 1803.0)
    assert state.against_since_s == ((3.0,) if against else (None,))
    assert contradicting(state, 1802.9) == []
    assert contradicting(state, 1803.0) == ([0] if against else [])


def test_dusk_minutes_shorten_both_ends_of_a_night() -> None:
    """1 July in Hangzhou: sunset 11:04, sunrise 21:01 UTC; 20 minutes more of twilight."""
    nights, later = (Nights(HANGZHOU, "Asia/Shanghai", dusk, 20.0) for dusk in (0.0, 30.0))
    for minute in range(0, 24 * 60, 3):
        now = datetime(2026, 7, 1, 8, tzinfo=UTC) + timedelta(minutes=minute)
        after_set = (now - datetime(2026, 7, 1, 11, 4, tzinfo=UTC)).total_seconds() / 60.0
        before_rise = (datetime(2026, 7, 1, 21, 1, tzinfo=UTC) - now).total_seconds() / 60.0
        for found, dusk_min in ((nights.at(now), 0.0), (later.at(now), 30.0)):
            edges = [after_set - dusk_min, before_rise - dusk_min]
            if min(map(abs, edges)) > 3.0:
                assert found.dark is (min(edges) > 0.0), now
            near = min(abs(after_set), abs(before_rise))
            if abs(near - 20.0) > 3.0:
                assert found.twilight is (near < 20.0), now
            assert now < found.until <= now + timedelta(hours=15)


# --- presence --------------------------------------------------------------------------------


def watched(*looks: tuple[float, list[bool | None]]) -> Presence:
    state = Presence()
    for at_s, flags in looks:
        state = watch_presence(state, flags, at_s)
    return state


@pytest.mark.parametrize(
    ("looks", "now_s", "means"),
    [
        ([(0.0, [])], 0.0, Seen.ALWAYS),
        ([(0.0, [True, None])], 0.0, Seen.UNKNOWN),
        ([(0.0, [False, None])], 9999.0, Seen.UNKNOWN),
        ([(0.0, [True, False])], 9999.0, Seen.PRESENT),
        ([(0.0, [False, False])], 899.0, Seen.LEAVING),
        ([(0.0, [False, False])], 900.0, Seen.VACANT),
        ([(0.0, [False]), (500.0, [True]), (600.0, [False])], 1499.0, Seen.LEAVING),
        ([(0.0, [False]), (500.0, [None]), (600.0, [False])], 1500.0, Seen.VACANT),
    ],
)
def test_what_presence_means(
    looks: list[tuple[float, list[bool | None]]], now_s: float, means: Seen
) -> None:
    assert seen(watched(*looks), 900.0, now_s) is means


def test_a_value_that_could_not_be_read_is_no_change() -> None:
    state = watched((1.0, [False, True]), (5.0, [None, True]), (9.0, [False, False]))
    assert state.changed_s == (1.0, 9.0)
    assert state.values == (False, False)
    assert state.vacant_since_s == 9.0
    assert state.unknown_since_s is None
    assert watched((1.0, [False]), (5.0, [None])).unknown_since_s == 5.0
    # A first value is no change; a count that began again is.
    assert watched((1.0, [None]), (5.0, [True])).changed_s == (1.0,)
    assert watched((7.0, [True]), (5.0, [True])).changed_s == (5.0,)
    # Other sensors begin again.
    assert watched((1.0, [True]), (5.0, [True, False])).changed_s == (5.0, 5.0)
    assert watch_presence(state, [False, False], 20.0) is state


# --- closing ---------------------------------------------------------------------------------

RULES = SweepRules(warning_s=300.0, extend_s=7200.0, blink_s=3.0)
OPEN = Sweep(open=True)


@pytest.mark.parametrize(
    ("before", "now", "closing_s", "until_s"),
    [
        (OPEN, {"on": True}, None, None),
        (OPEN, {"on": False}, 1000.0, None),
        (OPEN, {"on": False, "lit": False}, None, None),
        (Sweep(), {"on": False}, None, None),
        (Sweep(closing_since_s=701.0), {"on": False}, 701.0, None),
        (Sweep(closing_since_s=700.0), {"on": False}, None, None),
        (Sweep(closing_since_s=1001.0), {"on": False}, None, None),
        (Sweep(closing_since_s=900.0), {"on": True}, None, None),
        # Somebody asks for more light: an edge of the button, for two hours.
        (Sweep(closing_since_s=900.0), {"on": False, "pushed": True}, None, 8200.0),
        (Sweep(pushed=True), {"on": False, "pushed": True}, None, None),
        (Sweep(extended_until_s=1001.0), {"on": False}, None, 1001.0),
        (Sweep(extended_until_s=1000.0), {"on": False}, 1000.0, None),
        (Sweep(extended_until_s=1000.0), {"on": False, "lit": False}, None, None),
        (Sweep(extended_until_s=8200.0), {"on": False}, None, 8200.0),
        (Sweep(extended_until_s=8201.0), {"on": False}, 1000.0, None),
        (Sweep(extended_until_s=5000.0), {"on": True}, None, 5000.0),
        (Sweep(extended_until_s=5000.0), {"on": False, "pushed": True}, None, 8200.0),
    ],
)
def test_how_a_circuit_closes(
    before: Sweep, now: dict[str, bool], closing_s: float | None, until_s: float | None
) -> None:
    flags = {"lit": True, "pushed": False} | now
    after = watch_sweep(before, RULES, 1000.0, **flags)
    assert (after.closing_since_s, after.extended_until_s) == (closing_s, until_s)
    assert (after.open, after.pushed) == (flags["on"], flags["pushed"])
    assert watch_sweep(after, RULES, 1000.0, **flags) == after


def test_without_a_warning_nobody_is_warned() -> None:
    rules = replace(RULES, warning_s=0.0)
    after = watch_sweep(OPEN, rules, 1000.0, on=False, lit=True, pushed=False)
    assert after.closing_since_s is None


@pytest.mark.parametrize(
    ("since_s", "off"), [(None, False), (1000.0, True), (997.1, True), (997.0, False)]
)
def test_lamps_blink_once(*, since_s: float | None, off: bool) -> None:
    assert blinks(Sweep(closing_since_s=since_s), RULES, 1000.0) is off


# --- what lamps draw -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("power_kw", "rated_kw", "told_pct", "is_burning", "is_dead"),
    [
        (0.21, 2.0, 0.0, True, False), (0.2, 2.0, 0.0, False, False),
        (0.021, 0.1, 0.0, True, False), (0.02, 0.1, 0.0, False, False),
        (0.19, 2.0, 100.0, False, True), (0.2, 2.0, 100.0, False, False),
        (0.09, 2.0, 50.0, False, True), (0.1, 2.0, 50.0, False, False),
        (0.03, 2.0, 20.0, False, True), (0.0, 2.0, 19.9, False, False),
        (0.0, 0.02, 100.0, False, False), (0.0, 0.021, 100.0, False, True),
        (None, 2.0, 100.0, False, False),
    ],
)  # fmt: skip
def test_whether_lamps_do_what_they_are_told(
    *, power_kw: float | None, rated_kw: float, told_pct: float, is_burning: bool, is_dead: bool
) -> None:
    state = watch_lamps(LampWatch(), power_kw, rated_kw, told_pct, 500.0)
    assert state.burns_since_s == (500.0 if is_burning else None)
    assert state.dead_since_s == (500.0 if is_dead else None)
    assert state.full_kw == 0.0
    assert not burns(state, 619.9)
    assert not dead(state, 619.9)
    assert burns(state, 620.0) is is_burning
    assert dead(state, 620.0) is is_dead


def test_full_power_is_learned_while_lamps_are_on() -> None:
    state = watch_lamps(LampWatch(), 1.5, None, 100.0, 0.0)
    assert state.full_kw == 1.5
    assert watch_lamps(state, 1.2, None, 100.0, 1.0).full_kw == 1.5
    assert watch_lamps(state, 1.6, None, 0.0, 1.0).full_kw == 1.5
    assert watch_lamps(state, 0.16, None, 0.0, 1.0).burns_since_s == 1.0
    gone = watch_lamps(replace(state, dead_since_s=1.0, burns_since_s=1.0), None, None, 0.0, 2.0)
    assert (gone.burns_since_s, gone.dead_since_s, gone.full_kw) == (None, None, 1.5)
