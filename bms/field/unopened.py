"""A link that lacks something on this machine: its points are BAD, and all others run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from bms.texts.messages import Message
from drivers.base import Write, WriteResult, WriteStatus
from drivers.memory import bad_sample
from drivers.points import Point, PointId, Sample


class UnopenedLink:
    """Stands for the driver that cannot be made; `lacks` says why, and what to do."""

    def __init__(
        self, points: Sequence[Point], lacks: Message, now: Callable[[], datetime]
    ) -> None:
        self._points = points
        self._lacks = lacks
        self._now = now

    @property
    def points(self) -> Sequence[Point]:
        return self._points

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        return [bad_sample(point, self._now(), self._lacks) for point in points]

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        return [WriteResult(w.point, w.value, WriteStatus.REFUSED, self._lacks) for w in writes]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
