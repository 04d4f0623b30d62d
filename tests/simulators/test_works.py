"""Works from blueprints: their points, their balances, and what bad control does to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulators.parks.works.blueprint import blueprint
from simulators.parks.works.works import Works
from simulators.physics.water.hydraulics import KW_PER_M3H_K
from simulators.weather import EpwWeather
from tests.simulators.test_weather import epw_lines, write_epw

START = datetime(2026, 7, 8, 0, tzinfo=UTC)  # Wednesday 08:00 in China
SMALL: Mapping[str, Any] = {
    "base": "w",
    "chillers": {
        "ch-1": {"curve": "centrifugal_vsd", "capacity_kw": 700},
        "ch-2": {"curve": "screw", "capacity_kw": 350},
    },
    "chw_pumps": {"chwp-1": None, "chwp-2": None},
    "cw_pumps": {"cwp-1": None, "cwp-2": None},
    "towers": {"ct-1": None, "ct-2": None},
    "processes": {"line": {"design_kw": 900}},
}


def small(**more: Any) -> Works:
    return Works.of(START, blueprint({**SMALL, **more}))


def advance(works: Works, seconds: float, step_s: float = 30.0) -> None:
    end = works.time + timedelta(seconds=seconds)
    while works.time < end:
        works.advance(min(end, works.time + timedelta(seconds=step_s)))


def start(works: Works, *numbers: int) -> None:
    """All that belongs to these machines: valves first, then the machine."""
    commands: dict[str, float] = {}
    for n in numbers:
        for machine in (f"ch-{n}", f"chwp-{n}", f"cwp-{n}", f"ct-{n}"):
            commands[f"w.{machine}.enable"] = 1.0
        for valve in (f"ch-{n}.valve_enable", f"ct-{n}.valve_enable"):
            commands[f"w.{valve}"] = 1.0
        commands[f"w.ch-{n}.cw_valve"] = 100.0
    works.write(commands)


def test_a_started_plant_cools_its_load() -> None:
    works = small()
    works.force("line", 580.0)
    start(works, 1)
    advance(works, 3600.0)
    values = works.read()
    assert values["w.ch-1.status"] == values["w.chwp-1.status"] == values["w.ct-1.status"] == 1.0
    assert values["w.chw-header.supply_temp"] == pytest.approx(7.0, abs=0.3)
    flow = values["w.chw-header.flow"]
    rise = values["w.chw-header.return_temp"] - values["w.chw-header.supply_temp"]
    assert KW_PER_M3H_K * flow * rise == pytest.approx(580.0, rel=0.1)
    assert values["w.cw-header.return_temp"] > values["w.cw-header.supply_temp"]
    assert values["w.chw-header.differential_pressure"] > values["w.chw-header.far_pressure"]
    assert values["w.meter-water.flow"] > 0.0
    assert values["w.meter-main.power"] == pytest.approx(
        sum(v for n, v in values.items() if n.endswith(".power") and ".meter-" not in n)
    )


@pytest.mark.parametrize("step_s", [30.0, 300.0, 900.0])
def test_steps_of_any_length_tell_the_same_story(step_s: float) -> None:
    def energy(step_s: float) -> float:
        works = small()
        begin = works.read()["w.meter-main.energy"]
        advance(works, 3600.0, step_s)
        start(works, 1)
        advance(works, 4 * 3600.0, step_s)
        return works.read()["w.meter-main.energy"] - begin

    assert energy(step_s) == pytest.approx(energy(60.0), rel=0.01)


def test_a_valve_takes_its_time_and_a_chiller_waits_for_flow() -> None:
    works = small()
    start(works, 1)
    advance(works, 30.0, 1.0)
    values = works.read()
    assert values["w.ch-1.status"] == values["w.ch-1.valve_open"] == 0.0
    assert values["w.ch-1.flow_switch"] == 0.0
    assert works.cold is not None
    assert works.cold.plant.chillers[0].valve.position == pytest.approx(30 / 90)
    assert works.facts()["w.ch-1.dry_s"] > 0.0  # enabled before its flow
    advance(works, 300.0)
    assert works.read()["w.ch-1.status"] == 1.0


def test_without_isolation_valves_water_passes_all_machines() -> None:
    works = small(valves=False)
    works.force("line", 300.0)
    works.write({f"w.{m}.enable": 1.0 for m in ("chwp-1", "cwp-1", "ct-1", "ch-1")})
    advance(works, 900.0)
    values = works.read()
    assert values["w.ch-1.flow_switch"] == values["w.ch-1.status"] == 1.0
    assert values["w.ch-2.chw_flow"] == pytest.approx(0.5 * values["w.ch-1.chw_flow"])
    # half of the water passes a machine that stands
    assert values["w.chw-header.supply_temp"] > values["w.ch-1.chw_supply_temp"] + 0.5


def test_water_through_a_chiller_that_does_not_run_warms_the_header() -> None:
    """Valves left open are what isolation valves are for."""
    closed, opened = small(), small()
    for works in (closed, opened):
        works.force("line", 400.0)
        start(works, 1)
    opened.write({"w.ch-2.valve_enable": 1.0})
    for works in (closed, opened):
        advance(works, 3600.0)
    assert (
        opened.read()["w.chw-header.supply_temp"] > closed.read()["w.chw-header.supply_temp"] + 0.5
    )


def test_pumps_without_a_way_have_no_flow_and_the_seconds_count() -> None:
    works = small()
    works.write({"w.chwp-1.enable": 1.0, "w.cwp-1.enable": 1.0})
    advance(works, 600.0)
    assert works.read()["w.chw-header.flow"] == 0.0
    assert works.read()["w.chwp-1.status"] == 1.0
    assert works.facts()["w.chwp-1.dead_head_s"] == pytest.approx(600.0, abs=30.0)
    assert works.facts()["w.chwp-1.starts"] == 1.0
    assert works.facts()["w.line.missing_kwh"] > 10.0


def test_speed_moves_flow_pressure_and_power() -> None:
    works = small()
    start(works, 1)
    seen = []
    for speed in (100.0, 80.0, 60.0):
        works.write({"w.chwp-1.speed": speed})
        works.force("line", 0.0)
        works.write({"w.chw-header.bypass_valve": 100.0})
        advance(works, 900.0)
        values = works.read()
        seen.append((values["w.chw-header.flow"], values["w.chwp-1.power"]))
    assert seen[1][0] == pytest.approx(0.8 * seen[0][0], rel=0.01)
    assert seen[2][1] < 0.3 * seen[0][1]


def test_a_secondary_loop_takes_what_it_wants_and_mixes_when_it_wants_too_much() -> None:
    works = small(secondary_pumps={"schwp-1": None, "schwp-2": None})
    works.force("line", 800.0)
    start(works, 1)
    works.write({"w.schwp-1.enable": 1.0, "w.schwp-2.enable": 1.0})
    advance(works, 3600.0)
    values = works.read()
    assert values["w.chw-secondary.flow"] > values["w.chw-header.flow"] > 0.0
    assert values["w.chw-secondary.supply_temp"] > values["w.chw-header.supply_temp"] + 0.5
    works.write({"w.schwp-2.enable": 0.0, "w.schwp-1.speed": 50.0})
    advance(works, 1800.0)
    values = works.read()
    assert values["w.chw-secondary.flow"] < values["w.chw-header.flow"]
    assert values["w.chw-secondary.supply_temp"] == pytest.approx(
        values["w.chw-header.supply_temp"], abs=0.2
    )


def test_an_economizer_cools_alone_when_it_is_cold_outside() -> None:
    works = Works.of(
        datetime(2026, 1, 14, 0, tzinfo=UTC),
        blueprint({**SMALL, "economizer": {"wse": {"design_kw": 400}}}),
    )
    works.force("line", 200.0)
    start(works, 1)
    works.write({"w.ch-1.enable": 0.0, "w.wse.valve": 100.0, "w.wse.cw_valve": 100.0})
    advance(works, 6 * 3600.0, 300.0)
    values = works.read()
    assert values["w.ch-1.status"] == 0.0
    assert values["w.chw-header.supply_temp"] < 12.0
    assert values["w.wse.chw_supply_temp"] < values["w.wse.chw_return_temp"]


def test_an_extract_fan_draws_through_cracks_what_no_unit_brings() -> None:
    room = {"area_m2": 300, "people_m2": 0.0}
    given = {
        "air_handlers": {"u": {"constant": True, "rooms": {"r": room}}},
        "fans": {"ex": {"serves": "u", "airflow_m3h": 900.0}},
    }
    works = Works.of(datetime(2026, 1, 14, 0, tzinfo=UTC), blueprint({"base": "w", **given}))
    still = Works.of(datetime(2026, 1, 14, 0, tzinfo=UTC), blueprint({"base": "w", **given}))
    works.write({"w.ex.enable": 1.0})
    for one in (works, still):
        advance(one, 6 * 3600.0, 300.0)
    values = works.read()
    assert values["w.ex.status"] == 1.0
    assert values["w.ex.airflow"] == pytest.approx(900.0)
    assert values["w.ex.power"] == pytest.approx(0.225)
    assert values["w.u.zone_temp"] < still.read()["w.u.zone_temp"] - 1.0
    works.inject("break", "w.ex", True)
    advance(works, 300.0)
    assert works.read()["w.ex.airflow"] == 0.0


def test_sensors_show_something_possible_before_the_first_step() -> None:
    for name, value in Works(START).read().items():
        if name.endswith("temp"):
            assert 5.0 < value < 40.0, name
        if name.endswith(".co2"):
            assert value >= 400.0, name


def test_the_shipped_works_has_every_kind_of_machine() -> None:
    works = Works(START)
    names = {p.name for p in works.points()}
    assert {"works.ch-3.valve_enable", "works.wse.valve", "works.hw-header.flow"} <= names
    works.write({"works.boiler-1.enable": 1.0, "works.boiler-1.valve_enable": 1.0})
    works.write({"works.hwp-1.enable": 1.0, "works.boiler-1.hw_setpoint": 55.0})
    works.force("radiators", 200.0)
    begin = works.read()["works.meter-gas.volume"]
    advance(works, 3600.0)
    values = works.read()
    assert values["works.boiler-1.status"] == 1.0
    assert values["works.hw-header.supply_temp"] == pytest.approx(55.0, abs=6.0)
    gas = values["works.meter-gas.volume"] - begin
    assert gas == pytest.approx(200.0 / 0.9 / 9.9, rel=0.4)


@pytest.mark.parametrize("seed", range(4))
def test_heat_and_electricity_balance_in_random_runs(seed: int) -> None:
    """What comes in goes out or is stored, within 0.1 % of what went through."""
    random = Random(seed)
    works = Works(START + timedelta(days=random.randrange(365)), seed=str(seed))
    cold, heat = works.cold, works.heat
    assert cold is not None
    assert heat is not None
    names = [p.name for p in works.points() if p.writable]
    through = {"cold": 0.0, "heat": 0.0, "air": 0.0}
    wrong = {"cold": 0.0, "heat": 0.0, "air": 0.0}
    units = [unit.physics for unit in works.air.units]
    for _ in range(300):
        works.write(
            {
                name: random.uniform(4.0, 12.0) if name.endswith("chw_setpoint")
                else random.uniform(35.0, 80.0) if name.endswith("hw_setpoint")
                else float(random.random() < 0.7) if name.endswith("enable")
                else random.choice([0.0, 1.0, 30.0, 100.0])
                for name in random.sample(names, 12)
            }
        )  # fmt: skip
        for process in works.blueprint.processes:
            works.force(process, random.uniform(0.0, 900.0))
        for _ in range(10):
            rooms = sum(unit.stored_kj for unit in units)
            before = cold.plant.stored_kwh, heat.plant.stored_kwh
            works.advance(works.time + timedelta(seconds=30))
            towers, plant = cold.plant.condenser.towers, cold.plant
            gains = [
                plant.drawn_kw, plant.ambient_kw, plant.pumps.heat_kw, plant.secondary.heat_kw,
                plant.condenser.pumps.heat_kw, towers.heating_kw,
                *(chiller.power_kw for chiller in plant.chillers),
                -towers.rejected_kw, -towers.water_kw,
            ]  # fmt: skip
            hours = 30 / 3600
            through["cold"] += sum(map(abs, gains)) / 2 * hours
            wrong["cold"] += abs(plant.stored_kwh - before[0] - sum(gains) * hours)
            boilers = heat.plant
            gains = [
                -boilers.drawn_kw, boilers.ambient_kw, boilers.pumps.heat_kw, boilers.gas_kw,
                *(-boiler.flue_kw for boiler in boilers.boilers),
            ]  # fmt: skip
            through["heat"] += sum(map(abs, gains)) / 2 * hours
            wrong["heat"] += abs(boilers.stored_kwh - before[1] - sum(gains) * hours)
            gains = [unit.gains_kw(works.outdoor) for unit in units]
            gains += [-unit.water_kw for unit in units]
            through["air"] += sum(map(abs, gains)) / 2 * hours
            stored = (sum(unit.stored_kj for unit in units) - rooms) / 3600.0
            wrong["air"] += abs(stored - sum(gains) * hours)
            # What consumers gave to the water is what units and processes say they gave.
            heated = [unit.coils for unit in units]
            given = sum(coil.heat_kw for coils in heated for coil in coils)
            given += sum(load.drawn_kw for _, load, _ in works.processes if load.drawn_kw < 0.0)
            assert boilers.drawn_kw == pytest.approx(-given, abs=1e-3)
            coils = [unit.cooling for unit in units if unit.cooling is not None]
            given = sum(coil.heat_kw for coil in coils)
            given += sum(load.drawn_kw for _, load, _ in works.processes if load.drawn_kw > 0.0)
            assert plant.drawn_kw == pytest.approx(given, abs=1e-3)
    for side in through:
        assert through[side] > 100.0
        assert wrong[side] < 1e-6 * through[side], side


def test_electricity_is_metered_where_it_is_used() -> None:
    """Main meter, sub-meters, machines and powers over time agree."""
    works = Works(START)
    names = [p.name for p in works.points()]
    works.write({name: 1.0 for name in names if name.endswith((".enable", ".valve_enable"))})
    works.write({name: 100.0 for name in names if name.endswith(".cw_valve")})
    begin = dict(works.read())
    used = dict.fromkeys((n for n in names if n.endswith(".power")), 0.0)
    for _ in range(240):
        works.advance(works.time + timedelta(seconds=30))
        for name in used:
            used[name] += works.read()[name] * 30 / 3600
    values = works.read()
    for name, kwh in used.items():
        energy = name.replace(".power", ".energy")
        assert values[energy] - begin[energy] == pytest.approx(kwh, abs=0.02), name
    subs = sum(used[f"works.meter-{part}.power"] for part in ("cold", "heat", "air"))
    machines = sum(kwh for name, kwh in used.items() if ".meter-" not in name)
    assert subs == pytest.approx(machines)
    assert subs > 50.0


def test_a_works_runs_on_any_weather_file(tmp_path: Path) -> None:
    path = write_epw(tmp_path / "w.epw", epw_lines())
    works = Works(START, weather=str(path))
    advance(works, 3600.0, 900.0)
    assert works.read()["works.weather.outdoor_temp"] == pytest.approx(
        EpwWeather(path).at(works.time).outdoor_temp_c, abs=0.5
    )


def test_water_balances(tmp_path: Path) -> None:
    works = small()
    works.force("line", 600.0)
    start(works, 1, 2)
    begin = works.read()["w.meter-water.volume"]
    lost = 0.0
    assert works.cold is not None
    towers = works.cold.plant.condenser.towers
    for _ in range(480):
        works.advance(works.time + timedelta(seconds=30))
        lost += towers.lost_m3h * 30 / 3600
    made_up = works.read()["w.meter-water.volume"] - begin
    assert made_up == pytest.approx(lost + towers.basin.volume_m3 - towers.full_m3, abs=0.011)
    assert towers.evaporated_m3h < towers.lost_m3h < 2.0 * towers.evaporated_m3h


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chiller": {}}, "no 'chiller'"),
        ({"chillers": {"ch-1": {}}}, "ch-1: capacity_kw is missing"),
        ({"chillers": {"ch-1": {"capacity_kw": 5, "curve": "x"}}}, "no curve 'x'"),
        ({"chillers": {"ch-1": {"capacity_kw": 5}}}, "chillers need"),
        ({"boilers": {"b": {"capacity_kw": 5}}}, "heat pumps need hw_pumps"),
        ({"boilers": {"b": {"size": 5}}}, "there is no 'size'"),
        ({"towers": 3}, "names are expected"),
        ({"fans": {"f": {"serves": "u", "airflow_m3h": 5}}}, "no unit 'u'"),
    ],
)
def test_a_blueprint_that_cannot_be_built_says_why(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        blueprint(given)


def test_a_file_that_is_no_blueprint_is_refused_with_its_name(tmp_path: Path) -> None:
    for text in ("- 1", "a: [", "boilers: {b: {capacity_kw: 5}}"):
        path = tmp_path / "w.yaml"
        path.write_text(text)
        with pytest.raises(ValueError, match=r"w\.yaml"):
            Works(START, blueprint=str(path))
    with pytest.raises(KeyError):
        small().force("nothing", 1.0)
