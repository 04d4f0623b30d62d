"""A garage, offices and grounds over simulated months, from event to event, with the truth of who
moves where beside what sensors show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from schedules.model.context import NOTHING
from simulators.physics.car_park import CarPark
from simulators.physics.daylight_rooms import room_lux
from simulators.weather import GeneratedWeather
from tests.config.sites import write

START = datetime(2025, 12, 31, 16, tzinfo=UTC)
"""The new year in China."""
MARCH_28 = datetime.fromisoformat("2026-03-28T00:00+08:00")
"""A Saturday, the last of its month."""
EARTH_HOUR = """\
exceptions:
  - name: Earth Hour
    dates: [last sat of 03]
    do: add
    blocks: [{from: "20:30", to: "21:30", mode: "off"}]
"""
UTC_OFFSET_S = 8 * 3600.0
LAMPS_LUX = 75.0
DESKS_LUX = 500.0
ROWS, ROWS_OF_AISLE, BAYS_OF_ROW = 130, 5, 4
AISLES = ROWS // ROWS_OF_AISLE
ROW_KW, AISLE_KW = 0.32, 0.40
"""1,300 lamps of 40 W: eight over each row of bays, ten over each aisle."""
OFFICES, OFFICE_KW = 8, 1.5
DAYLIGHT_FACTORS = (0.03, 0.03, 0.02, 0.02, 0.01, 0.01, 0.003, 0.003)

_LAMPS = """\
device: lamps
kind: lighting_circuit
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, writable: true}
  level: {table: holding, address: 0, type: uint16, unit: "%", writable: true}
"""
_BASE = {
    "site.yaml": "id: p\nzone: Asia/Shanghai\nbases: {p: {location: [30.19, 120.21]}}\n",
    "links.yaml": "links:\n"
    + "".join(f"  l{i}: {{protocol: modbus_tcp, host: 127.0.0.{i}}}\n" for i in (1, 2, 3, 4)),
    "devices/lamps.yaml": _LAMPS,
    "devices/bay.yaml": "device: bay\nkind: parking_bay\ndocument: test\nprotocol: modbus\n"
    "points: {occupied: {table: discrete, address: 0}}\n",
    "devices/area.yaml": "device: area\nkind: lit_area\ndocument: test\nprotocol: modbus\n"
    "points: {motion: {table: discrete, address: 0}}\n",
    "devices/office.yaml": "device: office\nkind: lit_area\ndocument: test\nprotocol: modbus\n"
    "points:\n  occupied: {table: discrete, address: 0}\n"
    "  illuminance: {table: input, address: 0, type: float32, unit: lx}\n",
}


def _row(row: int) -> str:
    bays = ", ".join(f"bay-{row * BAYS_OF_ROW + i:03d}" for i in range(BAYS_OF_ROW))
    return (
        f"  row-{row:03d}: {{kind: lighting_circuit, device: lamps, link: l1, unit: {row}, "
        f"serves: [{bays}, aisle-{row // ROWS_OF_AISLE:02d}]}}\n"
    )


def garage_site(directory: Path, strategy: str) -> Site:
    """1,300 lamps on 156 circuits, 520 bays."""
    rows = [_row(row) for row in range(ROWS)]
    rows += [
        f"  lane-{aisle:02d}: {{kind: lighting_circuit, device: lamps, link: l1, "
        f"unit: {200 + aisle}, serves: [aisle-{aisle:02d}]}}\n"
        f"  aisle-{aisle:02d}: {{kind: lit_area, device: area, link: l4, unit: {aisle}}}\n"
        for aisle in range(AISLES)
    ]
    rows += [
        f"  bay-{bay:03d}: {{kind: parking_bay, device: bay, "
        + (
            f"link: l{2 + bay // 255}, unit: {bay % 255}"
            if bay < 510
            else f"link: l4, unit: {bay - 400}"
        )
        + "}\n"
        for bay in range(ROWS * BAYS_OF_ROW)
    ]
    floors = ", ".join(f"lane-{aisle:02d}: 30" for aisle in range(AISLES))
    parameters = f"\n    parameters: {{floor_of: {{{floors}}}, unchanged_days: 0}}"
    return load(
        write(
            directory,
            {
                **_BASE,
                "equipment/p.yaml": "base: p\nequipment:\n" + "".join(rows),
                "groups/p.yaml": f"base: p\ngroups:\n  g:\n    strategy: {strategy}\n"
                "    members: [row-*, lane-*]"
                + (parameters if strategy == "lighting" else "")
                + "\n",
                "schedules/g.yaml": "schedule: g\ngoverns: [p.g]\n"
                'otherwise: {mode: "on", level_pct: 100}\nweek: {any: {}}\n',
            },
        ),
        STRATEGIES,
    )


def office_site(directory: Path, strategy: str) -> Site:
    """Eight rows of desks, from the window to the core of the house."""
    entries = "".join(
        f"  lamps-{i}: {{kind: lighting_circuit, device: lamps, link: l1, unit: {i}, "
        f"serves: [desks-{i}]}}\n"
        f"  desks-{i}: {{kind: lit_area, device: office, link: l2, unit: {i}}}\n"
        for i in range(OFFICES)
    )
    parameters = f"\n    parameters: {{target_lux: {DESKS_LUX}}}" if strategy == "lighting" else ""
    return load(
        write(
            directory,
            {
                **_BASE,
                "equipment/p.yaml": "base: p\nequipment:\n" + entries,
                "groups/p.yaml": f"base: p\ngroups:\n  g:\n    strategy: {strategy}\n"
                f"    members: [lamps-*]{parameters}\n",
                "schedules/g.yaml": 'schedule: g\ngoverns: [p.g]\notherwise: {mode: "off"}\n'
                "week:\n  any:\n    mon-fri:\n"
                '      - {from: "07:00", to: "19:30", mode: "on", level_pct: 100}\n',
            },
        ),
        STRATEGIES,
    )


def grounds_site(directory: Path, exceptions: str) -> Site:
    """Landscape and facade of a park and of its headquarters."""
    entries = "".join(
        f"  lamps-{i}: {{kind: lighting_circuit, device: lamps, link: l1, unit: {i}}}\n"
        for i in range(4)
    )
    return load(
        write(
            directory,
            {
                **_BASE,
                "equipment/p.yaml": "base: p\nequipment:\n" + entries,
                "groups/p.yaml": "base: p\ngroups:\n  g:\n    strategy: lighting\n"
                "    members: [lamps-*]\n    parameters: {only_dark: true}\n",
                "schedules/g.yaml": 'schedule: g\ngoverns: [p.g]\notherwise: {mode: "off"}\n'
                "week:\n  any:\n    daily:\n"
                f'      - {{from: "16:00", to: "22:30", mode: "on"}}\n{exceptions}',
            },
        ),
        STRATEGIES,
    )


class Place(Protocol):
    """What is lit: what its sensors show, when that changes, and what light is missing."""

    def shows(
        self, since_s: float, local_s: float, levels: Mapping[str, float]
    ) -> Mapping[PointId, Value]:
        """What sensors show now; `levels` are the lamps' by name, 0 for off."""
        ...

    def next_change_s(self, local_s: float) -> float: ...

    def kw(self, name: str) -> float:
        """The rating of a circuit."""
        ...

    def missing_lux(self, since_s: float, local_s: float, levels: Mapping[str, float]) -> float:
        """Summed over all places, while the lamps were at these levels."""
        ...


@dataclass
class Garage:
    """The bays and aisles of `garage_site`."""

    cars: CarPark = field(default_factory=lambda: CarPark([BAYS_OF_ROW] * ROWS))
    _taken: list[bool] = field(default_factory=list)

    def shows(
        self,
        since_s: float,
        local_s: float,
        levels: Mapping[str, float],
    ) -> Mapping[PointId, Value]:
        """Bays that have changed, and every aisle."""
        before, taken = self._taken, self.cars.occupied(local_s)
        self._taken = taken
        moves = self._moves(local_s, local_s)
        shown: dict[PointId, Value] = {
            f"p.aisle-{i:02d}.motion": int(any(row)) for i, row in enumerate(moves)
        }
        for i, bay in enumerate(taken):
            if not before or before[i] is not bay:
                shown[f"p.bay-{i:03d}.occupied"] = int(bay)
        return shown

    def _moves(self, since_s: float, local_s: float) -> list[list[bool]]:
        rows = self.cars.moving(since_s, local_s)
        return [rows[i * ROWS_OF_AISLE : (i + 1) * ROWS_OF_AISLE] for i in range(AISLES)]

    def next_change_s(self, local_s: float) -> float:
        return self.cars.next_change_s(local_s)

    def kw(self, name: str) -> float:
        return ROW_KW if name.startswith("row") else AISLE_KW

    def missing_lux(self, since_s: float, local_s: float, levels: Mapping[str, float]) -> float:
        middle_s = (since_s + local_s) / 2
        missing = 0.0
        for i, rows in enumerate(self._moves(middle_s, middle_s)):
            need = 100.0 if any(rows) else 30.0
            missing += max(0.0, need - levels[f"lane-{i:02d}"])
            for j, moving in enumerate(rows):
                if moving:
                    missing += 100.0 - levels[f"row-{i * ROWS_OF_AISLE + j:03d}"]
        return missing * LAMPS_LUX / 100.0


class Offices:
    """The desks of `office_site`: people by day, seldom by night, and windows."""

    step_s = 60.0

    def __init__(self) -> None:
        self._weather = GeneratedWeather()
        self._plans: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def shows(
        self,
        since_s: float,
        local_s: float,
        levels: Mapping[str, float],
    ) -> Mapping[PointId, Value]:
        shown: dict[PointId, Value] = {}
        for i in range(OFFICES):
            shown[f"p.desks-{i}.occupied"] = int(self._there(i, local_s))
            shown[f"p.desks-{i}.illuminance"] = self._lux(i, local_s, levels)
        return shown

    def _lux(self, office: int, local_s: float, levels: Mapping[str, float]) -> float:
        time = datetime.fromtimestamp(local_s - UTC_OFFSET_S, UTC)
        sun = self._weather.at(time).irradiance_w_m2
        lamps = DESKS_LUX * levels[f"lamps-{office}"] / 100.0
        return room_lux(sun, DAYLIGHT_FACTORS[office], lamps)

    def _there(self, office: int, local_s: float) -> bool:
        day = int(local_s // 86400.0)
        plan = self._plans.get((office, day))
        if plan is None:
            random = Random(office * 100_000 + day)
            works = (day + 3) % 7 < 5 and random.random() < 0.9  # day 0 was a Thursday
            hours = [(8.5, 11.9), (13.1, 17.7), (18.2, 19.2)][: random.choice([2, 2, 3])]
            plan = [
                (day * 86400.0 + 3600 * (a + random.gauss(0, 0.2)),
                 day * 86400.0 + 3600 * (b + random.gauss(0, 0.2)))
                for a, b in hours
            ] if works else []  # fmt: skip
            self._plans[office, day] = plan
        return any(a <= local_s < b for a, b in plan)

    def next_change_s(self, local_s: float) -> float:
        return local_s + self.step_s

    def kw(self, name: str) -> float:
        return OFFICE_KW

    def missing_lux(self, since_s: float, local_s: float, levels: Mapping[str, float]) -> float:
        """Of desks with people within the hours of the schedule; 5 % are no loss to an eye."""
        middle_s = (since_s + local_s) / 2
        hour = middle_s % 86400.0 / 3600.0
        missing = 0.0
        if 7.0 <= hour < 19.5:
            for i in range(OFFICES):
                if self._there(i, since_s) and self._there(i, local_s):
                    lack = 0.95 * DESKS_LUX - self._lux(i, middle_s, levels)
                    missing += max(0.0, lack)
        return missing


class Grounds:
    """The lamps of `grounds_site`; nobody is asked there."""

    def shows(
        self,
        since_s: float,
        local_s: float,
        levels: Mapping[str, float],
    ) -> Mapping[PointId, Value]:
        return {}

    def next_change_s(self, local_s: float) -> float:
        return local_s + 86400.0

    def kw(self, name: str) -> float:
        return 10.0

    def missing_lux(
        self,
        since_s: float,
        local_s: float,
        levels: Mapping[str, float],
    ) -> float:
        return 0.0


@dataclass
class Figures:
    """What a span took."""

    kwh: float = 0.0
    missed_lux_h: float = 0.0
    switched: int = 0
    cycles: int = 0
    conditions: set[str] = field(default_factory=set)


Meddle = Callable[[dict[PointId, Value], set[PointId]], None]


class Lit:
    """A site's controllers on a place, from event to event."""

    def __init__(
        self,
        site: Site,
        place: Place,
        start: datetime = START,
        saved: Mapping[str, object] | None = None,
    ) -> None:
        self.site, self.place, self.now = site, place, start
        self.engine = Engine(assemble(site, (), NOTHING), site.outputs, saved or {})
        self.figures = Figures()
        points = [p.id for link in site.links.values() for p in link.points]
        self._values: dict[PointId, Value] = dict.fromkeys(points, 0)
        self._samples: dict[PointId, Sample] = {}
        self._circuits = [
            m.id.partition(".")[2]
            for m in site.equipment.values()
            if m.kind.name == "lighting_circuit"
        ]
        self.levels = dict.fromkeys(self._circuits, 0.0)
        self._kw = 0.0
        self.stuck: dict[str, float] = {}
        """Circuits that burn, or are dark, whatever they are told."""
        self.meddle: Meddle | None = None
        self._again = True
        self._written: list[PointId] = [*site.outputs]
        self._show(self.local_s)
        self._cycle()

    @property
    def local_s(self) -> float:
        return self.now.timestamp() + UTC_OFFSET_S

    def run(self, until: datetime) -> Figures:
        """Live up to a time; returns what that took."""
        before = self.figures
        self.figures = Figures()
        while self.now < until:
            left_s = 1.0 if self._again else max(1.0, self.engine.left_s(self.now))
            here = self.local_s
            step_s = min(left_s, self.place.next_change_s(here) - here, 3600.0)
            self._advance(min(max(step_s, 0.001), (until - self.now).total_seconds()))
            self._cycle()
        took, self.figures = self.figures, before
        return took

    def value(self, point: PointId) -> Value:
        return self._values[point]

    def _advance(self, step_s: float) -> None:
        since_s, hours = self.local_s, step_s / 3600.0
        self.now += timedelta(seconds=step_s)
        figures, levels, place = self.figures, self.levels, self.place
        figures.kwh += hours * self._kw
        figures.missed_lux_h += hours * place.missing_lux(since_s, self.local_s, levels)
        self._show(since_s)

    def _show(self, since_s: float) -> None:
        shown = dict(self.place.shows(since_s, self.local_s, self.levels))
        bad: set[PointId] = set()
        if self.meddle is not None:
            self.meddle(shown, bad)
        for point, value in shown.items():
            self._put(point, value, Quality.BAD if point in bad else Quality.GOOD)
        for point in self._written:  # read back
            self._samples[point] = Sample(point, self._values[point], Quality.GOOD, self.now)

    def _put(self, point: PointId, value: Value, quality: Quality) -> None:
        before = self._samples.get(point)
        if before is None or before.value != value or before.quality is not quality:
            self._values[point] = value
            self._samples[point] = Sample(point, value, quality, self.now)

    def _cycle(self) -> None:
        cycle = self.engine.cycle(self._samples.copy(), self.now)  # a snapshot never changes
        self.figures.cycles += 1
        self._again = bool(cycle.writes)
        self._written = [w.point for w in cycle.writes]
        if cycle.writes:
            results = []
            for w in cycle.writes:
                if w.value is not None:
                    self._values[w.point] = w.value
                results.append(WriteResult(w.point, w.value, WriteStatus.OK))
            self.engine.written(results, self.now)
            self.figures.switched += sum(w.point.endswith(".enable") for w in cycle.writes)
            self._light()
        self.figures.conditions |= {alarm.key for alarm in self.engine.alarms()}

    def _light(self) -> None:
        kw = self.place.kw
        for name in self._circuits:
            on, level = self._values[f"p.{name}.enable"], self._values[f"p.{name}.level"]
            self.levels[name] = self.stuck.get(name, float(level) if on else 0.0)
        self._kw = sum(kw(name) * level for name, level in self.levels.items()) / 100.0
