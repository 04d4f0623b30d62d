"""What EnergyPlus says went wrong, from its error file."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"^\s*\*\*\s*(Severe|Fatal|~~~)\s*\*\*\s*(.*)$")
_SHOWN = 3


def first_errors(path: Path) -> str:
    """The first severe errors as one line; empty if the file has none or cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found: list[str] = []
    begun = False
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            begun = begun and bool(line.strip()) and "**" not in line
        elif match[1] == "~~~":
            if begun:
                found[-1] += " " + " ".join(match[2].split())
        else:
            begun = True
            found.append(" ".join(match[2].split()))
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
