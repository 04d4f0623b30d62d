"""How one group is read: a job that yields requests, and delivers every point whatever comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from bms.texts.messages import message_of, msg
from drivers.base import Batch, Deliver
from drivers.errors import ConnectionLost, DriverError, NoAnswer
from drivers.memory import bad_sample, good_batch
from drivers.modbus.connection import SILENT_LIMIT
from drivers.modbus.job import NotSent
from drivers.modbus.reading.readplan import Group, Part
from drivers.modbus.wire.frames import (
    ILLEGAL_ADDRESS_OR_VALUE,
    PAYLOAD_AT,
    ExceptionAnswer,
    Request,
)
from drivers.points import Sample

EXTRA_REQUESTS = 32
"""Most additional requests that one read of a group spends on finding refused registers."""

Reads: TypeAlias = Generator[Request, bytes, DriverError | None]


class Reading:
    """Reads groups and hands their samples on. `quiet`: leave out points that are BAD already."""

    def __init__(
        self,
        deliver: Deliver,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        quiet: bool = False,
    ) -> None:
        self._deliver = deliver
        self._now = now
        self._monotonic = monotonic
        self._quiet = quiet
        self._stopped = False

    def stop(self) -> None:
        """Stop asking and delivering."""
        self._stopped = True
        self._deliver = _nowhere

    def all(self, groups: Iterable[Group]) -> Reads:
        """One group after the other. After three timeouts the rest is not tried: a read ends."""
        timeouts = 0
        for group in groups:
            if timeouts >= SILENT_LIMIT:
                self.missed(
                    group, NotSent(msg("not asked: too many units of this link do not answer"))
                )
                continue
            failure = yield from self.one(group)
            timeouts += isinstance(failure, NoAnswer)
        return None

    def one(self, group: Group) -> Reads:
        """Read one group: each of its points is delivered once. Ends with what keeps its unit
        from being asked on, if anything does."""
        if self._stopped:
            return None
        if not group.learned:
            try:
                body = yield from _asked(group.whole)
            except DriverError as error:
                return (yield from self.rest(group, error))
            self.take(group.whole, body)
            return None
        if self._monotonic() >= group.probe_at:
            return (yield from self._probe(group))
        for part, detail in group.refused.items():
            self._refused(part, detail)
        return (yield from self._parts(group, list(group.parts)))

    def missed(self, group: Group, error: DriverError) -> None:
        """It was not even tried."""
        for part in group.parts:
            self._missed(part, error)

    def rest(self, group: Group, error: DriverError) -> Reads:
        """The whole was not answered well."""
        if isinstance(error, ExceptionAnswer):
            halves, _ = self._divide(group, group.whole, error, EXTRA_REQUESTS)
            return (yield from self._parts(group, halves))
        self._missed(group.whole, error)
        return _lasting(error)

    def _parts(self, group: Group, parts: list[Part]) -> Reads:
        todo = parts[::-1]
        extra = EXTRA_REQUESTS
        failure: DriverError | None = None
        while todo:
            part = todo.pop()
            if failure is not None:
                self._missed(part, failure)
                continue
            try:
                body = yield from _asked(part)
            except ExceptionAnswer as error:
                halves, extra = self._divide(group, part, error, extra)
                todo.extend(reversed(halves))
            except DriverError as error:
                self._missed(part, error)
                failure = _lasting(error)
            else:
                self.take(part, body)
        return failure

    def _divide(
        self, group: Group, part: Part, error: ExceptionAnswer, extra: int
    ) -> tuple[list[Part], int]:
        """The device refused a part: what to ask instead, and how many more may be asked."""
        if error.code not in ILLEGAL_ADDRESS_OR_VALUE:
            self._missed(part, error)
            return [], extra
        if not group.learned:
            group.postpone(self._monotonic())
        halves = group.halves(part)
        if not halves:
            detail = msg("{registers}: {error}", registers=part.block.named(), error=error)
            group.refuse(part, detail)
            self._refused(part, detail)
            return [], extra
        if extra < len(halves):  # the search goes on at the next poll
            self._missed(part, error)
            return [], extra
        group.divide(part, halves)
        return halves, extra - len(halves)

    def _probe(self, group: Group) -> Reads:
        """Try the whole group once more, and if that fails each refused part."""
        group.postpone(self._monotonic())
        known = list(group.parts)
        failure: DriverError | None = None
        try:
            body = yield from _asked(group.whole)
        except ExceptionAnswer:
            pass
        except DriverError as error:
            failure = _lasting(error)
        else:
            group.heal()
            self.take(group.whole, body)
            return None
        extra = EXTRA_REQUESTS
        for part in list(group.refused):
            if failure is None and part is not group.whole and extra > 0:
                extra -= 1
                failure = yield from self._probe_part(group, part)
            if part in group.refused:
                self._refused(part, group.refused[part])
        if failure is not None:
            for part in known:
                self._missed(part, failure)
            return failure
        return (yield from self._parts(group, known))

    def _probe_part(self, group: Group, part: Part) -> Reads:
        try:
            body = yield from _asked(part)
        except ExceptionAnswer as error:
            group.refuse(
                part, msg("{registers}: {error}", registers=part.block.named(), error=error)
            )
        except DriverError as error:
            return _lasting(error)
        else:
            group.accept(part)
            self.take(part, body)
        return None

    def take(self, part: Part, body: bytes) -> None:
        """Deliver what a whole answer says."""
        values, wrong = part.read(body, PAYLOAD_AT)
        time = self._now()
        batch = good_batch(part.ids, values, time)
        if wrong:
            batch = Batch(part.ids, _marked(batch.samples, wrong), False)
        part.last = batch.samples
        part.misses = 0
        self._deliver(batch)

    def _missed(self, part: Part, error: DriverError) -> None:
        if self._quiet and part.dark and isinstance(error, NotSent):
            self._deliver(Batch((), (), True))
            return
        self._deliver(Batch(part.ids, part.missed(self._now(), message_of(error)), False))

    def _refused(self, part: Part, detail: str) -> None:
        self._deliver(Batch(part.ids, part.refused(self._now(), detail), False))


def _asked(part: Part) -> Generator[Request, bytes, bytes]:
    """The answer to a part, with the register of a scale factor that is read by itself behind."""
    body = yield part.request
    if part.also is not None:
        scale = yield part.also
        body += scale[PAYLOAD_AT:]
    return body


def _marked(samples: Sequence[Sample], wrong: Mapping[int, str]) -> list[Sample]:
    """The same samples with those BAD that the device itself has no usable value for."""
    return [
        bad_sample(sample.point, sample.time, wrong[number]) if number in wrong else sample
        for number, sample in enumerate(samples)
    ]


def _nowhere(batch: Batch) -> None:
    """Takes what comes after the end."""


def _lasting(error: DriverError) -> DriverError | None:
    """The error, if asking the same unit on at once would only cost more time."""
    return error if isinstance(error, NotSent | NoAnswer | ConnectionLost) else None
