"""OPC-UA data values to samples' values, and back to the node's own data type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from asyncua import ua

from bms.texts.messages import msg
from drivers.codec.scaling import LIMITS, check_whole
from drivers.opcua.values.walking import NoValue, Sent
from drivers.points import RegisterType, Value

REGISTERS: Mapping[ua.VariantType, RegisterType] = MappingProxyType(
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
_FLOAT32_LIMIT = 3.4028235677973366e38  # from here on, rounding to 32 bits gives infinity


def status_name(code: int) -> str:
    """The name of a StatusCode, as in `BadNodeIdUnknown`; of one that has none, its severity and
    number. The lower half, which says how the value was sampled, does not count."""
    code &= 0xFFFF0000
    name: str = ua.StatusCode(ua.UInt32(code)).name
    return (
        f"{name} 0x{code:08X}"
        if name in ("Good", "Uncertain", "Bad") and code & 0x3FFFFFFF
        else name
    )


def variant(value: Value, kind: ua.VariantType) -> ua.Variant:
    """The value as the node's own type. ValueError says why it does not fit."""
    if kind is ua.VariantType.String:
        return ua.Variant(str(value), kind)
    if kind is ua.VariantType.LocalizedText:
        return ua.Variant(ua.LocalizedText(str(value)), kind)
    if isinstance(value, str):
        raise ValueError(
            msg("{text!r} is not a number; the node holds {type}", text=value, type=kind.name)
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(msg("{number} cannot be written", number=value))
    if kind is ua.VariantType.Boolean:
        if value not in (0, 1):
            raise ValueError(
                msg(
                    "{text!r} is neither on nor off; write {true} or {false}",
                    text=value,
                    true="true",
                    false="false",
                )
            )
        return ua.Variant(bool(value), kind)
    register = REGISTERS.get(kind)
    if register in LIMITS:
        low, high = LIMITS[register]
        check_whole(register, value)
        number = round(value)
        if not low <= number <= high:
            raise ValueError(
                msg(
                    "{number} is out of range: the node holds {least} to {most}",
                    number=value,
                    least=low,
                    most=high,
                )
            )
        return ua.Variant(number, kind)
    if kind is ua.VariantType.Float and abs(value) >= _FLOAT32_LIMIT:
        raise ValueError(msg("{number} is too large for a {type}", number=value, type="Float"))
    if kind in (ua.VariantType.Float, ua.VariantType.Double):
        return ua.Variant(float(value), kind)
    raise ValueError(msg("a node of type {type} cannot be written", type=kind.name))


def plain(sent: Sent) -> Any:
    """Anything that a server sends as JSON can show it: what no point can hold in words."""
    if isinstance(sent, list):
        return [plain(item) for item in sent]
    return sent.detail if isinstance(sent, NoValue) else sent


def from_text(text: str, kind: ua.VariantType) -> Value:
    """A value as people type it, for a node of this type. ValueError if it is none."""
    if kind in (ua.VariantType.String, ua.VariantType.LocalizedText):
        return text
    word = text.strip().lower()
    if word in ("true", "on", "false", "off"):
        return word in ("true", "on")
    try:
        return int(word, 0)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        raise ValueError(
            msg("'{text}' is not a number; the node holds {type}", text=text, type=kind.name)
        ) from None
