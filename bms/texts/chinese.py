"""How Chinese sentences take what stands in their places: with a space, and with a full-width mark.

A number or a Latin word has a space between it and a Chinese character; sentences that stand one
behind the other have a full-width mark between them. What comes into the places of a template is
known only when it is said. What people wrote stays as it is within.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Final

_FIRST, _LAST = "\u4e00", "\u9fff"
"""Chinese characters, without the punctuation."""
_WIDE: Final = "，。；：、！？（）「」《》“”…"
BETWEEN: Final = {"; ": "；", ", ": "，"}


def filled(template: str, arguments: Mapping[str, object]) -> str:
    """`template.format(**arguments)`, as it is written in Chinese."""
    parts = [
        text
        for literal, name, spec, conversion in _parsed(template)
        for text in (literal, _formatted(arguments, name, spec, conversion))
        if text
    ]
    found = ""
    for at, text in enumerate(parts):
        after = parts[at + 1] if at + 1 < len(parts) else ""
        if text in BETWEEN and (_is_chinese(found[-1:]) or _is_chinese(after[:1])):
            found += BETWEEN[text]
        else:
            found += f" {text}" if _apart(found[-1:], text[:1]) else text
    return found


@lru_cache(maxsize=4096)
def _parsed(template: str) -> tuple[tuple[str, str | None, str, str | None], ...]:
    return tuple(
        (literal, name, spec or "", conversion)
        for literal, name, spec, conversion in Formatter().parse(template)
    )


def _formatted(
    arguments: Mapping[str, object], name: str | None, spec: str, conversion: str | None
) -> str:
    if name is None:
        return ""
    value = arguments[name]
    if conversion == "r":
        value = repr(value)
    elif conversion == "s":
        value = str(value)
    return format(value, spec)


def _is_chinese(letter: str) -> bool:
    return letter != "" and (_FIRST <= letter <= _LAST or letter in _WIDE)


def _apart(before: str, after: str) -> bool:
    """Whether a Chinese character and a Latin letter or a number stand side by side."""
    return (_is_word(before) and _FIRST <= after <= _LAST) or (
        before != "" and _FIRST <= before <= _LAST and _is_word(after)
    )


def _is_word(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()
