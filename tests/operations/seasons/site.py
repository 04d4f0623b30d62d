"""A small site in which everything can be switched: three fans of one base on one server."""

from __future__ import annotations

import getpass
from pathlib import Path

from tests.app.test_app import FILES

USER = getpass.getuser()

SCHEDULE = """\
schedule: air
governs: [b.air]
seasons: base
otherwise: {mode: "off"}
week:
  summer:
    daily: [{from: "07:00", to: "19:00", mode: "on", speed_pct: 90}]
  winter:
    daily: [{from: "08:00", to: "17:00", mode: "on", speed_pct: 50}]
  transitional:
    daily: [{from: "09:00", to: "16:00", mode: "on", speed_pct: 70}]
"""
DATES = "{summer: [05-15..09-30], winter: [11-15..03-15], transitional: rest}"
BY_HAND = f"""\
seasons:
  two-pipe:
    by: hand
    dates: {DATES}
    dwell_days: 14
    checklist:
      winter:
        - {{zh: 冷水机组已停, en: The chillers are off}}
        - {{zh: 水温 20 至 30 度, en: The loop is between 20 and 30 degC}}
bases: {{b: two-pipe}}
"""
BY_WEATHER = f"""\
seasons:
  weather:
    by: outdoor
    point: "{{base}}.station.outdoor_temp"
    dates: {DATES}
bases: {{b: weather}}
"""
OVERLAYS = """\
overlays:
  epidemic:
    title: {zh: 防疫通风, en: Epidemic ventilation}
    renew_days: 14
    levels:
      elevated:
        - {targets: [b.air], while: "on", speed_pct: 100}
      full:
        - {targets: [b.air], while: "on", after: 60m, mode: "on", speed_pct: 100}
"""


def time_units(user: str = USER) -> str:
    """Units whose people are `user` and nobody else."""
    return f"""\
time_units:
  dressing-room:
    title: {{zh: 更衣室, en: Dressing room}}
    targets: [b.air]
    people: [{user}]
    modes: ["on"]
    setpoints: {{speed_pct: [30, 80]}}
    longest: 4h
    latest: "23:30"
"""


STATION = """\
device: station
kind: weather_station
document: test
protocol: modbus
points:
  outdoor_temp: {table: holding, address: 0, type: int16, scale: 0.1, unit: degC}
"""

SITE = {
    **FILES,
    "site.yaml": FILES["site.yaml"] + "people: {guest: viewer}\n",
    "devices/station.yaml": STATION,
    "equipment/b.yaml": FILES["equipment/b.yaml"].replace(
        "min_on_s: 0", "min_on_s: 0, min_off_s: 0"
    )
    + "  station: {kind: weather_station, device: station, link: plc, unit: 3}\n",
    "schedules/air.yaml": SCHEDULE,
    "schedules/seasons.yaml": BY_HAND,
    "schedules/overlays.yaml": OVERLAYS,
    "schedules/time-units.yaml": time_units(),
}


def write(directory: Path, **changes: str) -> Path:
    """The site's files, some of them others."""
    for name, text in {**SITE, **changes}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory
