"""What a node's value means to a point, and what to send for one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import cast

from asyncua import ua

from bms.texts.messages import Message, msg
from drivers.codec.scaling import Scaling, Unusable
from drivers.opcua.values.walking import NoValue, Sent, element
from drivers.opcua.variants import variant
from drivers.points import ModbusAddress, OpcUaAddress, Point, RegisterType, Value

_REGISTERS: Mapping[ua.VariantType, RegisterType] = MappingProxyType(
    {
        ua.VariantType.SByte: "int8",
        ua.VariantType.Byte: "uint8",
        ua.VariantType.Int16: "int16",
        ua.VariantType.UInt16: "uint16",
        ua.VariantType.Int32: "int32",
        ua.VariantType.UInt32: "uint32",
        ua.VariantType.Int64: "int64",
        ua.VariantType.UInt64: "uint64",
        ua.VariantType.Float: "float64",
        ua.VariantType.Double: "float64",
    }
)
"""Which register holds the same numbers: scaling is the same on every wire."""
_NO_VALUE = msg("the server sends no value")
_A_LIST = msg("the server sends a list, not a number or text")
_NO_LIST = msg("the server sends one value, and the point is an element of a list")
_ROUNDED = ("%",)
"""Units in which a fraction of one may be lost: controllers ask for 47.3 % of drives that count
in whole ones."""


@lru_cache(maxsize=8)
def _not_finite(number: str) -> Message:
    return msg("the server sends {number}", number=number)


@lru_cache(maxsize=256)
def _not_a_number(text: str) -> Message:
    """Said again and again as long as the server sends it."""
    return msg("the server sends '{text}', not a number", text=text)


@lru_cache(maxsize=256)
def _neither(code: Value) -> Message:
    return msg("{code} is neither on nor off", code=code)


@lru_cache(maxsize=256)
def _no_label(code: Value) -> Message:
    return msg("{code} has no label", code=code)


@lru_cache(maxsize=256)
def _outside(number: float, least: float, most: float) -> Message:
    return msg("{number:g} is outside {least:g} to {most:g}", number=number, least=least, most=most)


class _NotUsable(Exception):
    """Carries why, as a message."""


class Meaning:
    """How one point reads and writes its node."""

    def __init__(self, point: Point) -> None:
        address = cast("OpcUaAddress", point.address)
        self.index, self.bit = address.index, address.bit
        self._rounded = point.unit in _ROUNDED
        self._texts = MappingProxyType(dict(address.labels))
        self._states: dict[int | str, bool] = dict.fromkeys(address.off, False)
        self._states |= dict.fromkeys(address.on, True)
        self._on, self._off = address.on, address.off
        self._scaled = address.scale is not None or bool(address.offset)
        self._scale = 1.0 if address.scale is None else address.scale
        self._offset = address.offset
        self._low = -math.inf if address.low is None else address.low
        self._high = math.inf if address.high is None else address.high
        ranged = math.isfinite(self._low) or math.isfinite(self._high)
        self._state = point.holds == "state" and self.bit is None and not self._states
        self._number = point.holds == "number" or self._scaled or ranged
        whole, real = self._scaling("int64"), self._scaling("float64")
        self._from_int = whole.converter(0)
        self._from_float = real.converter(0)
        self.plain = not (
            self._scaled
            or ranged
            or self._state
            or self._states
            or self._texts
            or self.bit is not None
            or self.index is not None
        )
        """A finite number is the value."""

    def _scaling(self, kind: RegisterType) -> Scaling:
        made = ModbusAddress(0, "holding", 0, kind, scale=self._scale, offset=self._offset)
        return Scaling(made, 0)

    def value(self, sent: Sent) -> tuple[Value | None, str]:
        """The value, or None and why it cannot be used."""
        try:
            return self._value(sent), ""
        except _NotUsable as error:
            return None, cast("Message", error.args[0])
        except Unusable as error:
            return None, cast("Message", error.args[0])

    def _value(self, sent: Sent) -> Value:
        if self.index is not None and isinstance(sent, list):
            sent = element(sent, self.index)
        elif self.index is not None and sent is not None and not isinstance(sent, NoValue):
            raise _NotUsable(_NO_LIST)
        if sent is None:
            raise _NotUsable(_NO_VALUE)
        if isinstance(sent, NoValue):
            raise _NotUsable(sent.detail)
        if isinstance(sent, list):
            raise _NotUsable(_A_LIST)
        if self.bit is not None:
            return bool(_whole(sent) >> self.bit & 1)
        if self._states:
            return self._of_state(sent)
        if self._texts:
            code = _whole(sent)
            if code not in self._texts:
                raise _NotUsable(_no_label(code))
            return self._texts[code]
        if isinstance(sent, str):
            if self._number or self._state:
                raise _NotUsable(_not_a_number(sent))
            return sent
        if isinstance(sent, float) and not math.isfinite(sent):
            raise _NotUsable(_not_finite(str(sent)))
        if self._state and sent not in (0, 1):
            raise _NotUsable(_neither(sent))
        return self._in_range(sent)

    def _of_state(self, sent: Value) -> bool:
        code = int(sent) if isinstance(sent, float) and sent.is_integer() else sent
        found = self._states.get(code) if isinstance(code, int | str) else None
        if found is None:
            raise _NotUsable(_neither(sent))
        return found

    def _in_range(self, sent: float) -> Value:
        number: Value = sent
        if self._scaled:
            convert = self._from_float if isinstance(sent, float) else self._from_int
            number = sent if convert is None else convert(sent)
        if not self._low <= cast("float", number) <= self._high:
            raise _NotUsable(_outside(float(number), self._low, self._high))
        return number

    # --- writing -----------------------------------------------------------------------------

    def variant(self, value: Value, kind: ua.VariantType) -> ua.Variant:
        """What to send for a value, to a node of this type. ValueError says why it does not fit.

        Not for a bit, which is written with the rest of its word: see `with_bit`.
        """
        if self._states:
            codes = self._on if _is_on(value) else self._off
            if not codes:
                raise ValueError(
                    msg("no code is known for {state}", state="on" if _is_on(value) else "off")
                )
            return variant(codes[0], kind)
        if self._texts:
            for code, text in self._texts.items():
                if text == value:
                    return variant(code, kind)
            raise ValueError(msg("'{text}' is not one of the labels", text=value))
        if isinstance(value, str):
            return variant(value, kind)
        if not self._low <= value <= self._high:
            raise ValueError(_outside(float(value), self._low, self._high))
        register = _REGISTERS.get(kind)
        if self._scaled and register is not None:
            return variant(self._scaling(register).to_raw(value), kind)
        if self._rounded and isinstance(value, float) and math.isfinite(value):
            return variant(round(value) if register not in (None, "float64") else value, kind)
        return variant(value, kind)

    def with_bit(self, word: Sent, value: Value, kind: ua.VariantType) -> ua.Variant:
        """The word with the point's bit set or cleared. ValueError if it is none."""
        assert self.bit is not None
        if isinstance(word, list) and self.index is not None:
            word = element(word, self.index)
        if not isinstance(word, int):
            raise ValueError(msg("the node holds no whole number that has bits"))
        mask = 1 << self.bit
        return variant(word | mask if _is_on(value) else word & ~mask, kind)


def _is_on(value: Value) -> bool:
    if value not in (0, 1):
        raise ValueError(
            msg(
                "{text!r} is neither on nor off; write {true} or {false}",
                text=value,
                true="true",
                false="false",
            )
        )
    return bool(value)


def _whole(sent: Value) -> int:
    if isinstance(sent, float) and sent.is_integer():
        return int(sent)
    if not isinstance(sent, int):
        raise _NotUsable(_not_whole(sent))
    return sent


@lru_cache(maxsize=64)
def _not_whole(sent: Value) -> Message:
    return msg("the server sends {number!r}, not a whole number", number=sent)
