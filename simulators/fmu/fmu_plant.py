"""Any FMU as a plant: `simulators.fmu.fmu_plant:Fmu`."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from drivers.plant import PlantEnded, PlantError
from simulators.attached.beside import Beside, NoAnswer
from simulators.attached.named import Shown
from simulators.attached.stepped import Span, SteppedPlant
from simulators.fmu.description import describe
from simulators.fmu.fmu_points import checked, read_fmu_mapping
from simulators.fmu.fmu_words import Failed, FmuWork, Stopped, Values

_YEAR_S = 365 * 86_400.0


class Fmu(SteppedPlant):
    """An FMU for co-simulation from `start` (aware), under its own control where nobody commands.

    Options (text): `map` the mapping file; `until` the day after the last (ISO), the end of the
    third year if absent.

    The FMU runs in a process of its own, in lock step. Raises ValueError for a mapping or an FMU
    that cannot be used, OSError for a file that cannot be read, ImportError if FMPy is not
    installed.
    """

    def __init__(
        self,
        start: datetime,
        map: str,  # noqa: A002 - options are named for those who write them
        until: str = "",
    ) -> None:
        mapping = read_fmu_mapping(Path(map))
        self._file = mapping.file
        self._path = mapping.beside(self._file.fmu)
        self._described = describe(self._path)
        mapping = checked(mapping, self._described)
        step = timedelta(seconds=self._file.step_s)
        offset = timedelta(hours=self._file.utc_offset_h)
        super().__init__(mapping, Span.of(start, until, step, offset, midnight=False))
        self._mapping = mapping
        self._shown = Shown(mapping.points, step.total_seconds())
        self._directory: Path | None = None
        self._beside: Beside | None = None

    def _stepped(self, commands: list[float | None]) -> Mapping[str, float]:
        return self._shown.after(self._ask(commands))

    def _begin(self) -> None:
        """Begin, and let it run by its own control through its warm-up."""
        warm_up = round(self._file.warm_up_h * 3600 / self._file.step_s)
        begin = 0.0
        if self._file.time == "year":
            begin = self._span.second_of_year(self._span.begin) - warm_up * self._file.step_s
            begin += _YEAR_S if begin < 0 else 0.0
        self._directory = Path(tempfile.mkdtemp(prefix="bms-fmu-"))
        self._beside = Beside("simulators.fmu.fmu_worker", self._work(begin))
        nobody: list[float | None] = [None] * len(self._mapping.commanded)
        self._ask(None, self._file.begins_within_s)
        for _ in range(warm_up):
            self._ask(nobody)

    def _work(self, begin: float) -> FmuWork:
        points = self._mapping.points
        variables = self._described.variables
        inputs = []
        for names in self._mapping.commanded.values():
            point = points[names[0]]
            assert point.input is not None
            inputs.append((point.input, variables[point.input], point.activate))
        read = dict.fromkeys(name for point in points.values() for name in point.reads)
        return FmuWork(
            str(self._directory),
            str(self._path),
            begin,
            float(self._file.step_s),
            {name: variables[name] for name in read},
            tuple(
                (variable, None if activate is None else variables[activate], self._rest(name))
                for name, variable, activate in inputs
            ),
            tuple(
                (*self._described.settable[name], value)
                for name, value in self._file.parameters.items()
            ),
        )

    def _rest(self, name: str) -> float | None:
        """What an input is while nobody commands it: what its point rests at, or its start."""
        set_before = self._file.parameters.get(name)
        if isinstance(set_before, int | float):
            return float(set_before)
        for point in self._mapping.points.values():
            if point.input == name and point.rest is not None:
                return point.raw(point.rest)
        return self._described.variables[name].start

    def _ask(
        self, commands: list[float | None] | None, within_s: float = 0.0
    ) -> Mapping[str, float]:
        assert self._beside is not None
        name = self._path.name
        try:
            answer = self._beside.ask(commands, within_s or self._file.within_s)
        except NoAnswer as error:
            self._beside.ended(0.0 if error.late else None)
            code = self._beside.code
            if code is None:
                raise PlantError(f"the FMU {name} hangs: {error}") from None
            ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
            raise PlantError(f"the FMU {name} ended its process ({ended})") from None
        if isinstance(answer, Stopped):
            raise PlantEnded(f"the FMU {name} ends at {self._time.isoformat()}")
        if isinstance(answer, Failed):
            raise PlantError(f"the FMU {name} gave up: {answer.text}")
        found: Values = answer
        return found.values

    def _stop(self) -> None:
        if self._beside is not None:
            self._beside.stop()
            self._beside = None
        if self._directory is not None:
            with suppress(OSError):
                shutil.rmtree(self._directory)
            self._directory = None
