"""Modbus TCP requests and the answers that fit them. Pure.

An answer is used only if its transaction, unit, function code and length are those of its
request (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3; Application Protocol V1.1b3).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from drivers.errors import BadAnswer, DeviceRefused
from drivers.points import Table

READ_FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS = 5, 6, 16

PAYLOAD_AT = 9
"""Where the data of a read answer begin: after seven bytes of header, function and byte count."""

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge, still working",
    6: "server device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
ILLEGAL_ADDRESS_OR_VALUE = (2, 3)
GATEWAY_CANNOT_REACH = (10, 11)

_HEADER = Struct(">HH")
_SHORTEST, _LONGEST = 2, 254  # of what follows the length field: the unit and a PDU of 1 to 253


class ExceptionAnswer(DeviceRefused):
    """The device understood the frame and refused the request; `code` is its exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code} ({EXCEPTIONS.get(code, 'not in the standard')})")
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the answer it must get, both without the transaction id in front.

    `answer` is how a valid answer goes on after the transaction id; `size` is its length in all.
    """

    unit: int
    function: int
    frame: bytes
    answer: bytes
    size: int


def read_request(unit: int, table: Table, address: int, count: int) -> Request:
    """Function 1 to 4: `count` bits or registers from `address`."""
    function = READ_FUNCTIONS[table]
    size = (count + 7) // 8 if table in ("coil", "discrete") else 2 * count
    frame = Struct(">HHBBHH").pack(0, 6, unit, function, address, count)
    answer = Struct(">HHBBB").pack(0, 3 + size, unit, function, size)
    return Request(unit, function, frame, answer, PAYLOAD_AT + size)


def write_coil_request(unit: int, address: int, on: bool) -> Request:
    """Function 5; the answer repeats the request."""
    frame = Struct(">HHBBHH").pack(0, 6, unit, WRITE_COIL, address, 0xFF00 if on else 0)
    return Request(unit, WRITE_COIL, frame, frame, 12)


def write_registers_request(unit: int, address: int, data: bytes) -> Request:
    """Function 6 for one register, 16 for more; `data` are the bytes of the registers."""
    if len(data) == 2:
        frame = Struct(">HHBBH").pack(0, 6, unit, WRITE_REGISTER, address) + data
        return Request(unit, WRITE_REGISTER, frame, frame, 12)
    count = len(data) // 2
    frame = Struct(">HHBBHHB").pack(
        0, 7 + len(data), unit, WRITE_REGISTERS, address, count, len(data)
    )
    answer = Struct(">HHBBHH").pack(0, 6, unit, WRITE_REGISTERS, address, count)
    return Request(unit, WRITE_REGISTERS, frame + data, answer, 12)


def next_frame(buffer: bytearray) -> bytes | None:
    """Take one whole frame off the front; None if it is not all there yet.

    BadAnswer if this cannot be Modbus TCP: then nothing after it can be trusted either.
    """
    if len(buffer) < 6:
        return None
    protocol, length = _HEADER.unpack_from(buffer, 2)
    if protocol != 0 or not _SHORTEST <= length <= _LONGEST:
        raise BadAnswer(f"not Modbus TCP: protocol {protocol}, length {length}")
    size = 6 + length
    if len(buffer) < size:
        return None
    frame = bytes(buffer[:size])
    del buffer[:size]
    return frame


def check(request: Request, frame: bytes) -> None:
    """Accept a frame of the right transaction as the answer, or raise saying what is wrong.

    Raises ExceptionAnswer for an exception of the device and BadAnswer for anything else.
    """
    if len(frame) == request.size and frame.startswith(request.answer, 2):
        return
    unit, function = frame[6], frame[7]
    if unit != request.unit:
        raise BadAnswer(f"unit {unit} answered instead of {request.unit}")
    if function == request.function | 0x80:
        if len(frame) != 9:
            raise BadAnswer(f"an exception answer of {len(frame)} bytes instead of 9")
        raise ExceptionAnswer(frame[8])
    if function != request.function:
        raise BadAnswer(f"function {function} answered instead of {request.function}")
    if len(frame) != request.size:
        raise BadAnswer(f"{len(frame)} bytes answered instead of {request.size}")
    raise BadAnswer("the answer does not repeat the request's count or value")
