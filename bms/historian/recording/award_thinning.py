"""Which changes of awards are recorded: all but the small steps of loops. Pure.

A loop moves its valve many times an hour (measured: 1,117), and says the same of it each time.
What it moves is commanded at once; the record keeps up with it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from bms.core.decisions import Award, Command, Priority
from bms.texts.messages import Message
from drivers.points import PointId, Value

AT_MOST_EVERY = timedelta(minutes=1)
"""A value that moves by more than its tolerance is recorded so often ..."""
AT_ONCE = 5
"""... but so many of its changes at once: a person who tries something is no loop."""
RESTED = timedelta(minutes=10)
"""Within its tolerance it is recorded after it has stood for so long."""
TOLERANCES: Mapping[str, float] = {
    "degC": 0.1, "K": 0.1, "%": 0.5, "Pa": 5.0, "kPa": 1.0, "Hz": 0.5, "m3/h": 1.0, "ppm": 20.0,
}  # fmt: skip
"""How far a value moves before people would call it another one, by unit."""
SHARE = 0.01
"""The same for other units, as a share of the value."""


class Changed(Protocol):
    """A change of a point's award; None: nobody commands it now."""

    @property
    def point(self) -> PointId: ...
    @property
    def award(self) -> Award | None: ...
    @property
    def held_since(self) -> datetime | None: ...


class _Known(NamedTuple):
    time: datetime
    award: Award | None
    at_once: float
    """So many changes may still be recorded at once; one more each minute."""


class AwardThinning:
    """`units` by point; of `states` every change is recorded, as of all that is no number."""

    def __init__(self, units: Mapping[PointId, str], states: Container[PointId]) -> None:
        self._units = units
        self._states = states
        self._recorded: dict[PointId, _Known] = {}
        self._waiting: dict[PointId, tuple[datetime, Changed]] = {}

    def recorded(self, time: datetime, changes: Iterable[Changed]) -> Iterator[Changed]:
        """Those to be recorded at `time`, of the changes of now and of those that have waited."""
        for change in changes:
            point = change.point
            if self._may_wait(point, change.award):
                self._waiting[point] = (time, change)
            else:
                yield self._record(time, change)
        if self._waiting:
            for since, change in list(self._waiting.values()):
                if self._due(time, since, change):
                    yield self._record(time, change)

    def rest(self) -> Iterator[Changed]:
        """All that has waited: nothing comes after it."""
        waiting, self._waiting = self._waiting, {}
        for _, change in waiting.values():
            yield change

    def _record(self, time: datetime, change: Changed) -> Changed:
        self._waiting.pop(change.point, None)
        if change.point not in self._states:
            left = max(0.0, self._at_once(change.point, time) - 1.0)
            self._recorded[change.point] = _Known(time, change.award, left)
        return change

    def _may_wait(self, point: PointId, award: Award | None) -> bool:
        known = self._recorded.get(point)
        if known is None or known.award is None or award is None:
            return False
        return _alike(known.award.winner, award.winner) and (
            len(known.award.losers) == len(award.losers)
            and all(map(_alike, known.award.losers, award.losers))
        )

    def _due(self, time: datetime, since: datetime, change: Changed) -> bool:
        known = self._recorded[change.point]
        if time < known.time or time < since:  # the clock was set back
            return True
        assert known.award is not None
        assert change.award is not None
        if not self._moved(change.point, known.award.value, change.award.value):
            return time - since >= RESTED
        return self._at_once(change.point, time) >= 1.0

    def _at_once(self, point: PointId, time: datetime) -> float:
        known = self._recorded.get(point)
        if known is None:
            return AT_ONCE
        return min(AT_ONCE, known.at_once + (time - known.time) / AT_MOST_EVERY)

    def _moved(self, point: PointId, before: Value, after: Value) -> bool:
        one, other = float(before), float(after)
        tolerance = TOLERANCES.get(self._units.get(point, ""), SHARE * abs(one))
        return abs(one - other) > tolerance


def _alike(one: Command, other: Command) -> bool:
    """Whether two commands are of one mind; those of strategies but for numbers."""
    if one == other:
        return True
    return one.priority is Priority.SEQUENCE and (
        (one.source, one.priority, one.expires) == (other.source, other.priority, other.expires)
        and isinstance(one.value, float)
        and isinstance(other.value, float)
        and _said_alike(one.reason, other.reason)
    )


def _said_alike(one: object, other: object) -> bool:
    if isinstance(one, Message) and isinstance(other, Message):
        if one.template != other.template or one.arguments.keys() != other.arguments.keys():
            return False
        return all(
            _said_alike(one.arguments[name], other.arguments[name]) for name in one.arguments
        )
    return (isinstance(one, float) and isinstance(other, float)) or one == other
