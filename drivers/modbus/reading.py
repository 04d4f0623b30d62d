"""One poll over Modbus: every point gets a sample, whatever the devices do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast

from drivers.codec import all_usable, unusable
from drivers.errors import ConnectionLost, DriverError, NoAnswer
from drivers.memory import Memory, good_samples
from drivers.modbus.frames import ILLEGAL_ADDRESS_OR_VALUE, PAYLOAD_AT, ExceptionAnswer
from drivers.modbus.link import SILENT_LIMIT, ModbusLink, NotSent
from drivers.modbus.readplan import Group, Part, ReadPlan
from drivers.points import PointId, Sample, Value

EXTRA_REQUESTS = 64
"""Most additional requests that one poll spends on finding refused registers."""


class Reading:
    """Reads one plan once.

    Units in good health come first, so that what the others cost in timeouts hurts nobody. A
    unit that does not answer is not asked on, and after three timeouts no other unit is either.
    """

    def __init__(
        self,
        plan: ReadPlan,
        link: ModbusLink,
        memory: Memory,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._plan = plan
        self._link = link
        self._memory = memory
        self._now = now
        self._monotonic = monotonic
        # Every place is filled by the time `run` returns: each part is taken, missed or refused.
        self._samples: list[Sample] = cast("list[Sample]", [None] * plan.size)
        self._timeouts = 0
        self._extra = EXTRA_REQUESTS

    async def run(self) -> list[Sample]:
        units = self._plan.units
        order = list(units) if len(units) == 1 else sorted(units, key=self._link.failures)
        for unit in order:
            failure: DriverError | None = None
            if self._timeouts >= SILENT_LIMIT:
                failure = NotSent("not asked: too many units of this link do not answer")
            for group in units[unit]:
                if failure is None:
                    failure = await self._read(group)
                else:
                    self._missed(group.whole, failure)
        return self._samples

    async def _read(self, group: Group) -> DriverError | None:
        """Read one group; returns what keeps its unit from being asked on, if anything does."""
        if group.learned and self._monotonic() >= group.probe_at:
            return await self._probe(group)
        for part, detail in group.refused.items():
            self._refused(part, detail)
        return await self._read_parts(group, group.parts)

    async def _read_parts(self, group: Group, parts: list[Part]) -> DriverError | None:
        todo = parts[::-1]
        failure: DriverError | None = None
        while todo:
            part = todo.pop()
            if failure is not None:
                self._missed(part, failure)
                continue
            try:
                frame = await self._link.send(part.request)
            except ExceptionAnswer as error:
                todo.extend(reversed(self._divide(group, part, error)))
            except DriverError as error:
                self._missed(part, error)
                failure = self._lasting(error)
            else:
                self._take(part, frame)
        return failure

    def _divide(self, group: Group, part: Part, error: ExceptionAnswer) -> list[Part]:
        """The device refused a part: what to ask instead."""
        if error.code not in ILLEGAL_ADDRESS_OR_VALUE:
            self._missed(part, error)
            return []
        if not group.learned:
            group.postpone(self._monotonic())
        halves = self._plan.halves(part)
        if not halves:
            detail = f"{part.block}: {error}"
            group.refuse(part, detail)
            self._refused(part, detail)
            return []
        if self._extra < len(halves):  # the search goes on at the next poll
            self._missed(part, error)
            return []
        self._extra -= len(halves)
        group.divide(part, halves)
        return halves

    async def _probe(self, group: Group) -> DriverError | None:
        """Try what was refused once more: as a whole, and if that fails each refused part."""
        group.postpone(self._monotonic())
        known = list(group.parts)
        failure: DriverError | None = None
        try:
            frame = await self._link.send(group.whole.request)
        except ExceptionAnswer:
            pass
        except DriverError as error:
            failure = self._lasting(error)
        else:
            group.heal()
            self._take(group.whole, frame)
            return None
        for part in list(group.refused):
            if failure is None and part is not group.whole and self._extra > 0:
                self._extra -= 1
                failure = await self._probe_part(group, part)
            if part in group.refused:
                self._refused(part, group.refused[part])
        if failure is not None:
            for part in known:
                self._missed(part, failure)
            return failure
        return await self._read_parts(group, known)

    async def _probe_part(self, group: Group, part: Part) -> DriverError | None:
        try:
            frame = await self._link.send(part.request)
        except ExceptionAnswer as error:
            group.refuse(part, f"{part.block}: {error}")
        except DriverError as error:
            return self._lasting(error)
        else:
            group.accept(part)
            self._take(part, frame)
        return None

    def _lasting(self, error: DriverError) -> DriverError | None:
        """The error, if asking the same unit on in this poll would only cost more time."""
        if isinstance(error, NoAnswer):
            self._timeouts += 1
        return error if isinstance(error, NotSent | NoAnswer | ConnectionLost) else None

    def _take(self, part: Part, frame: bytes) -> None:
        values = part.decode(frame, PAYLOAD_AT)
        time = self._now()
        if not all_usable(values):
            for point, position, value in zip(part.ids, part.positions, values, strict=True):
                self._samples[position] = self._one(point, value, time)
            return
        samples = good_samples(part.ids, values, time)
        self._memory.good(part.ids, samples)
        if part.slots is not None:
            self._samples[part.slots] = samples
            return
        for position, sample in zip(part.positions, samples, strict=True):
            self._samples[position] = sample

    def _one(self, point: PointId, value: Value, time: datetime) -> Sample:
        wrong = unusable(value)
        if wrong:
            return self._memory.unusable(point, time, f"the device sends {wrong}")
        samples = good_samples((point,), (value,), time)
        self._memory.good((point,), samples)
        return samples[0]

    def _missed(self, part: Part, error: DriverError) -> None:
        now, detail = self._now(), str(error)
        for point, position in zip(part.ids, part.positions, strict=True):
            self._samples[position] = self._memory.missed(point, now, detail)

    def _refused(self, part: Part, detail: str) -> None:
        now = self._now()
        for point, position in zip(part.ids, part.positions, strict=True):
            self._samples[position] = self._memory.unusable(point, now, detail)
