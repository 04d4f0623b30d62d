"""What the engine's tests are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bms.core.decisions import Command, Decision, Priority, Snapshot, Stage
from drivers.base import Write, WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value

T0 = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def command(
    value: Value,
    priority: Priority = Priority.SEQUENCE,
    *,
    point: PointId = "b.p.enable",
    source: str = "seq",
    reason: str = "because",
    expires: datetime | None = None,
) -> Command:
    return Command(
        point=point,
        value=value,
        priority=priority,
        source=source,
        reason=reason,
        expires=expires,
    )


Script = Callable[[Snapshot, Any, datetime], Decision[Any]]


@dataclass
class Scripted:
    """A controller that does what the test says."""

    name: str
    script: Script
    writes: frozenset[PointId]
    priority: Priority = Priority.SEQUENCE
    stage: Stage = Stage.SEQUENCE
    reads: frozenset[PointId] = frozenset()
    first: Any = None

    def initial(self) -> Any:
        return self.first

    def decide(self, snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        return self.script(snapshot, state, now)


@dataclass
class Wish:
    """A controller whose commands the test sets."""

    name: str = "seq"
    priority: Priority = Priority.SEQUENCE
    stage: Stage = Stage.SEQUENCE
    commands: tuple[Command, ...] = ()
    reads: frozenset[PointId] = frozenset()
    writes: frozenset[PointId] = frozenset({"b.p.enable", "b.q.setpoint", "b.g.mode"})

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:
        return Decision(self.commands, None)

    def want(
        self,
        value: Value | None,
        point: PointId = "b.p.enable",
        reason: str = "because",
        expires: datetime | None = None,
    ) -> None:
        rest = tuple(c for c in self.commands if c.point != point)
        if value is None:
            self.commands = rest
        else:
            new = command(
                value,
                self.priority,
                point=point,
                source=self.name,
                reason=reason,
                expires=expires,
            )
            self.commands = (*rest, new)


@dataclass
class Device:
    """Holds values, takes writes, and can be told to misbehave."""

    values: dict[PointId, Value] = field(default_factory=dict)
    status: WriteStatus = WriteStatus.OK
    deaf: bool = False
    """Acknowledges, and does nothing."""
    quality: Quality = Quality.GOOD
    written: list[Write] = field(default_factory=list)

    def samples(self, now: datetime) -> Mapping[PointId, Sample]:
        return {p: Sample(p, v, self.quality, now) for p, v in self.values.items()}

    def write(self, writes: Iterable[Write]) -> list[WriteResult]:
        results = []
        for write in writes:
            self.written.append(write)
            if self.status is WriteStatus.OK and not self.deaf and write.value is not None:
                self.values[write.point] = write.value
            results.append(WriteResult(write.point, write.value, self.status, "said the device"))
        return results
