"""A site with people, a plan and two years of readings, to manage energy at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from tests.config.sites import write

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
FILES = {
    "site.yaml": """\
id: small
zone: Asia/Shanghai
bases: {b: {energy: {imports: [main]}}, c: {}}
people:
  wang: operator
  li: {role: engineer, name: 李工}
  zhao: {role: operator, areas: [b.air]}
  guest: {role: viewer, name: Ms Guest}
""",
    "links.yaml": "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1}\n",
    "devices/fan.yaml": """\
device: plain-fan
kind: fan
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true}
  status: {table: discrete, address: 0, type: bool}
""",
    "devices/meter.yaml": """\
device: plain-meter
kind: meter
document: test
protocol: modbus
points:
  energy: {table: holding, address: 0, type: uint32, unit: kWh}
""",
    "equipment/b.yaml": """\
base: b
equipment:
  fan: {kind: fan, device: plain-fan, link: plc, unit: 1, rated_kw: 4}
  other: {kind: fan, device: plain-fan, link: plc, unit: 2}
  main: {kind: meter, device: plain-meter, link: plc, unit: 3}
""",
    "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [fan, other]}}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\n"
    "otherwise: {mode: 'off'}\n"
    "week: {any: {mon: [{from: '08:00', to: '18:00', mode: 'on'}]}}\n",
    "meters.yaml": "meters: {b.main: {rated_kw: 400}}\n",
}


def managed_site(directory: Path, changes: Mapping[str, str] | None = None) -> Site:
    site = load(write(directory, {**FILES, **(changes or {})}), STRATEGIES)
    site.state_dir.mkdir(exist_ok=True)
    return site


def local(year: int, month: int, day: int, hour: float = 0) -> datetime:
    return local_midnight(date(year, month, day), ZONE) + timedelta(hours=hour)


FIRST = local(2025, 1, 1)


def read_two_years(site: Site, first: datetime = FIRST) -> None:
    """A quarter hour is 1 kWh in 2025 and 2 kWh in 2026, as the main meter counts from `first`."""
    readings, counts, at = [], 0, first
    while at <= NOW:
        readings.append(Reading("b.main.energy", at, counts))
        counts += 1 if at < local(2026, 1, 1) else 2
        at += timedelta(minutes=15)
    meters = [Meter("b.main.energy", "b", Decimal(1))]
    with History(site.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters))
