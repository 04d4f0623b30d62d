"""Any building of EnergyPlus as a plant: `simulators.energyplus.building:Building`."""

from __future__ import annotations

import shutil
import tempfile
from calendar import isleap
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias, cast

from drivers.plant import PlantEnded, PlantError
from simulators.attached.beside import Beside, NoAnswer
from simulators.attached.stepped import Span, SteppedPlant
from simulators.energyplus.epw import prepare_epw, utc_offset_of, write_epw
from simulators.energyplus.idf import Idf, run_the_weather
from simulators.energyplus.lockstep import Over, Step, Unknown, Work
from simulators.energyplus.mapping import BuildingMapping, PointSpec, read_mapping
from simulators.energyplus.reports import first_errors
from simulators.energyplus.shipped import installed, model_path

SYNTHETIC = "synthetic"
_Weighted: TypeAlias = list[tuple[int, float]]
"""Numbers of variables, and what each counts in a sum."""


class GaveUp(PlantError):
    """EnergyPlus ended by itself; the message says where it wrote why."""


class Building(SteppedPlant):
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
        installed()
        self._mapping = read_mapping(Path(map))
        self._seed = seed
        self._source = self._weather_file(weather)
        self._model = self._read_model()
        step = timedelta(minutes=_timestep_min(self._model))
        offset = timedelta(hours=8) if self._source is None else utc_offset_of(self._source)
        super().__init__(self._mapping, Span.of(start, until, step, offset, midnight=True))
        self._keep = keep
        self._run: _Run | None = None

    def _begin(self) -> None:
        self._run = self._started()

    def _stepped(self, commands: list[float | None]) -> Mapping[str, float]:
        assert self._run is not None
        answer = self._run.step(commands)
        middle = self._time + self._span.step / 2 + self._span.offset
        if (answer.month, answer.day) != (middle.month, middle.day):
            raise PlantError(
                f"EnergyPlus is at {answer.month:02}-{answer.day:02} where {middle:%m-%d} follows"
            )
        return self._run.shown(answer)

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stop(keep=isinstance(self._over, GaveUp))
            self._run = None

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
        first = (self._span.begin + self._span.offset).date()
        last = self._span.last - timedelta(days=1)
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
            cast("tuple[tuple[str, str, str], ...]", tuple(mapping.commanded)),
            temporary,
        )
        self._beside = Beside("simulators.energyplus.worker", work)

    def step(self, commands: list[float | None]) -> Step:
        """Let one time step happen."""
        try:
            answer = self._beside.ask(commands)
        except NoAnswer as error:
            raise GaveUp(self._why(f"EnergyPlus {error}")) from None
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
        self._beside.stop()
        if self._temporary and not keep:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _why(self, what: str) -> str:
        self._beside.ended()
        path = self._directory / "eplusout.err"
        said = first_errors(path)
        if not said:
            path = self._directory / "console.log"
        return f"{what}: {said or 'it wrote no reason'} (see {path})"


def _timestep_min(idf: Idf) -> int:
    found = next(idf.of("Timestep"), None)
    return 60 // int(float(found.fields[0])) if found is not None else 10


def _sum(values: Sequence[float], weighted: _Weighted) -> float:
    return sum(values[number] * scale for number, scale in weighted)
