"""Any building of EnergyPlus as a plant: `simulators.energyplus.building:Building`."""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import sys
import tempfile
from calendar import isleap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from drivers.plant import PlantEnded, PlantError, PlantPoint
from simulators.energyplus.epw import prepare_epw, utc_offset_of, write_epw
from simulators.energyplus.idf import Idf, run_the_weather
from simulators.energyplus.lockstep import Over, Step, Unknown, Work
from simulators.energyplus.mapping import BuildingMapping, PointSpec, read_mapping
from simulators.energyplus.reports import first_errors
from simulators.energyplus.shipped import installed, model_path

SYNTHETIC = "synthetic"
_YEARS = 3
"""How far a run reaches whose end nobody named."""
_ENDS_S = 5.0

_Weighted: TypeAlias = list[tuple[int, float]]
"""Numbers of variables, and what each counts in a sum."""


class GaveUp(PlantError):
    """EnergyPlus ended by itself; the message says where it wrote why."""


class Building:
    """A building from `start` (aware), under its own controls where nobody commands.

    Options (text): `map` the mapping file; `weather` an EPW file, or `synthetic` with a `seed`;
    `until` the day after the last (ISO), the end of the third year if absent; `keep` a directory
    for what EnergyPlus writes, which is thrown away if absent.

    EnergyPlus runs in a process of its own, in lock step: it starts at the local midnight before
    `start` and simulates one time step at a time. Raises ValueError for a mapping or weather that
    cannot be used, OSError for a file that cannot be read, ImportError if EnergyPlus is not
    installed.
    """

    def __init__(
        self,
        start: datetime,
        map: str,  # noqa: A002 - options are named for those who write them
        weather: str = "",
        seed: str = "1",
        until: str = "",
        keep: str = "",
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("the building's start has no time zone")
        installed()
        self._mapping = read_mapping(Path(map))
        self._seed = seed
        self._source = self._weather_file(weather)
        self._model = self._read_model()
        self._step = timedelta(minutes=_timestep_min(self._model))
        offset = timedelta(hours=8) if self._source is None else utc_offset_of(self._source)
        self._offset = offset
        local = start.astimezone(UTC) + offset
        first = local.date()
        self._last = date.fromisoformat(until) if until else date(first.year + _YEARS, 1, 1)
        if self._last <= first:
            raise ValueError(f"until {self._last} is not after the start, {first}")
        self._first = first
        self._time = datetime(first.year, first.month, first.day, tzinfo=UTC) - offset
        self._end = datetime(*self._last.timetuple()[:3], tzinfo=UTC) - offset
        self._keep = keep
        self._commands: dict[str, float] = {}
        self._values = {name: _at_rest(point) for name, point in self._mapping.points.items()}
        self._view = MappingProxyType(self._values)
        self._run: _Run | None = None
        self._over: PlantError | None = None

    def points(self) -> Sequence[PlantPoint]:
        return tuple(
            PlantPoint(name, point.unit, point.actuator is not None)
            for name, point in self._mapping.points.items()
        )

    def read(self) -> Mapping[str, float]:
        """A live view; NaN before the first step, and for what nobody commands or measures."""
        return self._view

    def write(self, values: Mapping[str, float | None]) -> None:
        """Commands for the next step, all or none; None gives a point back to the building.

        Raises KeyError for an unknown name, ValueError for one that cannot be written.
        """
        for name, value in values.items():
            point = self._mapping.points[name]
            if point.actuator is None:
                raise ValueError(f"{name} cannot be written")
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} cannot be {value}")
        for name, value in values.items():
            point = self._mapping.points[name]
            if value is None:
                self._commands.pop(name, None)
            else:
                self._commands[name] = value
            if point.variable is None and point.meter is None and point.constant is None:
                self._values[name] = _at_rest(point) if value is None else point.limited(value)

    def advance(self, until: datetime) -> datetime:
        """Simulate whole steps until `until` is reached.

        Raises PlantEnded after the last day, PlantError with what EnergyPlus says if it gives up.
        """
        if self._over is not None:
            raise self._over
        try:
            while self._time < until:
                if self._time >= self._end:
                    raise PlantEnded(f"the run of the building ends on {self._last}")
                self._one_step()
        except PlantError as error:
            self._over = error
            self._stop(keep=isinstance(error, GaveUp))
            raise
        return self._time

    def close(self) -> None:
        self._stop(keep=False)

    def _one_step(self) -> None:
        if self._run is None:
            self._run = self._started()
        answer = self._run.step(self._raw_commands())
        middle = self._time + self._step / 2 + self._offset
        if (answer.month, answer.day) != (middle.month, middle.day):
            raise PlantError(
                f"EnergyPlus is at {answer.month:02}-{answer.day:02} where {middle:%m-%d} follows"
            )
        self._time += self._step
        self._values.update(self._run.shown(answer))

    def _raw_commands(self) -> list[float | None]:
        raw: list[float | None] = []
        for names in self._mapping.actuators.values():
            asked = [
                self._mapping.points[name].raw(self._commands[name])
                for name in names
                if name in self._commands
            ]
            told = [value for value in asked if value is not None]
            raw.append(_shared(told, self._mapping.points[names[0]].share))
        return raw

    def _weather_file(self, option: str) -> Path | None:
        """The EPW file; None for generated weather."""
        if option:
            return None if option == SYNTHETIC else Path(option)
        named = self._mapping.file.weather
        return None if named == SYNTHETIC else self._mapping.beside(named)

    def _read_model(self) -> Idf:
        name = self._mapping.file.model
        path = self._mapping.beside(name) if name.endswith(".idf") else model_path(name)
        idf = Idf.parse(path.read_text(encoding="utf-8", errors="replace"))
        for change in self._mapping.file.idf:
            if change.add is not None:
                idf.objects += Idf.parse(change.add).objects
            elif change.object is not None:
                found = idf.find(change.object, change.name)
                if change.remove:
                    idf.objects.remove(found)
                else:
                    found.set(change.field, str(change.value))
        run_the_weather(idf)
        # Tables and time series of a year are hundreds of megabytes that nobody reads.
        for kind in ("Output:Variable", "Output:Meter", "Output:SQLite", "Output:Table:Monthly",
                     "Output:Table:TimeBins", "Output:Table:SummaryReports",
                     "Output:EnvironmentalImpactFactors"):  # fmt: skip
            idf.remove(kind)
        if self._mapping.file.timestep_min is not None:
            idf.replace("Timestep", str(60 // self._mapping.file.timestep_min))
        return idf

    def _started(self) -> _Run:
        first, last = self._first, self._last - timedelta(days=1)
        self._model.replace(
            "RunPeriod", "bms", str(first.month), str(first.day), str(first.year),
            str(last.month), str(last.day), str(last.year), "", "No", "No", "No", "Yes", "Yes",
        )  # fmt: skip
        kept = Path(self._keep) if self._keep else None
        directory = kept or Path(tempfile.mkdtemp(prefix="bms-energyplus-"))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            weather = directory / "weather.epw"
            source = self._source
            if source is None:
                source = directory / "generated.epw"
                write_epw(source, first.year, self._seed)
            leap = any(isleap(year) for year in range(first.year, last.year + 1))
            prepare_epw(source, weather, leap=leap)
            model = directory / "in.idf"
            model.write_text(str(self._model), encoding="utf-8")
            return _Run(self._mapping, directory, model, weather, temporary=kept is None)
        except BaseException:
            if kept is None:
                shutil.rmtree(directory, ignore_errors=True)
            raise

    def _stop(self, *, keep: bool) -> None:
        if self._run is not None:
            self._run.stop(keep=keep)
            self._run = None


class _Run:
    """One process of EnergyPlus, and what its numbers mean to the points."""

    def __init__(
        self,
        mapping: BuildingMapping,
        directory: Path,
        model: Path,
        weather: Path,
        *,
        temporary: bool,
    ) -> None:
        self._directory = directory
        self._temporary = temporary
        variables: dict[tuple[str, str], int] = {}
        counted: dict[int, int] = {}
        meters: dict[str, int] = {}
        self._sums: list[tuple[str, PointSpec, _Weighted, _Weighted]] = []
        self._counters: list[tuple[str, PointSpec, list[int]]] = []
        self._meters: list[tuple[str, PointSpec, int]] = []
        for name, point in mapping.points.items():
            first, other = (
                [
                    (variables.setdefault((item.variable, item.key), len(variables)), item.scale)
                    for item in items
                ]
                for items in (point.variables, point.or_more)
            )
            numbers = [number for number, _ in first]
            if point.counts:
                places = [counted.setdefault(number, len(counted)) for number in numbers]
                self._counters.append((name, point, places))
            elif numbers:
                self._sums.append((name, point, first, other))
            elif point.meter is not None:
                place = meters.setdefault(point.meter, len(meters))
                self._meters.append((name, point, place))
        work = Work(
            str(directory),
            str(model),
            str(weather),
            tuple(variables),
            tuple(counted),
            tuple(meters),
            tuple(mapping.actuators),
            temporary,
        )
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "simulators.energyplus.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._send(work)

    def step(self, commands: list[float | None]) -> Step:
        """Let one time step happen."""
        self._send(commands)
        try:
            answer: Any = self._connection.recv()
        except (EOFError, OSError):
            raise GaveUp(self._why("EnergyPlus stopped without a word")) from None
        if isinstance(answer, Unknown):
            more = len(answer.names) - 8
            said = "; ".join(answer.names[:8]) + (f"; and {more} more" if more > 0 else "")
            raise PlantError(f"the model has {said}")
        if isinstance(answer, Over):
            if answer.code == 0:
                raise PlantEnded("the run period of the building is over")
            raise GaveUp(self._why("EnergyPlus gave up"))
        step: Step = answer
        return step

    def shown(self, step: Step) -> dict[str, float]:
        """The values of the points after a step."""
        values = {}
        for name, point, first, other in self._sums:
            value = point.shown(_sum(step.variables, first))
            if other:
                value = max(value, _sum(step.variables, other))
            values[name] = point.limited(value)
        for name, point, places in self._counters:
            values[name] = point.shown(sum(step.counts_kwh[place] for place in places))
        for name, point, place in self._meters:
            values[name] = point.shown(step.meters_kwh[place])
        return values

    def stop(self, *, keep: bool) -> None:
        """End the process; what it wrote is thrown away unless somebody has to look at it."""
        self._connection.close()
        try:
            self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._temporary and not keep:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _send(self, message: object) -> None:
        # A process that is gone has left its reason, which the answer tells.
        with suppress(OSError):
            self._connection.send(message)

    def _why(self, what: str) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_S)
        path = self._directory / "eplusout.err"
        said = first_errors(path)
        if not said:
            path = self._directory / "console.log"
        return f"{what}: {said or 'it wrote no reason'} (see {path})"


def _timestep_min(idf: Idf) -> int:
    found = next(idf.of("Timestep"), None)
    return 60 // int(float(found.fields[0])) if found is not None else 10


def _at_rest(point: PointSpec) -> float:
    if point.constant is not None:
        return point.constant
    return point.rest if point.rest is not None else math.nan


def _sum(values: Sequence[float], weighted: _Weighted) -> float:
    return sum(values[number] * scale for number, scale in weighted)


def _shared(asked: list[float], rule: str | None) -> float | None:
    if not asked:
        return None
    if rule == "mean":
        return sum(asked) / len(asked)
    return max(asked) if rule == "highest" else min(asked)
