"""The registers or bits of one answer to the values of all points in it. Pure.

This is where a gateway spends its time: a block of plain numbers costs one `struct` call and one
look at their sum; only what needs more gets more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from bms.texts.messages import message_of
from drivers.codec.encoding import Codec, exponent_of, swap
from drivers.codec.scaling import Converter, Unusable, finite, not_finite
from drivers.points import Value

Decoded: TypeAlias = tuple[Sequence[Value], Mapping[int, str]]
"""Values in the order of the fields, and by index why some of them are none."""

_ALL_USABLE: Mapping[int, str] = MappingProxyType({})
_FLOAT_CODES = "efd"
_REGISTERS = {"H": 1, "h": 1, "e": 1, "i": 2, "I": 2, "f": 2, "q": 4, "Q": 4, "d": 4}


@dataclass(frozen=True, slots=True)
class Field:
    """A point of a block: its offset in registers from the block's start, its codec, and the
    offset of its scale factor register if it has one."""

    offset: int
    codec: Codec
    scale_offset: int | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """Non-overlapping fields of one order, unpacked by one struct."""

    struct: Struct
    swapped: bool

    def unpack(self, data: bytes, at: int) -> tuple[Any, ...]:
        if self.swapped:
            return self.struct.unpack(swap(data[at : at + self.struct.size]))
        return self.struct.unpack_from(data, at)


_Place: TypeAlias = tuple[int, str, str, bool]
"""Offset, code, endian and swapped of something to unpack."""


class RegisterBlock:
    """Decodes the registers of one answer. Points may overlap (several bits of one register), and
    may come in any order. `read(data, at)` decodes; `at` is where the registers begin in `data`.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        wanted: list[_Place] = []
        for item in fields:
            wanted.append((item.offset, item.codec.code, item.codec.endian, item.codec.swapped))
            if item.scale_offset is not None:
                wanted.append((item.scale_offset, "h", ">", False))
        runs, orders, place = _arranged(wanted)
        self._runs = [
            _Run(_struct(run, endian), swapped)
            for run, (endian, swapped) in zip(runs, orders, strict=True)
        ]
        starts = [sum(len(run) for run in runs[:number]) for number in range(len(runs))]

        def index(key: _Place) -> int:
            number, at = place[key]
            return starts[number] + at

        self._steps: list[tuple[int, Converter | None]] = []
        self._scaled: list[tuple[int, int, int, Codec]] = []
        """Number of the field, indices of the raw value and of its exponent, codec."""
        for number, item in enumerate(fields):
            made = item.codec
            at = index((item.offset, made.code, made.endian, made.swapped))
            self._steps.append((at, made.convert))
            if item.scale_offset is not None:
                exponent = index((item.scale_offset, "h", ">", False))
                self._scaled.append((number, at, exponent, made))
        in_order = [at for at, _ in self._steps] == list(range(sum(map(len, runs))))
        plain = in_order and not any(convert for _, convert in self._steps) and not self._scaled
        self.read: Callable[[bytes, int], Decoded] = self._read
        if plain and len(self._runs) == 1:
            self.read = (
                self._swapped_plain if self._runs[0].swapped else _plain(self._runs[0].struct)
            )
        else:
            # Among others, each float is looked at by itself.
            self._steps = [
                (at, finite if convert is None and item.codec.code in _FLOAT_CODES else convert)
                for (at, convert), item in zip(self._steps, fields, strict=True)
            ]

    def _swapped_plain(self, data: bytes, at: int) -> Decoded:
        return _checked(self._runs[0].unpack(data, at))

    def _read(self, data: bytes, at: int) -> Decoded:
        raw = tuple(number for run in self._runs for number in run.unpack(data, at))
        wrong: dict[int, str] = {}
        values: list[Value] = []
        for index, convert in self._steps:
            if convert is None:
                values.append(raw[index])
                continue
            try:
                values.append(convert(raw[index]))
            except Unusable as error:
                wrong[len(values)] = message_of(error)
                values.append(0)
        for number, index, exponent, made in self._scaled:
            assert made.scaled is not None
            try:
                convert = made.scaled(exponent_of(raw[exponent]))
                values[number] = raw[index] if convert is None else convert(raw[index])
                if made.code in _FLOAT_CODES:
                    finite(cast("float", values[number]))
                wrong.pop(number, None)
            except Unusable as error:
                wrong[number] = message_of(error)
        return values, wrong or _ALL_USABLE


class BitBlock:
    """Decodes the packed bits of one answer; `offsets` count bits from the block's start.

    `inverted` has the indices of those of which 0 is on.
    """

    def __init__(self, offsets: Sequence[int], inverted: Sequence[int] = ()) -> None:
        self._places = [(offset >> 3, 1 << (offset & 7)) for offset in offsets]
        self._inverted = inverted

    def read(self, data: bytes, at: int) -> Decoded:
        """`at` is where the bits begin in `data`."""
        values = [data[at + byte] & mask != 0 for byte, mask in self._places]
        for number in self._inverted:
            values[number] = not values[number]
        return values, _ALL_USABLE


def _plain(layout: Struct) -> Callable[[bytes, int], Decoded]:
    unpack, isfinite, none = layout.unpack_from, math.isfinite, _ALL_USABLE

    def read(data: bytes, at: int) -> Decoded:
        values = unpack(data, at)
        return (values, none) if isfinite(sum(values)) else _checked(values)

    return read


def _checked(values: tuple[Any, ...]) -> Decoded:
    """A sum that is not finite may be a false alarm: then each value is."""
    if math.isfinite(sum(values)):
        return values, _ALL_USABLE
    wrong = {
        number: not_finite(value) for number, value in enumerate(values) if not math.isfinite(value)
    }
    return values, wrong or _ALL_USABLE


def _arranged(
    wanted: Sequence[_Place],
) -> tuple[list[list[tuple[int, str]]], list[tuple[str, bool]], dict[_Place, tuple[int, int]]]:
    """Non-overlapping runs of offsets and codes, their orders, and where each thing wanted is."""
    runs: list[list[tuple[int, str]]] = []
    orders: list[tuple[str, bool]] = []
    place: dict[_Place, tuple[int, int]] = {}
    for key in sorted(set(wanted)):
        offset, code, endian, swapped = key
        order = (endian, swapped)
        for number, run in enumerate(runs):
            if orders[number] == order and run[-1][0] + _size(run[-1][1]) <= offset:
                break
        else:
            number = len(runs)
            runs.append([])
            orders.append(order)
        place[key] = (number, len(runs[number]))
        runs[number].append((offset, code))
    return runs, orders, place


def _size(code: str) -> int:
    return int(code[:-1]) // 2 if code.endswith("s") else _REGISTERS[code]


def _struct(run: Sequence[tuple[int, str]], endian: str) -> Struct:
    parts: list[str] = []
    position = 0
    for offset, code in run:
        if offset > position:
            parts.append(f"{2 * (offset - position)}x")
        parts.append(code)
        position = offset + _size(code)
    return Struct(endian + "".join(parts))
