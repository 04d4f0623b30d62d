"""A site whose only link is somebody's in-process plant: simulated, and run in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.composition import composed
from bms.app.controller import App
from bms.app.simulate import simulate
from bms.config.load import check, load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import InvalidInput
from bms.field.plants import EchoPlant, make_plant, plant_of
from bms.historian.log.embedded import History
from drivers.plant import PlantDriver, PlantPoint
from drivers.points import PlantAddress, Point, Quality
from tests.machine_time import utc_now
from tests.patience import patience

START = datetime(2026, 6, 1, tzinfo=UTC)

FILES = {
    "site.yaml": (
        "id: lab\nzone: Europe/Berlin\ncycle_s: 0.05\nbases: {hall: {energy: {imports: [meter]}}}\n"
    ),
    "links.yaml": (
        "links:\n  emulator: {protocol: plant, plant: 'tests.field.test_plants:Emulator', "
        "options: {power_kw: '12'}, poll_s: 0.02}\n"
    ),
    "devices/fan.yaml": (
        "device: lab-fan\nkind: fan\ndocument: the emulator's own list\nprotocol: plant\npoints:\n"
        "  enable: {name: 'hall_{equipment}_u', writable: true, type: bool}\n"
        "  status: {name: 'hall_{equipment}_y', type: bool}\n"
    ),
    "devices/meter.yaml": (
        "device: lab-meter\nkind: meter\ndocument: the emulator's own list\nprotocol: plant\n"
        "points:\n  energy: {name: E_J, scale: 2.7777777777777777e-7, unit: kWh}\n"
    ),
    "devices/weather.yaml": (
        "device: lab-weather\nkind: weather_station\ndocument: the emulator's own list\n"
        "protocol: plant\npoints:\n"
        "  outdoor_temp: {name: TDryBul_y, offset: -273.15, unit: degC}\n"
    ),
    "equipment/hall.yaml": (
        "base: hall\nequipment:\n  fan-1: {kind: fan, device: lab-fan, link: emulator}\n"
        "  meter: {kind: meter, device: lab-meter, link: emulator}\n"
        "  weather: {kind: weather_station, device: lab-weather, link: emulator}\n"
    ),
    "groups/hall.yaml": "base: hall\ngroups: {air: {strategy: on_off, members: [fan-1]}}\n",
    "schedules/air.yaml": (
        "schedule: air\ngoverns: [hall.air]\notherwise: {mode: 'off'}\n"
        "week: {any: {daily: [{from: '08:00', to: '18:00', mode: 'on'}]}}\n"
    ),
}


class Emulator:
    """A plant with its own names and SI units: joules, kelvin. It steps in whole minutes."""

    def __init__(self, start: datetime, power_kw: str) -> None:
        self._time = start
        self._power_w = float(power_kw) * 1000
        self._on = 0.0
        self._energy_j = 0.0
        self.closed = False

    def points(self) -> Sequence[PlantPoint]:
        return [
            PlantPoint("hall_fan-1_u", writable=True),
            PlantPoint("hall_fan-1_y"),
            PlantPoint("E_J", "J"),
            PlantPoint("TDryBul_y", "K"),
        ]

    def read(self) -> Mapping[str, float]:
        return {
            "hall_fan-1_u": self._on,
            "hall_fan-1_y": self._on,
            "E_J": self._energy_j,
            "TDryBul_y": 295.15,
        }

    def write(self, values: Mapping[str, float | None]) -> None:
        self._on = values["hall_fan-1_u"] or 0.0

    def advance(self, until: datetime) -> datetime:
        while self._time < until:
            self._time += timedelta(minutes=1)
            self._energy_j += self._power_w * self._on * 60
        return self._time

    def close(self) -> None:
        self.closed = True


def write_site(directory: Path, **changes: str) -> Path:
    for name, text in {**FILES, **changes}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


async def test_a_plant_with_its_own_names_and_units_is_simulated(tmp_path: Path) -> None:
    site = load(write_site(tmp_path), STRATEGIES)
    plant = plant_of(site, START)
    assert isinstance(plant, Emulator)
    end = START + timedelta(days=1)
    done = await simulate(
        site, plant, start=START, end=end, step=timedelta(minutes=15), into=tmp_path / "out"
    )
    assert done.alarms_raised == 0
    with History(tmp_path / "out", read_only=True) as history:
        readings = history.readings("hall.meter.energy", START, end)
        meter = history.meter("hall.meter.energy")
        (first, *_) = history.samples("hall.weather.outdoor_temp", START, end)
    assert meter is not None
    # 10 hours at 12 kW, less the quarter of an hour between deciding and the next step.
    assert float(meter.resolution) * (readings[-1].counts - readings[0].counts) == pytest.approx(
        120.0, abs=3.1
    )
    assert first.value == pytest.approx(22.0)


async def test_a_plant_link_runs_in_real_time(tmp_path: Path) -> None:
    site = load(write_site(tmp_path), STRATEGIES)
    stop, ready = asyncio.Event(), asyncio.Event()
    async with composed(site, SystemClock()) as app:
        running = asyncio.create_task(app.run(stop, ready.set))
        await ready.wait()
        async with patience():
            while not _status_is_good(app):
                assert not running.done(), running
                await asyncio.sleep(0.01)
            stop.set()
            await running


def _status_is_good(app: App) -> bool:
    last = app.runtime.last
    sample = last.snapshot.samples.get("hall.fan-1.status") if last is not None else None
    return sample is not None and sample.quality is Quality.GOOD


async def test_writing_goes_back_through_scale_and_offset() -> None:
    class Tank:
        def __init__(self) -> None:
            self.kelvin = 300.0

        def points(self) -> Sequence[PlantPoint]:
            return [PlantPoint("T_set", "K", writable=True)]

        def read(self) -> Mapping[str, float]:
            return {"T_set": self.kelvin}

        def write(self, values: Mapping[str, float | None]) -> None:
            assert values["T_set"] is not None
            self.kelvin = values["T_set"]

        def advance(self, until: datetime) -> datetime:
            return until

        def close(self) -> None:
            pass

    from drivers.base import Write

    tank = Tank()
    point = Point("b.tank.tank_setpoint", PlantAddress("T_set", 1.0, -273.15), "degC", True)
    async with PlantDriver(tank, [point], now=utc_now) as driver:
        await driver.write([Write(point.id, 60.0)])
        assert tank.kelvin == pytest.approx(333.15)
        (sample,) = await driver.read([point.id])
        assert sample.value == pytest.approx(60.0)


def test_what_is_wrong_with_a_plant_is_said_in_a_sentence(tmp_path: Path) -> None:
    for spec, options, words in (
        ("Emulator", {}, "write module:Class"),
        ("nowhere.at.all:Emulator", {}, "cannot import"),
        ("tests.field.test_plants:Nothing", {}, "has no 'Nothing'"),
        ("tests.field.test_plants:Emulator", {"power": "1"}, "no option 'power'"),
        ("tests.field.test_plants:Emulator", {"power_kw": "much"}, "cannot be made"),
    ):
        with pytest.raises(InvalidInput, match=words):
            make_plant(spec, START, options)
    mixed = write_site(
        tmp_path,
        **{
            "links.yaml": FILES["links.yaml"]
            + "  wire: {protocol: modbus_tcp, host: 127.0.0.1, port: 502}\n"
        },
    )
    with pytest.raises(InvalidInput, match="--plant"):
        plant_of(load(mixed, STRATEGIES), START)


def test_a_plant_device_is_checked_like_any_other(tmp_path: Path) -> None:
    site = write_site(
        tmp_path,
        **{
            "devices/fan.yaml": FILES["devices/fan.yaml"].replace(
                "enable: {name: 'hall_{equipment}_u'", "enable: {table: coil, address: 1"
            ),
            "links.yaml": "links:\n  emulator: {protocol: plant, plant: Emulator}\n",
        },
    )
    _, problems = check(site, STRATEGIES)
    said = "\n".join(map(str, problems))
    assert "devices/fan.yaml:6:19: 'table' belongs to a device on a wire" in said
    assert "links.yaml:2:38" in said


def test_a_site_of_wires_gets_the_plant_that_echoes(tmp_path: Path) -> None:
    points = [
        Point("b.fan.enable", PlantAddress("x"), writable=True),
        Point("b.fan.status", PlantAddress("y")),
        Point("b.fan.power", PlantAddress("z")),
    ]
    plant = EchoPlant(points)
    plant.write({"b.fan.enable": 1.0})
    read = plant.read()
    assert read["b.fan.enable"] == read["b.fan.status"] == 1.0
    assert read["b.fan.power"] != read["b.fan.power"]
    plant.write({"b.fan.enable": None})
    assert plant.read()["b.fan.status"] == 0.0
