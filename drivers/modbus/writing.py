"""How one point is written: a job that yields its requests and ends with what became of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeAlias

from bms.texts.messages import message_of, msg
from drivers.base import Write, WriteResult, WriteStatus
from drivers.codec.encoding import Codec, exponent_of, is_bit_table
from drivers.codec.scaling import check_range
from drivers.errors import DeviceRefused, DriverError
from drivers.modbus.job import NotSent
from drivers.modbus.reading.plan import ModbusPoint
from drivers.modbus.wire.frames import (
    ACKNOWLEDGE,
    ILLEGAL_FUNCTION,
    PAYLOAD_AT,
    ExceptionAnswer,
    Request,
    mask_write_request,
    read_request,
    read_write_request,
    write_coil_request,
    write_coils_request,
    write_register_request,
    write_registers_request,
)
from drivers.modbus.wire.transport import UnitProfile
from drivers.modbus.wire.wire import ReadOnly
from drivers.points import ModbusAddress, Value

Writes: TypeAlias = Generator[Request, bytes, list[WriteResult]]
_Outcome: TypeAlias = tuple[WriteStatus, str]
_ENDS = (b"\0\0", b"\xff\xff")
"""What a bit of a register makes of these two says which bits it sets, and which it leaves."""


class Writing:
    """Writes points, each once. Nothing is sent again, except with the other function code after
    a device said that it does not have the first: then nothing has happened in it yet."""

    def __init__(self, profile_of: Callable[[int], UnitProfile]) -> None:
        self._profile_of = profile_of
        self._only_multiple: set[int] = set()
        """Units that do not have function 6."""
        self._only_single: set[int] = set()
        """Units that do not have function 16."""

    def all(self, writes: Iterable[tuple[Write, ModbusPoint, Codec]]) -> Writes:
        """One after the other."""
        results = []
        for write, target, item in writes:
            status, detail = yield from self._one(write, target, item)
            results.append(WriteResult(write.point, write.value, status, detail))
        return results

    def _one(
        self, write: Write, target: ModbusPoint, item: Codec
    ) -> Generator[Request, bytes, _Outcome]:
        refusal = refusal_of(write, target)
        if refusal:
            return WriteStatus.REFUSED, refusal
        value = target.point.release_value if write.value is None else write.value
        assert value is not None
        try:
            requests = yield from self._requests(target.address, item, value)
        except ValueError as error:
            return WriteStatus.REFUSED, message_of(error)
        except DeviceRefused as error:
            return WriteStatus.REFUSED, msg("not sent: reading the register: {error}", error=error)
        except DriverError as error:
            return WriteStatus.TIMEOUT, msg("not sent: {reason}", reason=error)
        return (yield from self._send(target.address.unit, requests))

    def _send(self, unit: int, requests: list[Request]) -> Generator[Request, bytes, _Outcome]:
        """Send the first of the requests whose function the device has."""
        for last, request in enumerate(requests, start=1 - len(requests)):
            try:
                answer = yield request
            except ExceptionAnswer as error:
                if error.code == ILLEGAL_FUNCTION and last:
                    known = self._only_multiple if request.function == 6 else self._only_single
                    known.add(unit)
                    continue
                if error.code == ACKNOWLEDGE:
                    return WriteStatus.TIMEOUT, message_of(error)
                return WriteStatus.REFUSED, message_of(error)
            except DeviceRefused as error:
                return WriteStatus.REFUSED, message_of(error)
            except ReadOnly as error:
                return WriteStatus.SHADOW, message_of(error)
            except NotSent as error:
                return WriteStatus.TIMEOUT, msg("not sent: {reason}", reason=error)
            except DriverError as error:
                return WriteStatus.TIMEOUT, message_of(error)
            return _read_back(request, answer)
        raise AssertionError("the last request always ends the loop")

    def _requests(
        self, address: ModbusAddress, item: Codec, value: Value
    ) -> Generator[Request, bytes, list[Request]]:
        """The request to send, and what else does the same."""
        unit, at, how = address.unit, address.address, address.write
        if is_bit_table(address):
            on = bool(item.raw(value))
            if how == "multiple":
                return [write_coils_request(unit, at, on)]
            return [write_coil_request(unit, at, on)]
        if item.partial:
            # Before anything is asked: the value may be wrong.
            cleared, full = (_number(item.merge(register, value)) for register in _ENDS)
            if how == "mask":
                return [mask_write_request(unit, at, cleared ^ full, cleared)]
            data = item.merge((yield from self._register(unit, at)), value)
        elif address.scale_address is not None:
            check_range(value, address)  # before anything is asked
            register = yield from self._register(unit, address.scale_address)
            raw = int.from_bytes(register, "big", signed=True)
            data = item.encode(value, exponent_of(raw))
        else:
            data = item.encode(value)
        if how == "read_write":
            return [read_write_request(unit, at, data)]
        if how == "multiple" or len(data) > 2:
            return [write_registers_request(unit, at, data)]
        if how == "single":
            return [write_register_request(unit, at, data)]
        both = [write_register_request(unit, at, data), write_registers_request(unit, at, data)]
        if unit in self._only_multiple:
            return both[1:]
        return both[:1] if unit in self._only_single else both

    def _register(self, unit: int, at: int) -> Generator[Request, bytes, bytes]:
        """The two bytes of a register."""
        first = 0 if "holding" in self._profile_of(unit).from_start else at
        body = yield read_request(unit, "holding", first, at - first + 1)
        return body[-2:]


def _number(register: bytes) -> int:
    return int.from_bytes(register, "big")


def refusal_of(write: Write, target: ModbusPoint) -> str:
    """Why a write is refused before anything is asked; empty if it is not."""
    if not target.point.writable or target.address.table not in ("coil", "holding"):
        return msg("the point is not writable")
    if write.value is None and target.point.release_value is None:
        return msg("the point cannot be released: no {key}", key="release_value")
    return ""


def _read_back(request: Request, answer: bytes) -> _Outcome:
    """Function 23 brings the registers as they are after the write."""
    if request.function == 23:
        written, read = request.body[11:], answer[PAYLOAD_AT:]
        if written != read:
            return WriteStatus.MISMATCH, msg(
                "reads {reading} after {written_value} was written",
                reading=read.hex(" ", 2),
                written_value=written.hex(" ", 2),
            )
    return WriteStatus.OK, ""
