"""Raw numbers to values and back, exactly. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias, cast

from bms.texts.messages import Message, msg
from drivers.points import ModbusAddress, RegisterType, Value

Converter: TypeAlias = Callable[[Any], Value]
"""Makes a value of what `struct` gives, or raises Unusable."""

LIMITS: dict[RegisterType, tuple[int, int]] = {
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
    "bcd16": (0, 9999),
    "bcd32": (0, 99999999),
}
FLOATS: tuple[RegisterType, ...] = ("float16", "float32", "float64")


class Unusable(ValueError):
    """The device sends something that is no value; the message says what."""


class Scaling:
    """value = (raw * factor + shift) / divisor, all three whole numbers."""

    def __init__(self, address: ModbusAddress, exponent: int) -> None:
        power = Fraction(10) ** exponent
        exact_scale = Fraction(str(address.scale)) * power
        exact_offset = Fraction(str(address.offset))
        self.divisor = math.lcm(exact_scale.denominator, exact_offset.denominator)
        self.factor = int(exact_scale * self.divisor)
        self.shift = int(exact_offset * self.divisor)
        self.scale, self.offset = float(exact_scale), address.offset
        self.none = exact_scale == 1 and exact_offset == 0
        self._type = address.type
        self._limits = LIMITS.get(address.type)

    def converter(self, half_shift: int) -> Converter | None:
        if self._type in FLOATS:
            return self._from_float()
        scaled = self._from_int()
        part = part_of(self._type, half_shift)
        if part is None:
            return scaled
        return part if scaled is None else lambda raw: scaled(part(raw))

    def _from_int(self) -> Converter | None:
        if self.none:
            return None
        factor, shift, divisor = self.factor, self.shift, self.divisor
        if factor == 1 and shift == 0:
            return lambda raw: raw / divisor
        return lambda raw: (raw * factor + shift) / divisor

    def _from_float(self) -> Converter | None:
        if self.none:
            return None
        scale, offset = self.scale, self.offset
        if self.factor == 1 and self.shift == 0:
            divisor = float(self.divisor)  # 1 / 1000 is exact where * 0.001 is not
            return lambda raw: finite(raw / divisor)
        return lambda raw: finite(raw * scale + offset)

    def to_raw(self, value: Value) -> int | float:
        number = _number(value)
        if self._limits is None:
            if self.none:
                return float(number)
            return float((Fraction(number) * self.divisor - self.shift) / self.factor)
        low, high = self._limits
        raw = round((Fraction(number) * self.divisor - self.shift) / self.factor)
        if not low <= raw <= high:
            ends = sorted((end * self.factor + self.shift) / self.divisor for end in (low, high))
            raise ValueError(
                msg(
                    "{number} is out of range: the point holds {least:g} to {most:g}",
                    number=value,
                    least=ends[0],
                    most=ends[1],
                )
            )
        return to_bcd(raw) if self._type in ("bcd16", "bcd32") else raw


def check_whole(kind: RegisterType, value: Value) -> None:
    """ValueError if a number with a fraction is meant for a type without one, as it stands in a
    manual: 26.5 for a register of 0.1 degC."""
    if kind not in LIMITS or not isinstance(value, float) or value.is_integer():
        return
    if not math.isfinite(value):
        raise ValueError(msg("{number} cannot be written", number=value))
    exact = Fraction(str(value))
    digits = next((n for n in range(1, 7) if (exact * 10**n).denominator == 1), None)
    if digits is None:
        raise ValueError(msg("{type} takes whole numbers, not {number}", type=kind, number=value))
    raise ValueError(
        msg(
            "{type} takes whole numbers, not {number}; with scale {scale:g} write {raw}",
            type=kind,
            number=value,
            scale=10.0**-digits,
            raw=int(exact * 10**digits),
        )
    )


def part_of(kind: RegisterType, shift: int) -> Callable[[int], int] | None:
    """The number in a register, where it is not the register itself."""
    if kind == "uint8":
        return lambda raw: raw >> shift & 0xFF
    if kind == "int8":
        return lambda raw: ((raw >> shift & 0xFF) ^ 0x80) - 0x80
    return from_bcd if kind in ("bcd16", "bcd32") else None


def from_bcd(raw: int) -> int:
    """Four bits a digit. Raises Unusable for a digit above nine."""
    digits = f"{raw:x}"
    if not digits.isdigit():
        raise Unusable(msg("{code} is no binary coded decimal", code=f"0x{raw:X}"))
    return int(digits)


def to_bcd(number: int) -> int:
    return int(str(number), 16)


def not_finite(number: float) -> Message:
    """What to say of nan and the infinities: one of three messages, made once."""
    return _sends(str(number))


@lru_cache(maxsize=8)
def _sends(number: str) -> Message:
    return msg("the device sends {number}", number=number)


@lru_cache(maxsize=1024)
def _outside(number: float, least: float, most: float) -> Message:
    """A device that is at its limit says the same at each poll."""
    return msg("{number:g} is outside {least:g} to {most:g}", number=number, least=least, most=most)


def finite(number: float) -> float:
    """The same number. Raises Unusable for nan and the infinities."""
    if not math.isfinite(number):
        raise Unusable(not_finite(number))
    return number


def _number(value: Value) -> int | float:
    if isinstance(value, str):
        raise ValueError(msg("{text!r} is not a number", text=value))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(msg("{number} cannot be written", number=value))
    return value


def check_range(value: Value, address: ModbusAddress) -> None:
    number = _number(value)
    low = -math.inf if address.low is None else address.low
    high = math.inf if address.high is None else address.high
    if not low <= number <= high:
        raise ValueError(
            msg("{number} is outside {least:g} to {most:g}", number=value, least=low, most=high)
        )


def ranged_by(address: ModbusAddress, convert: Converter | None) -> Converter | None:
    if address.low is None and address.high is None:
        return convert
    low = -math.inf if address.low is None else address.low
    high = math.inf if address.high is None else address.high

    def ranged(raw: Any) -> Value:
        value = raw if convert is None else convert(raw)
        if not low <= value <= high:  # type: ignore[operator]
            raise Unusable(_outside(float(value), low, high))
        return cast("Value", value)

    return ranged
