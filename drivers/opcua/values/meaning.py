"""What a node's value means to a point, and what to send for one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import cast

from asyncua import ua

from bms.texts.messages import Message, msg
from drivers.codec.codes import States, as_bool, label_converter, label_to_raw
from drivers.codec.scaling import Converter, Scaling, Unusable
from drivers.opcua.values.walking import NoValue, Sent, element
from drivers.opcua.variants import REGISTERS, variant
from drivers.points import ModbusAddress, OpcUaAddress, Point, RegisterType, Value

_TEXTS = (ua.VariantType.String, ua.VariantType.LocalizedText)
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
def _neither(text: str) -> Message:
    return msg("'{text}' means neither on nor off", text=text)


@lru_cache(maxsize=256)
def _not_available(code: float) -> Message:
    return msg("not available ({code})", code=f"{code:g}")


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
        self._address = address
        self._rounded = point.unit in _ROUNDED
        self._none = frozenset(address.not_available)
        self._scaled = address.scale is not None or bool(address.offset)
        self._low = -math.inf if address.low is None else address.low
        self._high = math.inf if address.high is None else address.high
        ranged = math.isfinite(self._low) or math.isfinite(self._high)
        odd = self._scaled or ranged or address.is_text or self.bit is not None
        state = bool(address.on or address.off) or (point.holds == "state" and not odd)
        self._words = _texts_of(address)
        self._only_words = bool(self._words) and not _numbers_of((*address.on, *address.off))
        self._states = States(self._registers("int64"), 64, signed=True) if state else None
        self._state = self._states.converter(None) if self._states is not None else None
        texts = MappingProxyType(dict(address.labels)) if address.is_text else None
        self._label = label_converter(texts, None) if texts is not None else None
        self._label_raw = label_to_raw(texts) if texts is not None else None
        self._number = point.holds != "any" or self._scaled or ranged
        self._from_int = self._scaling("int64").converter(0)
        self._from_float = self._scaling("float64").converter(0)
        parts = self.bit is not None or self.index is not None
        self.plain = not (odd or state or parts or self._none)
        """A finite number is the value."""

    def _registers(self, kind: RegisterType) -> ModbusAddress:
        """The register that would hold the same: what it means is the same on every wire."""
        address = self._address
        return ModbusAddress(
            0,
            "holding",
            0,
            kind,
            scale=1.0 if address.scale is None else address.scale,
            offset=address.offset,
            labels=address.labels,
            on=_numbers_of(address.on),
            off=_numbers_of(address.off),
            left=address.left,
        )

    def _scaling(self, kind: RegisterType) -> Scaling:
        return Scaling(self._registers(kind), 0)

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
        if isinstance(sent, int | float) and sent in self._none:
            raise _NotUsable(_not_available(sent))
        if self.bit is not None:
            sent = bool(_whole(sent) >> self.bit & 1)
            return sent if self._state is None else self._state(int(sent))
        if self._state is not None:
            return self._on_or_off(sent, self._state)
        if self._label is not None:
            return self._label(_whole(sent))
        if isinstance(sent, str):
            if self._number:
                raise _NotUsable(_not_a_number(sent))
            return sent
        if isinstance(sent, float) and not math.isfinite(sent):
            raise _NotUsable(_not_finite(str(sent)))
        return self._in_range(sent)

    def _on_or_off(self, sent: Value, state: Converter) -> Value:
        if not isinstance(sent, str):
            if self._only_words:
                raise _NotUsable(_neither(str(sent)))
            return state(sent)
        found = self._words.get(sent)
        if found is None:
            raise _NotUsable(_neither(sent) if self._words else _not_a_number(sent))
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
        if self._states is not None:
            if kind in _TEXTS:
                return variant(self._word(value), kind)
            return variant(self._states.to_raw(value), kind)
        if self._label_raw is not None:
            return variant(self._label_raw(value, 0), kind)
        if isinstance(value, str):
            return variant(value, kind)
        if not self._low <= value <= self._high:
            raise ValueError(_outside(float(value), self._low, self._high))
        register = REGISTERS.get(kind)
        if self._scaled and register is not None:
            return variant(self._scaling(register).to_raw(value), kind)
        if self._rounded and isinstance(value, float) and math.isfinite(value):
            return variant(round(value) if register not in (None, "float64") else value, kind)
        return variant(value, kind)

    def _word(self, value: Value) -> str:
        state = as_bool(value)
        word = next((text for text, on in self._words.items() if on is state), None)
        if word is None:
            raise ValueError(msg("the node holds a text, and the point names none for this state"))
        return word

    def with_bit(self, word: Sent, value: Value, kind: ua.VariantType) -> ua.Variant:
        """The word with the point's bit set or cleared. ValueError if it is none."""
        assert self.bit is not None
        if isinstance(word, list) and self.index is not None:
            word = element(word, self.index)
        if not isinstance(word, int):
            raise ValueError(msg("the node holds no whole number that has bits"))
        mask = 1 << self.bit
        code = as_bool(value) if self._states is None else self._states.to_raw(value)
        return variant(word | mask if code else word & ~mask, kind)


def _numbers_of(codes: tuple[int | str, ...]) -> tuple[int, ...]:
    return tuple(code for code in codes if isinstance(code, int))


def _texts_of(address: OpcUaAddress) -> Mapping[str, bool]:
    """The texts that mean on and off. ValueError if one means both."""
    on = {code: True for code in address.on if isinstance(code, str)}
    off = {code: False for code in address.off if isinstance(code, str)}
    if on.keys() & off.keys():
        raise ValueError(msg("a code cannot mean both on and off"))
    return MappingProxyType(on | off)


def _whole(sent: Value) -> int:
    if isinstance(sent, float) and sent.is_integer():
        return int(sent)
    if not isinstance(sent, int):
        raise _NotUsable(_not_whole(sent))
    return sent


@lru_cache(maxsize=64)
def _not_whole(sent: Value) -> Message:
    return msg("the server sends {number!r}, not a whole number", number=sent)
