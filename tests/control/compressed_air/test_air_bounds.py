"""How many compressors, how fast the pressure falls and what leaks: tables at the bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bms.control.strategies.compressed_air.air_units import AirUnit, UnitView
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import (
    CompressorState,
    CountTimers,
    Look,
)
from bms.control.strategies.compressed_air.header_pressure import Anchor, PressureState, _fall
from bms.control.strategies.compressed_air.leak_indicator import (
    LeakState,
    count_flow,
    leaks,
)
from bms.control.strategies.compressed_air.unit_count import UnitCount, Work, work_of
from bms.core.decisions import Award, Snapshot
from drivers.points import Quality, Sample
from tests.control.engine.parts import at

NOW_S = 50_000.0
NAMES = ("a", "b", "c")


def unit(name: str, size: float = 10.0) -> AirUnit:
    return AirUnit(
        name=name, id=f"x.{name}", enable=f"x.{name}.enable", runs=None, fault=None,
        load=f"x.{name}.load", power=None, speed=None, setpoint=None, rated_kw=None, size=size,
        flow_m3h=None, proves_s=60.0, stands_by_for=(),
    )  # fmt: skip


UNITS = {name: unit(name) for name in NAMES}
RULES = CompressorParameters(header="h", min_units=1)  # 650 to 700 kPa, critical below 600
COUNT = UnitCount(UNITS, RULES)
MODE: Any = Award


def look(cap: int = 3, loads: Mapping[str, float | None] | None = None, **running: bool) -> Look:
    shown = dict.fromkeys(NAMES, 0.8) | dict(loads or {})
    views = {
        name: UnitView(running=running.get(name, True), available=True, manual=False)
        for name in NAMES
    }
    snapshot = Snapshot(at(0.0), {}, watched_s=NOW_S, steady_s=NOW_S)
    return Look(snapshot, MODE, views, shown, cap, None, frozenset())


def pressure(kpa: float | None = 675.0, falls_kpa_s: float = 0.0, **more: Any) -> PressureState:
    fall: tuple[Anchor, ...] = ()
    if falls_kpa_s and kpa is not None:
        fall = tuple(Anchor(NOW_S - s, kpa + s * falls_kpa_s) for s in (10.0, 5.0, 0.0))
    return PressureState(kpa=kpa, fall=fall, **more)


def since(**ago_s: float) -> CountTimers:
    return CountTimers(**{f"{name}_s": NOW_S - ago for name, ago in ago_s.items()})


def counted(
    wanted: int, timers: CountTimers | None = None, shown: PressureState | None = None,
    *, work: Work | None = None, here: Look | None = None, **more: Any,
) -> tuple[int, bool, str]:  # fmt: skip
    state = CompressorState(
        on=True, wanted=NAMES[:wanted], timers=timers or CountTimers(),
        pressure=shown or pressure(), **more,
    )  # fmt: skip
    found = COUNT.counted(state, here or look(), work)
    if found.count != wanted:
        before, after = state.timers, found.state.timers
        assert after.changed_s == NOW_S
        assert after.low_s == (None if before.low_s is None else NOW_S)
        assert after.high_s == (None if before.high_s is None else NOW_S)
        assert found.state.why
        assert found.state.pressure.fall == ()
    return found.count, found.urgent, found.superfluous


def test_what_units_give_together() -> None:
    units = UNITS | {"b": unit("b", 30.0)}
    found = work_of(units, {"a": 0.5, "b": 0.9, "c": None}, ("a", "b"))
    assert found is not None
    assert (found.given, found.can, found.share) == pytest.approx((32.0, 40.0, 0.8))
    assert work_of(units, {"a": 0.5, "b": None}, ("a", "b")) is None
    assert work_of(units, {}, ()) == Work(0.0, 0.0)
    assert Work(0.0, 0.0).share == 0.0


@pytest.mark.parametrize(
    ("min_units", "cap", "least"), [(1, 3, 1), (2, 1, 1), (2, 2, 2), (0, 3, 0)]
)
def test_a_cap_below_the_least_counts(min_units: int, cap: int, least: int) -> None:
    rules = RULES.model_copy(update={"min_units": min_units})
    assert UnitCount(UNITS, rules).least(cap) == least
    assert COUNT.limit(CompressorState(cap_released=True), 1) == 3
    assert COUNT.limit(CompressorState(), 1) == 1


@pytest.mark.parametrize(
    ("kpa", "timers"),
    [
        (700.1, {"high"}), (700.0, set()), (650.0, set()), (649.9, {"low"}), (600.0, {"low"}),
        (599.9, {"low", "critical"}), (None, set()),
    ],
)  # fmt: skip
def test_what_has_begun_to_hold(kpa: float | None, timers: set[str]) -> None:
    state = CompressorState(wanted=("a",), pressure=pressure(kpa), timers=since(low=5.0, high=5.0))
    found = COUNT.timed(state, look(), None).timers
    for name in ("low", "high", "critical", "roomy", "full"):
        held = {"low": NOW_S - 5.0, "high": NOW_S - 5.0}.get(name, NOW_S)
        assert getattr(found, f"{name}_s") == (held if name in timers else None), name


@pytest.mark.parametrize(
    ("given", "wanted", "kpa", "roomy"),
    [
        # Of two units of 10, the trim unit has less than 2 left, and one does it with 90 %.
        (9.0, 2, 675.0, True), (9.1, 2, 675.0, False), (9.0, 2, 649.9, False),
        (9.0, 2, 650.0, True), (0.0, 1, 675.0, False),
        # Of three, 18 are 90 % of two.
        (18.0, 3, 675.0, True), (18.1, 3, 675.0, False),
    ],
)  # fmt: skip
def test_when_a_unit_is_too_many(*, given: float, wanted: int, kpa: float, roomy: bool) -> None:
    state = CompressorState(wanted=NAMES[:wanted], pressure=pressure(kpa))
    found = COUNT.timed(state, look(), Work(given, 10.0 * wanted))
    assert found.timers.roomy_s == (NOW_S if roomy else None)
    assert COUNT.timed(state, look(), None).timers.roomy_s is None


@pytest.mark.parametrize(("given", "roomy"), [(15.9, True), (16.0, False)])
def test_of_unlike_units_the_largest_trims(*, given: float, roomy: bool) -> None:
    """Of 10 and 30, the small one full, 20 % of the large one are 6."""
    count = UnitCount(UNITS | {"b": unit("b", 30.0)}, RULES)
    state = CompressorState(wanted=("a", "b"), pressure=pressure())
    found = count.timed(state, look(), Work(given, 40.0)).timers.roomy_s
    assert found == (NOW_S if roomy else None)


@pytest.mark.parametrize(
    ("kpa", "given", "full"), [(None, 9.5, True), (None, 9.4, False), (675.0, 9.9, False)]
)
def test_full_load_counts_where_no_pressure_is_known(
    *, kpa: float | None, given: float, full: bool
) -> None:
    state = CompressorState(wanted=("a",), pressure=pressure(kpa))
    found = COUNT.timed(state, look(), Work(given, 10.0))
    assert found.timers.full_s == (NOW_S if full else None)


def test_units_that_idle_or_stand_beside_loaded_ones_are_noted() -> None:
    state = CompressorState(wanted=("a", "b"), pressure=pressure(), unloaded_s={"a": 1.0, "b": 2.0},
                            still_s={"b": 3.0})  # fmt: skip
    found = COUNT.timed(state, look(loads={"a": 0.0, "b": 0.5, "c": None}, b=False), None)
    assert found.unloaded_s == {"a": 1.0}
    assert found.still_s == {"b": 3.0}
    calm = look(loads={"a": 0.49, "b": 0.49, "c": 0.49}, b=False)
    assert COUNT.timed(state, calm, None).still_s == {}
    assert COUNT.timed(found, look(loads={"a": 0.0, "b": 0.5, "c": None}, b=False), None) is found
    unknown = look(loads={"a": None, "b": None})
    assert COUNT.timed(state, unknown, None).unloaded_s == {}


@pytest.mark.parametrize(
    ("timers", "shown", "count", "urgent"),
    [
        (since(low=20.0), pressure(640.0), 2, False), (since(low=19.9), pressure(640.0), 1, False),
        # It falls by 1 kPa/s and will be below 650 in 30 s: 680 is not yet low.
        (since(), pressure(679.9, 1.0), 2, False), (since(), pressure(680.0, 1.0), 1, False),
        # In a minute it would be below 600.
        (since(low=20.0), pressure(649.0, 1.0), 2, True),
        (since(), pressure(679.0, 1.3), 2, False), (since(), pressure(677.0, 1.3), 2, True),
        # What was just told to run has had no effect yet.
        (since(changed=29.9), pressure(670.0, 1.0), 1, False),
        (since(changed=30.0), pressure(670.0, 1.0), 2, False),
        (since(low=20.0, changed=1.0), pressure(640.0), 2, False),
    ],
)  # fmt: skip
def test_when_one_more_is_needed(
    *, timers: CountTimers, shown: PressureState, count: int, urgent: bool
) -> None:
    assert counted(1, timers, shown) == (count, urgent if count > 1 else False, "")
    # Never above the cap.
    assert counted(1, timers, shown, here=look(cap=1))[0] == 1
    far = UnitCount(UNITS, RULES.model_copy(update={"ahead_s": 0.0}))
    state = CompressorState(wanted=("a",), pressure=shown, timers=timers)
    held = timers.low_s is not None and NOW_S - timers.low_s >= 20.0
    assert far.counted(state, look(), None).count == (2 if held else 1)


@pytest.mark.parametrize(
    ("timers", "work", "count"),
    [
        (since(roomy=300.0), Work(9.0, 20.0), 1), (since(roomy=299.0), Work(9.0, 20.0), 2),
        (since(roomy=300.0), None, 2), (since(high=300.0), None, 1), (since(high=299.0), None, 2),
        # A high pressure is their own set point while the others cannot do the work of one.
        (since(high=300.0), Work(10.0, 20.0), 1), (since(high=300.0), Work(10.1, 20.0), 2),
    ],
)  # fmt: skip
def test_when_one_is_too_many(timers: CountTimers, work: Work | None, count: int) -> None:
    assert counted(2, timers, work=work) == (count, False, "")
    assert counted(1, timers, work=None if work is None else Work(0.0, 10.0))[0] == 1


@pytest.mark.parametrize(
    ("ago_s", "low", "gone"), [(600.0, False, "b"), (599.0, False, ""), (600.0, True, "")]
)
def test_a_unit_that_idles_goes(*, ago_s: float, low: bool, gone: str) -> None:
    timers = since(low=1.0) if low else since()
    found = counted(2, timers, unloaded_s={"b": NOW_S - ago_s})
    assert found == (1 if gone else 2, False, gone)


@pytest.mark.parametrize(
    ("ago_s", "wanted", "cap", "released"),
    [(60.0, 1, 1, True), (59.0, 1, 1, False), (60.0, 1, 2, False), (60.0, 3, 3, False)],
)
def test_the_cap_is_released_at_a_critical_pressure(
    *, ago_s: float, wanted: int, cap: int, released: bool
) -> None:
    state = CompressorState(wanted=NAMES[:wanted], pressure=pressure(590.0),
                            timers=since(critical=ago_s))  # fmt: skip
    found = COUNT.counted(state, look(cap=cap), None)
    assert found.state.cap_released is released
    assert (found.count, found.urgent) == ((wanted + 1, True) if released else (wanted, False))


@pytest.mark.parametrize(
    ("critical", "wanted", "released"), [(False, 1, False), (False, 2, True), (True, 1, True)]
)
def test_and_is_in_force_again_once_the_pressure_has_shed_them(
    *, critical: bool, wanted: int, released: bool
) -> None:
    timers = since(critical=1.0) if critical else since()
    state = CompressorState(wanted=NAMES[:wanted], pressure=pressure(), timers=timers,
                            cap_released=True)  # fmt: skip
    assert COUNT.counted(state, look(cap=1), None).state.cap_released is released


BLIND = pressure(None, bad_since_s=NOW_S - 300.0)


def test_without_a_pressure_units_stay_for_five_minutes_then_go_by_their_own_switches() -> None:
    early = replace(BLIND, bad_since_s=NOW_S - 299.0)
    assert counted(1, since(high=9999.0, low=9999.0), early)[0] == 1
    assert counted(1, since(), BLIND)[0] == 3
    assert counted(1, since(), BLIND, here=look(cap=2))[0] == 2
    assert counted(3, since(), BLIND)[0] == 3


@pytest.mark.parametrize(
    ("full_ago_s", "wanted", "cap", "count", "released"),
    [(60.0, 1, 3, 2, False), (59.0, 1, 3, 1, False), (60.0, 1, 1, 2, True), (60.0, 3, 3, 3, False)],
)
def test_without_a_pressure_full_loads_bring_one_more(
    *, full_ago_s: float, wanted: int, cap: int, count: int, released: bool
) -> None:
    loads = {"x.a.load": Sample("x.a.load", 99.0, Quality.GOOD, at(0.0))}
    here = look(cap=cap)
    here = replace(here, snapshot=replace(here.snapshot, samples=loads))
    state = CompressorState(wanted=NAMES[:wanted], pressure=BLIND, timers=since(full=full_ago_s))
    found = COUNT.counted(state, here, None)
    assert (found.count, found.state.cap_released) == (count, released)


def test_the_pressure_falls_as_fast_as_the_slower_of_its_last_stretches() -> None:
    fall = (Anchor(0.0, 690.0), Anchor(5.0, 680.0), Anchor(10.0, 675.0))
    assert PressureState(fall=fall).falls_kpa_s(10.0) == pytest.approx(1.0)
    swift = (Anchor(0.0, 690.0), Anchor(10.0, 685.0), Anchor(15.0, 665.0))
    assert PressureState(fall=swift).falls_kpa_s(25.0) == pytest.approx(0.5)
    assert PressureState(fall=swift).falls_kpa_s(25.1) == 0.0
    assert PressureState(fall=swift[:2]).falls_kpa_s(10.0) == 0.0


ONE, TWO = Anchor(NOW_S - 10.0, 690.0), Anchor(NOW_S - 5.0, 680.0)


@pytest.mark.parametrize(
    ("fall", "seen_ago_s", "kpa", "after"),
    [
        ((ONE,), 1.0, None, ()),
        ((), 1.0, 690.0, (Anchor(NOW_S, 690.0),)),
        ((ONE, TWO), None, 670.0, (Anchor(NOW_S, 670.0),)),
        ((ONE, TWO), 10.1, 670.0, (Anchor(NOW_S, 670.0),)),
        ((ONE, TWO), -1.0, 670.0, (Anchor(NOW_S, 670.0),)),
        ((ONE, TWO), 10.0, 679.0, (ONE, TWO, Anchor(NOW_S, 679.0))),
        ((ONE, TWO), 1.0, 679.1, (ONE, TWO)),
        ((ONE, TWO), 1.0, 680.9, (ONE, TWO)),
        ((ONE, TWO), 1.0, 681.0, (Anchor(NOW_S, 681.0),)),
        ((ONE, replace(TWO, watched_s=NOW_S - 4.9)), 1.0, 670.0,
         (ONE, replace(TWO, watched_s=NOW_S - 4.9))),
        ((replace(ONE, kpa=700.0), ONE, TWO), 1.0, 670.0, (ONE, TWO, Anchor(NOW_S, 670.0))),
    ],
)  # fmt: skip
def test_the_moments_of_a_fall(
    fall: tuple[Anchor, ...], seen_ago_s: float | None, kpa: float | None,
    after: tuple[Anchor, ...],
) -> None:  # fmt: skip
    seen_s = None if seen_ago_s is None else NOW_S - seen_ago_s
    assert _fall(PressureState(fall=fall, seen_s=seen_s), kpa, NOW_S) == after


# --- leaks -----------------------------------------------------------------------------------


def flowing(hours: float, flow: float | None = 6.0, step_s: float = 60.0) -> LeakState:
    state = LeakState()
    for n in range(int(hours * 3600.0 / step_s) + 1):
        state = count_flow(state, flow, n * step_s)
    return state


def test_hours_that_were_seen_count() -> None:
    assert flowing(0.99).hours == ()
    assert flowing(1.0).hours == pytest.approx((6.0,))
    assert flowing(2.0, step_s=1800.0).hours == pytest.approx((6.0, 6.0))
    assert flowing(2.0, step_s=1801.0).hours == ()
    assert flowing(3.0, None).hours == ()
    assert len(flowing(171.0, step_s=900.0).hours) == 168
    state = flowing(0.5)
    assert count_flow(state, 9.0, 1859.0) is state
    assert count_flow(state, 9.0, 1860.0) is not state
    # A count that began again begins an hour.
    again = count_flow(state, 9.0, 10.0)
    assert (again.begun_s, again.seen_s, again.amount) == (10.0, 0.0, 0.0)


@pytest.mark.parametrize(("unknown_s", "counts"), [(600.0, True), (660.0, False)])
def test_an_hour_counts_if_fifty_minutes_of_it_are_known(*, unknown_s: float, counts: bool) -> None:
    state = LeakState()
    for n in range(61):
        state = count_flow(state, None if 60.0 * n < unknown_s else float(n >= 30), 60.0 * n)
    assert len(state.hours) == int(counts)
    if counts:
        assert state.hours == pytest.approx((30.0 / 50.0,))


def test_what_leaks_is_the_quietest_hour_once_a_day_is_complete() -> None:
    assert leaks(LeakState(hours=(4.0,) * 23)) is None
    found = leaks(LeakState(hours=(4.0,) * 23 + (1.0,)))
    assert found is not None
    assert (found.least, found.mean) == pytest.approx((1.0, 93.0 / 24.0))
    assert found.share_pct == pytest.approx(100.0 * 24.0 / 93.0)
    assert leaks(LeakState(hours=(0.0,) * 24)) is None
