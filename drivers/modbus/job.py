"""What a link runs: requests that belong together, and why one of them may never leave."""

from __future__ import annotations

from drivers.errors import DriverError
from drivers.modbus.wire.frames import Request
from drivers.modbus.wire.wire import Call


class NotSent(DriverError):
    """The request never left: no connection, or its unit is left alone for a while."""


class LinkDown(NotSent):
    """No connection, so no unit can be asked."""


class Job(Call):
    """Requests that belong together, one after the other. Subclasses say which.

    `unit`: the unit that all of them are for, if it is one.
    """

    __slots__ = ("cancelled", "unit")

    def __init__(self, unit: int | None = None) -> None:
        super().__init__()
        self.unit = unit
        self.cancelled = False
        """Nobody waits for it: what was not sent is not sent."""

    def step(self, body: bytes | None) -> Request | None:
        """Take the answer to the last request (None at first); the next one, None at the end."""
        raise NotImplementedError

    def fail(self, error: DriverError) -> Request | None:
        """The last request brought no answer; the next request, None at the end."""
        raise NotImplementedError

    def finish(self, broken: Exception | None = None) -> None:
        """It is over, whatever the end was; `broken` is a defect in it."""
        raise NotImplementedError
