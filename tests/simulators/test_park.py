"""The demo park as a plant: balances, commands, saved state, and agreement with its site files."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from asyncua.client.client import Client
from pymodbus.client import AsyncModbusTcpClient

from simulators.parks import demo
from simulators.parks.demo.park import Park
from simulators.registers import Cell
from simulators.serve import ParkServers
from simulators.sitefiles import read_links
from tests.patience import patience
from tests.simulators.test_weather import epw_lines, write_epw

SITE = Path(demo.__file__).parent / "site"
START = datetime(2026, 7, 8, 0, tzinfo=UTC)  # Wednesday 08:00 in China
SUBS: dict[str, dict[str, tuple[str, ...]]] = {
    "binjiang": {
        "meter-chw": ("ch-", "chwp-", "cwp-", "ct-"),
        "meter-boilers": ("boiler-",),
        "meter-ahu": ("ahu-",),
        "meter-showroom": ("show-",),
        "meter-lighting": ("light-1", "light-2"),
        "meter-landscape": ("light-3", "light-4"),
        "meter-hot-water": ("tap-",),
    },
    "tonglu": {
        "meter-air": ("ac-",),
        "meter-dryers": ("dryer-",),
        "meter-pumps": ("wp-",),
        "meter-parking": ("park-", "aisle-"),
        "meter-chargers": ("charger-",),
        "meter-roof-water": ("lift-",),
        "meter-drainage": ("drain-",),
    },
    "chongqing": {
        "meter-refrigeration": ("ref-", "chwp-", "cwp-", "ct-"),
        "meter-warehouse": ("ahu-",),
        "meter-fan-coils": ("fc-",),
        "meter-dressing": ("dress-",),
    },
}


def enables(park: Park) -> list[str]:
    return [p.name for p in park.points() if p.name.endswith(".enable")]


def run(park: Park, hours: float, step: timedelta = timedelta(minutes=15)) -> None:
    end = park.time + timedelta(hours=hours)
    while park.time < end:
        park.advance(min(park.time + step, end))


def test_untouched_everything_rests_but_production() -> None:
    park = Park(START)
    run(park, 3)
    values = park.read()
    assert not any(v for name, v in values.items() if name.endswith((".enable", ".status"))
                   and ".pv-" not in name)  # fmt: skip
    assert values["binjiang.chwp-1.speed"] == 100.0
    assert values["binjiang.ch-1.chw_setpoint"] == 7.0
    for base, groups in SUBS.items():
        assert all(values[f"{base}.{meter}.power"] == 0.0 for meter in groups)
        assert values[f"{base}.meter-main.power"] > (0 if base == "tonglu" else 500.0)
    assert all(math.isfinite(value) for value in values.values())


def test_meters_add_up_and_counters_follow_power() -> None:
    """Sub-meters are their members; main = machines + production - PV; kWh are sums of kW * h."""
    park, resting = Park(START), Park(START)
    names = enables(park)
    random = Random(7)
    values, quiet = park.read(), resting.read()
    energies = [name for name in values if name.endswith(".energy")]
    begin = {name: values[name] for name in energies}
    sums = dict.fromkeys(energies, 0.0)
    before = dict(begin)
    for n in range(300):
        park.write({name: float(random.random() < 0.6) for name in random.sample(names, 40)})
        dt_s = random.choice([1.0, 60.0, 400.0, 900.0])
        until = park.time + timedelta(seconds=dt_s)
        park.advance(until)
        resting.advance(until)
        for base, groups in SUBS.items():
            total = 0.0
            for meter, prefixes in groups.items():
                members = sum(
                    value
                    for name, value in values.items()
                    if name.endswith(".power")
                    and name.removeprefix(f"{base}.").startswith(prefixes)
                    and name.startswith(f"{base}.")
                )
                assert values[f"{base}.{meter}.power"] == pytest.approx(members, abs=1e-9)
                total += members
            exported = values.get(f"{base}.meter-export.power", 0.0)
            main = values[f"{base}.meter-main.power"] - exported
            # The park that rests has the same weather and production, and only that.
            rest = quiet[f"{base}.meter-main.power"] - quiet.get(f"{base}.meter-export.power", 0.0)
            assert main == pytest.approx(rest + total, abs=1e-6)
            assert values[f"{base}.meter-main.power"] >= 0.0
        for name in energies:
            assert values[name] >= before[name], (n, name)
            before[name] = values[name]
            sums[name] += values[name.replace(".energy", ".power")] * dt_s / 3600
    assert {name.split(".")[2] for name in energies} == {"energy"}
    for name in energies:
        assert values[name] - begin[name] == pytest.approx(sums[name], abs=0.11), name
    assert sums["binjiang.meter-chw.energy"] > 100


def test_pv_reaches_the_export_meter_and_import_stays_positive(tmp_path: Path) -> None:
    bright = [
        ",".join([*line.split(",")[:13], "1000", *line.split(",")[14:]]) if n >= 8 else line
        for n, line in enumerate(epw_lines())
    ]
    park = Park(
        datetime(2026, 2, 18, 4, tzinfo=UTC), weather=str(write_epw(tmp_path / "w", bright))
    )
    before = park.read()["tonglu.meter-export.energy"]
    stuck = park.read()["tonglu.meter-main.energy"]
    run(park, 1)
    values = park.read()
    assert values["tonglu.meter-main.power"] == 0.0
    assert values["tonglu.meter-main.energy"] == stuck
    assert values["tonglu.meter-export.power"] > 100.0
    assert values["tonglu.meter-export.energy"] - before == pytest.approx(
        values["tonglu.meter-export.power"], abs=0.2
    )
    assert values["tonglu.pv-1.status"] == 1.0


def test_a_warm_day_costs_more_than_a_mild_one_and_an_off_plant_lets_halls_warm(
    tmp_path: Path,
) -> None:
    def day(outdoor_c: float, on: float) -> tuple[float, float]:
        lines = [
            ",".join([*line.split(",")[:6], str(outdoor_c), *line.split(",")[7:]]) if n >= 8
            else line
            for n, line in enumerate(epw_lines())
        ]  # fmt: skip
        park = Park(START, weather=str(write_epw(tmp_path / f"{outdoor_c}.epw", lines)))
        plant = ("ch-", "chwp-", "cwp-", "ct-")
        park.write(
            {
                name: on if name.split(".")[1].startswith(plant) else 1.0
                for name in enables(park)
                if ".boiler-" not in name
            }
        )
        begin = park.read()["binjiang.meter-chw.energy"]
        run(park, 9)
        used = park.read()["binjiang.meter-chw.energy"] - begin
        return used, park.read()["binjiang.ahu-1.zone_temp"]

    mild, warm = day(26.0, 1.0), day(35.0, 1.0)
    assert warm[0] > 1.1 * mild[0] > 0
    assert day(35.0, 0.0)[0] == 0.0
    assert day(35.0, 0.0)[1] == pytest.approx(31.0, abs=4.0)
    assert day(35.0, 0.0)[1] > warm[1] + 2.0


def test_a_chiller_needs_both_its_pumps() -> None:
    park = Park(START)
    park.write({"binjiang.ch-1.enable": 1.0, "binjiang.chwp-1.enable": 1.0})
    run(park, 1)
    assert park.read()["binjiang.ch-1.status"] == 0.0
    assert park.read()["binjiang.chwp-1.status"] == 1.0
    park.write({"binjiang.cwp-1.enable": 1.0})
    park.advance(park.time + timedelta(seconds=20))
    assert park.read()["binjiang.ch-1.status"] == 0.0  # it takes its time
    park.advance(park.time + timedelta(seconds=140))
    assert park.read()["binjiang.ch-1.status"] == 1.0
    run(park, 2)
    assert park.read()["binjiang.chw-header.supply_temp"] == pytest.approx(7.0, abs=0.1)
    park.write({"binjiang.chwp-1.enable": 0.0})
    park.advance(park.time + timedelta(seconds=1))
    assert park.read()["binjiang.ch-1.status"] == 0.0


def test_commands_are_taken_whole_or_not_at_all() -> None:
    park = Park(START)
    values = park.read()
    park.write({"binjiang.ch-1.chw_setpoint": 99.0, "binjiang.light-1.level": -5.0})
    assert values["binjiang.ch-1.chw_setpoint"] == 20.0  # the device's own limit
    assert values["binjiang.light-1.level"] == 0.0
    for bad, error in (
        ({"binjiang.ch-1.power": 5.0}, ValueError),
        ({"binjiang.ch-9.enable": 1.0}, KeyError),
        ({"binjiang.ch-1.chw_setpoint": float("nan")}, ValueError),
        ({"binjiang.ch-1.chw_setpoint": float("inf")}, ValueError),
    ):
        with pytest.raises(error):
            park.write({"binjiang.ch-2.enable": 1.0, **bad})
        assert values["binjiang.ch-2.enable"] == 0.0
    park.write({"binjiang.ch-1.chw_setpoint": None})
    assert values["binjiang.ch-1.chw_setpoint"] == 7.0
    with pytest.raises(TypeError):
        values["binjiang.ch-1.power"] = 1.0  # type: ignore[index]


def test_time_only_goes_forward() -> None:
    park = Park(START)
    later = START + timedelta(hours=5)
    assert park.advance(later) == later
    before = dict(park.read())
    assert park.advance(START) == later
    assert dict(park.read()) == before
    with pytest.raises(ValueError, match="time zone"):
        Park(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_saved_park_continues_exactly(tmp_path: Path) -> None:
    state = tmp_path / "park.json"
    times = [START + timedelta(seconds=s) for s in (1, 700, 4000, 5000, 90_000, 90_001, 99_000)]
    straight, saved = Park(START), Park(START, state=str(state))
    for n, time in enumerate(times):
        commands = {name: float((i + n) % 3 > 0) for i, name in enumerate(enables(straight))}
        for park in (straight, saved):
            park.write(commands)
            park.advance(time)
        assert dict(saved.read()) == dict(straight.read())
        saved.close()
        assert list(tmp_path.iterdir()) == [state]
        # its time replaces the start, which may be anything
        saved = Park(START + timedelta(days=999), state=str(state))
        assert saved.time == straight.time
        assert dict(saved.read()) == dict(straight.read())


def test_a_state_that_does_not_fit_is_said_in_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "park.json"
    park = Park(START, state=str(state))
    park.advance(START + timedelta(hours=1))
    park.close()
    good = json.loads(state.read_text())
    missing = {**good, "values": dict(list(good["values"].items())[1:])}
    for text in ("", "[]", "{}", json.dumps({**good, "version": 9}), json.dumps(missing)):
        state.write_text(text)
        with pytest.raises(ValueError, match=r"park.json is not a state of this park"):
            Park(START, state=str(state))


def test_the_same_seed_is_the_same_park_and_another_is_not() -> None:
    parks = [Park(START, seed=seed) for seed in ("1", "1", "2")]
    for park in parks:
        run(park, 6)
    first, again, other = (dict(park.read()) for park in parks)
    assert first == again
    assert first["binjiang.weather.outdoor_temp"] != other["binjiang.weather.outdoor_temp"]
    assert first["chongqing.weather.outdoor_temp"] != first["binjiang.weather.outdoor_temp"]


def test_production_grows_differently_in_each_base() -> None:
    growth: dict[str, list[float]] = {}
    for year in (2025, 2026):
        park = Park(datetime(year, 6, 1, tzinfo=UTC))
        run(park, 24 * 28)  # four whole weeks without a command
        for base in SUBS:
            values = park.read()
            used = (
                values[f"{base}.meter-main.energy"]
                - Park(START).read()[f"{base}.meter-main.energy"]
            )
            if base == "tonglu":
                fresh = Park(START).read()
                used += values["tonglu.pv-1.energy"] - fresh["tonglu.pv-1.energy"]
                used -= values["tonglu.meter-export.energy"] - fresh["tonglu.meter-export.energy"]
            growth.setdefault(base, []).append(used)
    rates = {base: later / first - 1 for base, (first, later) in growth.items()}
    assert rates["binjiang"] == pytest.approx(0.02, abs=0.002)
    assert rates["chongqing"] == pytest.approx(0.04, abs=0.002)
    assert rates["tonglu"] == pytest.approx(0.087, abs=0.002)


# --- the site --------------------------------------------------------------------------------


def test_the_site_and_the_park_have_the_same_points() -> None:
    park = Park(START)
    offered = {p.name: p for p in park.points()}
    served = {p.name: p for link in read_links(SITE) for p in link.points}
    assert served.keys() == offered.keys()
    assert len(served) > 800
    for name, point in served.items():
        assert point.at.get("unit", "") == offered[name].unit, name
        assert point.writable == offered[name].writable, name


def test_registers_resolve_what_the_counters_count() -> None:
    """A register coarser than its counter would make kWh that nobody used, or lose some."""
    park = Park(START)
    run(park, 1)
    for link in read_links(SITE):
        for point in link.points:
            if point.name.endswith(".energy"):
                counts = park.read()[point.name] / point.at["scale"]
                assert counts == pytest.approx(round(counts), abs=1e-4), point.name
                scale = 0.1 if point.name.endswith(("main.energy", "export.energy")) else 0.01
                assert point.at["scale"] == scale


async def test_every_register_of_the_demo_shows_the_park() -> None:
    """All units of all links, as an independent client reads them."""
    park = Park(START)
    park.write(dict.fromkeys(enables(park), 1.0))
    links = read_links(SITE)
    servers = ParkServers(park, links)
    await servers.start()
    try:
        await servers.advance(START + timedelta(hours=2))
        values = dict(park.read())
        for link in links:
            endpoint = servers.endpoints[link.id]
            if link.protocol == "opcua":
                async with Client(str(endpoint["url"])) as opc:
                    for point in link.points:
                        index = await opc.get_namespace_index(point.at["namespace"])
                        read = await opc.get_node(f"ns={index};{point.at['node']}").read_value()
                        assert float(read) == pytest.approx(values[point.name], rel=1e-6)
                continue
            client = AsyncModbusTcpClient("127.0.0.1", port=int(str(endpoint["port"])), retries=0)
            assert await client.connect()
            reads = {
                "coil": client.read_coils,
                "discrete": client.read_discrete_inputs,
                "holding": client.read_holding_registers,
                "input": client.read_input_registers,
            }
            for point in link.points:
                cell = Cell(point.at)
                answer = await reads[cell.table](
                    cell.address, count=cell.size, device_id=point.unit
                )
                assert not answer.isError(), (point, answer)
                words = [int(b) for b in answer.bits[:1]] if cell.is_bit else list(answer.registers)
                step = float(point.at.get("scale") or 1.0)
                assert cell.value(words) == pytest.approx(
                    values[point.name], abs=0.51 * step, rel=1e-6
                ), point
            client.close()
        # and back: the command of one warehouse unit, out of 64 alike
        client = AsyncModbusTcpClient(
            "127.0.0.1", port=int(str(servers.endpoints["cq-warehouse"]["port"])), retries=0
        )
        assert await client.connect()
        assert not (await client.write_register(0, 0, device_id=37)).isError()
        assert not (await client.write_register(1, 265, device_id=37)).isError()
        client.close()
        assert park.read()["chongqing.ahu-37.enable"] == 0.0
        assert park.read()["chongqing.ahu-37.zone_setpoint"] == 26.5
        assert park.read()["chongqing.ahu-36.enable"] == 1.0
    finally:
        async with patience():
            await servers.stop()
