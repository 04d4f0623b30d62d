"""Plain data as YAML text in the manner of the schedule files.

Words that other readers of YAML take for something else (`off`, `07:30`, `2026-10-01`) come in
quotes, so that a file means the same everywhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bms.texts.messages import msg

_SAFE = re.compile(r"[^\W\d_][\w./%+-]*(?: [\w./%+()-]+)*")
_SAFE_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?|"
    r"[0-9]{2}-[0-9]{2}(?:\.\.[0-9]{2}-[0-9]{2})?"
)
_MEANT_OTHERWISE = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
"""YAML 1.1 reads these as true, false or nothing."""


def scalar(value: Any, style: str = "") -> str:
    """A value as one word; `style` is the quote that stood there before. Raises ValueError."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        raise ValueError(
            msg("{type_name} is no value of a schedule file", type_name=type(value).__name__)
        )
    plain_enough = value.isprintable() and value != ""
    if style == "'" and plain_enough:
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and (_SAFE_DATE.fullmatch(value) or _word(value)):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _word(value: str) -> bool:
    return bool(_SAFE.fullmatch(value)) and not _MEANT_OTHERWISE.fullmatch(value)


def key(word: str) -> str:
    """A key: weekdays such as `mon,wed-fri` need no quotes outside brackets."""
    if re.fullmatch(r"[a-z]+(?:[,-][a-z]+)*", word) and not _MEANT_OTHERWISE.fullmatch(word):
        return word
    return scalar(word)


def flow(value: Any) -> str:
    """Anything on one line: `{from: "07:30", to: "18:00"}`."""
    if isinstance(value, dict):
        inner = ", ".join(f"{scalar(str(k))}: {flow(v)}" for k, v in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(value: Any, indent: int, step: int, newline: str) -> str:
    """What follows `key:` at column `indent`: on the same line, or on the lines below.

    A list of mappings (blocks of a day, exceptions) has one line per item; a mapping of such lists
    (a week) one per key.
    """
    pad = newline + " " * (indent + step)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "".join(f"{pad}- {flow(item)}" for item in value)
    if isinstance(value, dict) and any(isinstance(v, list | dict) for v in value.values()):
        inner = indent + step
        return "".join(
            f"{pad}{key(str(k))}:{block(v, inner, step, newline)}" for k, v in value.items()
        )
    return f" {flow(value)}"
