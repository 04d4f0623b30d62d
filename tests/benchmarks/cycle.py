"""The control cycle with 5,000 and 20,000 points: ten air handlers a group, with 30 outputs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.config.load import load
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.field.plants import EchoPlant
from drivers.plant import PlantDriver
from tests.benchmarks.table import Row, median

GROUPS = 50
MANY_GROUPS = 200
REPEATS = 3
CYCLES = 300

_DEVICE = """\
device: ahu10
kind: air_handler
title: ten points
document: benchmark
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true}
  status: {table: discrete, address: 0, type: bool}
  fault: {table: discrete, address: 1, type: bool}
  supply_temp: {table: input, address: 0, type: int16, scale: 0.1, unit: degC}
  supply_setpoint: {table: holding, address: 0, type: int16, scale: 0.1, unit: degC, writable: true}
  zone_temp: {table: input, address: 1, type: int16, scale: 0.1, unit: degC}
  zone_setpoint: {table: holding, address: 1, type: int16, scale: 0.1, unit: degC, writable: true}
  cooling_valve: {table: input, address: 2, type: int16, scale: 0.1, unit: "%"}
  power: {table: input, address: 3, type: uint16, scale: 0.1, unit: kW}
  energy: {table: input, address: 4, type: uint32, scale: 0.1, unit: kWh}
"""


def write_site(directory: Path, count: int = GROUPS) -> None:
    """A site of 100 points a group, as files."""
    for folder in ("devices", "equipment", "groups", "schedules"):
        (directory / folder).mkdir(parents=True)
    (directory / "site.yaml").write_text("id: big\nzone: Asia/Shanghai\nbases: {b: {}}\n")
    (directory / "devices" / "ahu.yaml").write_text(_DEVICE)
    links = "links:\n"
    equipment = "base: b\nequipment:\n"
    groups = "base: b\ngroups:\n"
    governs = []
    for g in range(count):
        links += f"  l{g}: {{protocol: modbus_tcp, host: 127.0.0.1, port: {1024 + g}}}\n"
        equipment += (
            f'  "g{g}-ahu-{{1..10}}": {{kind: air_handler, device: ahu10, link: l{g}, '
            'unit: "{1..10}"}\n'
        )
        groups += f"  g{g}: {{strategy: on_off, members: [g{g}-ahu-*]}}\n"
        governs.append(f"b.g{g}")
    (directory / "links.yaml").write_text(links)
    (directory / "equipment" / "b.yaml").write_text(equipment)
    (directory / "groups" / "b.yaml").write_text(groups)
    (directory / "schedules" / "seasons.yaml").write_text(
        "seasons: {s: {summer: [05-15..09-30], winter: [11-15..03-15], transitional: rest}}\n"
    )
    (directory / "schedules" / "all.yaml").write_text(
        f"schedule: all\ngoverns: [{', '.join(governs)}]\nseasons: s\n"
        'otherwise: {mode: "off"}\nweek:\n  any:\n    daily:\n'
        '      - {from: "07:00", to: "19:00", mode: "on", zone_setpoint_c: 25}\n'
    )


async def _cycles(directory: Path) -> tuple[float, float]:
    site = load(directory, STRATEGIES)
    points = [point for link in site.links.values() for point in link.points]
    assert len(points) == 100 * len(site.groups)
    plant = EchoPlant(points)
    engine = Engine(assemble(site, ()), site.outputs, {})
    ids = [point.id for point in points]
    now = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
    took = []
    async with PlantDriver(plant, points, now=lambda: now) as driver:
        for number in range(CYCLES):
            now += timedelta(seconds=1)
            image = {sample.point: sample for sample in await driver.read(ids)}
            begun = time.perf_counter()
            cycle = engine.cycle(image.copy(), now)
            if number >= 10:  # the first cycles start 500 machines
                took.append((time.perf_counter() - begun) * 1000)
            engine.written(await driver.write(cycle.writes), now)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.99)]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "site"
        write_site(directory)
        loads = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            load(directory, STRATEGIES)
            loads.append(time.perf_counter() - begun)
        results = [asyncio.run(_cycles(directory)) for _ in range(REPEATS)]
        larger = Path(folder) / "larger"
        write_site(larger, MANY_GROUPS)
        many = [asyncio.run(_cycles(larger)) for _ in range(REPEATS)]
    return [
        Row("cycle: 5,000 points, p50", median([r[0] for r in results]), "ms"),
        Row("cycle: 5,000 points, p99", median([r[1] for r in results]), "ms"),
        Row("cycle: 20,000 points, p50", median([r[0] for r in many]), "ms"),
        Row("cycle: 20,000 points, p99", median([r[1] for r in many]), "ms", goal="<= 10"),
        Row("config: load a site of 5,000 points", median(loads), "s"),
    ]
