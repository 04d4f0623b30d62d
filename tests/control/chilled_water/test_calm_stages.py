"""What must not bring or send a chiller: recovery, overshoot, sizes that hardly differ, mixing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.blocks.loops.pid import PidState
from bms.control.blocks.plants.stage_changes import larger_counts
from bms.control.strategies.chilled_water.circuits.chilled_side import (
    ChilledInputs,
    ChilledSide,
    ChilledState,
)
from bms.control.strategies.chilled_water.circuits.condensing import (
    CondenserSide,
    CondensingInputs,
    CondensingState,
)
from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit
from bms.control.strategies.chilled_water.staging.choosing import Chooser, Circumstances
from bms.control.strategies.chilled_water.staging.stages import (
    Candidate,
    Situation,
    StageRules,
    StageTimers,
    Step,
    changed,
    larger_for,
    next_below,
    next_step,
    smaller_for,
    stays_below,
)
from bms.control.strategies.water.fittings import Machine, Valve
from bms.control.strategies.water.unit_steps import Step as UnitStep
from bms.control.strategies.water.unit_steps import UnitState
from bms.core.machines.relations import Design

RULES = StageRules(None, None)
SMALL, MIDDLE = Candidate(("c",), 250.0), Candidate(("a", "c"), 600.0)
BIG, TWO = Candidate(("b",), 700.0), Candidate(("a", "b"), 1050.0)
SETS = [SMALL, MIDDLE, BIG, TWO]


def lived(
    situations: list[Situation], timers: StageTimers, look_s: float = 30.0
) -> tuple[Step, float]:
    """The first step that is taken, and when; the last situation stays for an hour."""
    for look in range(120 + len(situations)):
        now_s = look * look_s
        situation = situations[min(look, len(situations) - 1)]
        decision = next_step(timers, RULES, situation, TWO, (0.9, 0.81), BIG, now_s)
        timers = decision.timers
        if decision.step is not Step.HOLD:
            return decision.step, now_s
    return Step.HOLD, now_s


@pytest.mark.case(
    "P75",
    when="The load lies where two sets of unlike chillers hand over to each other.",
    then="The smaller set takes over only where the larger one would not come back at once. "
    "Machines are not changed for others of nearly the same size.",
)
def test_sets_of_nearly_one_size_do_not_take_turns() -> None:
    assert next_below(SETS, BIG) == SMALL  # not 600 by two others
    assert smaller_for(SETS, BIG, 400.0, 0.81) is None
    assert larger_for(SETS, MIDDLE, 560.0, 0.9) == TWO  # not 700 by another
    assert next_below(SETS, TWO) == BIG
    within = Candidate(("a", "b", "c"), 1200.0)
    assert next_below([*SETS, within], within) == TWO  # one machine less, none started


def test_a_smaller_set_is_left_below_what_brings_the_larger_one_back() -> None:
    assert stays_below(StageRules(0.9, 0.8), [None], [None], None) == pytest.approx(0.81)
    assert stays_below(RULES, [None], [None], None) == pytest.approx(0.81)


def test_water_that_falls_quickly_brings_no_machine() -> None:
    falls = [Situation(1000.0, 12.0 - 0.5 * n, None, 19.0 - 0.5 * n) for n in range(24)]
    quick = lived([*falls, Situation(400.0, 0.0, None, 7.0)], StageTimers(0.0))
    assert quick[0] is Step.DOWN
    slow = [Situation(1000.0, 12.0 - 0.05 * n, None, 19.0 - 0.05 * n) for n in range(240)]
    assert lived(slow, StageTimers(0.0))[0] is Step.UP


def test_after_a_change_warm_water_is_no_load_for_a_while() -> None:
    restaged = changed(StageTimers(), 0.0, counts=1)
    restaged = replace(restaged, settled_s=600.0)
    high = [Situation(1000.0, 0.2, None, 7.2)]
    assert lived(high, restaged) == (Step.UP, 600.0 + 900.0 + 900.0)
    started = replace(changed(StageTimers(), 0.0, counts=0), settled_s=600.0)
    assert lived(high, started) == (Step.UP, 900.0)  # a start has nothing to recover from
    warm = [Situation(1000.0, 1.5, None, 8.5)]
    assert lived(warm, restaged) == (Step.UP, 900.0)  # what stays warm needs help at once


def test_water_colder_than_asked_hides_load() -> None:
    assert lived([Situation(400.0, -0.8, None, 6.2, 0.0)], StageTimers(0.0))[0] is Step.DOWN
    assert lived([Situation(400.0, -0.8, None, 6.2, 190.0)], StageTimers(0.0))[0] is Step.HOLD


def test_a_machine_that_has_to_come_back_counts_as_a_mistake() -> None:
    assert larger_counts(None, 5000.0) == 1
    assert larger_counts(1500.0, 5000.0) == 3
    assert larger_counts(1400.0, 5000.0) == 1


# --- without valves ------------------------------------------------------------------------------


def machine(name: str, design: Design) -> Machine:
    return Machine(
        name, f"b.{name}", f"{name}.enable", f"{name}.status", None, f"{name}.speed", design
    )


def layout(valves: bool) -> Layout:
    """Two chillers on headers, with or without valves."""

    def unit(name: str, kw: float) -> Unit:
        flow_m3h, cw_m3h = kw / 6.0, kw / 5.0
        design = Design(flow_m3h=flow_m3h, min_flow_m3h=kw / 15.0, cw_flow_m3h=cw_m3h)
        chiller = machine(name, design)
        valve = Valve(name, f"{name}.valve", 100.0) if valves else None
        return Unit(chiller, kw, (), valve, valve, cw_flow_m3h=kw / 5.0)

    pumps = tuple(machine(f"p{n}", Design(flow_m3h=100.0)) for n in range(3))
    return Layout(
        {"a": unit("a", 1000.0), "b": unit("b", 500.0)}, {}, trains=False,
        chw_pumps=pumps, cw_pumps=pumps,
    )  # fmt: skip


@pytest.mark.case(
    "P76",
    when="Chillers hang on headers without isolation valves.",
    then="Water for all of them is moved, so that the one that runs gets its flow. No set runs "
    "whose supply would be too warm by the water that passes standing chillers.",
)
@pytest.mark.parametrize(("valves", "pumps"), [(True, 1), (False, 3)])
def test_without_valves_the_condenser_water_of_all_is_moved(valves: bool, pumps: int) -> None:
    side = CondenserSide(layout(valves), ChilledWaterPlantParameters(header="h"), False)
    units = {"a": UnitState(), "b": UnitState(UnitStep.CHILLER, 0.0)}
    inputs = CondensingInputs(True, 0.5, 7.0, True)
    after = side.run(CondensingState(), units, Measured(), inputs, 10.0)
    assert after.pumps == pumps


@pytest.mark.parametrize(
    ("valves", "return_c", "able"),
    [(True, 12.0, True), (False, 12.0, False), (False, 8.0, True)],
)
def test_standing_chillers_without_valves_make_supply_warm(
    valves: bool, return_c: float, able: bool
) -> None:
    chooser = Chooser(layout(valves), ChilledWaterPlantParameters(header="h"), "UTC")
    both = Candidate(("a", "b"), 1500.0)
    around = Circumstances(
        ("a", "b"), (), ("a", "b"), (), Measured(return_c=return_c), 7.0, 0.0, None,
        staging=False, night=False,
    )  # fmt: skip
    found = chooser.unmixed([Candidate(("a",), 1000.0), both], around)
    assert (Candidate(("a",), 1000.0) in found) is able
    assert both in found


def test_a_bypass_never_closes_while_flow_is_short() -> None:
    side = ChilledSide(layout(valves=True), 30.0, bypass=True)
    units = {"a": UnitState(UnitStep.CHILLER, 0.0), "b": UnitState()}
    state = ChilledState(bypass=PidState(output_pct=70.0, error=-0.4, watched_s=0.0))
    short_m3h = 1.1 * 1000.0 / 15.0
    inputs = ChilledInputs(short_m3h, short_m3h, (), 100.0, ())
    after = side.run(state, units, inputs, False, 30.0)
    assert after.bypass.output_pct >= 70.0
