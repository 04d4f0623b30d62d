"""The one protocol that every way to the field stands behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

from drivers.health import DriverHealth
from drivers.points import Point, PointId, Sample, Value


@dataclass(frozen=True, slots=True)
class Write:
    """One value to write; None releases the point to its own logic (see `Point.release_value`)."""

    point: PointId
    value: Value | None


class WriteStatus(StrEnum):
    """What became of a write. Only OK means the device acknowledged it."""

    OK = "ok"
    REFUSED = "refused"
    """The device or this driver said no: not writable, out of range, exception answer."""
    TIMEOUT = "timeout"
    """No answer, or only that it works on it: the device may or may not have acted. Never
    repeated by the driver."""
    MISMATCH = "mismatch"
    """Acknowledged, but the point read back differently."""
    SHADOW = "shadow"
    """Not sent, because the link is in shadow mode; it would have been."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The outcome of one `Write`; `detail` carries the device's own words."""

    point: PointId
    value: Value | None
    status: WriteStatus
    detail: str = ""


class Driver(Protocol):
    """A link to one endpoint. Total: one result per request, in order, whatever happens.

    Neither `read` nor `write` raises for anything the field does (unreachable, slow, refusing,
    talking nonsense): that is what quality and status are for. An unknown point id is a
    programming error and raises KeyError. Both return within the driver's own deadlines.
    Entering never waits for the device: the connection is made, and remade, on use.
    """

    @property
    def points(self) -> Sequence[Point]: ...

    async def read(self, points: Sequence[PointId]) -> list[Sample]: ...

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Batch(NamedTuple):
    """Samples that arrived together: one per id, in the same order.

    `good` says that every one of them is GOOD, which saves the receiver a look at each. A batch
    without samples says that the driver is at work and nothing has changed.
    """

    ids: Sequence[PointId]
    samples: Sequence[Sample]
    good: bool


Deliver: TypeAlias = Callable[[Batch], None]


@runtime_checkable
class Feed(Driver, Protocol):
    """A driver that keeps its own pace, and says how it is doing."""

    @property
    def clock_skew_s(self) -> float | None:
        """How far the server's clock is ahead of ours; None where the protocol does not tell."""
        ...

    async def feed(self, deliver: Deliver, period_s: float) -> None:
        """Deliver the samples of all points until cancelled; never raises for what the field does.

        A point is delivered every `Point.scan_s`, or `period_s` where it says nothing, or as it
        changes; every point is delivered soon after the start, if only as BAD. `deliver` is
        called on the loop, must be quick, and must not raise. `period_s` 0: as fast as it goes.
        """
        ...

    def health(self) -> DriverHealth:
        """How the link is doing now."""
        ...
