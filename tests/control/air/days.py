"""Whole days of air handlers as tables: `python -m tests.control.air.days` writes them.

Golden trajectories: looked at by a person when they were made, compared by a test since. A change
of one is a change of how buildings behave: say why in the commit.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from simulators.weather import GeneratedWeather
from tests.control.air.rigs import FULL, AirRig, multi, single

GOLDEN = Path(__file__).parent / "golden"
STEP_S = 15
SHOWN_S = 900
Row = tuple[object, ...]
HEAD = (
    "hour", "outdoor_c", "mode", "zone_c", "supply_c", "aim_c", "enable", "fan_speed",
    "cooling_valve", "heating_valve", "oa_damper", "return_damper", "chw_requests", "hw_requests",
)  # fmt: skip


def _day(rig: AirRig, day: date, gain_kw: float) -> Iterator[Row]:
    """Midnight to midnight by local time: people from 7:30 to 18:00."""
    yield HEAD
    weather = GeneratedWeather("1")
    begin = datetime.combine(day, time(), UTC) - timedelta(hours=8)
    for look in range(24 * 3600 // STEP_S + 1):
        seconds = look * STEP_S
        hour = seconds / 3600.0
        rig.air.outdoor_c = weather.at(begin + timedelta(seconds=seconds)).outdoor_temp_c
        people = 7.5 <= hour < 18.0
        rig.mode("on" if people else "off")
        rig.air.gains_kw = dict.fromkeys(rig.air.zones_c, gain_kw if people else 0.3)
        rig.step(seconds)
        if seconds % SHOWN_S == 0:
            yield _row(rig, hour)


def _row(rig: AirRig, hour: float) -> Row:
    zones = rig.air.zones_c.values()
    return (
        hour,
        round(rig.air.outdoor_c, 1),
        rig.fact("ahu-1_air_mode"),
        round(sum(zones) / len(zones), 1),
        round(rig.air.supply_c, 1),
        rig.fact("ahu-1_supply_aim_c"),
        *(
            round(rig.out(role), 0)
            for role in (
                "enable", "fan_speed", "cooling_valve", "heating_valve", "oa_damper",
                "return_damper",
            )
        ),
        rig.fact("chw_requests"),
        rig.fact("hw_requests"),
    )  # fmt: skip


def summer_day() -> Iterator[Row]:
    """One zone on a hot day."""
    return _day(single(), date(2026, 7, 15), 6.0)


def winter_day() -> Iterator[Row]:
    """One zone on a cold day."""
    return _day(single(roles=(*FULL, "freezestat")), date(2026, 1, 20), 2.0)


def spring_day() -> Iterator[Row]:
    """Three rooms on a mild day: outdoor air cools."""
    return _day(multi(), date(2026, 4, 14), 6.0)


DAYS: dict[str, Callable[[], Iterator[Row]]] = {
    "summer_day": summer_day,
    "winter_day": winter_day,
    "spring_day": spring_day,
}


def written(row: Row) -> list[str]:
    """A row as it stands in a file."""
    return ["" if cell is None else str(cell) for cell in row]


def write(folder: Path = GOLDEN) -> None:
    folder.mkdir(exist_ok=True)
    for name, rows in DAYS.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(map(written, rows()))


if __name__ == "__main__":
    write()
