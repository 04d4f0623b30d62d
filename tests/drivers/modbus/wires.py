"""What a test puts around a wire that it plays the device of."""

from __future__ import annotations

from drivers.errors import DriverError
from drivers.modbus.wire.frames import Request
from drivers.modbus.wire.wire import Call, Wire


class Asking(Call):
    """A call and its receiver in one."""

    def __init__(self, request: Request, *, owed: bool = False) -> None:
        super().__init__()
        self.request = request
        self.owed = owed
        self.found: list[bytes | DriverError] = []

    def answered(self, call: Call, body: bytes) -> None:
        self.found.append(body)

    def failed(self, call: Call, error: DriverError) -> None:
        self.found.append(error)

    def lost(self, wire: Wire[Call]) -> None:
        """Nothing to do."""
