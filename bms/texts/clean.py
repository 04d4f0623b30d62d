"""Somebody else's text, made harmless: for terminals, logs, files and spreadsheets.

Text is cleaned once where it comes in: `clean` of what people ask and devices say. What is shown
goes through `harmless` as well, for an older version may have kept it as it came. Pure.
"""

from __future__ import annotations

import json
import re

__all__ = ["MOST_CHARACTERS", "cell", "clean", "device_text", "escaped", "harmless"]

MOST_CHARACTERS = 1000
"""Of one text that a person or a device says."""

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Turns the direction of what stands behind it: `gpj.exe` reads as another name."""
_INVISIBLE = "\u00ad\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_DROPPED = re.compile(f"[{_BIDI}{_INVISIBLE}]")
_BLANK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HARMFUL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}{_INVISIBLE}]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # also fullwidth
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def clean(text: str, most: int | None = MOST_CHARACTERS) -> str:
    """One line without control characters (so no escape sequence is one), unpaired surrogates
    and turned directions, at most `most` characters long; empty if nothing is left."""
    if not (text.isascii() and text.isprintable()):
        text = _BLANK.sub(" ", _DROPPED.sub("", text))
        text = " ".join(_SURROGATE.sub("\ufffd", text).split())
    else:
        text = " ".join(text.split())
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def device_text(text: str) -> str:
    """What a device says: as it is, blanks too, where that is harmless and not too long."""
    if len(text) <= MOST_CHARACTERS and text.isprintable():
        return text
    return clean(text)


def harmless(text: str) -> str:
    """The same characters, `�` in the place of each that could do something to a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub("\ufffd", text)


def escaped(made: str) -> str:
    """JSON that says the same and is harmless to look at."""
    if made.isascii():
        return made  # control characters are escaped already
    return _HARMFUL.sub(lambda found: json.dumps(found[0])[1:-1], made)


def cell(value: object) -> object:
    """A value as a cell of a file that a spreadsheet opens: no text of it is a formula.

    Numbers stay numbers, also those that are kept as texts.
    """
    if not isinstance(value, str):
        return value
    text = clean(value, None)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
