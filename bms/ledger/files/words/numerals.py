"""Numbers as files write them: decimal comma and point, thousands, units behind them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal, TypeAlias

DecimalSign: TypeAlias = Literal["point", "comma"]

_CUT: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:[.,]\d{3})")
_SPACED: Final = re.compile(r"\d{1,3}(?:[' _]\d{3})+(?:[.,]\d*)?|\d[\d.,]*|[.,]\d+")
_NO_VALUE: Final = frozenset(
    ("", "-", "--", "---", "—", "–", "/", "n/a", "na", "nan", "null", "none", "nil", "\\n", "n.a.",
     "no data", "nodata", "missing", "#n/a", "#value!", "#div/0!", "#ref!", "#name?", "#num!",
     "#null!", "无", "空", "缺", "缺失", "无数据", "…", "...")
)  # fmt: skip
MOST_DIGITS: Final = 40


def normal(text: str) -> str:
    """The text with plain digits, signs and blanks: full-width ones are as good. Nothing that a
    terminal would obey stays in it."""
    if text.isascii() and text.isprintable():
        # Spreadsheets keep '0012 as a text by its first sign.
        return text.strip().removeprefix("'") if text.count("'") == 1 else text.strip()
    text = "".join(c if c.isprintable() else " " for c in text)
    return unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u202f", " ").strip()


def no_value(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.lower() in _NO_VALUE


def cut_digits(text: str) -> bool:
    """Whether a spreadsheet has cut the digits: `1.34E+03`."""
    return _CUT.fullmatch(text) is not None


def looks_like_number(text: str) -> bool:
    """Whether this is meant as a number, however it is written."""
    if len(text) > MOST_DIGITS or not text or text[-1] not in "0123456789.,":
        return False
    if cut_digits(text):
        return True
    return parse_number(text, "point") is not None or parse_number(text, "comma") is not None


def decimal_sign(texts: Iterable[str]) -> tuple[set[DecimalSign], str]:
    """Which signs can only be the decimal one, and a number that could be read either way.

    Both signs in the set: the numbers contradict each other.
    """
    sure: set[DecimalSign] = set()
    either = ""
    for text in texts:
        if "," not in text and "." not in text:
            continue
        if cut_digits(text):
            continue
        found = _sign_of(text.lstrip("+-"))
        if found is not None:
            sure.add(found)
        elif not either or ("," in text and "," not in either):
            either = text
    return sure, either


def _sign_of(text: str) -> DecimalSign | None:
    """The decimal sign of one number; None if it could be either, or there is none."""
    points, commas = text.count("."), text.count(",")
    if points and commas:
        return "point" if text.rindex(".") > text.rindex(",") else "comma"
    if points > 1:
        return "comma"
    if commas > 1:
        return "point"
    if any(sign in text for sign in "' _"):
        return "point" if points else "comma"
    if _THOUSANDS.fullmatch(text) and not text.startswith("0"):
        return None
    return "point" if points else "comma"


def parse_number(text: str, sign: DecimalSign) -> Decimal | None:
    """The number that is written, with this decimal sign; None if it is none."""
    if len(text) > MOST_DIGITS:
        return None
    body = text.lstrip("+-")
    if len(text) - len(body) > 1 or not _SPACED.fullmatch(body):
        return None
    mark, group = (".", ",") if sign == "point" else (",", ".")
    whole, found, rest = body.partition(mark)
    if found and (group in rest or mark in rest):
        return None
    groups = whole.split(group)
    if len(groups) > 1 and not _grouped(groups):
        return None
    digits = "".join(c for c in whole if c.isdecimal())
    if not digits and not rest:
        return None
    value = Decimal(f"{digits or '0'}.{rest or '0'}") if found else Decimal(digits)
    return -value if text.startswith("-") else value


def _grouped(groups: list[str]) -> bool:
    """Whether these are thousands; in India all but the last are hundreds."""
    first, *middle, last = groups
    return 1 <= len(first) <= 3 and len(last) == 3 and all(len(group) in (2, 3) for group in middle)
