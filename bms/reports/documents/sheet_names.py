"""Names of the sheets of a workbook, as every program that opens it takes them. Pure."""

from __future__ import annotations

import re
from typing import Final

from bms.texts.clean import clean

_MOST: Final = 31
_NOT_ALLOWED: Final = re.compile(r"[\[\]:*?/\\]")


class SheetNames:
    """Names that are not taken yet."""

    def __init__(self) -> None:
        self._taken: set[str] = {"history"}  # one program keeps it for itself

    def new(self, wanted: str) -> str:
        """A name as near to `wanted` as is allowed."""
        base = _NOT_ALLOWED.sub(" ", clean(wanted)).strip(" '")[:_MOST].rstrip(" '") or "Sheet"
        name, count = base, 1
        while name.casefold() in self._taken:
            count += 1
            tail = f" {count}"
            name = base[: _MOST - len(tail)] + tail
        self._taken.add(name.casefold())
        return name
