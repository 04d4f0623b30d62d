"""Water supply and hot tap water over long times: against the same plant without, and with faults
at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest

from bms.config.load import check
from bms.control import STRATEGIES
from bms.control.strategies.hot_tap_water.heat_up import HeatUpController
from bms.core.machines.relations import StartLimits
from schedules.answering.resolve import Resolver
from schedules.model.context import NOTHING
from simulators.physics.water.basins import Basin, WaterPump
from simulators.physics.water.hot_store import HotStore, circulation_return_c
from tests.control.engine.parts import at
from tests.control.hot_tap_water.bathhouse import (
    COLD_C,
    LOOP_KW_K,
    LOOP_M3H,
    POWERS_KW,
    VOLUME_M3,
    Bathhouse,
)
from tests.control.parts import BASE
from tests.control.water_supply.waterworks import PUMP_M3H, Waterworks
from tests.control.water_supply.waterworks import VOLUME_M3 as TANK_M3
from tests.docs.commands import ROOT
from tests.extent import extent

pytestmark = pytest.mark.slow

DAYS = extent(10, 365)
STEP_S = 120.0
LOW_PCT, HIGH_PCT = 10.0, 96.0
DEAR, CHEAP = 1.0, 0.35
"""What a kWh costs by day and from ten to eight at night, as in Zhejiang's tariff for industry."""


def local_hour(seconds: float) -> float:
    """The rigs begin at four in the afternoon in China."""
    return (16.0 + seconds / 3600.0) % 24.0


def use_m3h(seconds: float) -> float:
    """A building's day: mornings and evenings, weekends less, no two days the same."""
    hour, day = local_hour(seconds), int((seconds + 16 * 3600) // 86400)
    busy = 1.6 if 7 <= hour < 9 or 18 <= hour < 21 else 1.1
    level = 0.8 if day % 7 in (3, 4) else busy
    night = 0.08 if hour < 6 or hour >= 23 else level
    return 3.2 * night * (0.7 + 0.6 * Random(day).random())


@dataclass
class Score:
    """What a year of a tank was like."""

    minutes_out: float = 0.0
    kwh: float = 0.0
    cost: float = 0.0
    starts: Mapping[str, int] | None = None
    overflow_m3: float = 0.0
    alarms: tuple[str, ...] = ()


def priced(score: Score, kw: float, seconds: float) -> None:
    hour = local_hour(seconds)
    price = CHEAP if hour >= 22 or hour < 8 else DEAR
    score.kwh += kw * STEP_S / 3600.0
    score.cost += kw * STEP_S / 3600.0 * price


def ours() -> Score:
    works = Waterworks(
        level_pct=75.0, start_pct=82.0, stop_pct=91.0, economy_start_pct=30.0, economy_stop_pct=45.0
    )
    score = Score()
    for step in range(1, int(DAYS * 86400 / STEP_S) + 1):
        seconds = step * STEP_S
        hour = local_hour(seconds)
        works.mode("on" if hour >= 22 or hour < 8 else "economy")
        works.use_m3h = use_m3h(seconds)
        works.step(seconds)
        priced(score, sum(p.power_kw for p in works.pumps.values()), seconds)
        level = works.basin.level_pct
        score.minutes_out += STEP_S / 60.0 * (level < LOW_PCT or level > HIGH_PCT)
    score.overflow_m3 = works.basin.overflow_m3 + works.basin.missing_m3
    names = [name for _, name in works.starts()]
    score.starts = {name: names.count(name) for name in works.pumps}
    score.alarms = tuple(sorted({key for _, _, key in works.alarms}))
    return score


def plain() -> Score:
    """A float switch runs the first pump between 70 and 90 %, as most tanks are filled."""
    basin, pump, score = Basin(TANK_M3, 75.0), WaterPump(PUMP_M3H, 3.0), Score()
    on, starts = False, 0
    for step in range(1, int(DAYS * 86400 / STEP_S) + 1):
        seconds = step * STEP_S
        before = on
        on = basin.level_pct <= 70.0 or (on and basin.level_pct < 90.0)
        starts += on and not before
        basin.step(pump.step(on, STEP_S), use_m3h(seconds), STEP_S)
        priced(score, pump.power_kw, seconds)
        level = basin.level_pct
        score.minutes_out += STEP_S / 60.0 * (level < LOW_PCT or level > HIGH_PCT)
    score.overflow_m3 = basin.overflow_m3 + basin.missing_m3
    score.starts = {"p-1": starts}
    return score


def test_a_tank_is_filled_cheaper_in_turns_and_never_out_of_bounds() -> None:
    mine, other = ours(), plain()
    told = f"{DAYS} days: {mine} against {other}"
    assert mine.minutes_out <= other.minutes_out, told
    assert mine.overflow_m3 == 0.0, told
    assert mine.alarms == (), told
    assert mine.cost < 0.9 * other.cost, told
    assert mine.kwh < 1.02 * other.kwh, told
    assert mine.starts is not None
    assert other.starts is not None
    assert max(mine.starts.values()) <= 0.6 * other.starts["p-1"], told
    assert max(mine.starts.values()) - min(mine.starts.values()) <= 1, told


# --- hot tap water ---------------------------------------------------------------------------


def drawn_m3h(seconds: float) -> float:
    hour, day = local_hour(seconds), int((seconds + 16 * 3600) // 86400)
    if day % 7 in (3, 4):
        return 0.0
    peak = 0.45 if 7 <= hour < 9 or 17 <= hour < 20 else 0.12
    return peak if 7 <= hour < 22 else 0.0


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    site, problems = check(ROOT / "simulators/parks/demo/site", STRATEGIES)
    assert problems == []
    assert site is not None
    found = site.library.resolver(
        "binjiang.hot-water", "Asia/Shanghai", place=None, context=NOTHING
    )
    assert found is not None
    return found


@dataclass
class Heat:
    """What a year of hot tap water was like."""

    minutes_cold: float = 0.0
    kwh: float = 0.0
    circulated_h: float = 0.0
    scalded: int = 0
    longest_stood_h: float = 0.0


def tended(resolver: Resolver) -> Heat:
    house = Bathhouse(
        temp_c=62.0, sources=[{"machine": "hp", "hottest_c": 66.0}, {"machine": "eh"}],
    )  # fmt: skip
    house.engine.replace(
        [
            house.schedule, house.operator, house.resets, *house.spec.build(house.group),
            *house.protection, HeatUpController(house.group, resolver),
        ]
    )  # fmt: skip
    heat = Heat()
    # On holidays nobody is there.
    house.draw = lambda s: drawn_m3h(s) if resolver.effective(at(s)).mode == "on" else 0.0
    for step in range(1, int(DAYS * 86400 / STEP_S) + 1):
        seconds = step * STEP_S
        house.mode(resolver.effective(at(seconds)).mode)
        house.step(seconds)
        heat.circulated_h += house.circulates() * STEP_S / 3600.0
    heat.minutes_cold = house.cold_draws * STEP_S / 60.0
    heat.kwh, heat.scalded = sum(house.kwh.values()), house.scalded
    heat.longest_stood_h = house.longest_stood_s / 3600.0
    return heat


def thermostat(resolver: Resolver) -> Heat:
    """A thermostat keeps the store at 60 to 63 degC and water circulates all the time."""
    store, heat, on = HotStore(VOLUME_M3, 62.0), Heat(), False
    for step in range(1, int(DAYS * 86400 / STEP_S) + 1):
        seconds = step * STEP_S
        low, top = store.temps_c[-1], store.temps_c[0]
        on = top < 61.0 or low < 50.0 or (on and low < 63.0)
        tap = drawn_m3h(seconds) if resolver.effective(at(seconds)).mode == "on" else 0.0
        share = (50.0 - COLD_C) / (top - COLD_C) if top > 50.0 else 1.0
        out_c = store.step(
            STEP_S, draw_m3h=tap * share, cold_c=COLD_C, heat_kw=POWERS_KW["hp"] * on,
            circulated_m3h=LOOP_M3H, return_c=circulation_return_c(top, LOOP_M3H, LOOP_KW_K),
        )  # fmt: skip
        heat.kwh += POWERS_KW["hp"] * on * STEP_S / 3600.0
        heat.minutes_cold += (tap > 0.0 and out_c < 50.0) * STEP_S / 60.0
    heat.circulated_h = DAYS * 24.0
    return heat


def test_hot_tap_water_takes_less_heat_and_is_never_colder(resolver: Resolver) -> None:
    mine, other = tended(resolver), thermostat(resolver)
    told = f"{DAYS} days: {mine} against {other}"
    assert mine.minutes_cold <= other.minutes_cold, told
    assert mine.kwh < 0.95 * other.kwh, told
    assert mine.circulated_h < 0.6 * other.circulated_h, told
    assert mine.scalded == 0, told
    assert mine.longest_stood_h <= 24.0, told


# --- faults at random ------------------------------------------------------------------------

LEVELS = ("water_level", "dry_float", "low_float", "high_float", "overflow_float")
MOST_AN_HOUR = 6


@pytest.mark.parametrize("seed", range(extent(8, 120)))
@pytest.mark.parametrize("kind", ["tank", "sump"])
def test_no_sequence_of_faults_breaks_what_must_hold(kind: str, seed: int) -> None:
    """Three days, a fault every few hours: never over the brim, never dry, the reserve kept, no
    start above the limits."""
    random = Random(f"{kind} {seed}")
    reserve = 12.0 if kind == "tank" and random.random() < 0.5 else None
    works = Waterworks(
        kind, level_pct=60.0, count=random.choice([2, 3]), reserve_m3=reserve,
        booster=kind == "tank", starts=StartLimits(per_hour=MOST_AN_HOUR),
    )  # fmt: skip
    broken: dict[str, str] = {}
    while works.seconds < 3 * 86400:
        works.use_m3h = random.uniform(0.0, 6.0)
        if works.booster is not None:
            works.operator.values[f"{BASE}.booster.enable"] = int(random.random() < 0.3)
        if broken and random.random() < 0.6:
            part = random.choice(sorted(broken))
            del broken[part]
            works.lies.pop(part, None)
            works.bad.discard(f"{BASE}.{kind}.{part}")
            if part in works.dead:
                works.dead.discard(part)
                works.reset(part)  # whoever repairs it says so
        elif len(broken) < 1:
            part = random.choice([*LEVELS, *works.pumps])
            how = random.choice(["stuck", "bad"]) if part in LEVELS else "dead"
            broken[part] = how
            if how == "stuck":
                works.lies[part] = float(works.get(f"{kind}.{part}"))
            elif how == "bad":
                works.bad.add(f"{BASE}.{kind}.{part}")
            else:
                works.dead.add(part)
        works.live(random.uniform(0.5, 4.0), 30.0)
        told = f"seed {seed} {kind} at {timedelta(seconds=works.seconds)}: {broken}"
        assert works.basin.overflow_m3 == 0.0, told
        assert works.basin.missing_m3 == 0.0, told
    if reserve is not None and works.use_m3h == 0.0:
        assert works.least_pct > 100.0 * reserve / TANK_M3 - 1.0
    for name in works.pumps:
        times = [t for t, n in works.starts() if n == name]
        for i, first in enumerate(times):
            assert sum(t - first < 3600 for t in times[i:]) <= MOST_AN_HOUR, (seed, name)


@pytest.mark.parametrize("seed", range(extent(8, 120)))
def test_no_sequence_of_faults_scalds_anybody(seed: int) -> None:
    random = Random(f"scald {seed}")
    house = Bathhouse(
        temp_c=60.0, mixing=random.random() < 0.7, outlets=True,
        disinfection={"weekday": random.choice([3, 4]), "within_h": 8.0},
    )  # fmt: skip
    house.draw = lambda seconds: 0.15 if 6 <= local_hour(seconds) < 22 else 0.02
    sensors = ("top_temp", "middle_temp", "bottom_temp")
    while house.seconds < 4 * 86400:
        house.lies.clear()
        house.bad.clear()
        house.dead.clear()
        house.mix_fails = False
        fault = random.choice(["none", "stuck", "bad", "dead", "mixer", "hand"])
        sensor = random.choice(sensors)
        if fault == "stuck":
            house.lies[sensor] = float(house.get(f"store.{sensor}"))
        elif fault == "bad":
            house.bad |= {f"{BASE}.store.{role}" for role in random.sample(sensors, 2)}
        elif fault == "dead":
            house.dead.add(random.choice(["hp", "eh", "circ-1"]))
        elif fault == "mixer":
            house.mix_fails = True
        house.operator.values.clear()
        if fault == "hand":
            house.operator.values[f"{BASE}.eh.enable"] = 1
        house.mode(random.choice(["on", "off", "on"]))
        house.live(random.uniform(1.0, 8.0), 60.0)
        told = f"seed {seed} at {timedelta(seconds=house.seconds)}: {fault} {sensor}"
        assert house.scalded == 0, told
        assert math.isfinite(house.store.temps_c[0])
