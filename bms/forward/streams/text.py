"""Texts in line protocol: what has to be escaped, and what cannot be sent at all."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPECIAL = re.compile(r"([,= ])")


def escaped(tag: str) -> str:
    """A tag value: no control characters, no backslash at the end, separators escaped."""
    return _SPECIAL.sub(r"\\\1", _CONTROL.sub("", tag).rstrip("\\"))


def quoted(text: str) -> str:
    """The inside of a quoted string field, on one line."""
    return _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
