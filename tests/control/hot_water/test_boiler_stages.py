"""How many boilers: every limit of the rules, from both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.strategies.hot_water.boiler_stages import (
    BoilerDecision,
    BoilerStage,
    BoilerStageRules,
    BoilerTimers,
    HeatNeed,
    HeatStep,
    changed_boilers,
    next_boilers,
)

RULES = BoilerStageRules()
ONE, TWO = BoilerStage(400.0, 80.0, True), BoilerStage(800.0, 160.0, True)
OLD_ONE, OLD_TWO = BoilerStage(400.0, 80.0, False), BoilerStage(800.0, 160.0, False)


def after(
    seconds: float,
    need: HeatNeed,
    stages: tuple[BoilerStage, BoilerStage | None, BoilerStage | None],
    rules: BoilerStageRules = RULES,
    timers: BoilerTimers | None = None,
) -> BoilerDecision:
    """The decision after so long of the same need, looked at each half minute."""
    timers = timers or changed_boilers(0.0)
    decision = next_boilers(timers, rules, need, stages, 0.0)
    for look in range(30, int(seconds) + 1, 30):
        decision = next_boilers(decision.timers, rules, need, stages, float(look))
    return decision


def need(
    load_kw: float | None, supply_c: float | None = 60.0, *, bypassing: bool = False
) -> HeatNeed:
    return HeatNeed(load_kw, supply_c, 60.0, bypassing)


@pytest.mark.parametrize(
    ("stages", "load_kw", "step"),
    [
        # Condensing: 150 % of what the next stage gives at least, 1.5 x 160 kW.
        ((ONE, TWO, None), 240.0, HeatStep.HOLD),
        ((ONE, TWO, None), 240.1, HeatStep.UP),
        # Not condensing: 90 % of what runs.
        ((OLD_ONE, OLD_TWO, None), 360.0, HeatStep.HOLD),
        ((OLD_ONE, OLD_TWO, None), 360.1, HeatStep.UP),
        # Nothing above: nothing comes.
        ((TWO, None, ONE), 900.0, HeatStep.HOLD),
        # Down, not condensing: 80 % of the smaller stage.
        ((OLD_TWO, None, OLD_ONE), 319.9, HeatStep.DOWN),
        ((OLD_TWO, None, OLD_ONE), 320.0, HeatStep.HOLD),
        # Down, condensing: only where it would not come back, and burns as low as it can.
        ((TWO, None, ONE), 175.9, HeatStep.DOWN),
        ((TWO, None, ONE), 176.0, HeatStep.HOLD),
        # In the lowest stage nothing goes.
        ((ONE, TWO, None), 1.0, HeatStep.HOLD),
        # A load that is not known changes nothing.
        ((ONE, TWO, None), None, HeatStep.HOLD),
        ((TWO, None, ONE), None, HeatStep.HOLD),
    ],
)
def test_by_load(
    stages: tuple[BoilerStage, BoilerStage | None, BoilerStage | None],
    load_kw: float | None,
    step: HeatStep,
) -> None:
    assert after(600, need(load_kw), stages).step is step


def test_an_open_bypass_lets_a_condensing_boiler_go_sooner() -> None:
    stages = (TWO, None, ONE)
    assert after(600, need(215.0), stages).step is HeatStep.HOLD
    assert after(600, need(215.0, bypassing=True), stages).step is HeatStep.DOWN
    # 90 % of the 240 kW that would bring it back.
    assert after(600, need(216.1, bypassing=True), stages).step is HeatStep.HOLD


@pytest.mark.parametrize(
    ("seconds", "step"), [(570, HeatStep.HOLD), (600, HeatStep.UP), (630, HeatStep.UP)]
)
def test_a_load_has_to_last(seconds: float, step: HeatStep) -> None:
    free = BoilerTimers()
    assert after(seconds, need(300.0), (ONE, TWO, None), timers=free).step is step


def test_condensing_boilers_go_after_five_minutes() -> None:
    free = BoilerTimers()
    stages = (TWO, None, ONE)
    assert after(270, need(100.0), stages, timers=free).step is HeatStep.HOLD
    assert after(300, need(100.0), stages, timers=free).step is HeatStep.DOWN


def test_a_stage_lasts_at_least_so_long() -> None:
    rules = replace(RULES, delay_s=60.0)
    assert after(570, need(300.0), (ONE, TWO, None), rules).step is HeatStep.HOLD
    assert after(600, need(300.0), (ONE, TWO, None), rules).step is HeatStep.UP


@pytest.mark.parametrize(
    ("supply_c", "seconds", "step"),
    [
        (54.5, 3600, HeatStep.HOLD),  # less than 5.6 K below: not yet
        (54.3, 1200, HeatStep.UP),  # 5 min to see that it does not rise, then 15 min
        (54.3, 1170, HeatStep.HOLD),
        (None, 3600, HeatStep.HOLD),
    ],
)
def test_water_that_stays_cold_brings_a_boiler(
    supply_c: float | None, seconds: float, step: HeatStep
) -> None:
    assert after(seconds, need(100.0, supply_c), (ONE, TWO, None)).step is step


def test_water_that_rises_is_on_its_way() -> None:
    decision = next_boilers(changed_boilers(0.0), RULES, need(100.0, 20.0), (ONE, TWO, None), 0.0)
    for look in range(1, 121):
        warmer = need(100.0, 20.0 + 0.25 * look)
        decision = next_boilers(decision.timers, RULES, warmer, (ONE, TWO, None), 30.0 * look)
        assert decision.step is HeatStep.HOLD


def test_cold_water_keeps_what_runs() -> None:
    assert after(900, need(50.0, 50.0), (TWO, None, ONE)).step is HeatStep.HOLD


def test_the_reason_tells_the_numbers() -> None:
    assert after(600, need(300.0), (ONE, TWO, None)).reason == "load 300 kW above 240 kW"
    assert after(600, need(100.0), (TWO, None, ONE)).reason == (
        "load 100 kW suits a smaller stage of 400 kW"
    )
    cold = after(1200, need(100.0, 50.0), (ONE, TWO, None))
    assert cold.reason == "supply 10.0 K below its setpoint"
