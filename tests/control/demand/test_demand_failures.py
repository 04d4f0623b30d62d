"""What a demand limit does when meters, clocks, loads and people do not do as expected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bms.control.strategies.demand.demand_controller import LOOK_S
from drivers.points import PointId, Sample
from tests.control.demand.boundary_rig import GROUP, MORNING, Boundary, Lamp

LAMPS = (Lamp("l1", 60.0), Lamp("l2", 60.0), Lamp("l3", 80.0, level=2))
LIMIT_KW = 850.0


def busy(**parameters: object) -> Boundary:
    """700 kW beside 200 kW of loads: about 60 kW have to go."""
    boundary = Boundary(LAMPS, lambda _: 700.0, limit_kw=LIMIT_KW, **parameters)  # type: ignore[arg-type]
    boundary.run(900, 5.0)
    assert boundary.shed
    return boundary


@pytest.mark.case(
    "P50",
    when="the meter at the boundary does not answer, and nothing else measures the demand",
    then="What is shed stays so for a quarter of an hour, then comes back one after the other with "
    "an alarm. Nothing new is shed blindly.",
)
def test_a_dead_meter_sheds_nothing_and_holds_for_a_bounded_time() -> None:
    boundary = busy()
    held = boundary.shed
    boundary.silence()
    boundary.run(120, 5.0)
    assert f"{GROUP}:meter" in boundary.conditions
    boundary.base_kw = lambda _: 1500.0  # whatever is: nobody sees it
    boundary.run(700, 5.0)
    assert boundary.shed == held
    gone_s = boundary.until(lambda: not boundary.shed, 400.0, 5.0)
    assert gone_s < 400.0
    boundary.run(1800, 5.0)
    assert not boundary.shed
    assert boundary.fact("forecast_kw") is None


@pytest.mark.case(
    "P50",
    when="the meter at the boundary does not answer, and the meters behind it are declared",
    then="The sum of the known loads stands in for it, with an alarm; the limit is held.",
)
def test_known_loads_stand_in_for_a_dead_meter() -> None:
    boundary = Boundary(
        LAMPS, lambda _: 700.0, limit_kw=LIMIT_KW, known=["l1", "l2", "l3"], known_rest_kw=700.0
    )
    boundary.run(900, 5.0)
    boundary.silence()
    boundary.run(3600, 5.0)
    assert f"{GROUP}:meter" in boundary.conditions
    assert boundary.shed
    assert max(boundary.intervals[2:]) <= LIMIT_KW
    boundary.speak()
    boundary.run(400, 5.0)
    assert f"{GROUP}:meter" not in boundary.conditions


def test_a_dead_register_is_bridged_by_power_and_a_dead_power_by_the_register() -> None:
    for role in ("energy", "power"):
        boundary = busy()
        boundary.bad = {f"b.meter-main.{role}"}
        boundary.run(3600, 5.0)
        assert f"{GROUP}:meter" not in boundary.conditions
        assert boundary.shed
        assert max(boundary.intervals[1:]) <= LIMIT_KW


@pytest.mark.case(
    "P51",
    when="the meter is replaced or its register is reset in the middle of an interval",
    then="The energy of the interval so far stays, and is counted on from the new reading. A "
    "notice asks whether the meter was replaced.",
)
@pytest.mark.parametrize("shift", [-1200.0, 90_000.0])
def test_a_register_that_jumps_changes_no_interval(shift: float) -> None:
    boundary = busy()
    boundary.run(400, 5.0)
    before = boundary.fact("forecast_kw")
    boundary.register_shift = shift
    boundary.run(60, 5.0)
    assert boundary.fact("forecast_kw") == pytest.approx(before, abs=15.0)
    assert f"{GROUP}:register" in boundary.conditions
    boundary.run(900 - 460 + 1800, 5.0)
    assert max(boundary.intervals[1:]) <= LIMIT_KW
    assert min(boundary.intervals[1:]) > LIMIT_KW - 100.0  # nor is too much shed


@pytest.mark.case(
    "P52",
    when="the controller's clock is set in the middle of a billing interval",
    then="The registers of the last intervals say what was used since the interval truly began.",
)
def test_a_clock_that_is_set_finds_the_true_begin_of_the_interval() -> None:
    boundary = Boundary(LAMPS, lambda s: 400.0 if s < 900 else 640.0, limit_kw=LIMIT_KW)
    boundary.clock_ahead_s = -300.0  # five minutes slow
    boundary.run(900 + 420, 5.0)
    boundary.clock_ahead_s = 0.0
    boundary.run(LOOK_S, 5.0)
    # 430 s of 840 kW, of 900: the meter's own interval.
    assert boundary.fact("demand_kw") == pytest.approx(840.0 * 430 / 900, abs=12.0)
    boundary.run(900 - 430 + 900, 5.0)
    assert max(boundary.intervals) <= LIMIT_KW


@pytest.mark.case(
    "P52",
    when="the controller restarts in the middle of a billing interval",
    then="It knows what was used before and meanwhile, keeps what was shed shed, and goes on.",
)
@pytest.mark.parametrize("boot", [None, "two"])
def test_a_restart_within_an_interval_goes_on_with_it(boot: str | None) -> None:
    boundary = busy()
    boundary.run(300, 5.0)
    held = boundary.shed
    boundary.restart(120.0, boot=boot)
    boundary.step(5.0)
    assert boundary.shed == held
    boundary.run(60, 5.0)
    used_kw = boundary.intervals[-1]  # the same load as in the interval before
    assert boundary.fact("demand_kw") == pytest.approx(used_kw * 485 / 900, rel=0.06)
    boundary.run(2700, 5.0)
    assert max(boundary.intervals[1:]) <= LIMIT_KW


@pytest.mark.case(
    "P53",
    when="clouds take the solar power away within a billing interval",
    then="The forecast counts only on the stated share of the sun, so that enough is left to shed; "
    "the limit is held.",
)
def test_the_sun_may_fall_away_within_an_interval() -> None:
    boundary = Boundary(
        [Lamp(f"l{i}", 60.0, level=1 + i // 3) for i in range(6)],
        lambda _: 700.0,
        sun_kw=lambda s: 300.0 if s < 900 + 200 else 20.0,
        limit_kw=900.0,
        pv_firm_pct=30.0,
    )
    boundary.run(900, 5.0)
    assert not boundary.shed  # 760 kW of 900, and enough could be shed
    boundary.run(1800, 5.0)
    assert max(boundary.intervals) <= 900.0
    assert boundary.shed


@pytest.mark.case(
    "P54",
    when="an operator switches a shed load on by hand",
    then="The operator wins. The next load in order is shed in its place.",
)
def test_an_operator_takes_a_shed_load_and_another_one_goes() -> None:
    boundary = busy()
    taken = sorted(boundary.shed)[0]
    boundary.operator.values[f"b.{taken}.enable"] = 1
    boundary.run(2700, 5.0)
    assert boundary.values[f"b.{taken}.enable"] == 1
    assert taken not in boundary.shed
    assert boundary.shed
    assert max(boundary.intervals[2:]) <= LIMIT_KW


@pytest.mark.case(
    "P54",
    when="a load that is shed draws on",
    then="It is named in an alarm, not counted on, and the next load in order is shed instead.",
)
def test_a_load_that_does_not_obey_is_named_and_replaced() -> None:
    stuck = Lamp("l1", 60.0, stuck=True)
    boundary = Boundary([stuck, *LAMPS[1:]], lambda _: 700.0, limit_kw=LIMIT_KW)
    boundary.run(2700, 5.0)
    assert f"{GROUP}.l1:shed" in boundary.conditions
    assert boundary.shed > {"l1"}
    assert max(boundary.intervals[2:]) <= LIMIT_KW


@pytest.mark.case(
    "P52",
    when="the tariff changes its limit at midnight",
    then="The interval before midnight keeps the old limit, the one after it has the new one.",
)
def test_a_tariff_changes_between_intervals() -> None:
    july = datetime(2026, 7, 31, 15, 30, tzinfo=UTC)  # half past eleven at night in China
    boundary = Boundary(
        LAMPS, lambda _: 700.0, start=july, limit_kw=LIMIT_KW,
        limits=[{"months": [7], "limit_kw": 950.0}],
    )  # fmt: skip
    boundary.run(1790, 5.0)
    assert boundary.fact("limit_in_force_kw") == 950.0
    assert not boundary.shed
    boundary.run(30, 5.0)
    assert boundary.fact("limit_in_force_kw") == LIMIT_KW
    boundary.run(900, 5.0)
    assert boundary.intervals[-1] <= LIMIT_KW


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 29, 0, 0, tzinfo=UTC),  # an hour before the clocks go forward
        datetime(2026, 10, 25, 0, 0, tzinfo=UTC),  # and back
    ],
)
def test_intervals_of_any_length_over_a_change_of_summer_time(
    minutes: int, start: datetime
) -> None:
    boundary = Boundary(
        LAMPS, lambda _: 700.0, start=start, zone="Europe/Berlin", interval_min=minutes,
        limit_kw=LIMIT_KW,
    )  # fmt: skip
    boundary.run(3 * 3600, 10.0)
    assert len(boundary.intervals) == 180 // minutes
    assert max(boundary.intervals) <= LIMIT_KW


def test_the_utilitys_pulse_counts_and_its_absence_is_told() -> None:
    boundary = Boundary(LAMPS, lambda _: 700.0, limit_kw=LIMIT_KW, sync="meter-main")

    def pulse(samples: dict[PointId, Sample]) -> None:
        if boundary.seconds < 4000:
            high = (boundary.seconds - 100.0) % 900.0 < 5.0
            point = "b.meter-main.sync"
            samples[point] = samples[point]._replace(value=int(high))

    boundary.meddle = pulse
    boundary.run(1900, 1.0)
    assert boundary.begun_s == pytest.approx(1900.0, abs=2.0)
    boundary.run(4000, 5.0)
    assert f"{GROUP}:sync" in boundary.conditions
    assert boundary.begun_s == pytest.approx(5500.0, abs=12.0)


def test_a_wrong_ratio_of_the_power_point_is_learned_and_told() -> None:
    boundary = Boundary(LAMPS, lambda _: 700.0, limit_kw=LIMIT_KW)

    def halved(samples: dict[PointId, Sample]) -> None:
        point = "b.meter-main.power"
        value = samples[point].value
        assert isinstance(value, float)
        samples[point] = samples[point]._replace(value=value / 2)

    boundary.meddle = halved
    boundary.run(4 * 3600, 10.0)
    assert f"{GROUP}:power" in boundary.conditions
    assert max(boundary.intervals[8:]) <= LIMIT_KW


def test_power_that_jumps_between_two_looks_is_no_wrong_ratio() -> None:
    boundary = Boundary(LAMPS, lambda _: 700.0, limit_kw=LIMIT_KW)
    told: list[bool] = []

    def jumping(samples: dict[PointId, Sample]) -> None:
        point = "b.meter-main.power"
        value = samples[point].value
        assert isinstance(value, float)
        share = 0.65 if boundary.seconds // 900 % 2 else 1.45
        samples[point] = samples[point]._replace(value=value * share)
        told.append(f"{GROUP}:power" in boundary.conditions)

    boundary.meddle = jumping
    boundary.run(8 * 3600, 10.0)
    assert not any(told)


def test_it_begins_at_eight() -> None:
    assert MORNING.timestamp() % 900 == 0
