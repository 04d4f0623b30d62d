"""The plant runs, and makes water as cold, as its consumers ask."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.blocks.plants.free_cooling import FreeCooling
from bms.control.strategies.chilled_water.circuits.condensing import (
    CondenserSide,
    CondensingInputs,
    CondensingState,
)
from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit
from bms.control.strategies.water.fittings import machine_of
from bms.control.strategies.water.unit_steps import Step, UnitState
from tests.control.parts import machine
from tests.control.test_chilled_water import Plant, plant


def asked_plant() -> Plant:
    """A plant with one consumer, whose requests a test sets."""
    made = plant(2, functions={"requests": True, "reset": True})
    rig = Plant(replace(made, consumers={"hdr": ("b.air",)}))
    rig.put("air.chw_requests", 1.0)
    rig.put("air.chw_reset_requests", 0.0)
    rig.mode("on")
    return rig


def test_the_plant_rests_while_nobody_asks() -> None:
    rig = asked_plant()
    rig.put("air.chw_requests", 0.0)
    rig.run(1000, 5)
    assert rig.chillers() == set()
    assert "nobody asks" in rig.reason("ch-1.enable")
    rig.put("air.chw_requests", 2.0)
    rig.run(2000, 5)
    assert rig.chillers() == {"ch-1"}
    rig.put("air.chw_requests", 0.0)
    rig.run(2000 + 170, 5)
    assert rig.chillers() == {"ch-1"}
    rig.run(4000, 5)
    assert rig.chillers() == set()


def test_consumers_that_ask_now_and_then_do_not_switch_the_plant_all_day() -> None:
    rig = asked_plant()
    for half_hour in range(48):
        rig.put("air.chw_requests", float(half_hour % 2 == 0))
        rig.run(1800.0 * (half_hour + 1), 120)
    changes = len(rig.stages) - 1
    assert 3 <= changes <= 6
    assert rig.chillers()  # whoever asks is served
    assert "changes of the stage within 24 h" in rig.reason("ch-1.enable")
    # A schedule stops it at once, and nobody asks for long: it stops as well.
    rig.mode("off")
    rig.run(rig.seconds + 120, 60)
    assert not rig.chillers()


def test_outdoor_air_about_the_lockout_does_not_switch_the_plant_all_day() -> None:
    rig = asked_plant()
    for quarter in range(96):
        rig.put("wx.outdoor_temp", 3.0 if quarter % 4 == 3 else 6.0)
        rig.run(900.0 * (quarter + 1), 120)
    assert 3 <= len(rig.stages) - 1 <= 6
    # A night that stays cold stops it.
    rig.put("wx.outdoor_temp", 3.0)
    rig.run(rig.seconds + 5 * 3600, 120)
    assert not rig.chillers()


def test_who_asks_first_waits_for_proofs_and_not_for_looks() -> None:
    """From the first request to the command of the chiller it takes as long as the proofs of its
    water. A plant that is looked at every ten minutes takes a look for each step: half an hour."""
    rig = asked_plant()
    rig.put("air.chw_requests", 0.0)
    rig.run(1000, 5)
    rig.status_after_s = {"chp-1": 10, "cwp-1": 10, "ct-1": 5}
    rig.put("air.chw_requests", 1.0)
    rig.run(1060, 5)
    assert rig.chillers() == {"ch-1"}


def test_requests_that_cannot_be_read_leave_it_to_the_schedule() -> None:
    rig = asked_plant()
    rig.put("air.chw_requests", 0.0)
    rig.bad.add("b.air.chw_requests")
    rig.run(1000, 5)
    assert rig.chillers() == {"ch-1"}


def test_water_gets_warmer_until_somebody_asks_for_colder() -> None:
    rig = asked_plant()
    rig.run(1200, 5)
    assert rig.get("ch-1.chw_setpoint") == pytest.approx(7.0, abs=0.6)
    rig.run(4 * 3600, 15)
    warm_c = float(rig.get("ch-1.chw_setpoint"))
    assert 12.0 < warm_c <= 15.6
    assert "reset" in rig.reason("g.chw_setpoint_c")
    rig.put("air.chw_reset_requests", 6.0)
    rig.run(8 * 3600, 15)
    assert rig.get("ch-1.chw_setpoint") == pytest.approx(7.0, abs=0.3)


@pytest.mark.case(
    "P81",
    when="Of four air handlers on one plant a single one gets air that is too warm.",
    then="The water gets colder for it; only of many consumers a few are left unheard.",
)
def test_a_single_one_of_few_consumers_is_heard() -> None:
    shown = {}
    for drawing in (4.0, 20.0):
        rig = asked_plant()
        rig.run(3 * 3600, 60)
        warm_c = float(rig.get("ch-1.chw_setpoint"))
        rig.put("air.chw_requests", drawing)
        rig.put("air.chw_reset_requests", 2.0)
        rig.run(5 * 3600, 60)
        shown[drawing] = float(rig.get("ch-1.chw_setpoint")) - warm_c
    assert shown[4.0] < -2.0
    assert shown[20.0] >= 0.0


def test_a_person_s_set_point_goes_before_the_reset() -> None:
    rig = asked_plant()
    rig.operator.values["b.g.chw_setpoint_c"] = 9.0
    rig.run(4 * 3600, 30)
    assert rig.get("ch-1.chw_setpoint") == 9.0


# --- condenser side --------------------------------------------------------------------------


def side(bypasses: bool = False) -> CondenserSide:
    """One chiller, a pump, two cells and a heat exchanger."""
    parameters = plant(1).parameters.model_copy(update={"trains": []})
    chiller = machine("ch-1", "chiller", capacity_kw=700.0)
    layout = Layout(
        {"ch-1": Unit(machine_of(chiller), 700.0)},
        {},
        trains=False,
        cw_pumps=(machine_of(machine("cwp-1", "pump")),),
        towers=tuple(machine_of(machine(f"ct-{i}", "cooling_tower")) for i in (1, 2)),
        exchanger=machine_of(machine("hx", "heat_exchanger")),
    )
    return CondenserSide(layout, parameters, bypasses)


RUNNING = {"ch-1": UnitState(Step.CHILLER)}


def lived(
    condenser: CondenserSide, measured: Measured, inputs: CondensingInputs, seconds: int
) -> CondensingState:
    state = CondensingState()
    for second in range(0, seconds, 30):
        state = condenser.run(state, RUNNING, measured, inputs, float(second))
    return state


@pytest.mark.parametrize(("load_share", "aim_c"), [(0.3, 18.1), (0.5, 22.1), (1.0, 32.0)])
def test_condenser_water_follows_the_load_by_lift(load_share: float, aim_c: float) -> None:
    measured = Measured(supply_c=7.0, cw_supply_c=30.0, cw_return_c=35.0, cw_range_k=5.0)
    inputs = CondensingInputs(True, load_share, 7.0, True)
    state = lived(side(), measured, inputs, 3600)
    assert state.setpoint_c == pytest.approx(aim_c, abs=0.1)


def test_fans_run_within_the_cap_of_the_load() -> None:
    measured = Measured(supply_c=7.0, cw_supply_c=33.0, cw_return_c=37.0, cw_range_k=4.0)
    state = lived(side(), measured, CondensingInputs(True, 0.25, 7.0, True), 3600)
    assert state.fan_pct == pytest.approx(85.0, abs=1.0)  # 70 % at none, 100 % at half load


def test_too_little_lift_slows_fans_and_opens_the_bypass() -> None:
    measured = Measured(supply_c=12.0, cw_supply_c=14.0, cw_return_c=17.0, cw_range_k=3.0)
    state = lived(side(), measured, CondensingInputs(True, 0.5, 7.0, True), 1800)
    assert state.fan_pct == 0.0
    assert state.bypass.output_pct == 100.0
    assert state.throttle_pct() < 100.0


def test_an_economizer_beside_a_chiller_leaves_it_its_lift() -> None:
    """Nothing throttles the water of the chiller: fans for the economizer would trip it."""
    cold = Measured(
        return_c=18.0, supply_c=12.0, wet_bulb_c=2.0, exchanger_c=14.0, cw_supply_c=15.0,
        cw_return_c=19.0, cw_range_k=4.0,
    )  # fmt: skip
    inputs = CondensingInputs(True, 0.3, 7.0, True, flow_share=0.4)
    state = lived(side(bypasses=True), cold, inputs, 1800)
    assert not state.free.on  # its lift is short: nobody else takes heat from its water
    assert state.setpoint_c is not None
    assert state.setpoint_c > 12.0
    assert state.fan_pct == 0.0
    lifted = replace(cold, cw_supply_c=20.0, return_c=24.0)
    beside = lived(side(bypasses=True), lifted, inputs, 1800)
    assert beside.free.on
    assert beside.exchanging
    assert beside.setpoint_c is not None
    assert beside.setpoint_c > 12.0
    alone = lived(side(bypasses=True), cold, replace(inputs, running=False), 1800)
    assert alone.setpoint_c == 5.0
    assert alone.fan_pct > 0.0


def test_a_condenser_that_is_not_measured_is_cooled_as_the_load_allows() -> None:
    state = lived(side(), Measured(), CondensingInputs(True, 0.5, 7.0, True), 1800)
    assert state.fan_pct == 100.0


def test_the_economizer_begins_and_suffices_when_the_weather_does() -> None:
    condenser = side()
    cold = Measured(return_c=14.0, supply_c=7.0, wet_bulb_c=-2.0, exchanger_c=6.0, cw_supply_c=4.0)
    inputs = CondensingInputs(True, 0.2, 7.0, True, flow_share=0.4)
    state = lived(condenser, cold, inputs, 600)
    assert state.free.on
    assert condenser.suffices(state, cold, inputs, 600.0)
    warm = replace(cold, wet_bulb_c=10.0)
    assert not condenser.suffices(CondensingState(), warm, inputs, 0.0)
    assert lived(condenser, warm, inputs, 600).free == FreeCooling()


def test_a_basin_that_would_freeze_is_moved() -> None:
    condenser = side()
    still: dict[str, UnitState] = {}
    inputs = CondensingInputs(False, None, None, False)
    state = condenser.run(CondensingState(), still, Measured(basin_c=1.0), inputs, 0.0)
    assert (state.circulating, state.pumps, state.cells) == (True, 1, 2)
    state = condenser.run(state, still, Measured(basin_c=4.0), inputs, 60.0)
    assert state.circulating
    state = condenser.run(state, still, Measured(basin_c=5.5), inputs, 120.0)
    assert (state.circulating, state.pumps) == (False, 0)
