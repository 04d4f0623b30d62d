"""OPC-UA data values to samples' values, and back to the node's own data type."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from asyncua import ua

from bms.texts.messages import msg
from drivers.opcua.values.walking import NoValue, Sent
from drivers.points import Value

_INTEGERS = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
_FLOAT32_LIMIT = 3.4028235677973366e38  # from here on, rounding to 32 bits gives infinity


def status_name(code: int) -> str:
    """The name of a StatusCode, as in `BadNodeIdUnknown`."""
    name: str = ua.StatusCode(ua.UInt32(code)).name
    return name


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
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        number = whole(value)
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


def whole(value: float) -> int:
    """The whole number that a value is. ValueError says how to send one that is none."""
    if not isinstance(value, float) or value.is_integer():
        return int(value)
    exact = Fraction(str(value))
    digits = next((n for n in range(1, 7) if 10**n % exact.denominator == 0), None)
    if digits is None:
        raise ValueError(msg("this type takes whole numbers, not {number}", number=value))
    raise ValueError(
        msg(
            "this type takes whole numbers; with scale {scale} write {raw}",
            scale=f"{10**-digits:.{digits}f}",
            raw=int(exact * 10**digits),
        )
    )


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
