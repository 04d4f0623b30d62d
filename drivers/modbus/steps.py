"""A job written as a generator: it yields requests and is sent the bodies of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeAlias

from drivers.errors import DriverError
from drivers.modbus.job import Job
from drivers.modbus.wire.frames import Request

Steps: TypeAlias = Generator[Request, bytes, Any]


class Task(Job):
    """A job that somebody awaits by its `future`, which gets what the generator returns.

    Once the future is cancelled the job goes no further.
    """

    __slots__ = ("_steps", "_value", "future")

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps
        self._value: Any = None
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def step(self, body: bytes | None) -> Request | None:
        try:
            return self._steps.send(body)  # type: ignore[arg-type]
        except StopIteration as stop:
            self._value = stop.value
            return None

    def fail(self, error: DriverError) -> Request | None:
        try:
            return self._steps.throw(error)
        except StopIteration as stop:
            self._value = stop.value
            return None

    def finish(self, broken: Exception | None = None) -> None:
        self._steps.close()
        if self.future.done():
            return
        if broken is not None:
            self.future.set_exception(broken)
        else:
            self.future.set_result(self._value)
