"""On and off, labels and texts, and codes for no value: what is no number. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from bms.texts.clean import device_text
from bms.texts.messages import Message, msg
from drivers.codec.scaling import FLOATS, Converter, Unusable, to_bcd
from drivers.points import ModbusAddress, Value

ToRaw = Callable[[Value, int], Any]

LEFT = msg("the device holds the code of a release: nobody commands it")
"""What is read of a command that was given back to the device: neither on nor off."""


def as_bool(value: Value) -> bool:
    """On or off. ValueError for anything but true, false, 0 and 1."""
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(
            msg(
                "{text!r} is neither on nor off; write {true} or {false}",
                text=value,
                true="true",
                false="false",
            )
        )
    return bool(value)


def not_available(code: str) -> Message:
    """What to say of a code by which a device declares that it has no value."""
    return msg("not available ({code})", code=code)


def not_implemented(code: str) -> Message:
    """The same of a scale factor."""
    return msg("the scale factor register holds {code}: not implemented", code=code)


_DECLARED = frozenset(made("").template for made in (not_available, not_implemented))


def declared_absent(detail: str) -> bool:
    """Whether a point has no value because its device says so by a code that is declared for it:
    nothing is wrong then."""
    return detail == LEFT or (isinstance(detail, Message) and detail.template in _DECLARED)


class _Codes(dict[int, bool]):
    """On or off by code; Unusable for a code that nobody declared."""

    left: int | None = None
    labels: Mapping[int, str] = MappingProxyType({})

    def __missing__(self, code: float) -> bool:
        if code == self.left:
            raise Unusable(LEFT)
        label = self.labels.get(int(code)) if math.isfinite(code) else None
        raise Unusable(_labelled(int(code), label) if label else _neither(code))


class States:
    """The codes of a point that is on or off. No code counts as either that nobody declared.

    Without a declaration 1 is on and 0 is off; with one of them the other is what is left of 1
    and 0. `bits` is how wide the raw number is. ValueError
    if the codes make no sense.
    """

    def __init__(self, address: ModbusAddress, bits: int, *, signed: bool) -> None:
        on = address.on or ((1,) if 1 not in address.off else (0,))
        off = address.off or ((0,) if 0 not in on else (1,))
        self._bcd = address.type in ("bcd16", "bcd32")
        self._float = address.type in FLOATS

        def raw(code: int) -> int:
            least = -(1 << bits - 1) if signed else 0
            if not least <= code < 1 << bits:
                raise ValueError(
                    msg("{code} does not fit {type}", code=f"0x{code:X}", type=address.type)
                )
            return code - (1 << bits) if signed and code >= 1 << bits - 1 else code

        self.values = _Codes({raw(code): True for code in on} | {raw(code): False for code in off})
        if len(self.values) < len(set(on)) + len(set(off)):
            raise ValueError(msg("a code cannot mean both on and off"))
        self.values.left = None if address.left is None else raw(address.left)
        self.values.labels = {raw(code): text for code, text in address.labels}
        self._codes = {True: raw(on[0]), False: raw(off[0])}

    @property
    def inverted(self) -> bool:
        """Of a single bit: 0 is on."""
        return self.values.get(0) is True

    def converter(self, part: Callable[[int], int] | None) -> Converter:
        """On or off from what `struct` gives, of which `part` takes the point's own."""
        # Without a Python call for the usual code: a gateway makes millions a day.
        state = self.values.__getitem__
        return state if part is None else lambda raw: state(part(raw))

    def to_raw(self, value: Value, _: int = 0) -> int | float:
        """The code to write. ValueError for what is neither on nor off, nor the release code."""
        given = isinstance(value, int) and not isinstance(value, bool)
        code = value if given and value == self.values.left else self._codes[as_bool(value)]
        assert isinstance(code, int)
        if self._float:
            return float(code)
        return to_bcd(code) if self._bcd else code


@lru_cache(maxsize=256)
def _neither(code: float) -> Message:
    if isinstance(code, float):
        return msg("code {code} means neither on nor off", code=f"{code:g}")
    shown = f"{code} (0x{code:X})" if code > 9 else str(code)
    return msg("code {code} means neither on nor off", code=shown)


@lru_cache(maxsize=256)
def _labelled(code: int, label: str) -> Message:
    return msg("code {code} ({label}) means neither on nor off", code=code, label=label)


@lru_cache(maxsize=256)
def _unlabelled(number: int) -> Message:
    return msg("{number} has no label", number=number)


def label_converter(texts: Mapping[int, str], part: Callable[[int], int] | None) -> Converter:
    """The text of a raw number; one without a text is no value."""

    def label(raw: int) -> str:
        number = raw if part is None else part(raw)
        text = texts.get(number)
        if text is None:
            raise Unusable(_unlabelled(number))
        return text

    return label


def label_to_raw(texts: Mapping[int, str]) -> ToRaw:
    """The number of a text."""
    numbers = {text: number for number, text in texts.items()}

    def to_raw(value: Value, _: int) -> int:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise ValueError(
                msg("{text!r} is none of: {choices}", text=value, choices=", ".join(numbers))
            )
        return number

    return to_raw


def text_converter(raw: bytes) -> str:
    """A text up to its first zero byte."""
    try:
        return device_text(raw.partition(b"\0")[0].decode().rstrip())
    except UnicodeDecodeError:
        raise Unusable(msg("no text: {bytes}", bytes=raw.hex(" "))) from None


def text_to_raw(size: int) -> ToRaw:
    """The bytes of a text of at most `size` bytes."""

    def to_raw(value: Value, _: int) -> bytes:
        if not isinstance(value, str):
            raise ValueError(msg("{text!r} is not a text", text=value))
        data = value.encode()
        if len(data) > size:
            raise ValueError(msg("'{text}' is longer than {limit} bytes", text=value, limit=size))
        return data

    return to_raw
