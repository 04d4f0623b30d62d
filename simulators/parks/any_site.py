"""A plant made of a site's own files: every machine obeys, every sensor shows something likely.

It shows that files fit together before anything is wired. It has no physics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from drivers.plant import PlantPoint
from simulators.sitefiles import SiteFilesError, read_links

_FOLLOWS = timedelta(seconds=5)
"""A status follows its command after this."""
_POWER_KW = 5.0
_BASE_LOAD_KW = 20.0
_LIKELY: Mapping[str, float] = {
    "zone_temp": 26.0,
    "outdoor_temp": 28.0,
    "return_temp": 12.0,
    "supply_temp": 9.0,
    "chw_supply_temp": 9.0,
    "chw_return_temp": 12.0,
    "cw_supply_temp": 28.0,
    "cw_return_temp": 32.0,
    "hw_supply_temp": 55.0,
    "hw_return_temp": 45.0,
    "tank_temp": 52.0,
    "top_temp": 58.5,
    "middle_temp": 57.0,
    "bottom_temp": 55.0,
    "mixed_temp": 24.0,
    "humidity": 55.0,
    "wet_bulb_temp": 22.0,
    "irradiance": 400.0,
    "co2": 600.0,
    "pressure": 640.0,
    "level": 60.0,
    "illuminance": 350.0,
    "load": 60.0,
    "firing": 50.0,
}
"""What sensors show around."""
_HOT: Mapping[str, float] = {"supply_temp": 55.0, "return_temp": 45.0}
"""The same on loops whose names say that they are hot."""
_WARM: Mapping[str, float] = {"supply_temp": 28.0, "return_temp": 32.0}
"""And on those of condenser water."""
_TAP: Mapping[str, float] = {"supply_temp": 58.0, "return_temp": 53.0}
"""And of hot tap water."""
_MAIN: Mapping[str, float] = {"pressure": 368.0}
"""A water main, a little short."""
_LEVEL_PCT, _SWING_PCT, _SWING_S = 60.0, 30.0, 2400.0
"""Water rises and falls, as if somebody pumped it."""
_SWING_K = 3.0
"""And a store of hot water is drawn from and heated."""
_WITH_FLOW: Mapping[str, float] = {
    "flow": 60.0,
    "chw_flow": 60.0,
    "cw_flow": 70.0,
    "hw_flow": 40.0,
    "airflow": 8000.0,
    "oa_flow": 2000.0,
    "differential_pressure": 80.0,
    "far_pressure": 60.0,
    "static_pressure": 200.0,
    "flow_switch": 1.0,
}
"""What they show while anything of their base runs."""
_BY_PEOPLE = ("occupied", "motion")
"""From eight to six somebody is there."""


class AnySite:
    """See the module. `site` is its directory; other options show a value: `mill.ac.pressure=610`.

    Raises ValueError for files that cannot be read and for an unknown point.
    """

    def __init__(self, start: datetime, site: str, **shows: str) -> None:
        try:
            served = [point for link in read_links(Path(site)) for point in link.points]
        except SiteFilesError as error:
            raise ValueError(str(error)) from error
        self._time = start
        self._points = [PlantPoint(p.name, p.at.get("unit", ""), p.writable) for p in served]
        self._values = {p.name: 0.0 for p in served}
        self._commanded = {p.name for p in served if p.writable}
        self._machines = {name.rpartition(".")[0] for name in self._commanded}
        self._since: dict[str, datetime] = {}
        """Since when machines have been told to run."""
        unknown = sorted(shows.keys() - self._values.keys())
        if unknown:
            raise ValueError(f"the site has no point {', '.join(unknown)}")
        self._shows = {name: float(value) for name, value in shows.items()}
        self._show()

    def points(self) -> Sequence[PlantPoint]:
        """Every point of the site."""
        return self._points

    def read(self) -> Mapping[str, float]:
        """What everything shows."""
        return self._values

    def write(self, values: Mapping[str, float | None]) -> None:
        """Machines do as they are told; KeyError and ValueError as of any plant."""
        for name in values:
            if name not in self._commanded:
                raise (ValueError if name in self._values else KeyError)(name)
        for name, value in values.items():
            self._values[name] = 0.0 if value is None else value
        for machine in {name.rpartition(".")[0] for name in values}:
            self._runs(machine)  # from now on it is told to

    def advance(self, until: datetime) -> datetime:
        """Meters count up to `until`, and everything shows what is then."""
        hours = max(0.0, (until - self._time).total_seconds() / 3600.0)
        for name in self._values:
            if name.endswith(".energy"):
                power = f"{name.removesuffix('.energy')}.power"
                self._values[name] += hours * self._values.get(power, _POWER_KW)
        self._time = max(self._time, until)
        self._show()
        return self._time

    def close(self) -> None:
        """Nothing is open."""

    def _show(self) -> None:
        values = self._values
        machines = {name.rpartition(".")[0] for name in values}
        running = {machine for machine in machines if self._runs(machine)}
        for name in values.keys() - self._commanded:
            machine, _, role = name.rpartition(".")
            if role not in ("energy", "volume"):
                values[name] = self._shown(machine, role, running)
        values.update(self._shows)

    def _runs(self, machine: str) -> bool:
        values = self._values
        told = values.get(f"{machine}.enable", 0.0)
        if f"{machine}.enable" not in values:
            told = max(values.get(f"{machine}.{role}", 0.0) for role in ("speed", "fan_speed"))
        if not told:
            self._since.pop(machine, None)
            return False
        return self._time - self._since.setdefault(machine, self._time) >= _FOLLOWS

    def _shown(self, machine: str, role: str, running: set[str]) -> float:
        runs = machine in running
        base = machine.partition(".")[0]
        # Nothing real shows the very same for hours.
        wave = 1.0 + 0.004 * math.sin(self._time.timestamp() / 700.0 + len(machine))
        if role == "status":
            return float(runs)
        if role == "power" and machine not in self._machines:
            here = sum(other.startswith(f"{base}.") for other in running)
            return (_BASE_LOAD_KW + _POWER_KW * here) * wave  # a meter of all that is there
        if role == "power":
            level = self._values.get(f"{machine}.level", 100.0)
            return _POWER_KW * runs * level / 100.0
        if role.endswith("_open") or role == "open":
            stem = role.removesuffix("_open")
            return float(self._position(machine, stem) > 0.0)
        if role.endswith(("_position", "_feedback")):
            return self._position(machine, role.rpartition("_")[0])
        if role in _BY_PEOPLE:
            hour = (self._time.timestamp() / 3600.0 + 8.0) % 24.0
            return float(8.0 <= hour < 18.0)
        if role in _WITH_FLOW:
            flows = any(other.startswith(f"{base}.") for other in running)
            return (_WITH_FLOW[role] * (wave if role != "flow_switch" else 1.0)) * flows
        swing = math.sin(2.0 * math.pi * self._time.timestamp() / _SWING_S)
        if role in ("water_level", "second_level"):
            return _LEVEL_PCT + _SWING_PCT * swing
        if role in ("top_temp", "middle_temp", "bottom_temp"):
            return _LIKELY[role] + _SWING_K * swing
        name = machine.rpartition(".")[2]
        starts = ((("hw", "hot"), _HOT), (("cw",), _WARM), (("tap",), _TAP), (("water",), _MAIN))
        around = next((shown for names, shown in starts if name.startswith(names)), {})
        return around.get(role, _LIKELY.get(role, 0.0)) * wave

    def _position(self, machine: str, stem: str) -> float:
        values = self._values
        return max(
            values.get(f"{machine}.{stem}", 0.0), values.get(f"{machine}.{stem}_enable", 0.0)
        )
