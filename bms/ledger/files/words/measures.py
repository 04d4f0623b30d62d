"""Units of files, exactly: what one of them is in kWh, kW or cubic metres. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple

from bms.ledger.files.words.numerals import normal


class Quantity(Enum):
    """What a unit measures."""

    ENERGY = "kWh"
    POWER = "kW"
    VOLUME = "m3"
    OTHER = ""
    """What no ledger holds: voltage, reactive energy, money."""


class Unit(NamedTuple):
    """A unit, and what one of it is in the unit of its quantity."""

    quantity: Quantity
    factor: Fraction = Fraction(1)


_ENERGY: Final[Mapping[str, int | Fraction]] = {
    "wh": Fraction(1, 1000), "kwh": 1, "mwh": 1000, "gwh": 10**6, "度": 1, "千瓦时": 1,
    "千瓦小时": 1, "兆瓦时": 1000, "万千瓦时": 10_000, "万kwh": 10_000, "万度": 10_000,
    "瓦时": Fraction(1, 1000), "gj": Fraction(2500, 9), "mj": Fraction(5, 18),
}  # fmt: skip
_POWER: Final[Mapping[str, int | Fraction]] = {
    "w": Fraction(1, 1000),
    "kw": 1,
    "mw": 1000,
    "千瓦": 1,
    "兆瓦": 1000,
}
_VOLUME: Final[Mapping[str, int | Fraction]] = {
    "m3": 1, "cbm": 1, "立方米": 1, "立方": 1, "方": 1, "kl": 1, "l": Fraction(1, 1000),
    "litre": Fraction(1, 1000), "litres": Fraction(1, 1000), "liter": Fraction(1, 1000),
    "升": Fraction(1, 1000), "nm3": 1,
}  # fmt: skip
_OTHER: Final = (
    "v", "mv", "kv", "a", "ma", "ka", "c", "°c", "℃", "degc", "°f", "%", "hz", "pf", "cos", "cosφ",
    "var", "kvar", "mvar", "varh", "kvarh", "mvarh", "va", "kva", "mva", "vah", "kvah", "rh", "%rh",
    "$", "€", "£", "¥", "usd", "eur", "cny", "aud", "元", "cents", "bar", "kpa", "m3/h", "l/h", "h",
    "min", "s", "kg", "kgco2", "kgco2e", "w/m2", "m/s", "伏", "安", "乏", "千乏", "千乏时",
)  # fmt: skip
UNITS: Final[Mapping[str, Unit]] = {
    **{name: Unit(Quantity.ENERGY, Fraction(factor)) for name, factor in _ENERGY.items()},
    **{name: Unit(Quantity.POWER, Fraction(factor)) for name, factor in _POWER.items()},
    **{name: Unit(Quantity.VOLUME, Fraction(factor)) for name, factor in _VOLUME.items()},
    **{name: Unit(Quantity.OTHER) for name in _OTHER},
}

_BRACKETS: Final = re.compile(r"^(.*?)\s*[\[({<]\s*([^\[\](){}<>]{1,12})\s*[\])}>]\s*$", re.DOTALL)
_LAST_WORD: Final = re.compile(r"^(.*?)[\s_/,:;-]+(\S{1,12})$", re.DOTALL)


def unit_of(text: str) -> Unit | None:
    """The unit that a text names, and nothing else; None if it names none."""
    word = normal(text).strip("[](){}<> .").lower()
    for sign in ("·", "*", "⋅"):
        word = word.replace(sign, "")
    for written in ("kw.h", "kw h", "kw-h"):
        word = word.replace(written, "kwh")
    return UNITS.get(word)


def bare(text: str) -> str:
    """A number without the unit behind it."""
    head, _, last = text.rpartition(" ")
    return head.strip() if head and unit_of(last) is not None else text


def name_and_unit(title: str) -> tuple[str, str]:
    """The title of a column without its unit, and the unit; "" if it names none."""
    text = normal(title)
    for pattern in (_BRACKETS, _LAST_WORD):
        found = pattern.match(text)
        if found is not None and unit_of(found[2]) is not None:
            one_letter = pattern is _LAST_WORD and len(found[2]) == 1
            if not one_letter:  # "Hall A" has no unit of ampere
                return found[1].strip(" ,:;-_/"), found[2]
    return (text, text) if len(text) > 1 and unit_of(text) is not None else (text, "")
