"""Modbus requests and the answers that fit them, whatever the framing. Pure.

A body is the unit id and the PDU: what Modbus TCP has after its header, and RTU before its CRC.
An answer is used only if its unit, function code and length are those of its request (Application
Protocol V1.1b3); the framing adds its own check, the transaction id or the CRC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from struct import Struct

from bms.texts.messages import Message, msg
from drivers.errors import BadAnswer, DeviceRefused
from drivers.points import Table

READ_FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_COIL, WRITE_REGISTER = 5, 6
WRITE_COILS, WRITE_REGISTERS = 15, 16
MASK_WRITE, READ_WRITE = 22, 23
REPORT_ID, ENCAPSULATED = 17, 43
READ_IDENTIFICATION = 14
"""The sub-function of 43 that reads the device identification."""
READING_FUNCTIONS = frozenset((1, 2, 3, 4, REPORT_ID, ENCAPSULATED))
"""All that may leave a link in shadow mode; whatever is not known to read counts as writing."""

PAYLOAD_AT = 3
"""Where the data of a read answer begin in its body: after unit, function and byte count."""

EXCEPTIONS = {
    1: msg("illegal function"),
    2: msg("illegal data address"),
    3: msg("illegal data value"),
    4: msg("server device failure"),
    5: msg("acknowledge, still working"),
    6: msg("server device busy"),
    7: msg("negative acknowledge"),
    8: msg("memory parity error"),
    10: msg("gateway path unavailable"),
    11: msg("gateway target device failed to respond"),
}
ILLEGAL_FUNCTION = 1
ACKNOWLEDGE = 5
"""No refusal: the device has taken the request, and needs longer than the answer may take."""
ILLEGAL_ADDRESS_OR_VALUE = (2, 3)
GATEWAY_CANNOT_REACH = (10, 11)

EXCEPTION_SIZE = 3
SHORTEST, LONGEST = 2, 254
"""Of a body: the unit and a PDU of 1 to 253 bytes."""

_READ = Struct(">BBHH")
_HEADER = Struct(">HH")


@cache
def _refusal(code: int) -> Message:
    """One message for each of at most 256 codes: a device may refuse each point at each poll."""
    meaning = EXCEPTIONS.get(code) or msg("not in the standard")
    return msg("exception {code} ({meaning})", code=code, meaning=meaning)


class ExceptionAnswer(DeviceRefused):
    """The device understood the frame and refused the request; `code` is its exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(_refusal(code))
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the answer it must get.

    `answer` is how the body of a valid answer begins, `size` its length; 0 if the answer says
    itself how long it is. The `tcp_` fields are the same after a transaction id.
    """

    unit: int
    function: int
    body: bytes
    answer: bytes
    size: int
    tcp_body: bytes = field(init=False, repr=False)
    tcp_answer: bytes = field(init=False, repr=False)
    tcp_size: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        def set_(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        set_("tcp_body", _HEADER.pack(0, len(self.body)) + self.body)
        set_("tcp_answer", _HEADER.pack(0, self.size) + self.answer if self.size else b"")
        set_("tcp_size", 6 + self.size if self.size else 0)

    @property
    def reads(self) -> bool:
        """True if it cannot change anything in the device."""
        if self.function == ENCAPSULATED:
            return self.body[2] == READ_IDENTIFICATION
        return self.function in READING_FUNCTIONS


def read_request(unit: int, table: Table, address: int, count: int) -> Request:
    """Function 1 to 4: `count` bits or registers from `address`."""
    function = READ_FUNCTIONS[table]
    size = (count + 7) // 8 if table in ("coil", "discrete") else 2 * count
    body = _READ.pack(unit, function, address, count)
    return Request(unit, function, body, bytes((unit, function, size)), 3 + size)


def write_coil_request(unit: int, address: int, on: bool) -> Request:
    """Function 5; the answer repeats the request."""
    return _echoed(unit, WRITE_COIL, address, 0xFF00 if on else 0)


def write_coils_request(unit: int, address: int, on: bool) -> Request:
    """Function 15 for one coil."""
    body = Struct(">BBHHBB").pack(unit, WRITE_COILS, address, 1, 1, int(on))
    return Request(unit, WRITE_COILS, body, body[:6], 6)


def write_register_request(unit: int, address: int, data: bytes) -> Request:
    """Function 6; `data` are the two bytes of the register. The answer repeats the request."""
    return _echoed(unit, WRITE_REGISTER, address, int.from_bytes(data, "big"))


def write_registers_request(unit: int, address: int, data: bytes) -> Request:
    """Function 16; `data` are the bytes of 1 to 123 registers."""
    body = Struct(">BBHHB").pack(unit, WRITE_REGISTERS, address, len(data) // 2, len(data)) + data
    return Request(unit, WRITE_REGISTERS, body, body[:6], 6)


def mask_write_request(unit: int, address: int, and_mask: int, or_mask: int) -> Request:
    """Function 22: the register becomes (register and `and_mask`) or (`or_mask` and not
    `and_mask`), inside the device. The answer repeats the request."""
    body = Struct(">BBHHH").pack(unit, MASK_WRITE, address, and_mask, or_mask)
    return Request(unit, MASK_WRITE, body, body, 8)


def read_write_request(unit: int, address: int, data: bytes) -> Request:
    """Function 23: write registers and read the same ones back."""
    count = len(data) // 2
    body = Struct(">BBHHHHB").pack(unit, READ_WRITE, address, count, address, count, len(data))
    answer = bytes((unit, READ_WRITE, len(data)))
    return Request(unit, READ_WRITE, body + data, answer, 3 + len(data))


def identification_request(unit: int, code: int, object_id: int = 0) -> Request:
    """Function 43/14: `code` 1 basic, 2 regular, 3 extended, 4 one object (6.21)."""
    body = bytes((unit, ENCAPSULATED, READ_IDENTIFICATION, code, object_id))
    return Request(unit, ENCAPSULATED, body, body[:4], 0)


def _echoed(unit: int, function: int, address: int, word: int) -> Request:
    body = _READ.pack(unit, function, address, word)
    return Request(unit, function, body, body, 6)


def answer_size(body: bytes | bytearray) -> int | None:
    """How long the answer that begins so is, by its own account; None if that is not yet known.

    BadAnswer if it is of a function that this module does not ask for.
    """
    if len(body) < 3:
        return None
    function = body[1]
    if function & 0x80:
        return EXCEPTION_SIZE
    if function in (1, 2, 3, 4, READ_WRITE, REPORT_ID):
        return 3 + body[2]
    if function in (WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS):
        return 6
    if function == MASK_WRITE:
        return 8
    if function == ENCAPSULATED:
        return _identification_size(body)
    raise BadAnswer(msg("an answer of function {function}", function=function))


def _identification_size(body: bytes | bytearray) -> int | None:
    if len(body) < 8:
        return None
    at = 8  # unit, function, 14, code, conformity, more follows, next object, number of objects
    for _ in range(body[7]):
        if len(body) < at + 2:
            return None
        at += 2 + body[at + 1]
    return at


def check(request: Request, body: bytes) -> None:
    """Accept a body as the answer, or raise saying what is wrong.

    Raises ExceptionAnswer for an exception of the device and BadAnswer for anything else.
    """
    if body.startswith(request.answer) and len(body) == (request.size or answer_size(body)):
        return
    unit, function = body[0], body[1]
    if unit != request.unit:
        raise BadAnswer(
            msg("unit {unit} answered instead of {asked_unit}", unit=unit, asked_unit=request.unit)
        )
    if function == request.function | 0x80:
        if len(body) != EXCEPTION_SIZE:
            raise BadAnswer(
                msg(
                    "an exception answer of {answered_bytes} bytes instead of {expected_bytes}",
                    answered_bytes=len(body),
                    expected_bytes=EXCEPTION_SIZE,
                )
            )
        raise ExceptionAnswer(body[2])
    if function != request.function:
        raise BadAnswer(
            msg(
                "function {function} answered instead of {asked_function}",
                function=function,
                asked_function=request.function,
            )
        )
    if request.size and len(body) != request.size:
        raise BadAnswer(
            msg(
                "{answered_bytes} bytes answered instead of {expected_bytes}",
                answered_bytes=len(body),
                expected_bytes=request.size,
            )
        )
    raise BadAnswer(msg("the answer does not repeat the request's count or value"))
