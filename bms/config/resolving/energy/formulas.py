"""Formulas of meters: `meter-main + pv-1 - 0.5 * other.meter`."""

from __future__ import annotations

import re
from fractions import Fraction

from bms.texts.messages import msg

_TERM = re.compile(r"\s*(?:([+-])\s+|([+-]))?(?:([0-9.]+)\s*\*\s*)?([a-z][a-z0-9.-]*)")


def parse(formula: str, base: str) -> list[tuple[Fraction, str]]:
    """The factors and full names of a formula, as `meter-main + pv-1 - 0.5 * other.meter`.

    A sign between two names stands between spaces, because names have hyphens. Raises ValueError
    with a sentence.
    """
    terms: list[tuple[Fraction, str]] = []
    at = 0
    while at < len(formula.rstrip()):
        found = _TERM.match(formula, at)
        sign = None if found is None else found[1] or found[2]
        if found is None or (terms and sign is None):
            rest = formula[at:].strip()
            raise ValueError(
                msg("'{term}' is no term; write name + name - 0.5 * name", term=rest[:40])
            )
        try:
            factor = Fraction(found[3] or 1)
        except ValueError:
            raise ValueError(msg("'{text}' is not a number", text=found[3])) from None
        terms.append((-factor if sign == "-" else factor, full_name(found[4], base)))
        at = found.end()
    if not terms:
        raise ValueError(msg("the formula names no meter"))
    return terms


def full_name(name: str, base: str) -> str:
    """The id of a meter that may be named without its base."""
    return name if "." in name else f"{base}.{name}"
